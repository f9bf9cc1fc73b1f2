"""Opens files until there are no numbers left, in all ways, again and again; what is left works."""
# expect: status=ok stdout="HELD\n"
import os
import attack

for _ in range(20):
    fds = []
    try:
        while True:
            fds.append(os.open("/tmp/attack.py", os.O_RDONLY))
    except OSError as error:
        attack.check(f"it says {error}", error.errno == 33)  # EMFILE of WASI
    attack.check(f"{len(fds)} files", 500 < len(fds) < 5000 and len(set(fds)) == len(fds))
    attack.attempt("one more", open, "/tmp/attack.py")
    attack.attempt("a folder more", os.listdir, "/tmp")
    attack.attempt("a duplicate", os.dup, fds[0])
    attack.attempt("an import", __import__, "this_is_not_there")
    for fd in reversed(fds):
        os.close(fd)
    with open("/tmp/attack.py") as file:
        attack.check("and then it works", "hostile" in file.read())
    attack.check("the lowest number is free", fds[0] == 4)
attack.end(100)
