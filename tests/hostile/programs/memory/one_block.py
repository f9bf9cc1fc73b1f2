"""Single blocks that are far too large: each is refused, and afterwards all is as before."""
# option: --memory 128
# expect: status=ok stdout="HELD\n"
import array
import collections
import decimal
import io
import random
import struct
import zlib
import attack

NO = (MemoryError, OverflowError, ValueError, decimal.DecimalException, struct.error)
HUGE = ["'a' * 10**10", "'a' * (2**31 - 1)", "b'a' * (2**31 - 1)", "'\\U0001f600' * 2**29", "bytearray(1 << 31)",
        "bytearray(2**31 - 1)", "bytes(2**31 - 1)", "[0] * 10**9", "(0,) * 10**9", "[0] * (2**62)",
        "list(range(10**9))[:0]", "'%99999999999d' % 1", "'%2000000000d' % 1", "'{:>2000000000}'.format(1)",
        "f'{1:.2000000000f}'", "format(1, '2147483647')", "'x'.center(2**31 - 1)",
        "'x'.ljust(2**40)", "'\\t'.expandtabs(2**31 - 1)", "'x'.zfill(2**31 - 1)",
        "'ab'.replace('a', 'x' * 10**6) * 10**5",
        "('x' * 10**5).join(['y'] * 10**6)", "array.array('d', [0]) * 2**30",
        "io.BytesIO().seek(2**31 - 1) and io.BytesIO(bytes(2**31 - 1))",
        "collections.deque(range(10**9))", "set(range(10**9))", "dict.fromkeys(range(10**9))", "1 << 2**34",
        "1 << 2**33 << 2**33", "random.randbytes(2**31 - 1)", "random.getrandbits(2**34)", "struct.pack('2147483647x')",
        "struct.calcsize('999999999999s')", "memoryview(bytes(10)).cast('B', [2**31 - 1, 2**31 - 1])",
        "int.to_bytes(1, 2**31 - 1, 'big')", "decimal.Decimal(1).scaleb(10**18) // 1 * 1 % 7",
        "zlib.decompress(zlib.compress(bytes(10**6)) , bufsize=2**31 - 1)[:0] + bytes(2**31 - 1)",
        "bytes.fromhex('00' * 2**29)", "' '.join('x' for _ in range(10**9))", "int('9' * 10**6)",
        "eval('[' + '0,' * 10**8 + ']')", "'x' * 10**8 * 10**8"]
before = [n * n for n in range(10000)]
for text in HUGE:
    attack.attempt(text, eval, text, globals(), refusals=NO)
buffer = io.BytesIO()
buffer.seek(2**31 - 2)
attack.attempt("behind a gap", buffer.write, b"x", refusals=NO + (SystemError,))  # its size overflows
buffer = io.StringIO()
buffer.seek(2**29)
attack.attempt("behind a gap", buffer.write, "x", refusals=NO)
grown = bytearray(b"x")
for size in 2**31 - 1, 2**30:
    attack.attempt("growing", grown.extend, range(0), refusals=NO, fine=lambda _: True)
    attack.attempt("growing", lambda: grown.__imul__(size), refusals=NO)
attack.check("what was there", before == [n * n for n in range(10000)] and grown == b"x")
attack.end(40)
