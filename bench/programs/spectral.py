"""Nested generator expressions and arithmetic: the spectral norm of an infinite matrix, cut off."""


def element(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def times(vector):
    return [sum(element(i, j) * v for j, v in enumerate(vector)) for i in range(len(vector))]


def times_transposed(vector):
    return [sum(element(j, i) * v for j, v in enumerate(vector)) for i in range(len(vector))]


def main(n=130):
    u = [1.0] * n
    for _ in range(6):
        v = times_transposed(times(u))
        u = times_transposed(times(v))
    ratio = sum(a * b for a, b in zip(u, v)) / sum(b * b for b in v)
    assert 1.0 < ratio < 2.0
