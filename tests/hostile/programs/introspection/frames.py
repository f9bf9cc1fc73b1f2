"""Climbs out of its own frame into those that run it, changes their variables, functions and globals, and replaces what
reports: it can lie about itself, and nothing else."""
# expect: status=ok|error stdout="HELD\n"
import gc
import sys
import attack

names = []
frame = sys._getframe()
while frame:
    names.append(frame.f_code.co_name)
    frame = frame.f_back
attack.check(f"frames {names}", names[0] == "<module>" and len(names) <= 4)
own = sys.modules["_shannon"]
for referrer in gc.get_referrers(own.__dict__):
    attack.check("no references of the host's", type(referrer).__name__ in ("function", "list", "dict", "module",
        "tuple", "frame", "cell"))
attack.check("its host module is small", set(name for name in dir(sys.modules["_shannon_host"]) if name[0] != "_") <=
             {"compile", "emit", "fill_holes", "input_was_read", "no_memory", "reserve"})
attack.end(2)
sys.stdout.flush()
for name, value in list(vars(own).items()):
    if callable(value) and name not in ("run",):
        setattr(own, name, lambda *_, **__: "replaced")
own.run.__code__ = (lambda *_: "x" * 1000).__code__
own._namespace.clear()
own._reserve = own._runs = own._futures = object()
