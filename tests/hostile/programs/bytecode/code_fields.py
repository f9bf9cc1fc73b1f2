"""Code objects whose fields contradict each other: depths, exception tables, lines, names, numbers of arguments."""
# expect: status=ok|error|crashed|timeout|memory_limit stdout~"^begun\n" absent=WorkerLost
# option: --timeout 1 --memory 64
import types

print("begun", flush=True)


def sample(a, b=2, *c, d=3, **e):
    try:
        return [a, b, c, d, e, [x for x in c]]
    except ValueError:
        raise
    finally:
        a = 5


code = sample.__code__
changes = [{"co_stacksize": n} for n in (0, 1, 1 << 20, (1 << 31) - 1)]
changes += [{"co_exceptiontable": b} for b in (b"", b"\xff" * 100, b"\x80\x7f\x7f\x7f" * 50, bytes(range(256)))]
changes += [{"co_linetable": b} for b in (b"", b"\xff" * 100, bytes(range(128, 256)))]
changes += [{"co_argcount": n} for n in (0, 5, 1 << 20)] + [{"co_kwonlyargcount": n} for n in (0,
        100)] + [{"co_posonlyargcount": 50}]
changes += [{"co_nlocals": 0}, {"co_varnames": ()}, {"co_names": ()}, {"co_consts": ()},
            {"co_cellvars": ("a", "x") * 50}, {"co_freevars": ("y",)},
            {"co_flags": 0}, {"co_flags": 0xFFFFFFF}, {"co_flags": 0x20}, {"co_flags": 0x200 | 0x80},
            {"co_firstlineno": -(1 << 31)}, {"co_code": b""},
            {"co_code": b"\0"}, {"co_code": code.co_code[::-1]}, {"co_code": code.co_code * 1000},
            {"co_code": code.co_code[:10]}]
for change in changes:
    try:
        forged = code.replace(**change)
        list(forged.co_lines()), list(forged.co_positions())
        result = types.FunctionType(forged, {}, argdefs=(1, 2, 3))(1, 2, 3)
        if hasattr(result, "send"):
            result.send(None)
    except BaseException as error:
        print(type(error).__name__)
