"""Takes away what the time limit raises its exception by: hooks, handlers, the exception itself and its constructor."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1 within=3 stdout~"^(own hook\n)?$"
import builtins
import signal
import sys


class Ignored(Exception):
    def __init__(self, *_):
        while True:
            pass


builtins.TimeoutError = Ignored
for name in dir(signal.Signals):
    if name.startswith("SIG"):
        try:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        except (OSError, ValueError):
            pass
sys.settrace(lambda *_: None)
sys.setprofile(lambda *_: None)
sys.setswitchinterval(1e9)
sys.excepthook = lambda *_: print("own hook")
while True:
    pass
