"""Ends, and leaves behind what never does: exit handlers, destructors and weak references' callbacks that loop."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1.9 within=3 stdout~"^end\n"
import atexit
import weakref


def stay(*_):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


class Undead:
    def __del__(self):
        global kept
        kept = Undead()
        stay()


kept, other = Undead(), Undead()
watched = weakref.ref(kept, stay)
weakref.finalize(other, stay)
for _ in range(3):
    atexit.register(stay)
print("end")
