"""Leaves without Python's knowledge, from within a representation, with a code that is too large."""
# expect: status=error error=SystemExit exit=44 stdout="before\n"
import os


class Leaves:
    def __repr__(self):
        os._exit(300)


print("before")
Leaves()
