"""Changes the tree without opening a file: folders, links, names, times, sizes, modes; and pipes and devices."""
# expect: status=ok stdout="HELD\n"
import os
import pathlib
import shutil
import attack

PLACES = ["/tmp/attack.py", "/tmp", "/", "/lib", "/usr/lib/python3.11/os.py", "/usr/lib/python3.11/json", "/tmp/new", "/new",
          "new", "/etc/passwd", "/tmp/../new", "../new"]
NO = attack.REFUSALS + (shutil.Error,)


def names(folder):
    return sorted(path for path, _, _ in os.walk(folder))


def tree():
    return names("/"), os.stat("/tmp/attack.py"), os.listdir("/tmp"), os.stat("/usr/lib/python3.11/os.py")


before = tree()
for place in PLACES:
    for other in PLACES:
        attack.attempt(f"rename {place} {other}", os.rename, place, other, fine=lambda _: place == other)
        attack.attempt(f"replace {place} {other}", os.replace, place, other, fine=lambda _: place == other)
        attack.attempt(f"link {place} {other}", os.link, place, other)
        attack.attempt(f"symlink {place} {other}", os.symlink, place, other)
        attack.attempt(f"move {place} {other}", shutil.move, place, other, refusals=NO, fine=lambda _: place == other)
        attack.attempt(f"copytree {place} {other}", shutil.copytree, place, other, refusals=NO)
    for what in "mkdir", "makedirs", "unlink", "remove", "rmdir", "removedirs", "utime":
        attack.attempt(f"{what} {place}", getattr(os, what), place)
    attack.attempt(f"truncate {place}", os.truncate, place, 0)
    attack.attempt(f"truncate {place}", os.truncate, place, 1 << 62)
    attack.attempt(f"truncate {place}", os.truncate, place, -1)
    attack.attempt(f"chmod {place}", os.chmod, place, 0o777, fine=lambda _: True)  # does nothing, as the end shows
    attack.attempt(f"rmtree {place}", shutil.rmtree, place)
    attack.attempt(f"symlink_to {place}", pathlib.Path("/tmp/link").symlink_to, place)
    attack.attempt(f"hardlink_to {place}", pathlib.Path("/tmp/link").hardlink_to, place)
for target in "/etc/passwd", "../etc/passwd", "../../proc/self/mem", "/", "..", "attack.py", "link", "x" * 5000:
    attack.attempt(f"symlink to {target}", os.symlink, target, "/tmp/link")
    attack.attempt(f"symlink to {target}", os.symlink, target, "/lib/link", target_is_directory=True)
absents = "mkfifo mknod chown lchown fchown fchmod chroot chflags lchmod mount umount setxattr getxattr listxattr sync"
attack.absent(os, *absents.split())
fd = os.open("/tmp/attack.py", os.O_RDONLY)
for size in 0, 1, 1 << 40:
    attack.attempt("ftruncate", os.ftruncate, fd, size)
    attack.attempt("fallocate", os.posix_fallocate, fd, 0, size)
for function, arguments in (os.write, (fd, b"x")), (os.pwrite, (fd, b"x", 0)), (os.writev, (fd, [b"x", b"y"])):
    attack.attempt(function.__name__, function, *arguments)
attack.attempt("utime", os.utime, fd, (0, 0), refusals=attack.REFUSALS + (TypeError,))
os.close(fd)
attack.check("the tree is what it was", tree() == before)
attack.end(800)
