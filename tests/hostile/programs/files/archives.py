"""Extracts archives whose members climb, are absolute, are links to the host or devices, and reads through those."""
# expect: status=ok stdout="HELD\n"
import io
import os
import shutil
import sys
import tarfile
import zipfile
import attack

NAMES = ["x", "../x", "../../etc/x", "/etc/x", "/tmp/attack.py", "..", "a/../../x", "x" * 300, "/dev/shm/x",
         "a" + "/b" * 400]
memory = io.BytesIO()
with zipfile.ZipFile(memory, "w") as archive:
    for name in NAMES:
        archive.writestr(name, "planted")
for name in NAMES:
    with zipfile.ZipFile(memory) as archive:
        for folder in "/tmp", "/", ".", "/usr/lib/python3.11":
            attack.attempt(f"zip {name[:40]} {folder}", archive.extract, name, folder)
memory = io.BytesIO()
with tarfile.open(fileobj=memory, mode="w") as archive:
    for number, kind in enumerate([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE,
                                   tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.CONTTYPE]):
        for target in "/etc/passwd", "../../../etc/passwd", "attack.py":
            member = tarfile.TarInfo(f"member{number}")
            member.type, member.linkname, member.devmajor, member.devminor = kind, target, 1, 5
            archive.addfile(member, io.BytesIO())
memory.seek(0)
with tarfile.open(fileobj=memory) as archive:
    for member in archive.getmembers():
        for folder in "/tmp", "/", "/usr/lib":
            def extract():
                archive.extract(member, folder)
                if not os.path.lexists(os.path.join(folder, member.name)):
                    raise OSError("it says nothing, and nothing is there")
            attack.attempt(f"tar {member.name} {member.linkname}", extract,
                           refusals=attack.REFUSALS + (tarfile.TarError, KeyError, AttributeError))
# Importing from an archive that lies in memory only, and unpacking what the library packs.
sys.path.insert(0, "/tmp/../etc")
attack.attempt("import", __import__, "passwd")
for kind in "zip", "tar", "gztar":
    attack.attempt(kind, shutil.make_archive, "/tmp/archive", kind, "/usr/lib/python3.11/json")
    attack.attempt(kind, shutil.make_archive, "/tmp/archive", kind, "/etc")
attack.check("nothing is new", os.listdir("/tmp") == ["attack.py"] and sorted(os.listdir("/")) == ["tmp", "usr"])
attack.end(100)
