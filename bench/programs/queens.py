"""Itertools and sets: eight queens by permutations, and a sieve with slices."""

from itertools import permutations


def queens(n):
    columns = range(n)
    for order in permutations(columns):
        if n == len(set(order[i] + i for i in columns)) == len(set(order[i] - i for i in columns)):
            yield order


def primes(limit):
    flags = bytearray([1]) * (limit + 1)
    flags[0:2] = b"\0\0"
    for i in range(2, int(limit ** 0.5) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, limit + 1, i)))
    return [i for i, flag in enumerate(flags) if flag]


def main():
    assert sum(1 for _ in queens(8)) == 92
    assert len(primes(1_000_000)) == 78498
