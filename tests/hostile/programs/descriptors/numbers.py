"""Every descriptor number from -5 to 2000, and some far beyond: reads, writes, duplicates, seeks, cuts, closes."""
# expect: status=ok stdout="HELD\n"
import os
import attack

OPEN = {0, 1, 2, 3}  # the streams, and the root folder
NUMBERS = [*range(-5, 2001), 4095, 4096, 65535, 65536, 1 << 20, (1 << 31) - 1, -1 << 31]
for fd in NUMBERS:
    if fd in OPEN:
        continue
    for function, *arguments in ((os.read, 100), (os.write, b"x"), (os.pread, 10, 0), (os.pwrite, b"x", 0), (os.fstat,),
                                 (os.lseek, 0, 0), (os.ftruncate, 0), (os.fsync,), (os.fdatasync,), (os.dup,),
                                 (os.close,),
                                 (os.fdopen,), (os.readv, [bytearray(4)]), (os.writev, [b"x"]), (os.get_blocking,),
                                 (os.set_blocking, False), (os.posix_fadvise, 0, 0, 0),
                                 (os.posix_fallocate, 0, 1)):
        attack.attempt(f"{function.__name__} {fd}", function, fd, *arguments, refusals=attack.REFUSALS + (ValueError,))
# The folder: it can be listed, and nothing else.
for function, *arguments in ((os.read, 100), (os.write, b"x"), (os.pread, 10, 0), (os.lseek, 0, 0), (os.ftruncate, 0),
                             (os.fdopen,), (os.posix_fallocate, 0, 10)):
    attack.attempt(f"{function.__name__} 3", function, 3, *arguments)
for fd in 0, 1, 2:
    for offset in 0, 1 << 40, -1:
        attack.attempt(f"seek {fd}", os.lseek, fd, offset, 0)
        attack.attempt(f"pread {fd}", os.pread, fd, 10, offset)
        attack.attempt(f"pwrite {fd}", os.pwrite, fd, b"x", offset)
    attack.attempt(f"cut {fd}", os.ftruncate, fd, 0)
attack.attempt("write to the input", os.write, 0, b"x")
attack.attempt("read from the output", os.read, 1, 10)
attack.attempt("read from the error", os.read, 2, 10)
attack.absent(os, "dup2", "pipe", "pipe2", "sendfile", "splice", "copy_file_range", "memfd_create", "eventfd",
              "openpty", "pidfd_open", "fchdir", "lockf", "tcgetpgrp", "ioctl")
attack.end(36000)
