"""Leaves a mark in everything that could outlive it: globals, modules, built-ins, types, caches, memory, files,
streams."""
# expect: status=ok|memory_limit stdout~"planted\n"
import builtins
import linecache
import os
import random
import re
import sys
import warnings

mark = "".join(["PLANTED", "-", "SECRET"]) * 10
builtins.planted = sys.planted = os.planted = re.planted = mark
sys.modules["planted"] = mark
os.environ["PLANTED"] = mark
os.putenv("PLANTED", mark)
linecache.cache["/tmp/planted"] = (1, None, [mark], mark)
sys.path.append("/" + mark)
warnings.filters.append(mark)
random.seed(12345)
sys.setrecursionlimit(777)
for path in "/tmp/planted", "planted", "/lib/planted", "/dev/shm/planted":
    try:
        with open(path, "w") as file:
            file.write(mark)
    except OSError:
        pass
print("planted", flush=True)
kept = []
while True:
    kept.append(bytearray((mark * 5000).encode()))
