"""List indexing and reversal: the most flips of pancakes over all orders."""


def main(n=8):
    order = list(range(n))
    counts = [0] * n
    most = 0
    r = n
    while True:
        while r != 1:
            counts[r - 1] = r
            r -= 1
        if order[0] != 0:
            stack = order[:]
            flips = 0
            top = stack[0]
            while top:
                stack[:top + 1] = stack[top::-1]
                flips += 1
                top = stack[0]
            most = max(most, flips)
        while True:
            if r == n:
                assert most == 22
                return
            first = order[0]
            order[:r] = order[1:r + 1]
            order[r] = first
            counts[r] -= 1
            if counts[r] > 0:
                break
            r += 1
