"""Ints, floats, complex, big ints, fractions, decimals; matrices, primes, simulation, statistics."""

import cmath
import math
import random
import statistics
from decimal import Decimal, getcontext
from fractions import Fraction


def multiply(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def collatz(limit):
    longest, best = 0, 0
    seen = {1: 1}
    for start in range(2, limit):
        n, path = start, []
        while n not in seen:
            path.append(n)
            n = 3 * n + 1 if n & 1 else n >> 1
        length = seen[n]
        for m in reversed(path):
            length += 1
            seen[m] = length
        if seen[start] > longest:
            longest, best = seen[start], start
    return best


def integrate(f, a, b, n):
    h = (b - a) / n
    total = 0.5 * (f(a) + f(b))
    for i in range(1, n):
        total += f(a + i * h)
    return total * h


def walk(rng, steps):
    x = y = 0.0
    inside = 0
    for _ in range(steps):
        angle = rng.random() * 6.283185307
        x += math.cos(angle)
        y += math.sin(angle)
        if x * x + y * y < 400.0:
            inside += 1
    return inside


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def julia(size, steps):
    c = complex(-0.4, 0.6)
    rows = []
    for py in range(size):
        row = []
        for px in range(size):
            z = complex(3.0 * px / size - 1.5, 3.0 * py / size - 1.5)
            n = 0
            while abs(z) < 2.0 and n < steps:
                z = z * z + c
                n += 1
            row.append(n)
        rows.append(row)
    return sum(map(sum, rows))


def main():
    rng = random.Random(7)
    a = [[rng.uniform(-1, 1) for _ in range(34)] for _ in range(34)]
    for _ in range(4):
        a = multiply(a, a)
        top = max(abs(v) for row in a for v in row)
        a = [[v / top for v in row] for row in a]
    collatz(9000)
    integrate(lambda x: math.exp(-x * x) * x ** 2, -4.0, 4.0, 40000)
    walk(rng, 40000)
    julia(60, 40)
    total = 0
    for i in range(1, 25000):
        total ^= gcd(i, 360) << (i % 7)
        total += i // 3 - (i % 11) * 2
        if total > 1_000_000 or total < -5:
            total = -total % 1000
    big = 1
    for i in range(1, 400):
        big *= i
        if i % 50 == 0:
            big ^= big >> 13
    digits = str(big % 10 ** 400)
    pow(3, 10 ** 60, 10 ** 40 + 7)
    getcontext().prec = 40
    sum(Decimal(i) / 7 for i in range(1, 2500))
    sum(Fraction(1, i) for i in range(1, 150))
    data = [rng.gauss(0, 1) for _ in range(5000)]
    statistics.fmean(data), statistics.stdev(data[:1500]), statistics.median(data)
    roots = [cmath.exp(2j * cmath.pi * k / 64) for k in range(64)]
    return digits[:4], round(sum(abs(r) for r in roots), 3), [round(x, 2) for x in data[:2]], divmod(-7, 2), hex(total)


main()
