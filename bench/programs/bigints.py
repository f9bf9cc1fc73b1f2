"""Big integers: pi's digits by a spigot, a factorial, a modular power."""

import math


def pi_digits(count):
    q, r, t, k, n, l = 1, 0, 1, 1, 3, 3
    digits = []
    while len(digits) < count:
        if 4 * q + r - t < n * t:
            digits.append(n)
            q, r, n = 10 * q, 10 * (r - n * t), 10 * (3 * q + r) // t - 10 * n
        else:
            q, r, t, k, n, l = q * k, (2 * q + r) * l, t * l, k + 1, (q * (7 * k + 2) + r * l) // (t * l), l + 2
    return digits


def main():
    assert pi_digits(700)[:5] == [3, 1, 4, 1, 5]
    assert math.factorial(2000).bit_length() == 19053
    assert pow(3, 10 ** 400, 10 ** 60 + 7) > 0
