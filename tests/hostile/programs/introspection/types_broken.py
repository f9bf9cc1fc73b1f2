"""Changes built-in types from inside: their dictionaries by way of the garbage collector, their methods, their
bases."""
# expect: status=ok|error|crashed|timeout stdout~"^begun\n" within=6 absent=WorkerLost
# option: --timeout 2
import gc

print("begun", flush=True)
for kind in str, int, list, dict, bytes, tuple, type, object, BaseException:
    for space in gc.get_referents(kind.__dict__):
        if isinstance(space, dict):
            for name in ("__init__", "__new__", "__len__", "__getattribute__", "encode", "format", "__repr__", "__eq__",
                         "__hash__", "__del__"):
                space[name] = lambda *arguments: arguments[0]
            space["__class__"] = property(lambda self: bytes)
    gc.collect()
