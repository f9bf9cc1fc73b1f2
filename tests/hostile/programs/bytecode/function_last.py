"""Changes a built-in function's address in memory to 0xffffffff: the call finds no such function, and the guest
ends."""
# expect: status=crashed exit=137 value="invalid indirect call" stdout="calling\n"
import _shannon_host
import attack

memory, kept = attack.memory()
place = id(_shannon_host.reserve) + 8
definition = int.from_bytes(memory[place : place + 4], "little")
memory[definition + 4 : definition + 8] = (0xffffffff).to_bytes(4, "little")
print("calling")
_shannon_host.reserve(1)
