"""Makes the standard library's archive: stored, sorted, with fixed dates, so that the same sources give the same bytes.

Usage: make_archive.py OUT LIB_DIR ZONEINFO_DIR EXTRA_FILE...

Entries lie where the guest sees them: lib/python3.11/..., usr/share/zoneinfo/.... Each module comes as source, for
tracebacks and inspect, and compiled: an unchecked hash-based .pyc (PEP 552), which the import system takes without
looking at the source's time.
"""

import importlib.util
import os
import sys
import zipfile

PREFIX = "lib/python3.11"
FIXED_DATE = (1980, 1, 1, 0, 0, 0)

# What cannot work without a screen, a network installer, processes or the build machine; and the test suite.
LEFT_OUT = {
    "__pycache__", "ensurepip", "idlelib", "lib2to3/tests", "pydoc_data/__pycache__", "sqlite3/test", "test", "tests",
    "tkinter", "turtle.py", "turtledemo", "venv", "distutils/tests", "distutils/command/wininst", "unittest/test",
    "ctypes/test", "ctypes", "curses", "msilib", "config", "site-packages", "dist-packages", "lib-dynload",
}


def library_files(root):
    for folder, folders, files in os.walk(root):
        relative = os.path.relpath(folder, root)
        relative = "" if relative == "." else relative + "/"
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and relative + name not in LEFT_OUT)
        for name in sorted(files):
            if name.endswith((".py", ".txt", ".rst", ".cfg")) and relative + name not in LEFT_OUT:
                yield relative + name, os.path.join(folder, name)


def compiled(source, guest_path):
    code = compile(source, guest_path, "exec", dont_inherit=True, optimize=0)
    import _imp
    import importlib._bootstrap_external as external

    source_hash = _imp.source_hash(importlib.util._RAW_MAGIC_NUMBER, source)
    return bytes(external._code_to_hash_pyc(code, source_hash, checked=False))


def entries(library, zoneinfo, extras):
    modules = dict(library_files(library))
    modules.update((os.path.basename(path), path) for path in extras)
    for relative, path in modules.items():
        with open(path, "rb") as file:
            data = file.read()
        yield f"{PREFIX}/{relative}", data
        if relative.endswith(".py"):
            folder, _, name = relative.rpartition("/")
            cache = f"{folder}/__pycache__/{name[:-3]}.cpython-311.pyc".lstrip("/")
            try:
                yield f"{PREFIX}/{cache}", compiled(data, f"/{PREFIX}/{relative}")
            except SyntaxError:
                pass  # lib2to3's and others' deliberately broken files
    for folder, folders, files in os.walk(zoneinfo):
        folders[:] = sorted(set(folders) - {"posix", "right"})
        for name in sorted(files):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                data = file.read()
            if data.startswith(b"TZif") or name.endswith(".tab"):
                yield "usr/share/zoneinfo/" + os.path.relpath(path, zoneinfo), data


def main():
    out, library, zoneinfo, *extras = sys.argv[1:]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(entries(library, zoneinfo, extras)):
            info = zipfile.ZipInfo(name, FIXED_DATE)
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            archive.writestr(info, data)


main()
