"""The guest's own side: runs a request's code, reports its value or its exception, and keeps out of the way.

Nothing is imported here that plain code would not need; what only a report needs is imported when there is one.
`run` is called by guest.c; the events are those of docs/design/guest-abi.md.
"""

import builtins
import sys
from _ast import Expr, Expression

import _shannon_host

RESULT, DISPLAY, ERROR = 1, 2, 3

_ONLY_AST = 0x400  # PyCF_ONLY_AST
_FUTURES = 0x1FE0000  # every CO_FUTURE_... flag of 3.11
_TEXT_LIMIT = 1 << 20  # characters of one representation
_RESERVE_BYTES = 2 << 20

_namespace = sys.modules["__main__"].__dict__
_reserve = _shannon_host.reserve(_RESERVE_BYTES)


# ---- events ----


def _payload(strings):
    parts = []
    for text in strings:
        data = text.encode("utf-8", "backslashreplace")
        parts += len(data).to_bytes(4, "little"), data
    return b"".join(parts)


_OUT_OF_MEMORY = _payload(["MemoryError", "", "MemoryError\n"])


def _flush():
    for name in "stdout", "stderr", "__stdout__", "__stderr__":
        try:
            getattr(sys, name).flush()
        except BaseException:  # replaced, closed or broken by the caller's code: there is nothing left to flush
            pass


# ---- values ----

_METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "application/json": "_repr_json_",
}


def _shortened(text):
    if len(text) <= _TEXT_LIMIT:
        return text
    return f"{text[:_TEXT_LIMIT]}... ({len(text) - _TEXT_LIMIT} more characters)"


def _as_text(mime, data):
    if isinstance(data, tuple) and len(data) == 2:  # (data, metadata), as IPython allows
        data = data[0]
    if isinstance(data, (bytes, bytearray)):
        import binascii

        return binascii.b2a_base64(data, newline=False).decode()
    if isinstance(data, str):
        return data
    if mime == "application/json":
        import json

        return json.dumps(data)
    return str(data)


def _bundle(value):
    """MIME type, data, MIME type, data, ... of a value, by the methods that notebooks use."""
    found = {"text/plain": repr(value)}
    if not isinstance(value, type):
        for mime, name in _METHODS.items():
            method = getattr(type(value), name, None)
            if method is None:
                continue
            try:
                found[mime] = method(value)
            except Exception:  # a representation that fails is one representation fewer
                pass
        many = getattr(type(value), "_repr_mimebundle_", None)
        if many is not None:
            try:
                more = many(value)
                found.update(more[0] if isinstance(more, tuple) else more)
            except Exception:
                pass
    strings = []
    for mime, data in found.items():
        if data is not None:
            strings += mime, _shortened(_as_text(mime, data))
    return strings


def display(*values):
    """Shows values as notebooks do: with their HTML, images and so on, where they have them."""
    for value in values:
        _flush()
        _shannon_host.emit(DISPLAY, _payload(_bundle(value)))


class _Exit:
    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return f"Use {self._name}() to end the program"

    def __call__(self, code=None):
        raise SystemExit(code)


class _Help:
    def __repr__(self):
        return "Type help(object) for help about object."

    def __call__(self, *args, **kwargs):
        import pydoc

        return pydoc.help(*args, **kwargs)


builtins.display = display
builtins.exit = _Exit("exit")
builtins.quit = _Exit("quit")
builtins.help = _Help()

for _stream in sys.stdout, sys.stderr:
    _stream.reconfigure(line_buffering=True)  # a line is seen when it is printed, not when a buffer is full


# ---- exceptions ----


def _show_source(filename, source):
    """Lets tracebacks show the caller's own lines."""
    import linecache

    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)


def _hint(error):
    """What to say about a module that is not there."""
    if not isinstance(error, ModuleNotFoundError) or not isinstance(error.name, str):
        return ""
    top = error.name.partition(".")[0]
    if top in sys.modules:
        return ""
    if top in sys.stdlib_module_names:
        return f"{top} is not available in the WebAssembly sandbox"
    return "only Python's standard library is available in this sandbox; packages cannot be installed"


def _text_of(error):
    try:
        return str(error)
    except Exception:
        return "<exception str() failed>"


def _traceback_of(error):
    import traceback

    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename == __file__:
        own = own.tb_next
    return "".join(traceback.TracebackException(type(error), error, own, compact=True).format())


def _report(error, filename, source):
    """The exception as an ERROR event."""
    name = type(error).__name__
    try:
        hint = _hint(error)
        value = _text_of(error)
        if hint:
            value = f"{value} ({hint})"
            error.add_note(hint)
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(type(error), error, error.__traceback__)
            text = ""
        else:
            _show_source(filename, source)
            text = _traceback_of(error)
        _flush()
        payload = _payload([name, _shortened(value), _shortened(text)])
    except MemoryError:
        payload = _OUT_OF_MEMORY
    except BaseException as second:  # the report itself failed: say at least what happened first
        payload = _payload([name, "", f"{name}: (its report failed with {type(second).__name__})\n"])
    _shannon_host.emit(ERROR, payload)


def _exit_status(error):
    """What sys.exit() was given, as a shell would see it."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        status = code & 255
        if status:
            _shannon_host.emit(ERROR, _payload(["SystemExit", str(int(code)), ""]))
        return status
    try:
        print(code, file=sys.stderr)
    except Exception:
        pass
    _flush()
    _shannon_host.emit(ERROR, _payload(["SystemExit", _text_of(error), ""]))
    return 1


# ---- running ----


def _compiled(source, filename):
    """The code as a pair: all of it but a last expression, and that expression or None."""
    tree = compile(source, filename, "exec", _ONLY_AST, dont_inherit=True)
    last = None
    if tree.body and isinstance(tree.body[-1], Expr):
        last = Expression(tree.body.pop().value)
    body = compile(tree, filename, "exec", dont_inherit=True)
    if last is not None:
        last = compile(last, filename, "eval", body.co_flags & _FUTURES, dont_inherit=True)
    return body, last


def _execute(source, filename):
    body, last = _compiled(source, filename)
    exec(body, _namespace)
    if last is None:
        return
    value = eval(last, _namespace)
    if value is None:
        return
    builtins._ = value
    strings = _bundle(value)
    _flush()
    _shannon_host.emit(RESULT, _payload(strings))


def run(source, filename, args, one_shot):
    """Runs one request; the exit status."""
    global _reserve
    sys.argv[:] = args
    status = 0
    if "linecache" in sys.modules:
        _show_source(filename, source)
    try:
        _execute(source, filename)
    except SystemExit as error:
        status = _exit_status(error)
    except BaseException as error:
        status = 1
        _reserve = None
        _report(error, filename, source)
    if one_shot and "atexit" in sys.modules:
        try:
            sys.modules["atexit"]._run_exitfuncs()
        except BaseException:
            pass
    _flush()
    if _reserve is None and not one_shot:
        try:
            _reserve = _shannon_host.reserve(_RESERVE_BYTES)
        except MemoryError:
            pass
    return status
