"""Loads native code: extension loaders, _imp, ctypes and its likes, forged specifications, frozen modules under other
names."""
# expect: status=ok stdout="HELD\n"
import _frozen_importlib_external
import _imp
import importlib.machinery
import importlib.util
import sys
import types
import attack

NO = attack.REFUSALS + (SystemError, AttributeError, ValueError, TypeError)
for name in "create_dynamic", "exec_dynamic", "load_dynamic":
    attack.absent(_imp, *["create_dynamic", "load_dynamic"])
attack.check("no suffixes", importlib.machinery.EXTENSION_SUFFIXES == [] and _imp.extension_suffixes() == [])
for path in ("/lib/x86_64-linux-gnu/libc.so.6", "/tmp/attack.py", "/proc/self/exe", "libc.so.6",
             "/usr/lib/python3.11/_ctypes.so"):
    loader = importlib.machinery.ExtensionFileLoader("evil", path)
    spec = importlib.util.spec_from_file_location("evil", path, loader=loader)
    attack.attempt(path, lambda: importlib.util.module_from_spec(spec), refusals=NO)
    attack.attempt(path, lambda: _frozen_importlib_external._call_with_frames_removed(_imp.create_dynamic, spec),
                   refusals=NO)
for name in ("ctypes", "_ctypes", "cffi", "_cffi_backend", "_ssl", "mmap", "fcntl", "_testcapi", "_xxsubinterpreters",
             "pty", "posixpath.os.system", "../etc/passwd", "..", "/etc/passwd", "a\0b", "_shannon_host.emit",
             "os.system", "\udcff", "x" * 100000, ".", "", "passwd"):
    attack.attempt(name[:30], __import__, name, refusals=NO)
    attack.attempt(name[:30], importlib.import_module, name, refusals=NO)
    attack.attempt(name[:30], _imp.init_frozen, name, refusals=NO, fine=lambda result: result is None)
    attack.attempt(name[:30], _imp.get_frozen_object, name, b"\xe3" + b"\xff" * 50, refusals=NO + (EOFError,))
    attack.attempt(name[:30], _imp.create_builtin, types.SimpleNamespace(name=name, origin=None), refusals=NO,
                   fine=lambda result: result is None)
# A built-in module made anew is the same wall.
for name in "posix", "_io", "_shannon_host", "sys", "builtins", "_socket", "gc", "marshal", "_signal":
    spec = importlib.util.spec_from_loader(name, importlib.machinery.BuiltinImporter)
    fresh = attack.attempt(name, lambda: importlib.util.module_from_spec(spec), refusals=NO,
                           fine=lambda module: isinstance(module, types.ModuleType))
    if name == "posix" and fresh:
        attack.attempt("fresh posix", fresh.open, "/etc/passwd", 0)
        attack.absent(fresh, "system", "fork", "execv", "kill", "pipe")
    if name == "_io" and fresh:
        attack.attempt("fresh _io", fresh.open, "/etc/passwd")
sys.path_hooks[:] = [lambda path: importlib.machinery.FileFinder(path, (importlib.machinery.ExtensionFileLoader,
        [".py", ".so"]))]
sys.path_importer_cache.clear()
sys.path[:] = ["/", "/etc", "/proc/self", "/tmp", "/usr/lib/python3.11"]
attack.attempt("everything is an extension", __import__, "colorsys", refusals=NO)
attack.end(100)
