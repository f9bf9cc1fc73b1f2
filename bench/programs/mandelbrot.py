"""Complex numbers and tight loops."""


def main(size=150, limit=60):
    inside = 0
    for row in range(size):
        for column in range(size):
            c = complex(3.0 * column / size - 2.0, 2.0 * row / size - 1.0)
            z = 0j
            for _ in range(limit):
                z = z * z + c
                if z.real * z.real + z.imag * z.imag > 4.0:
                    break
            else:
                inside += 1
    assert 5000 < inside < 7000, inside
