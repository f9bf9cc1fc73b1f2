"""Calls the host module's functions with what they do not expect."""
# option: --memory 64
# expect: status=ok stdout="HELD\n"
import _shannon_host
import attack

NO = attack.REFUSALS + (TypeError, ValueError, OverflowError, SyntaxError, RecursionError, SystemError)
for size in -1, -(1 << 31), (1 << 31) - 1, 1 << 31, 1 << 80, None, "5", 1 << 30:
    attack.attempt(f"reserve {size}", _shannon_host.reserve, size, refusals=NO)
kept = [_shannon_host.reserve(1 << 20) for _ in range(8)]
for source in ("", "x", "x = 1", "\n" * 100000, "(" * 5000, "x\n" * 5000, "\ufeffx", "x\r\n\fy", "# coding: utf-16",
               "lambda: (yield)", "return", "await x", "5;5;5"):
    for features in 0, -1, 1 << 24, 0xFFFFFFF, 0x100, 0x400, 0x2000, 0x4000, 0x10000, 0x200:
        attack.attempt(source[:10], _shannon_host.compile, source, "<x>", features, refusals=NO,
                       fine=lambda result: type(result) is tuple)
for arguments in (), (1,), ("x", "y"), ("x", "y", 1 << 40), ("x\0y", "f", 0), ("x", "\ud800\0", 0), ("\ud800", "f",
        0), (b"x", "f", 0), ("x", None, 0):
    attack.attempt(arguments, _shannon_host.compile, *arguments, refusals=NO + (UnicodeEncodeError,),
                   fine=lambda result: type(result) is tuple)
for arguments in (), (1,), (1, None), (1, "text"), (1, memoryview(b"abcdefgh")[::2]), (1, b"", 2):
    attack.attempt(arguments, _shannon_host.emit, *arguments, refusals=NO + (BufferError,),
                   fine=lambda errno: errno == 28)
if hasattr(_shannon_host, "fill_holes"):
    for _ in range(20):
        attack.attempt("fill_holes", _shannon_host.fill_holes, refusals=NO, fine=lambda filled: type(filled) is int)
own = __import__("_shannon")
for name in "prepare", "_freshen", "_flush", "_fresh_streams":
    attack.attempt(name, getattr(own, name), refusals=NO, fine=lambda result: True)
attack.end(140)
