"""sys.exit() with what is no exit code: numbers that lie are the program's own affair, and no more than a wrong
status."""
# expect: status=error|ok


class Code(int):
    def __repr__(self):
        raise KeyboardInterrupt

    def __str__(self):
        raise MemoryError

    def __and__(self, other):
        return 0

    def __int__(self):
        return 0

    def __eq__(self, other):
        return True

    def __bool__(self):
        return False


raise SystemExit(Code(256 + 7))
