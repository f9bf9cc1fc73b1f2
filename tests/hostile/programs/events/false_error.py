"""Claims an error that did not happen, and a name for it that is reserved: it is an error, and no crash or limit."""
# expect: status=error error=SandboxTrap stdout="after\n" absent=WorkerLost
import _shannon_host


def strings(*parts):
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


unused = _shannon_host.emit(3, strings(b"WorkerLost"[::-1], b"", b""))
unused = _shannon_host.emit(3, strings(b"SandboxTrap", b"invalid indirect call", b"no traceback"))
print("after")
