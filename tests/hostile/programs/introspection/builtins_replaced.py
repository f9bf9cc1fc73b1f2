"""Replaces what the interpreter's own side is made of: built-in functions, modules, types' entries, hooks."""
# expect: status=ok|error|crashed|timeout stdout~"^begun\n" within=6 absent=WorkerLost
# option: --timeout 2
import builtins
import sys

print("begun", flush=True)


class Strange:
    def __call__(self, *arguments, **named):
        return self

    def __getattr__(self, name):
        return self

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 1 << 40


modules = dict(sys.modules)
for name in list(vars(builtins)):
    if name not in ("__import__", "list", "dict", "print", "setattr", "vars", "Exception"):
        setattr(builtins, name, Strange())
for name in modules:
    sys.modules[name] = Strange()
for hook in sys.__dict__.copy():
    if hook not in ("modules",):
        try:
            setattr(sys, hook, Strange())
        except Exception:
            pass
raise Strange().KeyError
