"""Exceptions whose class lies about everything, in a group that holds itself."""
# expect: status=error within=5 stdout="HELD\n"


class Meta(type):
    def __getattribute__(cls, name):
        raise RuntimeError(name)

    def __instancecheck__(cls, other):
        raise SystemExit(0)


class Liar(BaseException, metaclass=Meta):
    def __getattribute__(self, name):
        raise MemoryError(name)

    def __del__(self):
        raise KeyboardInterrupt

    def with_traceback(self, _):
        raise GeneratorExit


members = [ValueError(1)]
group = ExceptionGroup("group", members)
for _ in range(3000):
    group = ExceptionGroup("group" * 10, [group, ValueError(2)])
try:
    raise group from Liar()
except BaseException as error:
    error.__context__ = error
    print("HELD")
    raise Liar from error
