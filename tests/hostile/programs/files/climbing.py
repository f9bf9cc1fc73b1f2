"""Climbs out of the root: `..` in all places, from folders that were opened or entered before, by way of names that
are not there."""
# expect: status=ok stdout="HELD\n"
import os
import attack

NAMES = ["etc/passwd", "proc/self/maps", "proc/self/fd/0", "root", "home", "usr/bin/python3"]
STARTS = ["", "/", "./", "//", "///", "/./", "/tmp/", "/usr/lib/", "/usr/lib/python3.11/", "/tmp/missing/", "/tmp/./",
          "/tmp/attack.py/"]

for start in STARTS:
    for depth in range(12):
        for up in "../", "..//", "./../", ".././":
            for name in NAMES:
                path = start + up * depth + name
                attack.attempt(path, open, path)
                attack.attempt(path, os.listdir, path)
for folder in "/", "/tmp", "/usr/lib", "/usr/lib/python3.11", "/usr/lib/python3.11/json":
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.chdir(folder)
    for depth in range(12):
        for name in NAMES:
            attack.attempt(f"{folder} {depth} {name}", os.open, "../" * depth + name, os.O_RDONLY)
            for function in os.open, os.stat, os.readlink:
                # not all take a folder's descriptor here, which is a refusal, too
                attack.attempt(f"{folder} {depth} {name}", function, "../" * depth + name,
                               *([os.O_RDONLY] if function is os.open else []), dir_fd=fd,
                               refusals=attack.REFUSALS + (TypeError,))
    os.close(fd)
# Whatever `..` means at the root, it is the root or nothing.
os.chdir("/")
for path in "..", "../..", "/..", "/tmp/../..", "/../../lib/..":
    attack.attempt(path, os.listdir, path, fine=lambda names: sorted(names) == ["tmp", "usr"])
    attack.attempt(path, os.stat, path, fine=lambda stat: stat.st_ino == os.stat("/").st_ino)
attack.end(6000)
