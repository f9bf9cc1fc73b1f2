"""What the existing Shannon gets wrong (sessions, outcomes, time, output, whose a session is): each of these points over HTTP."""

import concurrent.futures
import os
import sys
import threading
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from doors import Doors


class Sessions(Doors):
    def setUp(self):
        self.serve()

    def run_in(self, code, session="s", **fields):
        return self.execute(code, session_id=session, **fields)

    def value(self, code, session="s"):
        r = self.run_in(code, session)
        self.assertEqual(r["status"], "ok", r)
        return r["result"] and r["result"]["text/plain"]

    def test_imports_functions_and_classes_stay(self):
        self.run_in("import math\nfrom collections import Counter as C\nimport os.path as p\ndef f(n): return math.sqrt(n)\n"
                    "class A:\n    def __init__(self, x): self.x = x\n    def twice(self): return self.x * 2\na = A(21)\nadd = lambda x, y=[1]: (x, y)\n"
                    "def counter():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n    return up\nup = counter(); up()\n"
                    "g = (i * i for i in range(10)); next(g); next(g)")
        self.assertEqual(self.value("f(16), C('aab')['a'], p.basename('/x/y'), a.twice(), type(a) is A, add(2), up(), next(g)"), "(4.0, 2, 'y', 42, True, (2, [1]), 2, 4)")

    def test_values_of_every_kind_stay(self):
        self.run_in("import datetime, decimal, fractions, re, enum\nnone = None\nt = (1, (2, 3))\ns = {1, 2}\nfs = frozenset('ab')\nb = b'\\x00\\xff'\nba = bytearray(b'x')\n"
                    "d = datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)\ntd = datetime.timedelta(days=1, microseconds=5)\n"
                    "nan, inf, ninf = float('nan'), float('inf'), -float('inf')\nz = -0.0\nc = 1 + 2j\ndec = decimal.Decimal('1.10')\nfr = fractions.Fraction(1, 3)\n"
                    "r = re.compile('a+')\nclass E(enum.Enum):\n    A = 1\ne = E.A\nself_ref = []\nself_ref.append(self_ref)\nbig = 10 ** 100\nell = ...\n"
                    "rng = range(1, 10, 3)\nmv = memoryview(b'abc')\nexc = ValueError('x')")
        self.assertEqual(self.value("none is None, t, s, fs == frozenset('ab'), b, ba, d.isoformat(), td.total_seconds()"),
                         "(True, (1, (2, 3)), {1, 2}, True, b'\\x00\\xff', bytearray(b'x'), '2024-02-29T01:02:03.000004+00:00', 86400.000005)")
        self.assertEqual(self.value("nan != nan, type(nan), inf > 1e308, ninf < 0, type(inf), str(z), c, dec, fr"),
                         "(True, <class 'float'>, True, True, <class 'float'>, '-0.0', (1+2j), Decimal('1.10'), Fraction(1, 3))")
        self.assertEqual(self.value("r.match('aab').group(), e is E.A, self_ref[0] is self_ref, big == 10**100, ell is ..., list(rng), bytes(mv), exc.args"),
                         "('aa', True, True, True, True, [1, 4, 7], b'abc', ('x',))")

    def test_an_exception_keeps_what_was_done(self):
        r = self.run_in("x = 1\ny = [1]\ny.append(2)\n1/0\nx = 2")
        self.assertEqual((r["status"], r["step"]), ("error", 1))
        self.assertEqual(self.value("x, y"), "(1, [1, 2])")

    def test_a_timeout_keeps_what_was_done(self):
        r = self.run_in("x = 1\nimport time\nwhile True: x += 1", timeout_seconds=1)
        self.assertEqual((r["status"], r["step"]), ("timeout", 1))
        self.assertEqual(self.value("x > 1000"), "True")

    def test_del_is_honoured(self):
        self.run_in("a, b = 1, 2\nd = {1: 1, 2: 2}\nimport math")
        self.run_in("del a, d[1], math")
        self.assertEqual(self.value("'a' in globals(), b, d, 'math' in globals()"), "(False, 2, {2: 2}, False)")

    def test_output_may_be_anything(self):
        for text in ("__SESSION_STATE__", "__SESSION_STATE_START__\\n{}\\n__SESSION_STATE_END__", "\\x00\\x01\\x1b[2J", "event: done\\ndata: {}\\n\\n", "\\r\\n\\r\\n0\\r\\n", "--boundary--"):
            r = self.run_in(f"x = 5\nprint('{text}')")
            self.assertEqual((r["status"], r["stdout"]), ("ok", text.encode().decode("unicode_escape") + "\n"))
            streamed = "".join(data["text"] for name, data in self.stream(f"print('{text}')") if name == "stdout")
            self.assertEqual(streamed.replace("\n", ""), r["stdout"].replace("\n", ""))
            self.assertEqual(self.value("x"), "5")

    def test_runs_at_the_same_time_lose_nothing(self):
        self.run_in("n = 0\nseen = []")
        def add(i):
            return self.execute(f"n += 1\nseen.append({i})\nn", session_id="s", connection=self.connect())
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            results = list(pool.map(add, range(40)))
        self.assertEqual(sorted(int(r["result"]["text/plain"]) for r in results), list(range(1, 41)))
        self.assertEqual(sorted(r["step"] for r in results), list(range(2, 42)))
        self.assertEqual(self.value("n, sorted(seen) == list(range(40))"), "(40, True)")

    def test_a_restart_loses_nothing(self):
        self.run_in("import math\ndef f(): return math.pi\nx = {1, 2}\nopen('/workspace/kept', 'w').write('text')")
        self.assertEqual(self.stop(), 0)
        self.serve(home=self.home)
        self.assertEqual(self.value("round(f(), 2), x, open('/workspace/kept').read()"), "(3.14, {1, 2}, 'text')")
        self.process.kill()
        self.process.wait()
        self.serve(home=self.home)
        self.assertEqual(self.value("x"), "{1, 2}")


class Outcomes(Doors):
    def setUp(self):
        self.serve()

    def tool(self, code, **parameters):
        return self.ask("POST", "/tools/execute", {"tool_name": "python_executor", "parameters": {"code": code, **parameters}}).json

    def test_no_output_is_success(self):
        self.assertEqual(self.execute("x = 1")["status"], "ok")
        r = self.tool("x = 1")
        self.assertEqual((r["success"], r["output"], r["error"]), (True, "", None))
        self.assertTrue(self.tool("pass")["success"])
        self.assertTrue(self.tool("# nothing")["success"])

    def test_stdin_works(self):
        code = "import sys\nfirst = input()\nprint([first, sys.stdin.readline(), sys.stdin.read()])"
        self.assertEqual(self.execute(code, stdin="a\nb\nc\nd")["stdout"], "['a', 'b\\n', 'c\\nd']\n")
        self.assertEqual(self.tool("print(input())", stdin="hello")["output"], "hello\n")
        self.assertEqual(self.execute("input()")["error"]["name"], "EOFError")

    def test_both_streams_are_always_there(self):
        both = "import sys\nprint('out')\nprint('err', file=sys.stderr)\n"
        for code, status in (both, "ok"), (both + "1/0", "error"), (both + "while True: pass", "timeout"):
            r = self.execute(code, timeout_seconds=1)
            self.assertEqual((r["status"], r["stdout"]), (status, "out\n"))
            self.assertTrue(r["stderr"].startswith("err\n"), r["stderr"])
            r = self.tool(code, timeout_seconds=1)
            self.assertEqual((r["success"], r["output"]), (status == "ok", "out\n"))

    def test_sys_exit(self):
        for code, status in (("import sys; print('x'); sys.exit(0)", "ok"), ("import sys; sys.exit()", "ok"), ("exit(0)", "ok"), ("raise SystemExit", "ok"),
                             ("import sys; sys.exit(3)", "error"), ("import sys; sys.exit('why')", "error")):
            self.assertEqual(self.execute(code)["status"], status, code)
            self.assertEqual(self.tool(code)["success"], status == "ok", code)

    def test_line_numbers(self):
        r = self.execute("x = 1\n\n\ndef f():\n    return 1 / 0\n\nf()")
        self.assertIn("line 7, in <module>", r["error"]["traceback"])
        self.assertIn("line 5, in f", r["error"]["traceback"])
        self.assertIn("return 1 / 0", r["error"]["traceback"])
        self.assertIn("line 3", self.execute("x = 1\n\nx = = 2")["error"]["traceback"])
        self.execute("def g():\n    raise KeyError('k')", session_id="s")
        self.assertIn("line 2, in g", self.execute("\n\ng()", session_id="s")["error"]["traceback"])

    def test_from_future(self):
        code = "from __future__ import annotations\ndef f(x: Nothing) -> Nothing: return x\nprint(f.__annotations__)"
        for fields in {}, {"session_id": "s"}:
            self.assertEqual(self.execute(code, **fields)["stdout"], "{'x': 'Nothing', 'return': 'Nothing'}\n")
        self.assertEqual(self.execute('"""text"""\nfrom __future__ import annotations\n1')["status"], "ok")


class Time(Doors):
    def setUp(self):
        self.serve()

    def timed(self, *args, **fields):
        start = time.monotonic()
        r = self.execute(*args, **fields)
        return r, time.monotonic() - start

    def test_the_callers_time_limit_reaches_the_sandbox(self):
        for code in "while True: pass", "import time; time.sleep(60)", "input()" + "\nwhile True: pass", "sum(range(10**12))", "import re; re.match('(a+)+b', 'a' * 50)":
            r, took = self.timed(code, timeout_seconds=1, stdin="x\n")
            self.assertEqual(r["status"], "timeout", code)
            self.assertLess(took, 2.6, code)
        self.until(lambda: self.metrics()["shannon_executions_running"] == 0)

    def test_it_does_not_go_on(self):
        self.execute("import time\nwhile True:\n    n = globals().get('n', 0) + 1\n    time.sleep(0.01)", session_id="s", timeout_seconds=1)
        first = self.execute("n", session_id="s")["result"]["text/plain"]
        time.sleep(0.3)
        self.assertEqual(self.execute("n", session_id="s")["result"]["text/plain"], first)

    def test_sleep_is_interrupted(self):
        r, took = self.timed("import time\ntry:\n    time.sleep(30)\nfinally:\n    print('tidied')", timeout_seconds=1)
        self.assertEqual((r["status"], r["stdout"]), ("timeout", "tidied\n"))
        self.assertLess(took, 2)

    def test_runs_do_not_shorten_each_other(self):
        results = {}
        def run(name, code, seconds):
            start = time.monotonic()
            results[name] = (self.execute(code, timeout_seconds=seconds, connection=self.connect())["status"], time.monotonic() - start)
        threads = [threading.Thread(target=run, args=args) for args in (("short", "while True: pass", 1), ("long", "import time; time.sleep(2.5)", 20), ("other", "import time; time.sleep(60)", 3))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({name: status for name, (status, _) in results.items()}, {"short": "timeout", "long": "ok", "other": "timeout"})
        self.assertGreater(results["other"][1], 2.9)

    def test_there_is_a_lower_bound(self):
        for seconds in 0, 0.001, -1, 0.999:
            self.assertIn("timeout_seconds", self.refusal(code="1", timeout_seconds=seconds))
        self.assertEqual(self.execute("1", timeout_seconds=1)["status"], "ok")

    def test_a_million_additions(self):
        r, took = self.timed("n = 0\nfor i in range(1_000_000): n += i\nn")
        self.assertEqual((r["status"], r["result"]), ("ok", {"text/plain": "499999500000"}))
        self.assertLess(took, 5)

    def test_output_is_streamed(self):
        start = time.monotonic()
        stream = self.stream("import time\nprint('first')\ntime.sleep(1)\nprint('second')")
        self.assertEqual(next(stream), ("stdout", {"text": "first\n"}))
        self.assertLess(time.monotonic() - start, 0.5)
        self.assertEqual([name for name, _ in stream], ["stdout", "done"])
        self.assertGreater(time.monotonic() - start, 0.9)

    def test_nothing_is_compiled_for_a_run(self):
        self.execute("1")
        took = sorted(self.timed("print(1)")[1] for _ in range(20))
        self.assertLess(took[10], 0.05, took)


class Whose(Doors):
    def test_sessions_are_their_tenants(self):
        """More in sessions_door_test.py."""
        path = os.path.join(self.make_home(), "tenants")
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("alice alices-token-0123456\nbob bobs-token-0123456789\n")
        self.serve(SHANNON_API_TOKEN="the-operators-token", SHANNON_TENANTS_FILE=path)
        self.execute("secret = 42", token="alices-token-0123456", session_id="shared")
        r = self.execute("'secret' in globals()", token="bobs-token-0123456789", session_id="shared")
        self.assertEqual((r["result"], r["step"]), ({"text/plain": "False"}, 1))
        self.assertEqual(self.ask("GET", "/v1/sessions/alice:shared", token="bobs-token-0123456789").status, 404)

    def test_workspaces_are_private(self):
        self.serve()
        self.execute("open('/workspace/of-a', 'w').write('secret')", session_id="a", workspace_mb=1)
        self.assertEqual(self.execute("open('/workspace/of-a').read()", session_id="a")["result"], {"text/plain": "'secret'"})
        look = ("import os\nfound = [os.path.join(d, n) for d, _, names in os.walk('/') for n in names]\n"
                "[f for f in found if 'of-a' in f], os.path.exists('/workspace/of-a'), os.path.exists('/workspace/../workspace/of-a')")
        for fields in ({"session_id": "b", "workspace_mb": 1}, {"workspace_mb": 1}, {}):
            self.assertEqual(self.execute(look, **fields)["result"], {"text/plain": "([], False, False)"})

    def test_limits_hold_at_any_rate(self):
        """Well over 60 a minute: each of them has its limits, and the queue's bound holds."""
        self.serve(SHANNON_WORKERS="2", SHANNON_QUEUE="8")
        start = time.monotonic()
        for _ in range(100):
            self.execute("1")
        self.assertLess(time.monotonic() - start, 60)
        self.assertEqual(self.execute("x = bytearray(1 << 30)", memory_limit_mb=64)["status"], "memory_limit")
        self.assertEqual(self.execute("while True: pass", timeout_seconds=1)["status"], "timeout")
        self.refusal(code="1", memory_limit_mb=9999)

        def ask(_):
            return self.ask("POST", "/v1/execute", {"code": "import time; time.sleep(0.3)"}, connection=self.connect()).status
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            statuses = list(pool.map(ask, range(40)))
        self.assertEqual(set(statuses), {200, 429})
        self.assertEqual(self.execute("1")["status"], "ok")

    def test_an_execution_cannot_outgrow_its_limits(self):
        """Limits hold during a run, not only before it."""
        self.serve()
        r = self.execute("print('x' * (80 << 20))")
        self.assertEqual(r["status"], "output_limit")
        r = self.execute("l = []\nwhile True: l.append(bytearray(1 << 20))", memory_limit_mb=64)
        self.assertIn(r["status"], ("memory_limit", "error"))
        self.assertLessEqual(r["usage"]["peak_memory_bytes"], 64 << 20)
        r = self.execute("open('/workspace/x', 'wb').write(bytes(3 << 20))", workspace_mb=1)
        self.assertEqual((r["status"], r["error"]["name"]), ("error", "OSError"))


tap.main(__name__)
