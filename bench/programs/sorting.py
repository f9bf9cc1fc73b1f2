"""Sorting: with and without a key, and by hand."""

import random


def quicksort(values):
    if len(values) < 2:
        return values
    pivot = values[len(values) // 2]
    return (quicksort([v for v in values if v < pivot]) + [v for v in values if v == pivot]
            + quicksort([v for v in values if v > pivot]))


def main():
    values = random.Random(1).sample(range(1_000_000), 60_000)
    ordered = sorted(values)
    assert sorted(values, key=lambda v: -v) == ordered[::-1]
    assert sorted(map(str, values), key=int) == list(map(str, ordered))
    assert quicksort(values[:20000]) == sorted(values[:20000])
