"""Recursion through C (json) with the limit raised out of reach: ends as memory or the stack of the guest does."""
# expect: status=memory_limit|crashed|error
# expect: value~"^(call stack exhausted|out of bounds memory access|the memory limit.*|maximum recursion.*|)$"
import sys

sys.setrecursionlimit((1 << 31) - 1)
import json

nested = []
for _ in range(10**6):
    nested = [nested]
json.dumps(nested)
