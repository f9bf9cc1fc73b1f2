"""Recursion through C (reduce) with the limit raised out of reach: ends as memory or the stack of the guest does."""
# expect: status=memory_limit|crashed|error
# expect: value~"^(call stack exhausted|out of bounds memory access|the memory limit.*|maximum recursion.*|)$"
import sys

sys.setrecursionlimit((1 << 31) - 1)
import functools


def deeper(a, b):
    return functools.reduce(deeper, [1, 2, 3])


deeper(1, 2)
