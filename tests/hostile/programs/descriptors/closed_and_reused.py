"""Closes all descriptors and opens others in their place: what is written to number 1 then must not be output, nor read
from number 0 be input."""
# expect: status=ok stdout="out\n" stderr="" result="HELD"
import os
import sys
import attack

print("out")
sys.stdout.flush()
emit = sys.modules["_shannon_host"].emit
for _ in range(3):
    for fd in range(10):
        attack.attempt(f"close {fd}", os.close, fd, fine=lambda _: True)
    # Without its folder nothing can be opened; with it, numbers go from 0.
    attack.attempt("open", os.open, "/tmp/attack.py", os.O_RDONLY)
    attack.attempt("open", os.open, "../etc/passwd", os.O_RDONLY)
    attack.attempt("list", os.listdir, "/")
    for fd in range(20):
        attack.attempt(f"write {fd}", os.write, fd, b"NOT THIS")
        attack.attempt(f"read {fd}", os.read, fd, 10)
del sys.stdout, sys.stderr
# The output is closed for good; what can still be said is an event.
text = b"HELD" if not attack.through and attack.tried > 100 else repr(attack.through).encode()
unused = emit(1, b"".join(len(part).to_bytes(4, "little") + part for part in (b"text/plain", text)))
