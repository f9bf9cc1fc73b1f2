"""Grows and shrinks in patterns that leave holes, so that memory is asked for that was given back."""
# option: --memory 96 --timeout 10
# expect: status=ok stdout="HELD\n"
import attack

for size in 100, 5000, 70000, 1 << 20, 3 << 20:
    for _ in range(4):
        kept, reserve = [], bytearray(8 << 20)
        try:
            while True:
                kept.append(bytearray(size))
        except MemoryError:
            pass
        del reserve  # room for what is done next
        count = len(kept)
        del kept[::2]
        try:
            for _ in range(count // 4):
                kept.append(bytearray(size))
        except MemoryError:
            attack.note(f"holes of {size} are not used")
        attack.check("all is zero", not any(kept[len(kept) // 2]))
        kept = None
attack.end(20)
