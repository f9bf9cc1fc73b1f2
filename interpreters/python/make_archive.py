"""Makes the standard library's archive: stored, sorted, with fixed dates, so that the same sources give the same bytes.

Usage: make_archive.py [--with-tests] OUT LIB_DIR ZONEINFO_DIR GUEST_FILE SYSCONFIG_FILE WORK_DIR

Entries lie where the guest sees them: usr/lib/python3.11/..., usr/share/zoneinfo/.... Each module comes as source, for
tracebacks and inspect, and compiled: an unchecked hash-based .pyc (PEP 552), which the import system takes without
looking at the source's time.
"""

import importlib._bootstrap_external
import importlib.util
import os
import sys
import zipfile

PREFIX = "usr/lib/python3.11"
TESTS = "test", "distutils/tests", "lib2to3/tests", "unittest/test"
FIXED_DATE = (1980, 1, 1, 0, 0, 0)

# What cannot work: it needs a screen, a network installer, another system, or a C module that WASI does not have. That a
# module is missing says so better than one that fails half-way. And the tests. Paths, or names that are left out anywhere.
LEFT_OUT = {
    "__pycache__", "test", "tests", "idlelib", "tkinter", "turtle.py", "turtledemo", "curses", "ensurepip", "venv",
    "site-packages", "dist-packages", "lib-dynload", "_distutils_system_mod.py", "msilib", "asyncio/windows_events.py",
    "asyncio/windows_utils.py", "encodings/mbcs.py", "encodings/oem.py", "multiprocessing/popen_spawn_win32.py",
    "ctypes", "crypt.py", "dbm/gnu.py", "dbm/ndbm.py", "pty.py", "tty.py", "ssl.py",
}


def library_files(root):
    for folder, folders, files in os.walk(root):
        relative = os.path.relpath(folder, root)
        relative = "" if relative == "." else relative + "/"
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and relative + name not in LEFT_OUT)
        for name in sorted(files):
            if name.endswith((".py", ".txt", ".rst", ".cfg", ".css")) and relative + name not in LEFT_OUT:
                yield relative + name, os.path.join(folder, name)


def test_files(root):
    """CPython's own tests, with the files that they read."""
    for top in TESTS:
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                path = os.path.join(folder, name)
                yield os.path.relpath(path, root), path


def build_variables(path, work):
    """sysconfig's module of the variables CPython was built with, without the folder it happened to be built in."""
    namespace = {}
    with open(path, encoding="utf-8") as file:
        exec(file.read(), namespace)
    lines = []
    for name, value in sorted(namespace["build_time_vars"].items()):
        if isinstance(value, str):
            value = value.replace(work, "/build")
        lines.append(f"    {name!r}: {value!r},\n")
    return ("build_time_vars = {\n" + "".join(lines) + "}\n").encode()


def compiled(source, guest_path):
    code = compile(source, guest_path, "exec", dont_inherit=True, optimize=0)
    source_hash = importlib.util.source_hash(source)
    return bytes(importlib._bootstrap_external._code_to_hash_pyc(code, source_hash, checked=False))


def module_entries(relative, source):
    """A module's source, and what it compiles to."""
    yield f"{PREFIX}/{relative}", source
    folder, _, name = relative.rpartition("/")
    cache = f"{folder}/__pycache__/{name[:-3]}.cpython-311.pyc".lstrip("/")
    yield f"{PREFIX}/{cache}", compiled(source, f"/{PREFIX}/{relative}")


def zone_entries(zoneinfo):
    for folder, folders, files in os.walk(zoneinfo):
        folders[:] = sorted(set(folders) - {"posix", "right"})
        for name in sorted(files):
            path = os.path.join(folder, name)
            data = contents(path)
            if data.startswith(b"TZif") or name.endswith(".tab"):
                yield "usr/share/zoneinfo/" + os.path.relpath(path, zoneinfo), data


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def entries(library, zoneinfo, guest, sysconfig, work):
    for relative, path in library_files(library):
        if relative.endswith(".py"):
            yield from module_entries(relative, contents(path))
        else:
            yield f"{PREFIX}/{relative}", contents(path)
    yield from module_entries(os.path.basename(guest), contents(guest))
    # The name that Debian's sysconfig asks for.
    yield from module_entries("_sysconfigdata__wasm32-wasi.py", build_variables(sysconfig, work))
    yield from zone_entries(zoneinfo)


def main():
    with_tests = sys.argv[1] == "--with-tests"
    out, *inputs = sys.argv[1 + with_tests:]
    found = list(entries(*inputs))
    if with_tests:
        found += [(f"{PREFIX}/{relative}", contents(path)) for relative, path in test_files(inputs[0])]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(found):
            info = zipfile.ZipInfo(name, FIXED_DATE)
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            archive.writestr(info, data)


main()
