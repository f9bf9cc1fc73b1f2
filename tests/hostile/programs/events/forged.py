"""Sends events to the host by itself: wrong kinds, malformed, cut, overlong, with lying lengths; and all is refused
or shown as the program's own word."""
# expect: status=ok stdout="HELD\n" result="forged" outputs=4
import _shannon_host
import random
import attack

emit = _shannon_host.emit
BADF, FAULT, INVAL, NOSPC = 8, 21, 28, 51
NO = attack.REFUSALS + (OverflowError, TypeError)


def strings(*parts):
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def refused(errno):
    return errno in (BADF, INVAL, NOSPC)


for kind in [0, *range(4, 300), 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1]:
    attack.attempt(f"kind {kind}", emit, kind, strings(b"text/plain", b"x"), refusals=NO, fine=refused)
for kind in 1, 2, 3:
    for payload in (b"", b"\0", b"\0" * 3, b"\xff" * 4, b"\xff" * 100, strings(b"a"),
                    strings(b"a", b"b", b"c", b"d", b"e"), strings(b"a") + b"\5\0\0\0abc",
                    b"\xfc\xff\xff\xff" + bytes(100), b"\0\0\0\x80" + bytes(100), strings(b"a", b"b")[:-1],
                    strings(b"a", b"b") + b"\0"):
        attack.attempt(f"{kind} {payload[:10]}", emit, kind, payload, refusals=NO, fine=refused)
    for size in 8 << 20, (8 << 20) + 1, 100 << 20:
        attack.attempt(f"{kind} of {size}", emit, kind, bytes(size), refusals=NO,
                       fine=lambda errno: errno in (NOSPC, INVAL) or size == 8 << 20)
for kind in -1, 1 << 32, 1 << 70, None, "1", 1.5:
    attack.attempt(f"kind {kind}", emit, kind, b"", refusals=NO, fine=refused)
random.seed(3)
for _ in range(2000):
    attack.attempt("noise", emit, 3, random.randbytes(random.randrange(60)), refusals=NO, fine=refused)
fault = emit(2, strings(b"text/plain", b"\0\xff\xfe\x80 bytes", b"a\0b", b"", b"", b"",
                        "\ud800".encode("utf-8", "surrogatepass"), b"z"))
attack.check("a display of odd bytes", fault == 0)
attack.check("a display of many", emit(2, strings(*[b"text/x", b"y"] * 100000)) == 0)
attack.check("a display of nothing", emit(2, strings(b"", b"")) == 0)
attack.end(2300)
unused = emit(1, strings(b"text/plain", b"first"))
unused = emit(1, strings(b"text/html", b"<b>", b"text/plain", b"forged"))
