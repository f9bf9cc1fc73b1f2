"""Pickles that call what starts processes, open files, make gigantic objects and refer to themselves; and malformed
ones."""
# option: --memory 96 --timeout 10
# expect: status=ok stdout="HELD\n"
import marshal
import pickle
import random
import attack

NO = (MemoryError, OverflowError, pickle.UnpicklingError, AttributeError, ImportError, OSError, EOFError, ValueError,
      TypeError,
      KeyError, IndexError, RecursionError, UnicodeDecodeError, SystemError)


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def module_call(module, name, *arguments):
    """A pickle that calls module.name(*arguments)."""
    parts = b"".join(pickle.dumps(argument, 0)[:-1] for argument in arguments)
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n(" + parts + b"tR."


for name in ("os.system", "posix.system", "nt.system", "os.popen", "subprocess.getoutput", "subprocess.check_output",
             "pty.spawn", "os.fork"):
    module, _, function = name.rpartition(".")
    attack.attempt(name, pickle.loads, module_call(module, function, "id"), refusals=NO)
for path in "/etc/passwd", "/proc/self/mem":
    attack.attempt(path, pickle.loads, pickle.dumps(Call(open, path)), refusals=NO)
    attack.attempt(path, pickle.loads, pickle.dumps(Call(eval, f"open({path!r}).read()")), refusals=NO)
for bomb in (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x80\x04\x8d\xff\xff\xff\x7f\0\0\0\0",
             b"\x80\x05\x96\xff\xff\xff\x7f\0\0\0\0", b"\x80\x02\x8b\xff\xff\xff\x7f",
             b"(" * 100000 + b"t" * 100000 + b".", b"r\xff\xff\xff\x7f.", b"j\xff\xff\xff\x7f.",
             b"N" + b"\x85" * 200000 + b".", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff",
             b"I" + b"9" * 100000 + b"\n.", b"\x8b\xff\xff\xff\xff.", b"N0" * 10 + b"0.", b"Np4294967295\n.",
             b"Nq\xff.", b"N\x94" * 100000 + b"."):
    attack.attempt(bomb[:12], pickle.loads, bomb, refusals=NO, fine=lambda result: True)
    attack.attempt(bomb[:12], pickle._loads, bomb, refusals=NO, fine=lambda result: True)
random.seed(1)
good = pickle.dumps({"a": [1, 2.5, "x", b"y", (None, True)], "b": {3, 4}, "c": complex(1, 2)})
code = marshal.dumps(compile("def f(x):\n    return [y for y in x if y]\n", "x", "exec"))
for number in range(3000):
    bad = bytearray(good if number % 2 else code)
    for _ in range(random.randrange(1, 4)):
        bad[random.randrange(len(bad))] = random.randrange(256)
    if number % 2:
        if not any(word in bad for word in (b"\x93", b"c", b"R")) or b"builtins" in bad:
            attack.attempt(number, pickle.loads, bytes(bad), refusals=NO, fine=lambda result: True)
    else:
        attack.attempt(number, marshal.loads, bytes(bad), refusals=NO, fine=lambda result: True)  # read, not run
for bad in (b"(\xff\xff\xff\x7f", b"s\xff\xff\xff\x7f", b"[\xff\xff\xff\xff", b"l\xff\xff\xff\x7f", b"r\0\0\0\0",
            b"{" * 10000, b"[\1\0\0\0" * 100000, b"\xe3" + b"\xff" * 60, b"<\xff\xff\xff\x0f"):
    attack.attempt(bad[:5], marshal.loads, bad, refusals=NO)
attack.end(1500)
