"""Sessions: everything of the interpreter is there again, in another process; what failed leaves it as it was."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import shannon
import tap
from home import Home


class Kept(Home):
    """What others lose; each step runs in a process that begins after the one before has ended."""

    def test_the_documents_example(self):
        self.value("s", "data = [1, 2, 3, 4, 5]")
        self.assertEqual(self.value("s", "import statistics; statistics.mean(data)"), "3")

    def test_steps_are_counted(self):
        for number in 1, 2, 3:
            result = self.run_in("s", "1")
            self.assertEqual((result["session_id"], result["step"]), ("s", number))
        self.assertIsNone(shannon.result("1")["session_id"])

    def test_functions_classes_closures(self):
        self.value("s", "class A:\n    def __init__(self, x):\n        self.x = x\n    def get(self):\n        return self.x * 2\n"
                        "def counter():\n    n = 0\n    def add():\n        nonlocal n\n        n += 1\n        return n\n    return add\n"
                        "a, c = A(21), counter()\nc()")
        self.assertEqual(self.value("s", "a.get(), c(), c(), type(a) is A, isinstance(a, A)"), "(42, 2, 3, True, True)")

    def test_generator_half_way(self):
        self.value("s", "def f():\n    try:\n        for i in range(5):\n            got = yield i\n            print('got', got)\n"
                        "    finally:\n        print('closed')\ng = f()\nnext(g)")
        result = self.run_in("s", "g.send('x')")
        self.assertEqual((result["stdout"], result["result"]["text/plain"]), ("got x\n", "1"))
        self.assertEqual(self.run_in("s", "g.close()")["stdout"], "closed\n")

    def test_coroutine_half_way(self):
        self.value("s", "import types\n@types.coroutine\ndef stop():\n    yield 'stopped'\nasync def f():\n    await stop()\n    return 7\n"
                        "c = f()\nc.send(None)")
        self.assertEqual(self.value("s", "try:\n    c.send(None)\nexcept StopIteration as e:\n    found = e.value\nfound"), "7")

    def test_database_in_memory(self):
        self.value("s", "import sqlite3\ndb = sqlite3.connect(':memory:')\ndb.execute('create table t(a, b)')\n"
                        "db.executemany('insert into t values (?, ?)', [(i, str(i)) for i in range(1000)])\n"
                        "cursor = db.execute('select a from t order by a')\ncursor.fetchone()")
        self.assertEqual(self.value("s", "cursor.fetchone(), db.execute('select count(*) from t').fetchone(), db.in_transaction"),
                         "((1,), (1000,), True)")

    def test_imports_and_what_was_patched(self):
        self.value("s", "import json, math as m\njson.answer = 42\nm.pi")
        self.assertEqual(self.value("s", "json.answer, m.e > 2, json.dumps([1])"), "(42, True, '[1]')")

    def test_odd_values(self):
        self.value("s", "import datetime, decimal\nx = [None, (1,), {1, 2}, b'\\0', float('nan'), float('inf'), 1j, datetime.date(2026, 1, 2), "
                        "decimal.Decimal('0.1'), ..., lambda y: y + 1]\nx.append(x)")
        self.assertEqual(self.value("s", "x[-2](1), x[-1] is x, x[4] != x[4], x[5], x[2] == {1, 2}, x[8]"),
                         "(2, True, True, inf, True, Decimal('0.1'))")

    def test_interrupted(self):
        self.value("s", "x = 0")
        process = subprocess.Popen([shannon.SHANNON, "run", "--session", "s", "-c", "x = 1\nprint(1, flush=True)\nwhile True: x += 1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, **self.env))
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        self.assertIn(b"KeyboardInterrupt", errors)
        self.assertEqual(self.value("s", "x > 0"), "True")

    def test_interrupted_and_not_willing(self):
        self.value("s", "x = 0")
        process = subprocess.Popen([shannon.SHANNON, "run", "--session", "s", "--json", "-c",
                                    "import sys\nwhile True:\n    try:\n        x += 1; print(1, flush=True)\n"
                                    "        while True: pass\n    except BaseException: pass"],
                                   stdout=subprocess.PIPE, env=dict(os.environ, **self.env))
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        result = json.loads(process.communicate(timeout=10)[0])
        self.assertEqual((result["status"], result["step"]), ("cancelled", 1))
        self.assertIn("as before", result["unsaved"])
        self.assertEqual(self.value("s", "x"), "0")

    def test_discarded(self):
        self.value("s", "x = [1]")
        result = self.run_in("s", "x.append(2); open('/workspace/f', 'w').write('1'); x", "--discard")
        self.assertEqual((result["result"]["text/plain"], result["step"], result["session_id"]), ("[1, 2]", 1, "s"))
        self.assertEqual(self.value("s", "import os; x, os.listdir('/workspace')"), "([1], [])")
        self.value("new", "1", "--discard")
        self.assertNotIn("new", shannon.command("session", "list", env=self.env).stdout)
        self.assertIn("discard needs a session", shannon.run("1", "--discard").stderr)

    def test_deleted_is_deleted(self):
        self.value("s", "a = b = 1")
        self.value("s", "del a")
        self.assertEqual(self.run_in("s", "a")["error"]["name"], "NameError")

    def test_identity_and_weak_references(self):
        self.value("s", "import weakref\nclass A: pass\na = A()\nr = weakref.ref(a)\nnumber = id(a)")
        self.assertEqual(self.value("s", "r() is a, id(a) == number"), "(True, True)")

    def test_files_and_open_files(self):
        self.value("s", "import os\nos.mkdir('/workspace/d')\nf = open('/workspace/d/a.txt', 'w+')\nf.write('hello')\nf.flush()\n"
                        "g = open('/workspace/d/a.txt')\ng.read(2)\nos.remove('/workspace/d/a.txt')")
        self.assertEqual(self.value("s", "g.read(), f.write(' world'), f.seek(0), f.read(), os.listdir('/workspace/d')"),
                         "('llo', 6, 0, 'hello world', [])")

    def test_a_large_file_is_not_stored_again(self):
        self.value("s", "import random; data = random.randbytes(4_000_000)\nwith open('/workspace/big', 'wb') as f: f.write(data)")
        before = self.disk()
        for _ in range(5):
            self.value("s", "1")
        self.assertLess(self.disk() - before, 600_000)
        self.assertEqual(self.value("s", "open('/workspace/big', 'rb').read() == data"), "True")
        self.value("s", "with open('/workspace/big', 'r+b') as f: f.seek(1_000_000); f.write(b'x')")
        self.assertEqual(self.value("s", "open('/workspace/big', 'rb').read() == data[:1_000_000] + b'x' + data[1_000_001:]"), "True")

    def test_inputs_stay_and_are_replaced(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("one")
            file.flush()
            self.assertEqual(self.value("s", "f = open('/tmp/a.txt'); f.read()", "--file", f"{file.name}:a.txt"), "'one'")
            self.assertEqual(self.value("s", "open('/tmp/a.txt').read()"), "'one'")
            file.write(" two")
            file.flush()
            self.assertEqual(self.value("s", "open('/tmp/a.txt').read(), f.seek(0), f.read()", "--file", f"{file.name}:a.txt"),
                             "('one two', 0, 'one')")

    def test_the_workspace_has_its_limit_over_all_steps(self):
        self.value("s", "open('/workspace/a', 'wb').write(bytes(40 << 20))")
        result = self.run_in("s", "open('/workspace/b', 'wb').write(bytes(40 << 20))")
        self.assertEqual((result["error"]["name"], "No space left" in result["error"]["value"]), ("OSError", True), result["error"])
        self.assertEqual(self.value("s", "import os; os.remove('/workspace/a'); open('/workspace/c', 'wb').write(bytes(40 << 20))"),
                         str(40 << 20))

    def test_more_memory_than_the_image_has(self):
        self.value("s", "data = list(range(2_000_000))")
        self.assertEqual(self.value("s", "sum(data), len(data)"), "(1999999000000, 2000000)")
        self.value("s", "del data")
        self.assertEqual(self.value("s", "[0] * 3"), "[0, 0, 0]")

    def test_traceback_of_an_earlier_step(self):
        self.run_in("s", "def f():\n    return 1 / 0")
        self.assertIn("return 1 / 0", self.run_in("s", "f()")["error"]["traceback"])

    def test_last_value(self):
        self.value("s", "6 * 7")
        self.assertEqual(self.value("s", "_ + 1"), "43")

    def test_stdin_is_each_steps_own(self):
        self.assertEqual(self.value("s", "a = input(); a", stdin="one\nrest\n"), "'one'")
        self.assertEqual(self.value("s", "input()", stdin="two\n"), "'two'")

    def test_streams_that_a_step_took_apart(self):
        self.value("s", "import sys; sys.stdin.close(); sys.stdout.close()")
        self.assertEqual(self.run_in("s", "print(input())", stdin="one\n")["stdout"], "one\n")
        self.value("s", "a = sys.stdin.detach(); b = sys.stdout.detach()")
        self.assertEqual(self.run_in("s", "print(input())", stdin="two\n")["stdout"], "two\n")
        self.value("s", "import io; sys.stdout = io.TextIOWrapper(sys.stdout.detach(), write_through=True)")
        self.assertEqual(self.run_in("s", "print(3)")["stdout"], "3\n")

    def test_the_clock_does_not_go_back(self):
        self.value("s", "import time; t = time.monotonic()")
        self.assertEqual(self.value("s", "0 <= time.monotonic() - t < 60"), "True")


class Chance(Home):
    def test_seeded_generators_go_on(self):
        self.value("s", "import random; random.seed(7); r = random.Random(8); random.random(), r.random()")
        after = self.value("s", "random.random(), r.random()")
        expected = shannon.result("import random\nrandom.seed(7); r = random.Random(8); random.random(), r.random()\nrandom.random(), r.random()")
        self.assertEqual(after, expected["result"]["text/plain"])

    def test_others_are_fresh(self):
        self.value("s", "import random, uuid, secrets, tempfile; r = random.Random(); random.random(); r.random(); random.gauss(0, 1)")
        shutil.copytree(os.path.join(self.home, "sessions"), os.path.join(self.home, "before"))
        code = "random.random(), r.random(), random.gauss(0, 1), uuid.uuid4(), uuid.uuid1(), secrets.token_hex(), tempfile.mktemp()"
        first = self.value("s", code)
        shutil.rmtree(os.path.join(self.home, "sessions"))
        os.rename(os.path.join(self.home, "before"), os.path.join(self.home, "sessions"))
        second = self.value("s", code)
        for one, other in zip(first.strip("()").split(", "), second.strip("()").split(", ")):
            self.assertNotEqual(one, other)

    def test_a_hundred_forks_at_once(self):
        self.value("s", "import random, uuid, os; x = 41; random.random(); uuid.uuid4()")
        code = "x += 1; x, random.random(), os.urandom(8), uuid.uuid4()"
        lock, values, names = threading.Lock(), [], [f"fork-{i}" for i in range(100)]
        for name in names:
            self.assertEqual(shannon.command("session", "fork", "s", name, env=self.env).returncode, 0)

        def work():
            while True:
                with lock:
                    if not names:
                        return
                    name = names.pop()
                value = self.value(name, code)
                with lock:
                    values.append(value.strip("()").split(", "))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({value[0] for value in values}, {"42"})
        for drawn in list(zip(*values))[1:]:
            self.assertEqual(len(set(drawn)), 100)

    def test_deterministic_steps(self):
        for session in "a", "b":
            self.value(session, "import random, time", "--seed", "5")
        code = "random.random(), time.time()"
        self.assertEqual(self.value("a", code, "--seed", "6", "--time", "1000"), self.value("b", code, "--seed", "6", "--time", "1000"))


class Failing(Home):
    """What becomes of the session when a step does not end well."""

    def setUp(self):
        super().setUp()
        self.value("s", "x = 1")

    def test_exception_commits(self):
        result = self.run_in("s", "x = 2\n1 / 0")
        self.assertEqual((result["status"], result["step"]), ("error", 2))
        self.assertNotIn("unsaved", result)
        self.assertEqual(self.value("s", "x"), "2")

    def test_syntax_error_commits_nothing_else(self):
        self.assertEqual(self.run_in("s", "x = = 2")["step"], 2)
        self.assertEqual(self.value("s", "x"), "1")

    def test_exit_commits(self):
        result = self.run_in("s", "x = 3\nimport sys\nsys.exit(4)")
        self.assertEqual((result["exit_code"], result["step"]), (4, 2))
        self.assertEqual(self.value("s", "x"), "3")

    def test_soft_timeout_commits(self):
        result = self.run_in("s", "x = 4\nwhile True: x += 1", "--timeout", "1")
        self.assertEqual((result["status"], result["step"]), ("timeout", 2))
        self.assertEqual(self.value("s", "x > 1000"), "True")

    def test_stop_that_nobody_saw_is_forgotten(self):
        result = self.run_in("s", "import time\ntry:\n    time.sleep(5)\nexcept TimeoutError:\n    x = 5", "--timeout", "1")
        self.assertEqual(result["status"], "timeout")
        self.assertEqual(self.value("s", "time.sleep(0.1); x"), "5")

    def test_memory_error_commits(self):
        result = self.run_in("s", "x = 6\nbig = bytearray(10**9)")
        self.assertEqual((result["status"], result["step"]), ("memory_limit", 2))
        self.assertEqual(self.value("s", "x"), "6")

    def unsaved(self, code, status, *args):
        result = self.run_in("s", code, *args)
        self.assertEqual((result["status"], result["step"]), (status, 1), result)
        self.assertIn("the session is at step 1, as before", result["unsaved"])
        self.assertEqual(self.value("s", "x"), "1")

    def test_kill_leaves_it(self):
        self.unsaved("x = 7\nsum(range(10**12))", "timeout", "--timeout", "1")

    def test_trap_leaves_it(self):
        self.unsaved("x = 8\nimport os\nos.abort()", "crashed")

    def test_os_exit_leaves_it(self):
        self.unsaved("x = 9\nimport os\nos._exit(0)", "ok")

    def test_more_than_a_session_may_hold(self):
        result = self.run_in("s", "x = bytearray(b'x' * 30_000_000)", env={"SHANNON_SESSION_MB": "16"})
        self.assertIn("SHANNON_SESSION_MB", result["unsaved"])
        self.assertEqual(self.value("s", "x"), "1")

    def test_a_memory_limit_that_is_too_low(self):
        self.value("s", "data = bytearray(60_000_000)")
        done = shannon.run("1", "--session", "s", "--memory", "40", env=self.env)
        self.assertEqual(done.returncode, 2)
        self.assertIn("more than the limit of this execution", done.stderr)
        self.assertEqual(self.value("s", "len(data)"), "60000000")

    def test_ids(self):
        for wrong in "", "a b", "a/b", "x" * 129, "ä":
            done = shannon.run("1", "--session", wrong, env=self.env)
            self.assertEqual(done.returncode, 2, wrong)
            self.assertIn("session_id must have 1 to 128 characters", done.stderr)
        self.assertEqual(self.value("A-z.0_9:" + "x" * 120, "1"), "1")


class Together(Home):
    def test_one_at_a_time(self):
        self.value("s", "n = 0")
        threads = [threading.Thread(target=self.value, args=("s", "m = n\nimport time; time.sleep(0.05)\nn = m + 1")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.value("s", "n"), "8")

    def test_who_waits_too_long_is_refused(self):
        self.value("s", "1")
        slow = subprocess.Popen([shannon.SHANNON, "run", "--session", "s", "-c", "print('here'); input()"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, env=dict(os.environ, **self.env))
        self.assertEqual(slow.stdout.readline(), b"here\n")
        start = time.monotonic()
        done = shannon.run("1", "--session", "s", "--json", env=dict(self.env, SHANNON_SESSION_WAIT_SECONDS="0.3"))
        self.assertLess(time.monotonic() - start, 3)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "resource_exhausted")
        self.assertIn("in use by another execution", done.stderr)
        self.assertEqual(self.value("other", "1"), "1")  # another one is free
        slow.communicate(b"\n")
        self.assertEqual(self.run_in("s", "1")["step"], 3)


class Killed(Home):
    def test_at_any_moment(self):
        """The process that executes and keeps sessions is killed: the last step it reported is there, or the one after it."""
        self.value("s", "x = 1")
        reported, chance = 1, random.Random(int(time.time()))
        for _ in range(60):
            process = subprocess.Popen([shannon.SHANNON, "run", "--session", "s", "--json", "-c", "x += 1; big = bytes(x * 10_000); x"],
                                       stdout=subprocess.PIPE, env=dict(os.environ, **self.env))
            time.sleep(chance.random() * 0.06)
            process.kill()
            output = process.communicate()[0]
            if output:
                reported = json.loads(output)["step"]
            result = self.run_in("s", "x", "--discard")
            self.assertIn(result["step"], (reported, reported + 1))
            self.assertEqual(result["result"]["text/plain"], str(result["step"]))
            reported = result["step"]
        self.assertEqual(shannon.command("session", "verify", env=self.env).returncode, 0)


class Limits(Home):
    def test_the_one_used_longest_ago_goes(self):
        env = {"SHANNON_SESSIONS": "3"}
        for name in "a", "b", "c":
            self.run_in(name, "1", env=env)
        self.run_in("a", "1", env=env)
        self.run_in("d", "1", env=env)
        self.assertEqual([self.run_in(name, "1", env=env)["step"] for name in ("a", "c", "d")], [3, 2, 2])
        self.assertEqual(self.run_in("b", "1", env=env)["step"], 1)

    def test_or_the_request_is_refused(self):
        env = {"SHANNON_SESSIONS": "1", "SHANNON_SESSIONS_FULL": "refuse"}
        self.run_in("a", "1", env=env)
        done = shannon.run("1", "--session", "b", env=dict(self.env, **env))
        self.assertEqual(done.returncode, 125)
        self.assertIn("as many as there may be (SHANNON_SESSIONS)", done.stderr)
        self.assertEqual(self.run_in("a", "1", env=env)["step"], 2)

    def test_idle_ones_expire(self):
        env = {"SHANNON_SESSION_IDLE_SECONDS": "1"}
        self.run_in("a", "1", env=env)
        time.sleep(1.2)
        self.run_in("b", "1", env=env)
        self.assertEqual(self.run_in("a", "1", env=env)["step"], 1)

    def test_a_long_history_is_thinned(self):
        env = {"SHANNON_SESSION_STEPS": "8"}
        for i in range(24):
            self.run_in("s", f"x = {i}", env=env)
        steps = [step["step"] for step in json.loads(shannon.command("session", "show", "--json", "s", env=self.env).stdout)["steps"]]
        self.assertLessEqual(len(steps), 8)
        self.assertEqual(steps[-4:], [21, 22, 23, 24])
        self.assertLess(steps[0], 17)  # some of the old ones are there
        done = shannon.command("session", "rewind", "s", "--step", str(steps[0]), env=self.env)
        self.assertEqual((done.returncode, self.value("s", "x")), (0, str(steps[0] - 1)), done.stderr)

    def test_disk(self):
        env = {"SHANNON_SESSIONS_DISK_MB": "20"}
        for name in "abcdefgh":
            self.run_in(name, "import random; x = random.randbytes(2_500_000)", env=env)
        self.assertLess(self.disk(), 30 << 20)
        self.assertEqual(self.run_in("h", "1", env=env)["step"], 2)
        self.assertEqual(self.run_in("a", "1", env=env)["step"], 1)

    def test_wrong_settings_are_named(self):
        for name in "SHANNON_SESSION_MB", "SHANNON_SESSIONS", "SHANNON_SESSION_STEPS", "SHANNON_SESSIONS_FULL":
            done = shannon.run("1", "--session", "s", env=dict(self.env, **{name: "nonsense"}))
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{name} is 'nonsense'", done.stderr)

    def test_small(self):
        """One session after `x = 1`."""
        self.value("s", "x = 1")
        self.assertLess(self.disk(), 300 << 10)


tap.main(__name__)
