"""Representations of all kinds that raise, exit, return what is no text, claim odd MIME types, print, or change the
module that reports."""
# expect: status=ok stdout~"HELD\n$"
import sys


class Raises:
    def __repr__(self):
        return "fine"

    def _repr_html_(self):
        raise ValueError("no")

    def _repr_png_(self):
        return b"\x89PNG" + b"\0" * 100

    def _repr_json_(self):
        return {"a": [1, {2, 3}]}

    def _repr_svg_(self):
        print("printed meanwhile")
        return 5

    def _repr_latex_(self):
        return ("$x$", {"width": 3})

    def _repr_markdown_(self):
        return "\ud800 half a character"

    def _repr_mimebundle_(self, include, exclude):
        return {"": "empty", "text/plain": "another", "a\0b": "c", "\ud800": "\udfff", "x" * 100000: "y", 5: 6,
                "none": None, "text/html": object(), "bytes": bytearray(b"\xff\0"),
                **{f"type/{n}": "z" for n in range(200)}}


class NoText:
    def __repr__(self):
        return 5


class Exits:
    def __repr__(self):
        sys.exit(3)


class Odd(str):
    def __repr__(self):
        return Odd("odd")

    def encode(self, *_):
        return "no bytes"

    def __len__(self):
        return -1


odd = 0
for value in (Raises(), [Raises()], Odd("x"), "x" * 3_000_000, b"\0" * 1000, Raises, 10**4000, float("nan"), {}, (),
              lambda: 0, Raises()):
    try:
        display(value)
    except TypeError:  # its own fault
        odd += 1
failed = 0
for value in NoText(), Exits():
    try:
        display(value)
    except (TypeError, SystemExit):
        failed += 1
print("HELD" if failed == 2 and odd < 2 else (failed, odd))
