"""One gigantic line, in one write, of bytes that JSON writes as six characters each."""
# option: --memory 256
# expect: status=output_limit exit=125 truncated=stdout within=6
import sys

sys.stdout.buffer.write(b"\1" * (100 << 20))
sys.stdout.flush()
