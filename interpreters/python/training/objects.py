"""Classes, properties, dunder methods, inheritance, slots, dataclasses, closures, decorators, exceptions."""

import functools
from collections import namedtuple
from dataclasses import dataclass, field


class Shape:
    count = 0

    def __init__(self, name):
        self.name = name
        Shape.count += 1

    @property
    def label(self):
        return f"{self.name}:{self.area():.2f}"

    def area(self):
        return 0.0

    def __lt__(self, other):
        return self.area() < other.area()


class Rect(Shape):
    def __init__(self, w, h):
        super().__init__("rect")
        self.w, self.h = w, h

    def area(self):
        return self.w * self.h


class Disc(Shape):
    __slots__ = ("r",)

    def __init__(self, r):
        Shape.__init__(self, "disc")
        self.r = r

    def area(self):
        return 3.14159 * self.r * self.r


@dataclass(order=True)
class Item:
    price: float
    title: str = field(compare=False)
    tags: list = field(default_factory=list, compare=False)


class Inventory:
    def __init__(self):
        self._items = {}

    def __setitem__(self, key, value):
        self._items[key] = value

    def __getitem__(self, key):
        try:
            return self._items[key]
        except KeyError:
            raise LookupError(f"no {key}") from None

    def __contains__(self, key):
        return key in self._items

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items.values())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


Point = namedtuple("Point", "x y z")


def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


@counted
def combine(a, b=2, *rest, scale=1, **options):
    return (a + b + sum(rest)) * scale + len(options)


def adder(n):
    total = n

    def add(x):
        nonlocal total
        total += x
        return total

    return add


def main():
    shapes = [Rect(i % 7, i % 5) if i % 2 else Disc(i % 9) for i in range(9000)]
    shapes.sort()
    text = "".join(shape.label[0] for shape in shapes)
    with Inventory() as stock:
        for i in range(9000):
            stock[i % 700] = Item(i * 0.5, "item %d" % i, [i])
        misses = 0
        for i in range(9000):
            if i % 1000 in stock:
                stock[i % 700].tags.append(i)
            try:
                stock[i]
            except LookupError as error:
                misses += bool(str(error))
        cheapest = min(stock)
    add = adder(1)
    for i in range(40000):
        add(i)
        combine(i, 3)
        if i % 4 == 0:
            combine(i, 3, 4, scale=2, kind="x")
    points = [Point(i, -i, i * i) for i in range(9000)]
    far = max(points, key=lambda p: p.x + p.y + p.z)
    return text[:3], cheapest.title, misses, far._replace(x=0), isinstance(far, tuple), hasattr(far, "w")


main()
