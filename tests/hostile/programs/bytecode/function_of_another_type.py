"""Calls the function that frees an object, which returns nothing, as one that returns a value: the types are
compared."""
# expect: status=crashed exit=137 value="invalid indirect call" stdout="calling\n"
import _shannon_host
import attack

memory, kept = attack.memory()


def word(at):
    return int.from_bytes(memory[at : at + 4], "little")


definition = word(id(_shannon_host.reserve) + 8)
tp_dealloc = word(id(list) + 24)
memory[definition + 4 : definition + 8] = tp_dealloc.to_bytes(4, "little")
print("calling")
_shannon_host.reserve([])
