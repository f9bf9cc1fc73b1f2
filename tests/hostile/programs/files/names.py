"""Names that a path parser may stumble over: overlong, deep, with NUL bytes, not UTF-8, with surrogates, empty, as
bytes, as numbers, as objects that change between two looks."""
# expect: status=ok stdout="HELD\n"
import os
import attack

NAMES = ["", " ", ".", "\0", "/tmp\0/../etc/passwd", "/etc/passwd\0", "attack.py\0.png", "x" * 255, "x" * 256,
         "x" * 4095, "x" * 4096, "x" * 70000, "/" * 4096 + "etc/passwd", "a/" * 2000 + "b", "../" * 1365 + "etc/passwd",
         "/tmp/" * 800, "\udcff", "/tmp/\udc80\udcff", "\ud800", "\U0010ffff" * 64, "/tmp/e\u0301", "\u202e\u2066",
         "/tmp/\r\n", "~", "~root/.bashrc", "$HOME/x", "%00", "%2e%2e/etc/passwd", "..\\..\\etc\\passwd", "C:\\",
         "\\\\host\\share", "file:///etc/passwd", "http://localhost/", "/tmp/.", "/tmp/..", "/tmp/attack.py/",
         "/tmp/attack.py/..", "/tmp/attack.py/../../etc/passwd",
         "/proc/self/root/etc/passwd", "/proc/self/cwd", "/dev/fd/3", "/dev/../etc/passwd", "." * 10, ". .", ".. ",
         " .."]
NO = attack.REFUSALS + (ValueError, UnicodeEncodeError)


class Changing:
    """A path that is another one at each look."""

    def __init__(self, *paths):
        self.paths = list(paths)

    def __fspath__(self):
        return self.paths.pop(0) if len(self.paths) > 1 else self.paths[0]


def whole(names):
    return set(names) <= {"tmp", "usr", "attack.py"}


for name in NAMES:
    forms = [name]
    if not any(0xD800 <= ord(c) < 0xDC80 for c in name):
        forms.append(os.fsencode(name))
    for form in forms:
        attack.attempt(f"open {name[:50]!r}", open, form, refusals=NO)
        attack.attempt(f"write {name[:50]!r}", open, form, "w", refusals=NO)
        attack.attempt(f"list {name[:50]!r}", os.listdir, form, refusals=NO,
                       fine=lambda names: whole(map(os.fsdecode, names)))
        attack.attempt(f"mkdir {name[:50]!r}", os.mkdir, form, refusals=NO)
        attack.attempt(f"readlink {name[:50]!r}", os.readlink, form, refusals=NO)
        attack.attempt(f"symlink {name[:50]!r}", os.symlink, form, "/tmp/link", refusals=NO)
        attack.attempt(f"rename {name[:50]!r}", os.rename, "/tmp/attack.py", form, refusals=NO)
for number in range(4, 3000):
    attack.attempt(number, open, number)
attack.attempt("changing", open, Changing("/tmp/attack.py", "/etc/passwd", "/etc/passwd"),
               fine=lambda file: b"hostile programs" in file.buffer.read())
attack.end(3500)
