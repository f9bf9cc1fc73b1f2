"""
What the hostile programs have in common; every one of them is given this file, read-only, as /tmp/attack.py.

A program tries many ways, and ends with attack.end(N): that prints HELD if at least N ways were tried and none of them
worked, else what got through. A mistake in a program must not look like a wall, so only the exceptions that say "no"
count as being refused; a NameError or a TypeError goes through and fails the test.
"""

import reprlib

REFUSALS = (OSError, ImportError, NotImplementedError, MemoryError, EOFError)

BYTES_HEAD, TUPLE_HEAD = 16, 12  # bytes before the contents, on a processor of 32 bits

tried = 0
shown = reprlib.Repr()
shown.maxstring = shown.maxother = 200
through = []


def note(what):
    """Something got through."""
    through.append(str(what)[:300])


def attempt(what, function, *args, refusals=REFUSALS, fine=lambda result: False, **options):
    """Calls what is to be refused. `fine`: whether a result is harmless, for what may also be answered with nothing."""
    global tried
    tried += 1
    try:
        result = function(*args, **options)
    except refusals:
        return None
    if not fine(result):
        note(f"{what}: {shown.repr(result)}")
    return result


def absent(module, *names):
    """The module is there and these names are not in it."""
    global tried
    for name in names:
        tried += 1
        if hasattr(module, name):
            note(f"{module.__name__}.{name}")


def check(what, holds):
    """A fact that must hold."""
    global tried
    tried += 1
    if not holds:
        note(what)


def memory(base=0, size=(1 << 31) - 1):
    """The guest's whole memory as a bytearray, for those who have no scruples: the second result keeps it alive.

    CPython does not check bytecode. LOAD_CONST with an index far outside of the constants finds an address that lies in
    the bytes of one of them, and there an object that is no object: a bytearray of this size at this address.
    """
    import opcode
    import types

    def words(*numbers):
        return b"".join((number & 0xFFFFFFFF).to_bytes(4, "little") for number in numbers)

    fake = words(1 << 20, id(bytearray), size, size, base, base,
                 0)  # references, type, size, allocated, data, start, exports
    holder = words(id(fake) + BYTES_HEAD)
    constants = (None, fake, holder)
    index = (id(holder) + BYTES_HEAD - id(constants) - TUPLE_HEAD & 0xFFFFFFFF) >> 2
    code = []
    for shift in 24, 16, 8:
        code += opcode.opmap["EXTENDED_ARG"], index >> shift & 255
    code += opcode.opmap["LOAD_CONST"], index & 255, opcode.opmap["RETURN_VALUE"], 0
    forged = (lambda: 0).__code__.replace(co_code=bytes(code), co_consts=constants)
    return types.FunctionType(forged, {})(), constants


def end(least):
    if tried < least:
        print("only", tried, "of", least, "ways were tried")
    else:
        print("HELD" if not through else through)
