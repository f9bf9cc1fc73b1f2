"""`shannon run`: programs in, output and exit codes out; and everything a user can get wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import shannon
import tap


class Output(unittest.TestCase):
    def test_prints(self):
        done = shannon.run("print('Hello, Shannon!')")
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("Hello, Shannon!\n", "", 0))

    def test_unicode(self):
        done = shannon.run("print('naïve — 日本語 😀')")
        self.assertEqual(done.stdout, "naïve — 日本語 😀\n")

    def test_streams_are_apart(self):
        done = shannon.run("import sys; print('out'); print('err', file=sys.stderr)")
        self.assertEqual((done.stdout, done.stderr), ("out\n", "err\n"))

    def test_no_output_is_success(self):
        done = shannon.run("x = 1")
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("", "", 0))

    def test_lines_arrive_while_it_runs(self):
        code = "import time\nprint('first')\ntime.sleep(2)\nprint('second')"
        process = subprocess.Popen([shannon.SHANNON, "run", "-c", code], stdout=subprocess.PIPE)
        start = time.monotonic()
        self.assertEqual(process.stdout.readline(), b"first\n")
        first = time.monotonic() - start
        self.assertEqual(process.stdout.readline(), b"second\n")
        self.assertEqual(process.wait(), 0)
        process.stdout.close()
        self.assertLess(first, 1.5)

    def test_unfinished_line_is_not_lost(self):
        self.assertEqual(shannon.run("print('no newline', end='')").stdout, "no newline")

    def test_bytes_pass_unchanged(self):
        done = shannon.run("import sys; sys.stdout.buffer.write(bytes(range(256)))", stdin=b"")
        self.assertEqual(done.stdout, bytes(range(256)))

    def test_value_is_printed_on_request(self):
        self.assertEqual(shannon.run("6 * 7").stdout, "")
        self.assertEqual(shannon.run("6 * 7", "--value").stdout, "42\n")

    def test_reader_that_leaves_ends_it(self):
        command = f"{shannon.SHANNON} run -c 'while True: print(1)' | head -1"
        start = time.monotonic()
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stdout, "1\n")
        self.assertLess(time.monotonic() - start, 10)


class Workspace(unittest.TestCase):
    def test_none_by_default(self):
        done = shannon.run("import os; print(os.path.exists('/workspace'))\nopen('/tmp/x', 'w')")
        self.assertEqual(done.stdout, "False\n")
        self.assertIn("Read-only file system", done.stderr)

    def test_files_and_folders(self):
        done = shannon.run("""if True:
            import os, shutil, sqlite3, tempfile
            os.chdir('/workspace')
            os.makedirs('a/b'); open('a/b/c', 'w').write('text'); os.rename('a/b/c', 'a/d')
            os.symlink('d', 'a/link'); print(open('a/link').read(), sorted(os.listdir('a')))
            db = sqlite3.connect('db'); db.execute('create table t(x)'); db.execute('insert into t values (7)'); db.commit()
            print(db.execute('select x from t').fetchall(), os.path.getsize('db') > 0)
            shutil.rmtree('a'); print(os.listdir('.'))
            with tempfile.TemporaryDirectory(dir='.') as folder:
                print(len(os.listdir(folder)))
        """, "--workspace", "4")
        self.assertEqual(done.stdout, "text ['b', 'd', 'link']\n[(7,)] True\n['db']\n0\n", done.stderr)

    def test_temporary_files(self):
        done = shannon.run("import tempfile\nwith tempfile.NamedTemporaryFile() as file: print(file.name[:11])", "--workspace", "1")
        self.assertEqual(done.stdout, "/workspace/\n", done.stderr)

    def test_quota(self):
        done = shannon.run("""if True:
            with open('/workspace/big', 'wb') as file:
                try:
                    for i in range(100):
                        file.write(bytes(1 << 20))
                        file.flush()
                except OSError as error:
                    print(error.errno, error.strerror)
            import os; print(0 < os.path.getsize('/workspace/big') <= 3 << 20)
        """, "--workspace", "3")
        self.assertEqual(done.stdout, "51 No space left on device\nTrue\n", done.stderr)

    def test_wrong_sizes(self):
        for size in "0", "1025", "x", "-1":
            self.assertEqual(shannon.run("1", "--workspace", size).returncode, 2)


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def test_file(self):
        path = self.write("hello.py", "import sys\nprint(sys.argv[1:], __name__)")
        done = shannon.command("run", path, "a", "b c")
        self.assertEqual(done.stdout, "['a', 'b c'] __main__\n")

    def test_options_before_and_after_the_file(self):
        path = self.write("argv.py", "import sys; print(sys.argv[1:])")
        done = shannon.command("run", "--timeout", "5", path, "--json", "x", "--", "--json")
        self.assertEqual(json.loads(done.stdout)["stdout"], "['x', '--json']\n")

    def test_argv_0(self):
        self.assertEqual(shannon.run("import sys; print(sys.argv)").stdout, "['-c']\n")

    def test_program_from_standard_input(self):
        for args in ([], ["-"]):
            done = shannon.command("run", *args, stdin="print(input.__name__)")
            self.assertEqual(done.stdout, "input\n")

    def test_stdin_reaches_the_guest(self):
        done = shannon.run("name = input('? '); print('hello', name)", stdin="Ada\n")
        self.assertEqual(done.stdout, "? hello Ada\n")

    def test_stdin_of_all_sizes(self):
        code = "import sys; data = sys.stdin.read(); print(len(data), hash(data) == hash('x' * len(data)))"
        for size in (0, 1, 8191, 65536, 3_000_000):
            self.assertEqual(shannon.run(code, stdin="x" * size).stdout, f"{size} True\n")

    def test_stdin_that_ends_early(self):
        done = shannon.run("input()", stdin="")
        self.assertIn("EOFError: EOF when reading a line", done.stderr)
        self.assertEqual(done.returncode, 1)

    def test_input_files(self):
        path = self.write("data.csv", "a,b\n1,2\n")
        code = "print(open('/tmp/data.csv').read(), open('data.csv').readline(), end='')"
        self.assertEqual(shannon.run(code, "--file", path).stdout, "a,b\n1,2\n a,b\n")
        done = shannon.run("print(open('/tmp/in/x').read(), end='')", "--file", path + ":in/x")
        self.assertEqual(done.stdout, "a,b\n1,2\n")

    def test_input_files_are_read_only(self):
        path = self.write("data.csv", "x")
        for code in ("open('/tmp/data.csv', 'w')", "open('/tmp/new', 'w')", "import os; os.remove('/tmp/data.csv')",
                     "import os; os.mkdir('/tmp/d')"):
            done = shannon.run(code, "--file", path)
            self.assertEqual(done.returncode, 1, code)
            self.assertRegex(done.stderr, "OSError|PermissionError")

    def test_unreadable_file(self):
        done = shannon.run("1", "--file", os.path.join(self.folder.name, "missing"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot open", done.stderr)
        done = shannon.run("1", "--file", self.folder.name)
        self.assertEqual(done.returncode, 2)

    def test_file_that_climbs(self):
        path = self.write("data", "x")
        for guest in ("../etc/passwd", "/etc/passwd", "a/../../b"):
            done = shannon.run("1", "--file", f"{path}:{guest}")
            self.assertEqual(done.returncode, 2, guest)
            self.assertIn("invalid_argument", done.stderr)

    def test_missing_program(self):
        done = shannon.command("run", os.path.join(self.folder.name, "none.py"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("none.py", done.stderr)

    def test_code_over_the_limit(self):
        path = self.write("big.py", "#" * (1 << 20) + "\n")
        done = shannon.command("run", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("limit", done.stderr)
        self.assertEqual(shannon.command("run", self.write("max.py", "#" * ((1 << 20) - 1))).returncode, 0)

    def test_nul_bytes_and_bad_utf8(self):
        done = shannon.command("run", self.write("nul.py", b"print(1)\n\0"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("NUL byte at offset 9, line 2", done.stderr)
        done = shannon.command("run", self.write("latin.py", b"x = '\xe9'"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("not valid UTF-8: byte 0xe9 at offset 5, line 1", done.stderr)

    def test_empty_program(self):
        done = shannon.command("run", self.write("empty.py", ""))
        self.assertEqual(done.returncode, 2)
        self.assertIn("empty", done.stderr)


class Errors(unittest.TestCase):
    def test_exception(self):
        done = shannon.run("def f():\n    return 1 / 0\n\nf()")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, (
            "Traceback (most recent call last):\n"
            '  File "<string>", line 4, in <module>\n'
            "    f()\n"
            '  File "<string>", line 2, in f\n'
            "    return 1 / 0\n"
            "           ~~^~~\n"
            "ZeroDivisionError: division by zero\n"))

    def test_carets_stand_under_a_last_line_without_an_end(self):
        done = shannon.run("x = {}\nx['a']")
        self.assertIn("    x['a']\n    ~^^^^^\nKeyError: 'a'\n", done.stderr)

    def test_output_before_an_exception_is_kept(self):
        got = shannon.result("print('before'); raise ValueError('no')")
        self.assertEqual((got["status"], got["stdout"]), ("error", "before\n"))
        self.assertEqual((got["error"]["name"], got["error"]["value"]), ("ValueError", "no"))

    def test_syntax_error(self):
        done = shannon.run("x = 1\nprint('unfinished")
        self.assertEqual(done.returncode, 1)
        self.assertIn('  File "<string>", line 2\n', done.stderr)
        self.assertIn("SyntaxError: unterminated string literal", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_future_import(self):
        done = shannon.run("'doc'\nfrom __future__ import annotations\ndef f(x: nothing): pass\nprint(f.__annotations__)")
        self.assertEqual((done.stdout, done.stderr), ("{'x': 'nothing'}\n", ""))

    def test_exit_codes(self):
        for code, expected in (("import sys; sys.exit(0)", 0), ("import sys; sys.exit()", 0),
                               ("import sys; sys.exit(3)", 3), ("raise SystemExit(255)", 255),
                               ("import os; os._exit(7)", 7), ("exit(5)", 5)):
            done = shannon.run(code)
            self.assertEqual((done.returncode, done.stderr), (expected, ""), code)
        done = shannon.run("import sys; sys.exit('bad input')")
        self.assertEqual((done.returncode, done.stderr), (1, "bad input\n"))

    def test_exit_zero_is_success(self):
        got = shannon.result("import sys; print('x'); sys.exit(0)")
        self.assertEqual((got["status"], got["error"], got["stdout"]), ("ok", None, "x\n"))
        got = shannon.result("import sys; sys.exit(3)")
        self.assertEqual((got["status"], got["error"]["name"], got["error"]["value"]), ("error", "SystemExit", "3"))

    def test_recursion_without_end(self):
        got = shannon.result("def f(): return f()\nf()")
        self.assertEqual(got["error"]["name"], "RecursionError")
        self.assertEqual(got["exit_code"], 1)

    def test_recursion_in_c_without_end(self):
        got = shannon.result("import sys; sys.setrecursionlimit(10**9)\nclass A:\n  def __repr__(self): return repr(self)\nrepr(A())",
                             "--timeout", "20")
        self.assertIn(got["status"], ("error", "crashed", "memory_limit"))

    def test_packages_are_not_there(self):
        for name in ("numpy", "requests", "pip"):
            done = shannon.run(f"import {name}")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"ModuleNotFoundError: No module named '{name}'", done.stderr)
            self.assertIn("standard library", done.stderr)


class Limits(unittest.TestCase):
    def test_timeout(self):
        start = time.monotonic()
        got = shannon.result("print('begun', flush=True)\nwhile True: pass", "--timeout", "1")
        took = time.monotonic() - start
        self.assertEqual((got["status"], got["stdout"], got["exit_code"]), ("timeout", "begun\n", 124))
        self.assertIn("1 second", got["error"]["value"])
        self.assertTrue(1 <= took < 4, took)

    def test_timeout_stops_sleep_and_c_loops(self):
        for code in ("import time; time.sleep(100)", "9 ** 9 ** 9", "sum(range(10**12))", "input()"):
            with subprocess.Popen([shannon.SHANNON, "run", "--timeout", "1", "-c", code], stdin=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                self.assertEqual(process.wait(timeout=10), 124, code)

    def test_bad_timeouts(self):
        for value in ("0", "61", "abc", "-1", "0.5", "nan", "", "5s"):
            done = shannon.run("print(1)", "--timeout", value)
            self.assertEqual((done.returncode, done.stdout), (2, ""), value)
            self.assertIn("from 1 to 60", done.stderr)

    def test_memory(self):
        got = shannon.result("x = bytearray(10**9)")
        self.assertEqual((got["status"], got["error"]["name"], got["exit_code"]), ("memory_limit", "MemoryError", 137))
        got = shannon.result("x = []\nwhile True: x.append(bytearray(1000))")
        self.assertEqual((got["status"], got["error"]["name"]), ("memory_limit", "MemoryError"))
        self.assertLessEqual(got["usage"]["peak_memory_bytes"], 256 << 20)

    def test_memory_error_can_be_handled(self):
        done = shannon.run("try: bytearray(10**9)\nexcept MemoryError: print('handled')")
        self.assertEqual((done.stdout, done.returncode), ("handled\n", 0))

    def test_memory_limit_of_a_request(self):
        got = shannon.result("x = bytearray(50 << 20)", "--memory", "48")
        self.assertEqual(got["status"], "memory_limit")
        got = shannon.result("x = bytearray(50 << 20)", "--memory", "128")
        self.assertEqual(got["status"], "ok")
        for value in ("0", "257", "abc", "-5"):
            self.assertEqual(shannon.run("1", "--memory", value).returncode, 2, value)

    def test_output_is_bounded(self):
        got = shannon.result("print('x' * 3_000_000)")
        self.assertEqual((got["status"], len(got["stdout"]), got["truncated"]),
                         ("ok", 1 << 20, {"stdout": True, "stderr": False}))
        self.assertEqual(got["usage"]["output_bytes"], 3_000_001)

    def test_endless_output_is_stopped(self):
        got = shannon.result("while True: print('x' * 10000)")
        self.assertEqual((got["status"], got["exit_code"]), ("output_limit", 125))
        self.assertEqual(len(got["stdout"]), 1 << 20)

    def test_endless_displays_are_stopped(self):
        got = shannon.result("while True: display('x' * 100000)")
        self.assertEqual((got["status"], got["exit_code"]), ("output_limit", 125))

    def test_interrupt(self):
        process = subprocess.Popen([shannon.SHANNON, "run", "-c", "print(1, flush=True)\nwhile True: pass"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.assertEqual(process.stdout.readline(), b"1\n")
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 130)
        self.assertIn(b"cancelled", process.stderr.read())
        process.stdout.close()
        process.stderr.close()

    def test_environment(self):
        got = shannon.run("print(1)", env={"WASI_MEMORY_LIMIT_MB": "lots"})
        self.assertEqual(got.returncode, 2)
        self.assertIn("WASI_MEMORY_LIMIT_MB is 'lots'", got.stderr)
        got = shannon.run("print(1)", "--timeout", "11", env={"WASI_TIMEOUT_SECONDS": "10"})
        self.assertEqual(got.returncode, 2)
        self.assertIn("from 1 to 10", got.stderr)

    def test_no_process_is_left(self):
        marker = f"marker{os.getpid()}"
        shannon.run(f"{marker} = 1\nwhile True: pass", "--timeout", "1")
        left = subprocess.run(["pgrep", "-f", marker], capture_output=True, text=True)
        self.assertEqual(left.stdout, "")


    def test_memory_of_a_killed_run_is_told(self):
        got = shannon.result("x = bytearray(50 << 20)\nwhile True: pass", "--timeout", "1")
        self.assertEqual(got["status"], "timeout")
        self.assertGreater(got["usage"]["peak_memory_bytes"], 50 << 20)


class Artifacts(unittest.TestCase):
    """What is said when the interpreter is not there or not whole."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.env = {"SHANNON_HOME": os.path.join(self.folder.name, "home")}

    def test_none_was_built(self):
        program = os.path.join(self.folder.name, "shannon")
        shutil.copy(shannon.SHANNON, program)
        done = subprocess.run([program, "run", "-c", "1"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 125)
        self.assertIn("no Python interpreter was built yet", done.stderr)
        self.assertIn("scripts/setup_python_wasi.sh", done.stderr)

    def copy(self):
        source = os.path.join(shannon.ROOT, "wasm-interpreters", "python-3.11.2")
        for suffix in (".wasm", ".zip", ".json"):
            shutil.copy(source + suffix, self.folder.name)
        return os.path.join(self.folder.name, "python-3.11.2")

    def refused(self, stem, words):
        done = shannon.run("1", "--interpreter", stem + ".wasm", env=self.env)
        self.assertEqual(done.returncode, 125)
        self.assertIn(words, done.stderr)
        self.assertIn("setup_python_wasi.sh", done.stderr)

    def test_a_damaged_module_or_library(self):
        for suffix in (".wasm", ".zip"):
            stem = self.copy()
            with open(stem + suffix, "r+b") as file:
                file.seek(200_000)
                byte = file.read(1)
                file.seek(200_000)
                file.write(bytes([byte[0] ^ 1]))
            self.refused(stem, stem + suffix + " is damaged")
            with open(stem + suffix, "r+b") as file:
                file.truncate(100_000)
            self.refused(stem, stem + suffix + " is damaged")

    def test_a_library_that_is_gone(self):
        stem = self.copy()
        os.remove(stem + ".zip")
        self.refused(stem, stem + ".zip")


class Json(unittest.TestCase):
    def test_fields(self):
        got = shannon.result("print('hi'); 6 * 7")
        self.assertEqual(sorted(got), sorted(["status", "stdout", "stderr", "truncated", "result", "outputs", "error",
                                              "session_id", "step", "usage", "exit_code"]))
        self.assertEqual((got["status"], got["stdout"], got["result"]), ("ok", "hi\n", {"text/plain": "42"}))
        self.assertEqual(sorted(got["usage"]), ["cpu_ms", "output_bytes", "peak_memory_bytes", "startup_ms", "wall_ms"])
        for name, value in got["usage"].items():
            self.assertGreater(value, 0, name)

    def test_values(self):
        for code, expected in (("None", None), ("x = 5", None), ("[1, 'a']", "[1, 'a']"), ("'text'", "'text'"),
                               ("x = 5\nx", "5"), ("def f(): pass", None), ("1; 2", "2")):
            got = shannon.result(code)
            self.assertEqual(got["result"], expected and {"text/plain": expected}, code)

    def test_display(self):
        got = shannon.result("class T:\n  def _repr_html_(self): return '<b>x</b>'\ndisplay(T())\ndisplay(3)")
        self.assertEqual(got["outputs"][0]["text/html"], "<b>x</b>")
        self.assertEqual(got["outputs"][1], {"text/plain": "3"})

    def test_errors_of_the_request(self):
        done = shannon.run("1", "--json", "--timeout", "61")
        error = json.loads(done.stdout)["error"]
        self.assertEqual((done.returncode, error["code"]), (2, "invalid_argument"))
        self.assertIn("61", error["message"])


class Usage(unittest.TestCase):
    def test_help(self):
        for args in (["--help"], ["run", "--help"], ["interpreter", "--help"]):
            done = shannon.command(*args)
            self.assertEqual(done.returncode, 0)
            self.assertIn("Usage:", done.stdout)

    def test_wrong_calls(self):
        for args in ([], ["fly"], ["run", "--nonsense"], ["interpreter"], ["interpreter", "fly"]):
            done = shannon.command(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertNotEqual(done.stderr, "")

    def test_version(self):
        self.assertRegex(shannon.command("--version").stdout, r"^shannon \d+\.\d+\.\d+\n$")


tap.main(__name__)
