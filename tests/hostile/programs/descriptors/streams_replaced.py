"""Takes the standard streams apart: detached, closed, replaced by objects that raise, lie or recur, deleted."""
# expect: status=ok stdout="first\nsecond\n"
import atexit
import io
import os
import sys

print("first")


class Liar(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        return 1 << 40

    def flush(self):
        raise SystemExit(99)

    def fileno(self):
        return -1

    def close(self):
        raise MemoryError

    def __getattr__(self, name):
        raise KeyboardInterrupt(name)

    def __del__(self):
        raise GeneratorExit


sys.stdout.flush()
os.write(1, b"second\n")
kept = sys.stdout, sys.stderr, sys.stdin
raw = sys.stdout.detach()
raw.close()
for name in "stdout", "stderr", "stdin", "__stdout__", "__stderr__", "__stdin__":
    setattr(sys, name, Liar())
sys.excepthook = sys.unraisablehook = sys.displayhook = sys.breakpointhook = Liar()
atexit.register(lambda: setattr(sys, "stdout", Liar()))
atexit.register(Liar)
try:
    print("into nowhere")
except BaseException:
    pass
del sys.stdout, sys.__stdout__, sys.stdin
