"""Floating point in objects: the outer planets' orbits, by symplectic steps."""


class Body:
    __slots__ = ("x", "y", "z", "vx", "vy", "vz", "mass")

    def __init__(self, x, y, z, vx, vy, vz, mass):
        self.x, self.y, self.z, self.vx, self.vy, self.vz, self.mass = x, y, z, vx, vy, vz, mass


def bodies():
    return [
        Body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.478),
        Body(4.84, -1.16, -0.10, 0.606, 2.81, -0.02, 0.0377),
        Body(8.34, 4.12, -0.40, -1.01, 1.82, 0.008, 0.0113),
        Body(12.89, -15.11, -0.22, 1.08, 0.87, -0.01, 0.0017),
        Body(15.38, -25.92, 0.18, 0.98, 0.59, -0.03, 0.0020),
    ]


def advance(system, pairs, dt):
    for a, b in pairs:
        dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
        distance = (dx * dx + dy * dy + dz * dz) ** 1.5
        pull = dt / distance
        a.vx -= dx * b.mass * pull
        a.vy -= dy * b.mass * pull
        a.vz -= dz * b.mass * pull
        b.vx += dx * a.mass * pull
        b.vy += dy * a.mass * pull
        b.vz += dz * a.mass * pull
    for body in system:
        body.x += dt * body.vx
        body.y += dt * body.vy
        body.z += dt * body.vz


def main():
    system = bodies()
    pairs = [(a, b) for i, a in enumerate(system) for b in system[i + 1:]]
    for _ in range(25000):
        advance(system, pairs, 0.001)
    assert 4 < abs(system[1].x) + abs(system[1].y) < 8
