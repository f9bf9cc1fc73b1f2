"""Generators, iterators, coroutines, context managers, recursion, exceptions, pattern matching, lambdas."""

import asyncio
import contextlib
import functools
import operator


def numbers(n):
    i = 0
    while i < n:
        got = yield i
        i += got or 1


def evens(source):
    for value in source:
        if value % 2 == 0:
            yield value


def squared(source):
    return (value * value for value in source)


def tree(depth):
    return (tree(depth - 1), depth, tree(depth - 1)) if depth else None


def in_order(node):
    if node is not None:
        left, value, right = node
        yield from in_order(left)
        yield value
        yield from in_order(right)


class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n


@contextlib.contextmanager
def noted(log, name):
    log.append("+" + name)
    try:
        yield name
    finally:
        log.append("-" + name)


@functools.lru_cache(maxsize=None)
def ways(n, coins):
    if n == 0:
        return 1
    if n < 0 or not coins:
        return 0
    return ways(n - coins[0], coins) + ways(n, coins[1:])


def solve(queens, n, columns=(), found=None):
    if len(columns) == n:
        return 1
    total = 0
    row = len(columns)
    for c in range(n):
        if all(c != cc and abs(c - cc) != row - r for r, cc in enumerate(columns)):
            total += solve(queens, n, columns + (c,))
    return total


def power(base, n):
    if n == 0:
        return 1
    half = power(base, n // 2)
    return half * half * (base if n % 2 else 1)


def describe(value):
    match value:
        case int() if value < 0:
            return "negative"
        case int():
            return "int"
        case [x, y]:
            return f"pair {x} {y}"
        case {"kind": kind, **rest}:
            return f"{kind} {len(rest)}"
        case str() | bytes():
            return "text"
        case _:
            return "other"


async def worker(queue, out):
    while True:
        job = await queue.get()
        if job is None:
            return
        await asyncio.sleep(0)
        out.append(job * 2)


async def pipeline(jobs):
    queue, out = asyncio.Queue(), []
    workers = [asyncio.ensure_future(worker(queue, out)) for _ in range(3)]
    for job in range(jobs):
        await queue.put(job)
    for _ in workers:
        await queue.put(None)
    await asyncio.gather(*workers)
    return sum(out)


def careful(n):
    caught = 0
    for i in range(n):
        try:
            if i % 3 == 0:
                raise ValueError(i)
            if i % 3 == 1:
                {}[i]
            [].pop() if i % 5 == 0 else None
        except ValueError as error:
            caught += error.args[0] > 10
        except (KeyError, IndexError):
            caught += 1
        finally:
            caught += 0
    return caught


def main():
    total = sum(squared(evens(numbers(40000))))
    generator = numbers(8000)
    next(generator)
    with contextlib.suppress(StopIteration):
        while True:
            generator.send(2)
    total += sum(in_order(tree(11)))
    total += sum(Countdown(20000))
    log = []
    for i in range(3000):
        with noted(log, "a") as name, contextlib.suppress(KeyError):
            log.append(name)
    ways(160, (1, 2, 5, 10, 20, 50))
    solve(None, 6)
    for i in range(6000):
        power(3, i % 40)
    for value in [1, -1, [1, 2], {"kind": "k", "b": 2}, "s", b"s", 1.5, None] * 900:
        describe(value)
    careful(15000)
    try:
        total += asyncio.run(pipeline(700))
    except OSError:  # an event loop needs sockets in some builds
        pass
    product = functools.reduce(operator.mul, range(1, 60))
    mapped = list(map(lambda x, y: x * y - x, range(15000), range(1, 15001)))
    filtered = list(filter(None, (x % 4 for x in mapped)))
    compose = functools.partial(max, key=lambda p: p[1])
    return total, len(log), product % 97, len(filtered), compose(enumerate(mapped)), all(x >= 0 for x in mapped)


main()
