"""Walks from a tuple to every class and every function's globals, and uses all that could reach the host."""
# expect: status=ok stdout="HELD\n"
import attack

INTERESTING = {"system", "popen", "fork", "execv", "spawnv", "posix_spawn", "fork_exec", "socket", "mmap", "dlopen",
               "CDLL", "create_dynamic", "create_connection", "_create_environ", "kill", "chroot", "ptrace",
               "memfd_create", "openpty"}


def walk(kind, seen):
    for sub in type.__subclasses__(kind):
        if sub not in seen:
            seen.add(sub)
            walk(sub, seen)
    return seen


classes = walk(().__class__.__base__, set())
attack.check(f"{len(classes)} classes", len(classes) > 400)
spaces = {}
for kind in classes:
    for value in list(vars(kind).values()):
        space = getattr(getattr(value, "__func__", value), "__globals__", None)
        if isinstance(space, dict):
            spaces[id(space)] = space
attack.check(f"{len(spaces)} globals", len(spaces) > 30)
builtin = 0
for space in spaces.values():
    for name, value in list(space.items()):
        builtin += type(value).__name__ == "builtin_function_or_method"
        if name in INTERESTING and type(value).__name__ == "builtin_function_or_method":
            attack.note(f"{space.get('__name__')}.{name}")
    importer = space.get("__builtins__", {})
    importer = importer.get("__import__") if isinstance(importer, dict) else importer.__import__
    if importer:
        for name in "posix", "os", "_io":
            module = importer(name)
            for function in "system", "fork", "execv", "pipe", "kill":
                attack.absent(module, function)
        attack.attempt("open", lambda: importer("_io").open("/etc/passwd"))
        attack.attempt("open", lambda: importer("posix").open("/etc/passwd", 0))
for kind in classes:
    if kind.__name__ in ("FileIO", "FileLoader", "SourceFileLoader", "_wrap_close", "Popen", "socket",
                         "ExtensionFileLoader", "BuiltinImporter", "zipimporter"):
        for arguments in ("/etc/passwd",), ("x", "/etc/passwd"), ("/etc/passwd", "w"), (["/bin/sh"],), ():
            def make():
                made = kind(*arguments)
                return made.get_data("/etc/passwd") if hasattr(made, "get_data") else made.read() if hasattr(made,
                    "read") else None
            attack.attempt(f"{kind.__name__}{arguments}", make, refusals=attack.REFUSALS + (TypeError, ValueError,
                AttributeError),
                           fine=lambda result: result is None)
attack.check(f"{builtin} built-in functions were seen", builtin > 20)
attack.end(200)
