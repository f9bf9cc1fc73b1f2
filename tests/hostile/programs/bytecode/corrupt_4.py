"""Writes what chance gives into the interpreter's memory and goes on working; kind 4. It may crash; the host may
not."""
# expect: status=ok|error|crashed|timeout|memory_limit|output_limit absent=WorkerLost
# option: --timeout 2 --seed 31676
import json
import os
import random
import re
import attack

memory, kept = attack.memory()
SIZE = 20 << 20
VALUES = [lambda: random.getrandbits(32), lambda: 0xFFFFFFFF, lambda: 0x7FFFFFF0, lambda: random.randrange(6000),
          lambda: random.randrange(SIZE)]
for step in range(3000):
    at = random.randrange(SIZE if 4 % 2 else 1 << 20) & ~3
    memory[at : at + 4] = VALUES[4 % 5]().to_bytes(4, "little")
    if step % 100 == 0:
        try:
            print(json.dumps([1, {"a": step}]), re.sub("a+", "b", "caat"), os.listdir("/usr/lib/python3.11")[:1])
            os.write(1, b"x")
            display(step)
        except Exception:
            pass
