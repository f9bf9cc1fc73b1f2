"""Takes a type's destructor away: the call of no function is refused, and the guest ends."""
# expect: status=crashed exit=137 value="invalid indirect call" stdout="calling\n"
import attack

memory, kept = attack.memory()
tp_dealloc = id(frozenset) + 24
gone = frozenset([1, 2])
memory[tp_dealloc : tp_dealloc + 4] = bytes(4)
print("calling")
del gone
