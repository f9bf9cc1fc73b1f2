"""Operators, dataclasses and exceptions: vectors, fractions, a small stack machine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vector:
    x: float
    y: float

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor)


class Empty(Exception):
    pass


class Machine:
    def __init__(self):
        self.stack = []

    def pop(self):
        if not self.stack:
            raise Empty("stack")
        return self.stack.pop()

    def run(self, program):
        for word in program:
            if word == "+":
                self.stack.append(self.pop() + self.pop())
            elif word == "*":
                self.stack.append(self.pop() * self.pop() % 1000003)
            elif word == "dup":
                value = self.pop()
                self.stack += value, value
            else:
                self.stack.append(word)
        return self.pop()


def main():
    position, velocity = Vector(0.0, 0.0), Vector(1.0, 0.5)
    for _ in range(60000):
        position = position + velocity * 0.01
    assert 599 < position.x < 601
    program = [1, "dup", "+"] + [3, "*", "dup", "+"] * 40000
    assert Machine().run(program) >= 0
    failures = 0
    for _ in range(60000):
        try:
            Machine().pop()
        except Empty:
            failures += 1
    assert failures == 60000
