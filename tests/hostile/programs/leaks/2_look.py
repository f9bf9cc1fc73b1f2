"""Looks for what the execution before it left: by name, in all objects, and in fresh memory of every kind."""
# after: 1_plant.py
# expect: status=ok stdout="HELD\n"
import array
import builtins
import gc
import io
import linecache
import os
import random
import re
import sys
import attack

mark = ("".join(["PLANTED", "-", "SEC"]) + "RET").encode()
memory, kept = attack.memory()
attack.check("no names", not any(hasattr(module, "planted") for module in (builtins, sys, os, re)))
attack.check("no module", "planted" not in sys.modules and not os.environ and "/tmp/planted" not in linecache.cache)
attack.check("no file", os.listdir("/tmp") == ["attack.py"] and not os.path.exists("/lib/planted"))
attack.check("settings", sys.getrecursionlimit() == 1000 and len(sys.path) == 2)
attack.check("no numbers that are known", random.random() != random.Random(12345).random())
attack.check("no objects", not any(isinstance(value, (bytes, str, bytearray)) and mark.decode() in str(value)[20:]
                                   for value in gc.get_objects()))
blocks = []
for size in 100, 5000, 1 << 16, 1 << 20, 12 << 20:
    blocks.append(bytearray(size))
    grown = bytearray(b"x")
    grown.extend(bytes(size))
    grown.pop()
    blocks.append(grown)
    blocks.append(array.array("B", bytes(size)) + array.array("B", [0]))
    stream = io.BytesIO()
    stream.truncate(0)
    stream.seek(size)
    stream.write(b"x")
    blocks.append(stream.getbuffer())
    blocks.append(__import__("_shannon_host").reserve(min(size, 4 << 20)))  # not cleared by Python
    del blocks[:-3]
end = max(id(blocks), id(kept), *(id(block) for block in blocks)) + 100
attack.check(f"memory up to {end:#x}", end > 16 << 20 and memory.find(mark, 0, end) > 0)  # this program's own
at = memory.find(mark, 0, end)
while at >= 0:
    after = bytes(memory[at + len(mark) : at + 2 * len(mark)])
    if after[:7] == mark[:7]:  # here it stands alone, there it was repeated
        attack.note(f"memory at {at:#x}")
        break
    at = memory.find(mark, at + 1, end)
reserved = __import__("_shannon_host").reserve(12 << 20)
attack.check("what is reserved", mark not in reserved)
attack.check("new memory is zero", not reserved[-(1 << 20) :].strip(b"\0") or mark not in reserved)
attack.end(8)
