"""Regular expressions that take exponential time."""
# option: --timeout 1
# expect: status=timeout error=TimeoutError exit=124 least=1 within=3 absent=DONE
# expect: traceback~"re.match"
import re

for pattern, text in (("(a+)+$", "a" * 5000 + "b"), ("(a|aa)+$", "a" * 100 + "b"), ("(.*)*=", "x" * 10000)):
    re.match(pattern, text)
print("DONE")
