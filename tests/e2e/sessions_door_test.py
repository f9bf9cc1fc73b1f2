"""Sessions over HTTP, and whose they are."""

import os
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from doors import Doors


class Sessions(Doors):
    def setUp(self):
        self.serve()

    def refused(self, method, path, body=None, status=400, code="invalid_argument", **options):
        answer = self.ask(method, path, body, **options)
        self.assertEqual((answer.status, answer.error["code"]), (status, code), answer.body)
        return answer.error["message"] + "\n" + answer.error["hint"]

    def test_life(self):
        self.assertEqual(self.ask("GET", "/v1/sessions").json, {"sessions": [], "next": None})
        self.execute("x = 1", session_id="s")
        self.execute("x += 1\n1/0", session_id="s")
        answer = self.ask("GET", "/v1/sessions/s")
        self.assertEqual(answer.status, 200)
        self.assertEqual(sorted(answer.json), ["created", "id", "memory_bytes", "step", "stored_bytes", "usable", "used"])
        self.assertEqual((answer.json["id"], answer.json["step"], answer.json["usable"]), ("s", 2, True))
        self.assertEqual([s["id"] for s in self.ask("GET", "/v1/sessions").json["sessions"]], ["s"])
        history = self.ask("GET", "/v1/sessions/s/history").json
        self.assertEqual((history["id"], [(s["step"], s["status"], s["code"]) for s in history["steps"]]), ("s", [(1, "ok", "x = 1"), (2, "error", "x += 1\n1/0")]))
        self.assertEqual(sorted(history["steps"][0]), ["code", "memory_bytes", "status", "step", "stored_bytes", "time"])
        answer = self.ask("POST", "/v1/sessions/s/fork", {"new_id": "t", "step": 1})
        self.assertEqual((answer.status, answer.json["id"], answer.json["step"]), (201, "t", 1))
        self.assertEqual(self.ask("POST", "/v1/sessions/s/fork", {"new_id": "u", "step": None}).json["step"], 2)
        self.assertEqual([self.execute("x", session_id=name)["result"]["text/plain"] for name in "stu"], ["2", "1", "2"])
        answer = self.ask("POST", "/v1/sessions/s/rewind", {"step": 1})
        self.assertEqual((answer.status, answer.json["step"]), (200, 1))
        self.assertEqual(self.execute("x", session_id="s")["result"], {"text/plain": "1"})
        answer = self.ask("DELETE", "/v1/sessions/s")
        self.assertEqual((answer.status, answer.body), (204, b""))
        for method, path, body in (("GET", "/v1/sessions/s", None), ("DELETE", "/v1/sessions/s", None), ("GET", "/v1/sessions/s/history", None),
                                   ("GET", "/v1/sessions/s/export", None), ("POST", "/v1/sessions/s/fork", {"new_id": "v"}), ("POST", "/v1/sessions/s/rewind", {"step": 0})):
            self.assertIn("'s'", self.refused(method, path, body, 404, "not_found"))
        line = self.until(lambda: [line for line in self.logged("call") if line["method"] == "GET /v1/sessions/{id}"])[0]
        self.assertEqual((line["session_id"], line["code"]), ("s", "ok"))

    def test_refusals(self):
        self.execute("x = 1", session_id="s")
        self.execute("x = 1", session_id="t")
        for method, path, body, text in (
            ("GET", "/v1/sessions?limit=0", None, "limit"), ("GET", "/v1/sessions?limit=1001", None, "1000"), ("GET", "/v1/sessions?limit=x", None, "limit"),
            ("GET", "/v1/sessions?after=a/b", None, "after"), ("GET", "/v1/sessions/a%20b", None, "A-Za-z0-9"), ("GET", "/v1/sessions/" + "x" * 129, None, "128"),
            ("POST", "/v1/sessions/s/fork", {}, "new_id"), ("POST", "/v1/sessions/s/fork", {"new_id": "t"}, "'t'"), ("POST", "/v1/sessions/s/fork", {"new_id": "a b"}, "new_id"),
            ("POST", "/v1/sessions/s/fork", {"newid": "v"}, "did you mean new_id?"), ("POST", "/v1/sessions/s/fork", {"new_id": "v", "step": -1}, "step"),
            ("POST", "/v1/sessions/s/fork", {"new_id": "v", "step": 1.5}, "step"), ("POST", "/v1/sessions/s/fork", ["v"], "object"),
            ("POST", "/v1/sessions/s/rewind", {}, "step"), ("POST", "/v1/sessions/s/rewind", {"step": "1"}, "step is a text"),
            ("POST", "/v1/sessions/import", None, ""), ("POST", "/v1/sessions/import?id=a%20b", None, "id"),
        ):
            with self.subTest(path=path[:50], body=body):
                self.assertIn(text, self.refused(method, path, body))
        self.refused("POST", "/v1/sessions/s/fork", {"new_id": "v", "step": 7}, 404, "not_found")
        answer = self.ask("POST", "/v1/sessions/import", os.urandom(5000))
        self.assertEqual((answer.status, answer.error["code"]), (400, "invalid_argument"))

    def test_pages(self):
        names = sorted(f"s{i}" for i in range(7))
        for name in names:
            self.execute("1", session_id=name)
        found, after, pages = [], "", 0
        while after is not None:
            page = self.ask("GET", "/v1/sessions?limit=3" + (f"&after={after}" if after else "")).json
            found += [s["id"] for s in page["sessions"]]
            after, pages = page["next"], pages + 1
        self.assertEqual((found, pages), (names, 3))
        page = self.ask("GET", "/v1/sessions?limit=7").json
        self.assertEqual((len(page["sessions"]), page["next"]), (7, None))

    def test_from_machine_to_machine(self):
        self.execute("import math\nx = [math.pi] * 100_000\ndef f(): return len(x)", session_id="s")
        answer = self.ask("GET", "/v1/sessions/s/export")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/octet-stream"))
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="s.session"')
        self.refused("POST", "/v1/sessions/import", answer.body)
        self.assertEqual(self.ask("POST", "/v1/sessions/import?id=copy", answer.body).json["id"], "copy")
        self.serve()
        made = self.ask("POST", "/v1/sessions/import", answer.body)
        self.assertEqual((made.status, made.json["id"], made.json["step"]), (201, "s", 1))
        self.assertEqual(self.execute("f(), math.floor(x[5])", session_id="s")["result"], {"text/plain": "(100000, 3)"})
        cut = self.ask("POST", "/v1/sessions/import?id=cut", answer.body[:-10])
        self.assertEqual(cut.status, 400)
        self.assertEqual(self.execute("print(1)")["stdout"], "1\n")


class Tenants(Doors):
    env = {"SHANNON_API_TOKEN": "the-operators-token"}
    ALICE, BOB = "alices-token-0123456", "bobs-token-0123456789"

    def setUp(self):
        self.file = os.path.join(self.make_home(), "tenants")
        with open(self.file, "w") as file:
            file.write(f"# who\nalice {self.ALICE}\nbob\t{self.BOB}\n")
        os.chmod(self.file, 0o600)
        self.serve(SHANNON_TENANTS_FILE=self.file)

    def names(self, token=None):
        return [s["id"] for s in self.ask("GET", "/v1/sessions", token=token).json["sessions"]]

    def test_each_has_its_own(self):
        for token, value in (self.ALICE, 1), (self.BOB, 2), (None, 3):
            r = self.execute(f"x = {value}", token=token, session_id="s")
            self.assertEqual((r["session_id"], r["step"]), ("s", 1))
        for token, value in (self.ALICE, "1"), (self.BOB, "2"), (None, "3"):
            self.assertEqual(self.execute("x", token=token, session_id="s")["result"], {"text/plain": value})
            self.assertEqual(self.ask("GET", "/v1/sessions/s", token=token).json["id"], "s")
        self.assertEqual(self.names(), ["alice:s", "bob:s", "s"])
        self.assertEqual((self.names(self.ALICE), self.names(self.BOB)), (["s"], ["s"]))
        self.assertEqual(self.execute("x", session_id="bob:s")["result"], {"text/plain": "2"})
        self.assertEqual(self.ask("DELETE", "/v1/sessions/s", token=self.ALICE).status, 204)
        self.assertEqual(self.names(), ["bob:s", "s"])

    def test_guessing(self):
        """Whatever bob calls alice's session, it is not there for him."""
        self.execute("secret = 42", token=self.ALICE, session_id="s")
        self.execute("own = 1", token=self.BOB, session_id="mine")
        export = self.ask("GET", "/v1/sessions/s/export", token=self.ALICE).body
        for name in "s", "alice:s", "bob:alice:s", ":s", "alice%3As", "..alice:s":
            for method, path, body in (("GET", f"/v1/sessions/{name}", None), ("GET", f"/v1/sessions/{name}/history", None), ("GET", f"/v1/sessions/{name}/export", None),
                                       ("POST", f"/v1/sessions/{name}/fork", {"new_id": "v"}), ("POST", f"/v1/sessions/{name}/rewind", {"step": 0}),
                                       ("DELETE", f"/v1/sessions/{name}", None)):
                answer = self.ask(method, path, body, token=self.BOB)
                self.assertEqual((answer.status, answer.error["code"]), (404, "not_found"), (path, answer.body))
                self.assertNotIn("bob", answer.error["message"].replace("bob:alice:s", ""))
        self.assertEqual(self.execute("'secret' in globals()", token=self.BOB, session_id="alice:s")["result"], {"text/plain": "False"})
        self.assertEqual(self.ask("POST", "/v1/sessions/mine/fork", {"new_id": "alice:t"}, token=self.BOB).json["id"], "alice:t")
        answer = self.ask("POST", "/v1/sessions/import", export, token=self.BOB)
        self.assertEqual((answer.status, answer.error["hint"]), (400, "give it as /v1/sessions/import?id=NAME"))
        self.assertEqual(self.ask("POST", "/v1/sessions/import?id=alice:u", export, token=self.BOB).json["id"], "alice:u")
        self.assertEqual(self.names(self.BOB), ["alice:s", "alice:t", "alice:u", "mine"])
        self.assertEqual(self.names(self.ALICE), ["s"])
        self.assertEqual(self.names(), ["alice:s", "bob:alice:s", "bob:alice:t", "bob:alice:u", "bob:mine"])
        tool = self.ask("POST", "/tools/execute", {"tool": "python_executor", "parameters": {"code": "'secret' in globals()", "session_id": "s"}}, token=self.BOB)
        self.assertEqual((tool.json["output"], tool.json["metadata"]["session_id"]), ("False", "s"))
        *_, (name, done) = self.stream("'secret' in globals()", session_id="s", headers={"Authorization": f"Bearer {self.ALICE}"})
        self.assertEqual((done["result"], done["session_id"]), ({"text/plain": "True"}, "s"))

    def test_names_in_errors_and_logs(self):
        self.execute("x = 1", token=self.ALICE, session_id="s")
        answer = self.ask("POST", "/v1/sessions/s/fork", {"new_id": "s"}, token=self.ALICE)
        self.assertEqual(answer.status, 400)
        self.assertIn("'s'", answer.error["message"])
        self.assertNotIn("alice", answer.body.decode())
        answer = self.ask("GET", "/v1/sessions/t", token=self.ALICE)
        self.assertIn("'t'", answer.error["message"])
        self.assertNotIn("alice", answer.body.decode())
        lines = self.until(lambda: len(self.logged("call")) == 3 and self.logged("call"))
        self.assertEqual({line["tenant"] for line in lines}, {"alice"})
        self.assertEqual([line.get("session_id") for line in lines], ["s", "s", "t"])
        self.assertNotIn("alice:", self.log_text())
        self.assertNotIn("token-0", self.log_text())

    def test_how_long_names_may_be(self):
        self.assertEqual(self.execute("1", token=self.ALICE, session_id="x" * 122)["step"], 1)
        answer = self.ask("POST", "/v1/execute", {"code": "1", "session_id": "x" * 123}, token=self.ALICE)
        self.assertEqual(answer.status, 400)
        self.assertIn("session_id must have 1 to 122 characters", answer.error["message"])
        self.execute("1", session_id="x" * 128)

    def test_pages_of_a_tenant(self):
        for i in range(3):
            self.execute("1", token=self.BOB, session_id=f"s{i}")
            self.execute("1", token=self.ALICE, session_id=f"s{i}")
        page = self.ask("GET", "/v1/sessions?limit=2", token=self.BOB).json
        self.assertEqual(([s["id"] for s in page["sessions"]], page["next"]), (["s0", "s1"], "s1"))
        page = self.ask("GET", "/v1/sessions?limit=2&after=s1", token=self.BOB).json
        self.assertEqual(([s["id"] for s in page["sessions"]], page["next"]), (["s2"], None))

    def test_tokens(self):
        for token in "nobodys-token-0123456", self.ALICE + "x", self.ALICE[:-1], self.ALICE.upper():
            self.assertEqual(self.ask("GET", "/v1/sessions", token=token).status, 401)
        self.assertEqual([self.ask("GET", "/metrics", token=token).status for token in (None, self.ALICE)], [200, 403])
        self.assertEqual([self.ask("GET", path, token=self.ALICE).status for path in ("/health", "/ready", "/tools/list")], [200, 200, 200])

    def test_turns_are_the_tenants(self):
        """However many sessions a tenant has, it is one of those who take turns."""
        self.serve(SHANNON_TENANTS_FILE=self.file, SHANNON_WORKERS="1")
        stream = self.stream("print('on')\nimport time; time.sleep(1)", headers={"Authorization": f"Bearer {self.ALICE}"})
        next(stream)
        order = []
        for i, token in enumerate([self.ALICE] * 4 + [self.BOB]):
            self.begin("POST", "/v1/execute", {"code": "1", "session_id": f"s{i}"}, connection=self.connect(), token=token, headers={"Shannon-Tenant": f"t{i}"})
            self.until(lambda: self.metrics()["shannon_executions_waiting"] == i + 1)
        lines = self.until(lambda: len(self.logged("call")) == 6 and self.logged("call"))
        order = [line["tenant"] for line in lines]
        self.assertIn("bob", order[1:3], order)

    def refusal_of(self, text, mode=0o600, **env):
        path = os.path.join(self.make_home(), "tenants")
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        done = subprocess.run([os.environ["SHANNON"], "llm-service", "--http", "127.0.0.1:0"], capture_output=True, text=True, timeout=20,
                              env={**os.environ, "SHANNON_HOME": self.home, "SHANNON_TENANTS_FILE": path, **self.env, **env})
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_files_that_are_refused(self):
        said = self.refusal_of("alice short-token\nalice  0123456789abcdef\nbob 0123456789abcdef\nx y z\nboss the-operators-token\n",
                               SHANNON_TLS_KEY=self.file)
        for text in "tenants:1:", "tenants:3: bob has the token of alice", "tenants:4:", "tenants:5:", "SHANNON_TLS_CERTIFICATE":
            self.assertIn(text, said)
        for secret in "short-token", "0123456789abcdef", "the-operators-token":
            self.assertNotIn(secret, said)
        self.assertIn("chmod 600", self.refusal_of("alice 0123456789abcdef\n", 0o644))
        self.assertIn("no tenant", self.refusal_of("# nobody\n"))
        self.assertIn("SHANNON_API_TOKEN", self.refusal_of("alice 0123456789abcdef\n", SHANNON_API_TOKEN=""))


tap.main(__name__)
