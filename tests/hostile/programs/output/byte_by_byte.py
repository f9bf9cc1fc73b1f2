"""Very many very small writes: each costs the host more than the guest."""
# option: --timeout 1
# expect: status=timeout|output_limit within=3.4
import os

while True:
    os.write(1, b"x")
