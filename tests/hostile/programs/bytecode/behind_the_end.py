"""Reads and writes just behind the end of memory and at its far ends, by a forged object: a trap, not a fault of the
host."""
# expect: status=crashed exit=137 value="out of bounds memory access" stdout="reading\n"
import attack

memory, kept = attack.memory()
print("reading")
memory[(1 << 31) - 2] = 1
