"""The guest's own side: runs a request's code, reports its value or its exception, and keeps out of the way.

`prepare` and `run` are called by guest.c; the events are those of docs/design/guest-abi.md.
"""

import builtins
import sys
import _shannon_host

RESULT, DISPLAY, ERROR = 1, 2, 3

_TEXT_BYTES = 1 << 20  # the most of one text; the host drops an event over 8 MiB
_BUNDLE_BYTES = 6 << 20  # the most of a value's other representations
_SOURCES_CHARACTERS = 8 << 20  # of earlier runs, kept for tracebacks
_RESERVE_BYTES = 2 << 20

sys._stdlib_dir = "/usr/lib/python3.11"  # gives frozen modules, such as os, their __file__
for _module in list(sys.modules.values()):  # those that were there before have to know it, too
    _state = getattr(getattr(_module, "__spec__", None), "loader_state", None)
    if _state is not None and _state.filename is None and not hasattr(_module, "__path__"):
        _state.filename = _module.__file__ = f"{sys._stdlib_dir}/{_module.__name__.replace('.', '/')}.py"
_namespace = sys.modules["__main__"].__dict__
_FIRST_NAMES = frozenset(_namespace)
_reserve = _shannon_host.reserve(_RESERVE_BYTES)
_futures = 0  # the `from __future__ import` of this run and those before it, as at a prompt
_runs = 0
_stdin = sys.stdin
_first_handlers = 0  # of logging, that need no shutdown


# ---- what is there from the start ----

# Imported before the image is made, so that code which imports them pays nothing. What is usual, and small: a module that
# reads the clock or draws random numbers when it is imported must be seen to in _freshen().
_USUAL = """
    abc argparse array ast base64 binascii bisect calendar cmath collections.abc contextlib copy csv dataclasses datetime
    decimal difflib enum errno fractions functools gc glob hashlib heapq html inspect io itertools json keyword linecache
    locale logging math numbers operator os.path pathlib pickle pprint random re reprlib secrets shlex shutil statistics
    string struct sys tempfile textwrap threading time timeit tokenize traceback types typing unicodedata urllib.parse uuid
    warnings weakref zlib zoneinfo
"""


def prepare():
    """Brings the interpreter into the state that every execution starts from."""
    global _first_handlers
    import gc

    for name in _USUAL.split():
        __import__(name)
    for path in list(sys.path_importer_cache):
        if path.startswith("/tmp"):  # a cached listing would hide a run's input files
            del sys.path_importer_cache[path]
    import atexit
    import logging

    atexit.unregister(logging.shutdown)  # it takes longer than most programs; _finish() does it where there is need
    _first_handlers = len(logging._handlerList)
    _practise()
    gc.collect()
    _shannon_host.fill_holes()
    gc.freeze()  # a later collection then neither visits these objects nor writes to their pages


def _practise():
    """Runs nothing a few times: CPython adapts code to what it does, and what is done now need not be done, in memory
    that would have to be copied, by every execution."""
    global _runs, _futures
    for _ in range(32):
        run("x = 1\nNone", "<nothing>", [""], False, True)
    _namespace.pop("x", None)
    _sources.clear()
    _runs = _futures = 0


def _freshen():
    """Forgets what was drawn by chance or read from a clock before the state was saved; it would be everybody's."""
    modules = sys.modules
    for name, forget in _STALE.items():
        module = modules.get(name)
        if module is not None:
            try:
                forget(module)
            except Exception:  # it is not the module that it was: the caller's code has put its own there
                pass


def _stale_random(module):
    if not module._inst._is_seeded():
        module._inst.gauss_next = None


def _stale_generators(module):
    module._forget()


def _stale_tempfile(module):
    module._name_sequence = None


def _stale_uuid(module):
    module._last_timestamp = None
    module._node = None


def _stale_logging(module):
    import time

    if _runs == 0:  # a session began when it began
        module._startTime = time.time()


_STALE = {
    "_random": _stale_generators,
    "random": _stale_random,
    "tempfile": _stale_tempfile,
    "uuid": _stale_uuid,
    "logging": _stale_logging,
}


# ---- events ----


def _encoded(text):
    return text.encode("utf-8", "backslashreplace")


def _payload(strings):
    parts = []
    for data in strings:
        parts += len(data).to_bytes(4, "little"), data
    return b"".join(parts)


def _shortened(text):
    data = _encoded(text)
    if len(data) <= _TEXT_BYTES:
        return data
    kept = data[:_TEXT_BYTES].decode("utf-8", "ignore")
    return _encoded(f"{kept}... ({len(text) - len(kept)} more characters)")


def _flush():
    for name, first in ("stdout", "__stdout__"), ("stderr", "__stderr__"):
        stream = None
        try:
            stream = getattr(sys, name)
            stream.flush()
        except BaseException:  # replaced, closed or broken by the caller's code: there is nothing left to flush
            pass
        try:
            other = getattr(sys, first)
            if other is not stream:
                other.flush()
        except BaseException:
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


def _representations(value):
    """Pairs of MIME type and data, by the methods that notebooks use."""
    if isinstance(value, type):
        return
    for mime, name in _METHODS.items():
        method = getattr(type(value), name, None)
        if method is not None:
            try:
                yield mime, method(value)
            except Exception:  # one that fails is one fewer
                pass
    many = getattr(type(value), "_repr_mimebundle_", None)
    if many is not None:
        try:
            found = many(value, include=None, exclude=None)
            yield from (found[0] if isinstance(found, tuple) else found).items()
        except Exception:
            pass


def _bundle(value):
    """MIME type, data, MIME type, data, ... of a value; its repr comes first."""
    found = {"text/plain": repr(value)}
    room = _BUNDLE_BYTES
    strings = []
    for mime, data in _representations(value):
        try:
            if data is not None:
                found[str(mime)] = _as_text(mime, data)
        except Exception:
            pass
    for mime, text in found.items():
        data = _shortened(text) if mime == "text/plain" else _encoded(text)
        room -= len(data)
        if room < 0:  # half an image is none
            data = _encoded(f"({mime} of {len(data)} bytes is too big to be shown)")
            mime = "text/plain"
            if strings:
                strings[1] += b"\n" + data
                continue
        strings += _encoded(mime), data
    return _payload(strings)


def display(*values):
    """Shows values as notebooks do: with their HTML, images and so on, where they have them."""
    for value in values:
        bundle = _bundle(value)
        _flush()
        _shannon_host.emit(DISPLAY, bundle)


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


# ---- sources, for tracebacks ----

_sources = {}  # of each run, by what its code is called
_sources_characters = 0


def _label(source, filename):
    """What to call this run's code: `filename`, or something of its own if earlier code has that name."""
    global _sources_characters
    if _sources.get(filename, source) != source:
        if filename.startswith("<") and filename.endswith(">"):
            filename = f"{filename[:-1]} #{_runs}>"
        else:
            filename = f"{filename} #{_runs}"
    _sources_characters += len(source) - len(_sources.get(filename, ""))
    _sources[filename] = source
    if _sources_characters > _SOURCES_CHARACTERS:
        _forget_sources()
    return filename


def _forget_sources():
    """Keeps the sources of the latest runs, so much of them."""
    global _sources_characters
    for name, source in list(_sources.items()):
        if _sources_characters <= _SOURCES_CHARACTERS:
            break
        _sources_characters -= len(source)
        _sources[name] = ""  # the name stays taken
        sys.modules["linecache"].cache.pop(name, None)


def lines_of(filename):
    """The lines of code that came in a request, for linecache; None: it is none of ours."""
    source = _sources.get(filename)
    if not source:
        return None
    return (source if source.endswith("\n") else source + "\n").splitlines(True)  # traceback counts on the last one's end


# ---- exceptions ----

_ABSENT = {  # what a sandbox has not, of modules that are there
    "os": (
        "processes are",
        "execl execle execlp execlpe execv execve execvp execvpe fork forkpty kill killpg nice pipe pipe2 posix_spawn "
        "posix_spawnp setsid spawnl spawnle spawnlp spawnv spawnve spawnvp system wait waitpid",
    ),
    "signal": ("timers and signals of other processes are", "alarm getitimer pause setitimer sigwait"),
    "hashlib": ("OpenSSL is", "scrypt"),
}
_ENOTSUP = 58


def _hint(error):
    """What to say about what the sandbox has not; or nothing."""
    missing = None
    if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str):
        top = error.name.partition(".")[0]
        if top in sys.stdlib_module_names:
            missing = f"{top} is"
        elif top not in sys.modules:  # else it is a part of a module that is there
            return "only Python's standard library is available in this sandbox; packages cannot be installed"
    elif isinstance(error, AttributeError) and isinstance(error.obj, type(sys)):
        what, names = _ABSENT.get(error.obj.__name__, ("", ""))
        if error.name in names.split():
            missing = what
    elif isinstance(error, OSError) and error.errno == _ENOTSUP and error.strerror == "Not supported":
        missing = "this system call is"
    elif type(error) is RuntimeError and error.args == ("can't start new thread",):
        missing = "threads are"
    return f"{missing} not available in the WebAssembly sandbox" if missing else ""


def _text_of(error):
    try:
        return str(error)
    except BaseException:
        return "<exception str() failed>"


def _hide_own_frames(report, seen):
    """Takes this file's frames out of a traceback.TracebackException and of what it is chained to."""
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    report.stack[:] = [frame for frame in report.stack if frame.filename != __file__]
    for other in [report.__cause__, report.__context__, *(report.exceptions or ())]:
        _hide_own_frames(other, seen)


def _traceback_of(error):
    import traceback

    report = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    _hide_own_frames(report, set())
    return "".join(report.format())


def _printed(error):
    """The traceback as Python prints it; what a sys.excepthook of the caller's own prints is its affair."""
    hook = sys.excepthook
    if hook is sys.__excepthook__:
        return _traceback_of(error)
    try:
        hook(type(error), error, error.__traceback__)
        return ""
    except Exception as second:
        second.__context__ = None
        return (f"Error in sys.excepthook:\n{_traceback_of(second)}\n"
                f"Original exception was:\n{_traceback_of(error)}")


def _report(error):
    """The exception as an ERROR event."""
    try:
        name = type(error).__name__
        value = _text_of(error)
        hint = _hint(error)
        if hint:
            value = f"{value} ({hint})"
            error.add_note(hint)
        text = _printed(error)
        _flush()
        payload = _payload([_encoded(name), _shortened(value), _shortened(text)])
    except MemoryError:
        _shannon_host.no_memory()
        return
    except BaseException as second:  # the report itself failed: say at least what happened first
        text = f"{name}: (its report failed with {type(second).__name__})\n"
        payload = _payload([_encoded(name), b"", _encoded(text)])
    _shannon_host.emit(ERROR, payload)


def _exit_status(error):
    """What sys.exit() was given, as a shell would see it."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        number = int(code)
        if not -1 << 63 <= number < 1 << 63:  # Python makes -1 of what is too long
            number = -1
        if number:
            _shannon_host.emit(ERROR, _payload([b"SystemExit", b"%d" % number, b""]))
        return number & 255
    text = _text_of(code)
    try:
        print(text, file=sys.stderr)
    except Exception:
        pass
    _flush()
    _shannon_host.emit(ERROR, _payload([b"SystemExit", _shortened(text), b""]))
    return 1


# ---- running ----


def _execute(source, filename):
    global _futures
    try:
        body, last, _futures = _shannon_host.compile(source, filename, _futures)
    except SyntaxError as error:
        if error.text is None and error.lineno:  # found by the compiler, which knows no text
            error.text = "".join(source.split("\n")[error.lineno - 1 : error.lineno])
        raise
    if body is not None:
        exec(body, _namespace)
    if last is None:
        return
    value = eval(last, _namespace)
    if value is None:
        return
    bundle = _bundle(value)
    builtins._ = value
    _flush()
    _shannon_host.emit(RESULT, bundle)


def _finish():
    """The end of the program: exit handlers, then the destructors of what it kept."""
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()
    logging = sys.modules.get("logging")
    if logging is not None and len(logging._handlerList) > _first_handlers:
        logging.shutdown()
    if len(_namespace) > len(_FIRST_NAMES):
        for name in list(_namespace):
            if name not in _FIRST_NAMES:
                _namespace[name] = None


def _opened(fd, mode, errors):
    return open(fd, mode, 1 if mode == "w" else -1, encoding="utf-8", errors=errors, closefd=False)


def _is_open(stream):
    try:
        return not stream.closed
    except ValueError:  # detached
        return False


def _fresh_streams():
    """
    Each run has an input of its own: what was read ahead of the one before, and its end, are forgotten. And an output:
    closing it was right at the end of a program. Streams that the caller's code put there instead are its own.
    """
    global _stdin
    if sys.stdin is _stdin and (_shannon_host.input_was_read() or not _is_open(_stdin)):
        sys.stdin = sys.__stdin__ = _stdin = _opened(0, "r", "surrogateescape")
    # names that are constants: CPython's cache of attributes takes any other for a new one, each time
    for fd, name, first, errors in (
        (1, "stdout", "__stdout__", "surrogateescape"),
        (2, "stderr", "__stderr__", "backslashreplace"),
    ):
        stream = getattr(sys, first)
        if not _is_open(stream) and getattr(sys, name, None) is stream:
            stream = _opened(fd, "w", errors)
            setattr(sys, name, stream)
            setattr(sys, first, stream)


def run(source, filename, args, one_shot, restored):
    """Runs one request; the exit status. `restored`: for the first time since the state was saved."""
    global _reserve, _runs
    status = 0
    try:
        if restored:
            _freshen()
        _runs += 1
        if _runs > 1:
            _fresh_streams()
        sys.argv[:] = args or [""]
        if filename.startswith("<"):
            _namespace.pop("__file__", None)
        else:
            _namespace["__file__"] = filename
        _execute(source, _label(source, filename))
    except SystemExit as error:
        status = _exit_status(error)
    except BaseException as error:
        status = 1
        _reserve = None
        _report(error)
    if one_shot:
        try:
            _finish()
        except BaseException:
            pass
    _flush()
    if _reserve is None and not one_shot:
        try:
            _reserve = _shannon_host.reserve(_RESERVE_BYTES)
        except MemoryError:
            pass
    return status
