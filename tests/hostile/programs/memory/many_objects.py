"""Many small objects of all kinds, until nothing is left, and then the exception is caught and it goes on, a hundred
times."""
# option: --memory 64 --timeout 8
# expect: status=ok|memory_limit stdout~"^(HELD\n)?$" within=9
import attack

MAKERS = [lambda kept: [], lambda kept: {}, lambda kept: object(), lambda kept: (kept,), lambda kept: str(len(kept)),
          lambda kept: lambda: kept,
          lambda kept: [None] * 100, lambda kept: bytearray(1000), lambda kept: {len(kept)},
          lambda kept: (i for i in kept),
          lambda kept: type("T", (), {}), lambda kept: memoryview(b"x"), lambda kept: float(len(kept)),
          lambda kept: 1 << len(kept) % 5000]
for _ in range(2):
    for number, make in enumerate(MAKERS):
        kept = []
        try:
            while True:
                kept.append(make(kept))
        except MemoryError:
            pass
        attack.check(f"{number}: {len(kept)} objects", len(kept) > 100)
        kept = None
attack.end(28)
