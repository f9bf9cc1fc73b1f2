"""Writes to both streams without an end, past everything that Python buffers."""
# expect: status=output_limit exit=125 truncated=stderr truncated=stdout within=6
import os

while True:
    os.write(2, b"\xff" * 100000)
    os.write(1, b"\0" * 100000)
