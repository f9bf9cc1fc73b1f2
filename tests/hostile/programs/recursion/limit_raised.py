"""Recursion in Python with the limit raised out of reach: memory is what ends it."""
# option: --memory 64
# expect: status=memory_limit|crashed|error within=8
import sys

sys.setrecursionlimit((1 << 31) - 1)


def deeper(n):
    return deeper(n + 1)


deeper(0)
