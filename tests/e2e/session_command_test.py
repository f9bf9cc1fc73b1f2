"""`shannon session`: each verb, for people and as JSON; sessions carried to another machine, or to another interpreter."""

import glob
import json
import os
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import shannon
import tap
from home import Home

OTHER = os.path.join(shannon.ROOT, "build", "interpreter", "tests", "python-3.11.2.wasm")


class Command(Home):
    def session(self, *args, code=0, **options):
        done = shannon.command("session", *args, env=self.env, **options)
        self.assertEqual(done.returncode, code, (args, done.stdout, done.stderr))
        return done

    def json(self, *args, **options):
        return json.loads(self.session(*args, "--json", **options).stdout)

    def refused(self, *args, says, code=125, **options):
        done = self.session(*args, code=code, **options)
        self.assertIn(says, done.stderr)
        error = json.loads(self.session(*args, "--json", code=code, **options).stdout)["error"]
        self.assertIn(says, error["message"] + error["hint"])
        return error


class Looking(Command):
    def test_list(self):
        self.assertIn("no sessions", self.session("list").stdout)
        self.assertEqual(self.json("list"), {"sessions": []})
        self.value("b", "1")
        self.value("a", "x = bytes(8 << 20)")
        lines = self.session("list").stdout.splitlines()
        self.assertEqual([line.split()[:2] for line in lines], [["ID", "STEP"], ["a", "1"], ["b", "1"]])
        a, b = self.json("list")["sessions"]
        self.assertEqual((a["id"], a["step"], b["id"]), ("a", 1, "b"))
        self.assertGreater(a["memory_bytes"], b["memory_bytes"])
        self.assertGreater(a["stored_bytes"], 0)
        self.assertGreater(a["used"], b["used"])

    def test_show(self):
        self.value("a", "x = 1")
        self.run_in("a", "def f():\n    return 1 / 0\nf()")
        text = self.session("show", "a").stdout
        self.assertIn("session a, at step 2", text)
        self.assertRegex(text, r"1 .* ok .* x = 1\n")
        self.assertRegex(text, r"2 .* error .* def f\(\): \.\.\.\n")
        self.assertIn("    return 1 / 0", self.session("show", "a", "--code").stdout)
        shown = self.json("show", "a")
        self.assertEqual([(s["step"], s["status"], s["code"]) for s in shown["steps"]],
                         [(1, "ok", "x = 1"), (2, "error", "def f():\n    return 1 / 0\nf()")])
        self.assertEqual(len(shown["base"]), 32)

    def test_what_is_not_there(self):
        self.assertEqual(self.refused("show", "none", says="no session 'none'")["code"], "not_found")
        self.refused("fork", "none", "new", says="no session 'none'")
        self.refused("rewind", "none", "--step", "0", says="no session 'none'")
        self.refused("delete", "none", says="no session 'none'")
        self.refused("export", "none", "-o", os.path.join(self.home, "x"), says="no session 'none'")
        self.refused("migrate", "none", says="no session 'none'")
        self.assertFalse(os.path.exists(os.path.join(self.home, "x")))

    def test_wrong_calls(self):
        self.refused(says="what is to be done", code=2)
        self.refused("frobnicate", says="'frobnicate'", code=2)
        for args in (["show"], ["show", "a", "b"], ["fork", "a"], ["delete"], ["list", "a"], ["verify", "x"]):
            self.refused(*args, says="usage: shannon session " + args[0], code=2)
        self.value("a", "1")
        self.refused("rewind", "a", says="--step N", code=2)
        self.refused("fork", "a", "b c", says="A-Za-z0-9", code=2)
        self.refused("show", "../a", says="A-Za-z0-9", code=2)
        self.session("rewind", "a", "--step", "-1", code=2)
        self.session("--nothing", code=2)

    def test_verify(self):
        self.value("a", "x = 1")
        self.assertIn("whole", self.session("verify").stdout)
        self.assertEqual(self.json("verify"), {"ok": True, "faults": []})

    def test_verify_tells_what_is_damaged(self):
        self.value("a", "x = 1")
        self.value("b", "import random\nx = random.randbytes(200_000)")
        self.value("a", "x += 1")
        segment, = glob.glob(os.path.join(self.home, "sessions", "*.seg"))
        with open(segment, "r+b") as file:  # in the middle of the large one
            file.seek(os.path.getsize(segment) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 255]))
        done = self.session("verify", code=125)
        self.assertIn("session b, step 1: ", done.stdout)
        self.assertNotIn("session a", done.stdout)
        self.assertEqual(json.loads(self.session("verify", "--json", code=125).stdout.splitlines()[0])["ok"], False)
        self.assertEqual(self.value("a", "x"), "2")
        got = shannon.run("x", "--session", "b", env=self.env)
        self.assertEqual(got.returncode, 125)
        self.assertIn("damaged", got.stderr)
        self.assertIn("rewound", got.stderr)
        self.session("rewind", "b", "--step", "0")
        self.assertEqual(self.value("b", "1"), "1")


class Changing(Command):
    def test_fork(self):
        self.value("a", "x = 1")
        self.value("a", "x = 2")
        self.assertEqual(self.session("fork", "a", "b").stdout, "forked to b\n")
        self.assertEqual(self.json("fork", "a", "c", "--step", "1"), {"ok": True, "id": "c"})
        self.session("fork", "a", "d", "--step", "0")
        self.assertEqual([self.value(id, "globals().get('x')") for id in "abcd"], ["2", "2", "1", None])
        self.refused("fork", "a", "b", says="already", code=2)
        self.refused("fork", "a", "e", "--step", "9", says="no step 9")

    def test_rewind(self):
        for number in 1, 2, 3:
            self.value("a", f"x = {number}")
        self.session("rewind", "a", "--step", "2")
        self.assertEqual(self.value("a", "x"), "2")
        self.assertEqual(self.json("show", "a")["step"], 3)
        self.refused("rewind", "a", "--step", "7", says="no step 7")
        self.session("rewind", "a", "--step", "0")
        self.assertEqual(self.run_in("a", "x")["error"]["name"], "NameError")

    def test_delete_and_clear(self):
        for id in "abcd":
            self.value(id, "1")
        self.assertEqual(self.session("delete", "a").stdout, "deleted a\n")
        self.session("delete", "b", "c")
        self.assertEqual([s["id"] for s in self.json("list")["sessions"]], ["d"])
        self.refused("clear", says="--yes", code=2)
        self.assertEqual(self.json("clear", "--yes"), {"ok": True, "deleted": 1})
        self.assertEqual(self.session("clear", "--yes").stdout, "deleted 0\n")

    def test_export_and_import(self):
        self.value("a", "x = [1, 2]\ndef f():\n    return sum(x)")
        path = os.path.join(self.home, "a.session")
        self.session("export", "a", "-o", path)
        self.refused("import", path, says="already", code=2)
        self.assertEqual(self.session("import", path, "--id", "b").stdout, "imported b\n")
        self.assertEqual(self.value("b", "f()"), "3")
        self.session("delete", "a")
        with open(path, "rb") as file:
            self.assertEqual(self.json("import", stdin=file.read())["id"], "a")
        self.assertEqual(self.value("a", "f()"), "3")

    def test_export_to_a_pipe(self):
        self.value("a", "x = 7")
        done = subprocess.run([shannon.SHANNON, "session", "export", "a"], capture_output=True,
                              env=dict(os.environ, **self.env))
        self.assertEqual(done.returncode, 0)
        self.session("import", "-", "--id", "b", stdin=done.stdout)
        self.assertEqual(self.value("b", "x"), "7")

    def test_files_that_are_no_sessions(self):
        path = os.path.join(self.home, "x")
        self.refused("import", path, says="cannot read", code=2)
        for content in b"", b"nothing of the kind", bytes(1 << 20):
            with open(path, "wb") as file:
                file.write(content)
            self.refused("import", path, says="is no session", code=2)
        self.refused("export", "a", "-o", "/nowhere/x", says="cannot write", code=2)


class OtherInterpreters(Command):
    """The one with CPython's own test modules is another one: a state of the one is nothing to the other."""

    def setUp(self):
        super().setUp()
        self.other = {"PYTHON_WASI_WASM_PATH": OTHER}

    def test_a_session_of_another_one_is_kept_and_refused(self):
        self.value("s", "x = 1", env=self.other)
        got = shannon.run("x", "--session", "s", env=self.env)
        self.assertEqual(got.returncode, 125)
        self.assertIn("made with another interpreter", got.stderr)
        self.assertIn("migrate", got.stderr)
        self.assertEqual(self.value("s", "x", env=self.other), "1")

    def test_an_export_of_another_one_is_refused(self):
        self.value("s", "x = 1", env=self.other)
        path = os.path.join(self.home, "s.session")
        self.session("export", "s", "-o", path)
        self.session("delete", "s")
        self.refused("import", path, says="another interpreter", code=2)

    def test_migrate(self):
        self.value("s", "import random\nx = [random.random()]", env=self.other)
        self.run_in("s", "x.append(2)\n1 / 0", env=self.other)
        self.value("s", "x.append(3)", env=self.other)
        self.session("migrate", "s")
        self.assertEqual(self.value("s", "len(x), x[1:], 0 <= x[0] < 1"), "(3, [2, 3], True)")
        self.assertEqual(self.json("show", "s")["step"], 4)
        self.refused("migrate", "s", says="needs no migration", code=2)
        self.assertEqual([s["id"] for s in self.json("list")["sessions"]], ["s"])

    def test_what_cannot_be_migrated_says_why(self):
        self.value("s", "x = input()", stdin="hello\n", env=self.other)
        error = self.refused("migrate", "s", says="step 1 was 'ok', and is 'error' when it is run again: EOF")
        self.assertIn("kept as it is", error["hint"])
        self.assertEqual(self.value("s", "x", env=self.other), "'hello'")


tap.main(__name__)
