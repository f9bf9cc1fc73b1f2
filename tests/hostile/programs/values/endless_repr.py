"""A representation that never ends and catches what is to end it."""
# option: --timeout 1
# expect: status=timeout exit=124 within=3 stdout=""


class Endless:
    def __repr__(self):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass


Endless()
