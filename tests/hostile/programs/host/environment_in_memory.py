"""Looks for the secret that the host has in its environment in all that Python can reach: objects, texts and bytes."""
# expect: status=ok stdout="HELD\n"
import gc
import os
import sys
import attack

start = bytes(reversed(b"-TERCES-ELITSOH")).decode()
seen, waiting = set(), [os.environ, sys.modules, sys._getframe(), *gc.get_objects()]
texts = 0
while waiting:
    value = waiting.pop()
    if id(value) in seen:
        continue
    seen.add(id(value))
    if isinstance(value, str):
        texts += 1
        found = start in value
    elif isinstance(value, (bytes, bytearray)):
        texts += 1
        found = start.encode() in value
    else:
        found = False
    if found and value is not start:
        attack.note(value)
    waiting += [other for other in gc.get_referents(value) if id(other) not in seen]
attack.check(f"{texts} texts were seen", texts > 10000)
for name in os.environ, os.environb:
    attack.check("empty", not name)
for function in os.getenv, os.environ.get:
    attack.check("not given", function("PATH") is None and function("HOME") is None
                 and function("SHANNON_HOSTILE_MARKER") is None)
attack.end(5)
