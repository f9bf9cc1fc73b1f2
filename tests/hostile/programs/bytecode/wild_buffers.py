"""Gives the host's functions buffers that lie behind the end of memory or reach over it: each says no, and nothing
traps."""
# expect: status=ok stdout="HELD\n"
import _shannon_host
import os
import sys
import attack

views = []
for base, size in ((0xF0000000, 0x7FFFFFFF), (0xFFFFFFF0, 16), (0xFFFFFFFF, 1), (0x7FFFFFFF, 0x7FFFFFFF), (1 << 31, 1),
                   (1 << 30, 4096),
                   (0, 0x7FFFFFFF), (0xFFFF0000, 0x7FFFFFFF), (4096, 0x7FFFF000)):
    memory, kept = attack.memory(base, size)
    views.append((base, memoryview(memory), kept))
file = os.open("/tmp/attack.py", os.O_RDONLY)
for base, view, _ in views:
    at = f"{base:#x}+{len(view):#x}"
    for fd in 1, 2, file, 3:
        attack.attempt(f"write {fd} {at}", os.write, fd, view)
        attack.attempt(f"writev {fd} {at}", os.writev, fd, [b"x", view, b"y"] if len(view) < 1 << 30 else [view])
        attack.attempt(f"pwrite {fd} {at}", os.pwrite, fd, view, 0)
    for fd in 0, file, 3:
        attack.attempt(f"readv {fd} {at}", os.readv, fd, [view], fine=lambda count: fd == 0 and count == 0)
        attack.attempt(f"preadv {fd} {at}", os.preadv, fd, [bytearray(8), view], 0)
    for kind in 0, 1, 2, 3, 4, 0xFFFFFFFF:
        attack.attempt(f"emit {kind} {at}", _shannon_host.emit, kind, view, fine=lambda errno: errno in (8, 21, 28, 51))
    attack.attempt(f"raw {at}", sys.stdout.buffer.raw.write, view, refusals=attack.REFUSALS)
    attack.attempt(f"into {at}", sys.stdin.buffer.raw.readinto, view, fine=lambda count: count == 0)
os.close(file)
attack.end(150)
