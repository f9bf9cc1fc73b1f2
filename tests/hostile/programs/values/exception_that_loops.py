"""An exception whose text, when it is asked for, never ends."""
# option: --timeout 1
# expect: status=timeout exit=124 within=3


class Loops(BaseException):
    def __str__(self):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass

    __repr__ = __str__


raise Loops
