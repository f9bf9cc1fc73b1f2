"""Computations with enormous parameters that Python refuses or that fit in the time they are given."""
# option: --memory 96 --timeout 10
# expect: status=ok stdout="HELD\n" within=9
import decimal
import fractions
import itertools
import math
import random
import struct
import attack

NO = (MemoryError, OverflowError, ValueError, decimal.DecimalException, ArithmeticError, struct.error, RecursionError,
      TypeError)


def huge_decimal():
    context = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
    return context.divide(decimal.Decimal(1), decimal.Decimal(3))


for what, function in {
        "decimal": huge_decimal, "decimal scale": lambda: int(decimal.Decimal("1e425000000")),
        "decimal text": lambda: format(decimal.Decimal("1e425000000"), "f"),
        "int text": lambda: int("9" * 10**6), "str int": lambda: str(10**5000),
        "factorial": lambda: math.factorial(1 << 40),
        "comb": lambda: math.comb(1 << 70, 1 << 69), "shift": lambda: 1 << (1 << 40),
        "product": lambda: list(itertools.product(range(1000), repeat=10)),
        "permutations": lambda: list(itertools.permutations(range(10**9))),
        "combinations": lambda: list(itertools.combinations(range(10**9), 3)),
        "repeat": lambda: list(itertools.repeat(0)), "range": lambda: list(range(-(1 << 62), 1 << 62)),
        "slice": lambda: "x"[:: 1 << 80] * (1 << 60), "sample": lambda: random.sample(range(1 << 60), 1 << 30),
        "float": lambda: float("1" * 10**6) * math.inf - math.inf + (1 / 0),
        "fraction": lambda: float(fractions.Fraction(1, 3) ** 100000 * 10.0**400),
        "gcd": lambda: math.gcd(1 << (1 << 35), 3), "isqrt": lambda: math.isqrt(1 << (1 << 35)),
        "pow": lambda: pow(3, -1, 0), "unpack": lambda: struct.unpack("99999999999i", b""),
        "ldexp": lambda: math.ldexp(1, 1 << 62),
        "count": lambda: sum(itertools.islice(itertools.count(), 1 << 70)), "perm": lambda: math.perm(1 << 40),
        "width": lambda: f"{1:{1 << 40}}"}.items():
    attack.attempt(what, function, refusals=NO)
attack.end(25)
