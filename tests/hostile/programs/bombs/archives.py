"""Small data that unpacks to far more than memory: zip, gzip, bz2, lzma, in one go, nested and in a file that lies."""
# option: --memory 96 --timeout 10
# expect: status=ok stdout="HELD\n"
import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
import attack

NO = (MemoryError, OverflowError, zipfile.BadZipFile, zlib.error, EOFError, lzma.LZMAError, OSError, ValueError,
      struct.error)
BYTES = 128 << 20


def packed(make):
    """A bomb of BYTES zero bytes, made in pieces."""
    packer, parts = make(), []
    for _ in range(BYTES >> 20):
        parts.append(packer.compress(bytes(1 << 20)))
    return b"".join([*parts, packer.flush()])


once = packed(lambda: zlib.compressobj(1))
whole = gzip.compress(b"") and packed(lambda: zlib.compressobj(1, zlib.DEFLATED, 31))
bz = bz2.compress(bytes(9 << 20)) * (BYTES // (9 << 20))
xz = lzma.compress(bytes(32 << 20), preset=0) * (BYTES // (32 << 20))
attack.attempt("zlib", zlib.decompress, once, refusals=NO)
attack.attempt("gzip", gzip.decompress, whole, refusals=NO)
attack.attempt("bz2", bz2.decompress, bz, refusals=NO)
attack.attempt("lzma", lzma.decompress, xz, refusals=NO)
for module, data in (gzip, whole), (bz2, bz), (lzma, xz):
    attack.attempt(module.__name__, lambda: module.open(io.BytesIO(data)).read(), refusals=NO)
memory = io.BytesIO()
with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb", "w") as file:
    for _ in range(BYTES >> 20):
        file.write(bytes(1 << 20))
with zipfile.ZipFile(memory) as archive:
    attack.attempt("zip", archive.read, "bomb", refusals=NO)
# A dictionary of 4 GiB is asked for by five bytes.
head = b"\x5d" + struct.pack("<IQ", 0xFFFFFFFF, 1 << 40) + bytes(100)
attack.attempt("lzma head", lzma.decompress, head, refusals=NO)
attack.attempt("lzma filter", lzma.LZMACompressor, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2,
        "dict_size": 1536 << 20}], refusals=NO)
# Lies about sizes and offsets in every field of a zip file.
plain = io.BytesIO()
with zipfile.ZipFile(plain, "w") as archive:
    archive.writestr("a", b"b" * 100)
data = bytearray(plain.getvalue())
for at in range(0, len(data) - 4):
    for value in b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f":
        lie = bytearray(data)
        lie[at : at + 4] = value
        attack.attempt(f"lie at {at}", lambda: zipfile.ZipFile(io.BytesIO(lie)).read("a"),
                       refusals=NO + (KeyError, RuntimeError, NotImplementedError),
                       fine=lambda content: len(content) <= 100)
attack.end(550)
