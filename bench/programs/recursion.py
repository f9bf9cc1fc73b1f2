"""Function calls: Fibonacci, Ackermann and the towers of Hanoi."""


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def ackermann(m, n):
    if m == 0:
        return n + 1
    return ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))


def hanoi(n, a, b, c):
    return 0 if n == 0 else hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)


def main():
    assert fibonacci(25) == 75025
    assert ackermann(2, 150) == 303
    assert hanoi(15, "a", "b", "c") == 32767
