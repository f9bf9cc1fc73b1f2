"""Answers the time limit by leaving at once, with a code that says that all is well."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1 within=3 absent=DONE stdout="caught\n"
import os

try:
    while True:
        [x * x for x in range(1000)]
except TimeoutError:
    print("caught")
    os._exit(0)
print("DONE")
