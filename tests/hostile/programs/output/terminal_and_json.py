"""Output that is to break what reads it: control codes, quotes, half characters, byte order marks, lone surrogates."""
# expect: status=ok stdout~"^\\x1b\\]0;title\\x07" absent="\u001b" stdout~"after$" stderr~"\ufffd"
import sys

sys.stdout.write("\x1b]0;title\x07\x1b[2J\r\n\0\x08\x7f\x9b31m\ufeff\u2028\u2029\u202e\"}, \"status\": \"ok\", \"\\")
sys.stdout.flush()
sys.stdout.buffer.write(b'\xff\xfe\xc0\x80\xed\xa0\x80\xf5\x80\xf0\x9f\x98"\xe2\x82')
sys.stdout.flush()
sys.stderr.buffer.write(b"\xe2\x82")
sys.stderr.flush()
print("\udcff", file=sys.stderr)
print("after", end="")
