"""The Python guest from inside: what is there, what is not and how that is said, and how ends are reported."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..")]
import shannon
import tap

# What cannot be imported, by top-level name: no C module for WASI, or left out by make_archive.py.
ABSENT = set("""
    _crypt _ctypes _curses _curses_panel _dbm _gdbm _hashlib _msi _multiprocessing _overlapped _posixshmem
    _posixsubprocess _scproxy _ssl _tkinter _uuid _winapi crypt ctypes curses ensurepip fcntl grp idlelib mmap msilib
    msvcrt nis nt ossaudiodev pty pwd readline resource spwd ssl syslog termios tkinter tty turtle turtledemo venv winreg
    winsound
""".split())

SURVEY = """
import sys
for name in sorted(sys.stdlib_module_names - {"antigravity", "this"}):
    try:
        __import__(name)
    except ImportError:
        print(name)
"""

# Code, the exception it must end with, and what the report must say.
NOT_SUPPORTED = {
    "import numpy": ("ModuleNotFoundError", "only Python's standard library is available"),
    "import pip": ("ModuleNotFoundError", "packages cannot be installed"),
    "import ctypes": ("ModuleNotFoundError", "ctypes is not available in the WebAssembly sandbox"),
    "import ssl": ("ModuleNotFoundError", "ssl is not available in the WebAssembly sandbox"),
    "import tkinter.ttk": ("ModuleNotFoundError", "tkinter is not available in the WebAssembly sandbox"),
    "import socket; socket.socket()": ("OSError", "not available in the WebAssembly sandbox"),
    "import subprocess; subprocess.run(['ls'])": ("OSError", "does not support processes"),
    "import os; os.popen('ls')": ("OSError", "does not support processes"),
    "import os; os.system('ls')": ("AttributeError", "processes are not available in the WebAssembly sandbox"),
    "import os; os.fork()": ("AttributeError", "processes are not available in the WebAssembly sandbox"),
    "import threading; threading.Thread(target=print).start()": ("RuntimeError", "threads are not available"),
    "import concurrent.futures as f; f.ThreadPoolExecutor().submit(print)": ("RuntimeError", "threads are not available"),
    "import multiprocessing as m; m.Pool(2)": ("ModuleNotFoundError", "not available in the WebAssembly sandbox"),
    "import signal; signal.alarm(1)": ("AttributeError", "not available in the WebAssembly sandbox"),
    "import hashlib; hashlib.scrypt(b'')": ("AttributeError", "OpenSSL is not available in the WebAssembly sandbox"),
}

MEMORY_EATERS = {
    "one allocation": "bytearray(10**9)",
    "small objects": "l = []\nwhile True: l.append([])",
    "doubling text": "s = 'x'\nwhile True: s += s",
    "dictionary": "d = {}\nwhile True: d[len(d)] = None",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nf(0)",
    "its own report": "'x' * 40_000_000",
    "the last byte": "l = []\nn = 1 << 22\nwhile n:\n    try: l.append(bytes(n))\n    except MemoryError: n >>= 1\n"
                     "t = None\nwhile True: t = (t,)",
}


class Modules(unittest.TestCase):
    def test_what_cannot_be_imported(self):
        result = shannon.result(SURVEY)
        self.assertEqual(set(result["stdout"].split()), ABSENT)

    def test_time_zones(self):
        code = "import zoneinfo\nlen(zoneinfo.available_timezones()) > 500, zoneinfo.ZoneInfo('Asia/Tokyo').key"
        self.assertEqual(shannon.result(code)["result"]["text/plain"], "(True, 'Asia/Tokyo')")

    def test_asyncio(self):
        code = ("import asyncio\n"
                "async def main():\n"
                "    try: await asyncio.wait_for(asyncio.Event().wait(), 0.01)\n"
                "    except asyncio.TimeoutError: pass\n"
                "    return await asyncio.gather(*(asyncio.sleep(0.01, i) for i in range(3)))\n"
                "asyncio.run(main())")
        self.assertEqual(shannon.result(code)["result"]["text/plain"], "[0, 1, 2]")

    def test_waiting_is_idle(self):
        code = "import threading\nl = threading.Lock()\nl.acquire(), l.acquire(timeout=0.5)"
        result = shannon.result(code)
        self.assertEqual(result["result"]["text/plain"], "(True, False)")
        self.assertGreaterEqual(result["usage"]["wall_ms"], 500)
        self.assertLess(result["usage"]["cpu_ms"], 400)

    def test_sqlite(self):
        code = ("import sqlite3\nc = sqlite3.connect(':memory:')\n"
                "c.execute('create virtual table t using fts5(a)')\nc.execute(\"insert into t values ('hello world')\")\n"
                "c.execute(\"select a, json_extract('[1,2]', '$[1]'), floor(sqrt(10)) from t where t match 'world'\").fetchall()")
        self.assertEqual(shannon.result(code)["result"]["text/plain"], "[('hello world', 2, 3.0)]")

    def test_random_is_fresh_and_hashes_are_not(self):
        code = "import random, uuid, secrets\nprint(random.random(), uuid.uuid4(), secrets.token_hex())\nhash('shannon')"
        first, second = shannon.result(code), shannon.result(code)
        self.assertEqual(first["result"], second["result"])
        for one, other in zip(first["stdout"].split(), second["stdout"].split()):
            self.assertNotEqual(one, other)

    def test_not_supported(self):
        for code, (name, text) in NOT_SUPPORTED.items():
            with self.subTest(code):
                result = shannon.result(code)
                self.assertEqual((result["status"], result["error"]["name"]), ("error", name))
                self.assertIn(text, result["error"]["value"])
                self.assertIn(text, result["error"]["traceback"])


class Reports(unittest.TestCase):
    def error(self, code, *args):
        return shannon.result(code, *args)["error"]

    def test_as_python_prints_it(self):
        code = "def f():\n    return 1 / 0\n\nf()"
        self.assertEqual(self.error(code)["traceback"], (
            'Traceback (most recent call last):\n'
            '  File "<string>", line 4, in <module>\n    f()\n'
            '  File "<string>", line 2, in f\n    return 1 / 0\n           ~~^~~\n'
            'ZeroDivisionError: division by zero\n'))

    def test_chains_groups_and_notes(self):
        code = ("try:\n    {}['k']\nexcept KeyError as e:\n"
                "    error = ExceptionGroup('both', [ValueError(1), TypeError(2)])\n    error.add_note('a note')\n    raise error from e")
        text = self.error(code)["traceback"]
        for part in "KeyError: 'k'", "direct cause", "ExceptionGroup: both (2 sub-exceptions)", "a note", "TypeError: 2":
            self.assertIn(part, text)
        self.assertNotIn("_shannon", text)

    def test_representation_that_fails(self):
        code = "class R:\n    def __repr__(self): return 1 / 0\n%s"
        for last in "R()", "display(R())":
            error = self.error(code % last)
            self.assertEqual(error["name"], "ZeroDivisionError")
            self.assertIn("in __repr__", error["traceback"])
            self.assertNotIn("_shannon", error["traceback"])

    def test_text_that_fails(self):
        error = self.error("class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E")
        self.assertEqual((error["name"], error["value"]), ("E", "<exception str() failed>"))

    def test_syntax_errors_point_at_the_place(self):
        for code, line in (("x = (1,", 1), ("a = 1\nreturn a", 2), ("await x", 1), ("x = 1\nnonlocal x", 2)):
            error = self.error(code)
            self.assertEqual(error["name"], "SyntaxError")
            self.assertIn(f'File "<string>", line {line}\n    {code.splitlines()[line - 1]}\n', error["traceback"])

    def test_lines_are_shown_to_the_program_too(self):
        code = "import traceback\ntry:\n    None.x\nexcept AttributeError:\n    traceback.print_exc()"
        self.assertIn("line 3, in <module>\n    None.x\n", shannon.result(code)["stderr"])

    def test_own_excepthook(self):
        result = shannon.result("import sys\nsys.excepthook = lambda t, v, tb: print('mine', t.__name__)\n1 / 0")
        self.assertEqual((result["stdout"], result["error"]["name"]), ("mine ZeroDivisionError\n", "ZeroDivisionError"))
        text = self.error("import sys\nsys.excepthook = lambda *a: [][1]\n1 / 0")["traceback"]
        self.assertLess(text.index("Error in sys.excepthook:"), text.index("Original exception was:"))

    def test_recursion(self):
        error = self.error("def f(): f()\nf()")
        self.assertEqual(error["name"], "RecursionError")
        self.assertIn("more times]", error["traceback"])
        self.assertIsNone(self.error("def f(n): return n and f(n - 1)\nf(980)"))

    def test_out_of_memory(self):
        for what, code in MEMORY_EATERS.items():
            with self.subTest(what):
                result = shannon.result(code, "--memory", "64")
                self.assertEqual((result["status"], result["error"]["name"]), ("memory_limit", "MemoryError"))


class Ends(unittest.TestCase):
    def test_exit_codes(self):
        for code, status in (("exit()", 0), ("exit(3)", 3), ("quit(True)", 1), ("raise SystemExit(-1)", 255),
                             ("exit('why')", 1), ("import os; os._exit(7)", 7), ("exit(10**30)", 255)):
            with self.subTest(code):
                self.assertEqual(shannon.run(code).returncode, status)
        self.assertEqual(shannon.run("exit('why')").stderr, "why\n")

    def test_exit_handlers_and_destructors_run(self):
        code = ("import atexit\natexit.register(print, 'handler')\n"
                "class D:\n    def __del__(self): print('destructor')\nd = D()\nprint('end')")
        self.assertEqual(shannon.run(code).stdout, "end\nhandler\ndestructor\n")

    def test_output_survives_what_was_done_to_the_streams(self):
        for code in ("import sys; print('x', end=''); sys.stdout = None", "import sys; print('x', end=''); sys.stdout.close()",
                     "import sys; print('x', end=''); sys.stdout = 5; 1/0", "import sys; print('x', end=''); del sys.stdout"):
            with self.subTest(code):
                self.assertEqual(shannon.run(code).stdout, "x")

    def test_output_comes_before_the_value(self):
        result = shannon.result("print('a', end='')\ndisplay(1)\nprint('b')\n2")
        self.assertEqual((result["stdout"], result["outputs"], result["result"]),
                         ("ab\n", [{"text/plain": "1"}], {"text/plain": "2"}))


class Values(unittest.TestCase):
    def value(self, code):
        return shannon.result(code)["result"]

    def test_last_expression(self):
        self.assertEqual(self.value("x = 6\nx * 7"), {"text/plain": "42"})
        self.assertIsNone(self.value("None"))
        self.assertIsNone(self.value("x = 1"))
        self.assertEqual(self.value("from __future__ import annotations\ndef f(a: b): pass\nf.__annotations__"),
                         {"text/plain": "{'a': 'b'}"})

    def test_representations(self):
        code = ("class V:\n    def __repr__(self): return 'V'\n    def _repr_html_(self): return '<b>'\n"
                "    def _repr_png_(self): return b'\\x89PNG'\n    def _repr_latex_(self): 1 / 0\n"
                "    def _repr_mimebundle_(self, include, exclude): return {'x/y': 'z'}\nV()")
        self.assertEqual(self.value(code), {"text/plain": "V", "text/html": "<b>", "image/png": "iVBORw==", "x/y": "z"})

    def test_long_ones_are_cut(self):
        text = self.value("'x' * 3_000_000")["text/plain"]
        self.assertLess(len(text), 1_100_000)
        self.assertIn("more characters)", text[-40:])
        bundle = self.value("class V:\n    def _repr_html_(self): return 'x' * 9_000_000\nV()")
        self.assertEqual(list(bundle), ["text/plain"])
        self.assertIn("text/html of 9000000 bytes is too big", bundle["text/plain"])


tap.main(__name__)
