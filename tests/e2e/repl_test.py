"""The prompt: on a terminal, as a person sees it, and from a pipe."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import shannon
import tap
from home import Home

SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])")


class Terminal:
    """`shannon repl` on a terminal of its own."""

    def __init__(self, home, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and that would stay
            os.environ.update(SHANNON_HOME=home, TERM="xterm", COLUMNS="80")
            os.execv(shannon.SHANNON, [shannon.SHANNON, "repl", *args])
        self.seen = ""

    def until(self, text, seconds=20):
        """What has come up to and with `text`, without colours and the like; it is not seen again."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"{text!r} did not come, but {self.seen!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"it ended before {text!r}: {self.seen!r}")
            self.seen = SEQUENCE.sub("", self.seen + data.decode("utf-8", "replace"))
        at = self.seen.index(text) + len(text)
        found, self.seen = self.seen[:at], self.seen[at:]
        return found

    def type(self, text):
        os.write(self.fd, text.encode())

    def enter(self, line):
        """What the line brings, up to the next prompt."""
        self.type(line + "\r")
        self.until("\n")
        return self.until(">>> ").removesuffix(">>> ").replace("\r", "")

    def end(self):
        """The exit status, after Ctrl-D."""
        self.type("\x04")
        return self.wait()

    def wait(self, seconds=20):
        end = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                os.kill(self.pid, signal.SIGKILL)
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class OnATerminal(Home):
    def open(self, *args):
        terminal = Terminal(self.home, *args)
        self.banner = terminal.until(">>> ")
        return terminal

    def test_values_output_and_errors(self):
        t = self.open()
        self.assertIn("step 0 of a session that is gone afterwards", self.banner)
        self.assertEqual(t.enter("6 * 7"), "42\n")
        self.assertEqual(t.enter("print('a')"), "a\n")
        self.assertEqual(t.enter("x = 5"), "")
        self.assertIn("ZeroDivisionError: division by zero\n", t.enter("x / 0"))
        self.assertIn("SyntaxError", t.enter("x +* 1"))
        self.assertEqual(t.enter("'ä€'"), "'ä€'\n")
        self.assertEqual(t.enter(""), "")
        self.assertEqual(t.enter("# nothing"), "")
        self.assertEqual(t.end(), 0)

    def test_statements_of_many_lines(self):
        t = self.open()
        t.type("def f(a,\r")
        t.until("... ")
        t.type("      b):\r")
        t.until("... ")
        t.type("    return a + b\r")
        t.until("... ")
        self.assertEqual(t.enter(""), "")
        self.assertEqual(t.enter("f(1, 2)"), "3\n")
        t.type("'''one\r")
        t.until("... ")
        self.assertEqual(t.enter("two'''"), "'one\\ntwo'\n")
        self.assertEqual(t.end(), 0)

    def test_the_session_stays(self):
        t = self.open("--session", "kept")
        t.enter("x = [1]")
        self.assertEqual(t.end(), 0)
        t = self.open("--session", "kept")
        self.assertIn("session kept, step 1", self.banner)
        self.assertEqual(t.enter("x"), "[1]\n")
        self.assertEqual(t.end(), 0)
        self.assertEqual(self.value("kept", "x"), "[1]")

    def test_a_session_of_no_name_is_gone(self):
        t = self.open()
        t.enter("x = 1")
        self.assertIn("kept", t.enter(":fork kept"))
        self.assertEqual(t.end(), 0)
        listed = shannon.command("session", "list", env=self.env).stdout
        self.assertIn("kept", listed)
        self.assertNotIn("repl-", listed)

    def test_fork_rewind_undo_steps(self):
        t = self.open("--session", "a")
        for line in "x = 1", "x = 2", "x = 3":
            t.enter(line)
        self.assertEqual(t.enter(":undo"), "session a, step 2\n")
        self.assertEqual(t.enter("x"), "2\n")
        self.assertEqual(t.enter(":fork b 1"), "session b, step 1\n")
        self.assertEqual(t.enter("x"), "1\n")
        self.assertEqual(t.enter(":session a"), "session a, step 3\n")
        self.assertEqual(t.enter(":rewind 0"), "session a, step 0\n")
        self.assertIn("NameError", t.enter("x"))
        self.assertEqual(t.enter(":session b"), "session b, step 2\n")
        self.assertIn("x = 1", t.enter(":steps"))
        self.assertIn("no step 9", t.enter(":rewind 9"))
        self.assertIn(":help lists", t.enter(":nothing"))
        self.assertIn(":rewind STEP", t.enter(":help"))
        t.type(":quit\r")
        self.assertEqual(t.wait(), 0)

    def test_completion(self):
        t = self.open()
        t.enter("import statistics; a_long_name = 'x'")
        self.assertEqual(t.enter("a_lo\t"), "'x'\n")
        self.assertEqual(t.enter("statistics.harm\t[1, 1])"), "1.0\n")
        t.type("statistics.med\t")
        t.type("\t")
        self.assertIn("statistics.median_grouped(", t.until(">>> "))
        self.assertEqual(t.enter("([3])"), "3\n")
        self.assertEqual(t.enter(":steps").count("ok"), 4)
        t.type("if True:\r")
        t.until("... ")
        t.type("\tprint('indented')\r")
        t.until("... ")
        self.assertEqual(t.enter(""), "indented\n")
        self.assertEqual(t.end(), 0)

    def test_interrupt(self):
        t = self.open()
        t.type("x = 0\rwhile True: x += 1\r\r")
        time.sleep(0.7)
        t.type("\x03")
        self.assertIn("KeyboardInterrupt", t.until("KeyboardInterrupt"))
        t.until(">>> ")
        self.assertEqual(t.enter("x > 1000"), "True\n")
        t.type("half a li\x03")
        t.until("KeyboardInterrupt")
        t.until(">>> ")
        t.type("def f():\r")
        t.until("... ")
        t.type("\x03")
        t.until(">>> ")
        self.assertEqual(t.enter("1"), "1\n")
        self.assertEqual(t.end(), 0)

    def test_input(self):
        t = self.open()
        t.type("name = input('who? ')\r")
        t.until("who? ")
        t.until("who? ")
        t.type("me\r")
        t.until(">>> ")
        self.assertEqual(t.enter("name"), "'me'\n")
        self.assertEqual(t.end(), 0)

    def test_history(self):
        t = self.open()
        t.enter("11111 + 1")
        self.assertEqual(t.end(), 0)
        self.assertEqual(os.stat(os.path.join(self.home, "repl_history")).st_mode & 0o077, 0)
        t = self.open()
        t.type("\x1b[A")
        self.assertEqual(t.enter(""), "11112\n")
        self.assertEqual(t.end(), 0)

    def test_it_ends_when_it_is_told_to(self):
        for number in signal.SIGTERM, signal.SIGHUP:
            t = self.open()
            t.enter("x = 1")
            os.kill(t.pid, number)
            self.assertEqual(t.wait(), 0)
        self.assertNotIn("repl-", shannon.command("session", "list", env=self.env).stdout)

    def test_it_ends_when_it_is_told_to_while_it_executes(self):
        t = self.open()
        t.type("print('begun'); import time; time.sleep(30)\r")
        t.until("begun\r\n")
        os.kill(t.pid, signal.SIGTERM)
        self.assertEqual(t.wait(), 0)

    def test_exit(self):
        for line in "exit", "quit()":
            t = self.open()
            t.type(line + "\r")
            self.assertEqual(t.wait(), 0)


class FromAPipe(Home):
    def repl(self, text, *args):
        return shannon.command("repl", *args, stdin=text, env=self.env)

    def test_statements(self):
        done = self.repl("x = 1\ndef f():\n    return x\n\nf()\nif x:\n    print('a')\nelse:\n    print('b')\n\n'end'")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "1\na\n'end'\n", ""))

    def test_a_statement_that_the_end_cuts_off(self):
        done = self.repl("for i in range(2):\n    print(i)")
        self.assertEqual((done.returncode, done.stdout), (0, "0\n1\n"))

    def test_errors_are_told_and_it_goes_on(self):
        done = self.repl("1 / 0\nprint(2)\n:nothing\n")
        self.assertEqual((done.returncode, done.stdout), (1, "2\n"))
        self.assertIn("ZeroDivisionError", done.stderr)
        self.assertIn("there is no :nothing", done.stderr)

    def test_wrong_calls(self):
        for args in (["--session", "a b"], ["--timeout", "0"], ["--memory", "x"], ["file.py"], ["--nothing"]):
            done = self.repl("", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertTrue(done.stderr, args)

    def test_limits_hold(self):
        done = self.repl("x = 1\nwhile True: pass\n\nx\n", "--timeout", "1", "--session", "s")
        self.assertIn("TimeoutError", done.stderr)
        self.assertEqual(done.stdout, "1\n")


tap.main(__name__)
