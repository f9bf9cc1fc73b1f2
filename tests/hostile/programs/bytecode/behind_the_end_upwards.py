"""Walks upwards through memory until it ends; a page more would be somebody else's."""
# expect: status=crashed exit=137 value="out of bounds memory access" stdout~"^at \\d+\n$"
import attack

memory, kept = attack.memory(base=1 << 31)
print("at", id(kept))
total = 0
for at in range(0, (1 << 31) - 1, 4096):
    total += memory[at]
