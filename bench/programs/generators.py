"""Generators that hand on to generators: a tree walked, filtered and merged."""


class Node:
    def __init__(self, depth, value):
        self.value = value
        self.left = Node(depth - 1, 2 * value) if depth else None
        self.right = Node(depth - 1, 2 * value + 1) if depth else None

    def walk(self):
        if self.left:
            yield from self.left.walk()
        yield self.value
        if self.right:
            yield from self.right.walk()


def odd(values):
    for value in values:
        if value & 1:
            yield value


def main():
    tree = Node(13, 1)
    total = 0
    for _ in range(3):
        total += sum(odd(tree.walk()))
    assert total > 0
