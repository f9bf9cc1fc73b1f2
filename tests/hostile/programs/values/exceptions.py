"""Exceptions that are hard to report: a gigantic text, chained to themselves and 100,000 deep, with names and notes
that lie."""
# expect: status=error error=Last within=8 value~"^x{1000000}"


class Last(Exception):
    def __str__(self):
        return "x" * 30_000_000

    __notes__ = ["note " * 100000] * 3


first = Last()
for depth in range(100_000):
    other = ValueError("y" * 50)
    other.__cause__ = first if depth % 2 else None
    other.__context__ = first
    first = other
last = Last()
last.__cause__ = last.__context__ = first
first.__suppress_context__ = False
raise last
