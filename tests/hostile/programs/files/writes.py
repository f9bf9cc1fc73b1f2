"""Opens files for writing in every mode, everywhere, and by every constructor."""
# expect: status=ok stdout="HELD\n"
import bz2
import codecs
import dbm.dumb
import gzip
import io
import lzma
import os
import pathlib
import shelve
import tarfile
import tempfile
import zipfile
import attack

FOLDERS = ["/", "/tmp", "/tmp/", ".", "/lib", "/usr/lib/python3.11", "/var/tmp", "/dev/shm", "/home", "/etc", "/proc/self",
           ""]
FLAGS = [os.O_WRONLY, os.O_RDWR, os.O_CREAT | os.O_WRONLY, os.O_CREAT | os.O_RDWR | os.O_EXCL,
         os.O_APPEND | os.O_WRONLY,
         os.O_TRUNC | os.O_RDWR, os.O_CREAT | os.O_RDONLY, os.O_TRUNC | os.O_RDONLY, os.O_CREAT | os.O_DIRECTORY,
         os.O_RDWR | os.O_SYNC | os.O_NONBLOCK]

def reads_only(fd):
    try:
        os.write(fd, b"x")
    except OSError:
        os.close(fd)
        return True


with open("/tmp/attack.py", "rb") as file:
    before = file.read()
for folder in FOLDERS:
    new = os.path.join(folder, "new")
    for path in new, "/tmp/attack.py", "/usr/lib/python3.11/os.py", "/usr/lib/python3.11/json/new.py":
        for mode in "w", "a", "x", "r+", "w+", "a+", "x+", "wb", "ab", "xb", "r+b":
            for opener in open, codecs.open:
                attack.attempt(f"{opener.__module__} {path} {mode}", opener, path, mode)
        for mode in "w", "a", "x", "r+":
            attack.attempt(f"FileIO {path} {mode}", io.FileIO, path, mode)
        for flags in FLAGS:
            # what is there may be opened for reading, also with O_CREAT
            attack.attempt(f"os.open {path} {flags:#x}", os.open, path, flags, 0o777,
                           fine=lambda fd: flags == os.O_CREAT | os.O_RDONLY and reads_only(fd))
        for module in gzip, bz2, lzma:
            attack.attempt(f"{module.__name__} {path}", module.open, path, "wb")
        attack.attempt(path, zipfile.ZipFile, path, "w")
        attack.attempt(path, tarfile.open, path, "w")
        attack.attempt(path, pathlib.Path(path).write_text, "x")
        attack.attempt(path, pathlib.Path(path).touch)
    attack.attempt(folder, tempfile.mkstemp, dir=folder)
    attack.attempt(folder, tempfile.mkdtemp, dir=folder)
    attack.attempt(folder, tempfile.TemporaryFile, dir=folder)
    attack.attempt(folder, tempfile.NamedTemporaryFile, dir=folder)
    attack.attempt(folder, shelve.open, os.path.join(folder, "shelf"), refusals=attack.REFUSALS + dbm.error)
    attack.attempt(folder, dbm.dumb.open, os.path.join(folder, "dumb"), "n")
attack.attempt("tempfile's own folder", tempfile.mkstemp)
attack.check("/tmp has what it had", os.listdir("/tmp") == ["attack.py"])
with open("/tmp/attack.py", "rb") as file:
    attack.check("the input is what it was", file.read() == before)
attack.end(2000)
