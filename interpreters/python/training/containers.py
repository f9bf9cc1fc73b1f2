"""Lists, dicts, sets, tuples, slices, comprehensions, sorting, heaps, deques, counters, itertools, graph search."""

import bisect
import heapq
import itertools
from collections import Counter, OrderedDict, defaultdict, deque


def graph(n):
    edges = defaultdict(list)
    for i in range(n):
        for step in (1, 7, 13):
            edges[i].append(((i * step + 3) % n, step))
    return edges


def shortest(edges, start):
    distance = {start: 0}
    queue = [(0, start)]
    while queue:
        d, node = heapq.heappop(queue)
        if d > distance[node]:
            continue
        for target, weight in edges[node]:
            candidate = d + weight
            if candidate < distance.get(target, 1 << 30):
                distance[target] = candidate
                heapq.heappush(queue, (candidate, target))
    return distance


def breadth(edges, start):
    seen = {start}
    queue = deque([start])
    while queue:
        for target, _ in edges[queue.popleft()]:
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return len(seen)


def merge_sort(values):
    if len(values) <= 1:
        return values
    middle = len(values) // 2
    left, right = merge_sort(values[:middle]), merge_sort(values[middle:])
    merged, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


def life(cells, size, generations):
    for _ in range(generations):
        near = Counter(((x + dx) % size, (y + dy) % size) for x, y in cells
                       for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
        cells = {cell for cell, count in near.items() if count == 3 or (count == 2 and cell in cells)}
    return len(cells)


def knapsack(weights, values, room):
    best = [0] * (room + 1)
    for w, v in zip(weights, values):
        for left in range(room, w - 1, -1):
            with_it = best[left - w] + v
            if with_it > best[left]:
                best[left] = with_it
    return best[room]


def sudoku_row(grid, row):
    return [c for c in range(9) if c not in grid[row]]


def main():
    edges = graph(2500)
    shortest(edges, 0)
    breadth(edges, 1)
    values = [(i * 7919) % 10007 for i in range(6000)]
    merge_sort(values)
    sorted(values, key=lambda v: (v % 10, -v))
    ordered = []
    for v in values[:2500]:
        bisect.insort(ordered, v)
    life({(i * i % 31, i * 3 % 31) for i in range(200)}, 31, 8)
    knapsack([i % 17 + 1 for i in range(60)], [i * 7 % 23 for i in range(60)], 300)
    table = {}
    for i in range(25000):
        key = (i % 50, i % 13)
        table.setdefault(key, []).append(i)
        if i % 100 == 0 and key in table:
            del table[key]
    squares = {k: [x * x for x in v if x & 1] for k, v in table.items()}
    flat = list(itertools.chain.from_iterable(squares.values()))
    groups = {k: len(list(g)) for k, g in itertools.groupby(sorted(flat, key=lambda x: x % 9), key=lambda x: x % 9)}
    pairs = sum(1 for a, b in itertools.combinations(range(150), 2) if (a ^ b) % 3 == 0)
    permutations = sum(1 for p in itertools.permutations(range(7)) if p[0] < p[-1])
    cache = OrderedDict()
    for i in range(8000):
        cache[i % 300] = i
        cache.move_to_end(i % 300)
        if len(cache) > 200:
            cache.popitem(last=False)
    a, b = set(range(0, 3000, 2)), set(range(0, 3000, 3))
    matrix = [[i * j for j in range(60)] for i in range(60)]
    turned = [list(row) for row in zip(*matrix[::-1])]
    first, *middle, last = flat[:50]
    grid = [[(r * 3 + r // 3 + c) % 9 for c in range(9)] for r in range(9)]
    for r in range(9):
        sudoku_row(grid, r)
    return groups, pairs, permutations, len(a & b | {1}), turned[0][0], first, len(middle), any(v > 5 for v in flat), last


main()
