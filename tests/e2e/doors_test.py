"""Executions over HTTP, with a client that is not ours (http.client): fields, refusals, streams, turns, clients that leave."""

import base64
import hashlib
import os
import socket
import struct
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from doors import Doors


class Executions(Doors):
    def setUp(self):
        self.serve()

    def test_results(self):
        r = self.execute("import sys\nprint('hé')\nprint('no', file=sys.stderr)\n6 * 7")
        self.assertEqual((r["status"], r["stdout"], r["stderr"], r["result"], r["error"]), ("ok", "hé\n", "no\n", {"text/plain": "42"}, None))
        self.assertEqual((r["session_id"], r["outputs"], r["truncated"]), (None, [], {"stdout": False, "stderr": False}))
        self.assertEqual(sorted(r["usage"]), ["cpu_ms", "output_bytes", "peak_memory_bytes", "startup_ms", "wall_ms"])
        r = self.execute("1/0")
        self.assertEqual((r["status"], r["error"]["name"], r["error"]["value"]), ("error", "ZeroDivisionError", "division by zero"))
        self.assertIn("1/0", r["error"]["traceback"])
        self.assertEqual(self.execute("x = 1")["result"], None)

    def test_every_field(self):
        r = self.execute("import sys\nprint(sys.stdin.read(), sys.argv)", stdin="line\0é", args=["name", "é"])
        self.assertEqual(r["stdout"], "line\0é ['name', 'é']\n")
        data = bytes(range(256))
        r = self.execute("print(open('/tmp/a/b.txt').read(), open('/tmp/c', 'rb').read() == bytes(range(256)), open('/tmp/d').read() == '')",
                         files=[{"path": "a/b.txt", "content": "in\nside"}, {"path": "/tmp/c", "content_base64": base64.b64encode(data).decode()},
                                {"path": "d", "content": "", "content_base64": None}])
        self.assertEqual(r["stdout"], "in\nside True True\n")
        code = "import random, time\nprint(random.random(), time.time())"
        same = [self.execute(code, deterministic={"seed": 5, "time": 1000.5})["stdout"] for _ in range(2)]
        self.assertEqual(same[0], same[1])
        self.assertIn(" 1000.5", same[0])
        self.assertNotEqual(self.execute(code, deterministic={"seed": 6})["stdout"], same[0])
        self.assertIn('"report.py", line 1', self.execute("1/0", filename="report.py")["error"]["traceback"])
        self.assertEqual(self.execute("x = bytearray(1 << 30)", memory_limit_mb=64)["status"], "memory_limit")
        self.assertEqual(self.execute("x = bytearray(1 << 30)", memory_limit_mb=64.0)["status"], "memory_limit")
        self.assertEqual(self.execute("while True: pass", timeout_seconds=1)["status"], "timeout")
        self.assertEqual(self.execute("open('/workspace/x', 'w').write('abc')", workspace_mb=1)["result"], {"text/plain": "3"})
        self.assertEqual(self.execute("x = 1", session_id="s")["step"], 1)
        self.assertEqual(self.execute("x += 1; x", session_id="s", discard=True)["result"], {"text/plain": "2"})
        r = self.execute("x", session_id="s", discard=False)
        self.assertEqual((r["session_id"], r["step"], r["result"]), ("s", 2, {"text/plain": "1"}))
        nulls = dict.fromkeys(("session_id", "timeout_seconds", "stdin", "files", "memory_limit_mb", "deterministic", "args", "filename",
                               "discard", "workspace_mb"))
        self.assertEqual(self.execute("1", **nulls)["status"], "ok")

    def test_every_refusal_names_its_field(self):
        one = {"code": "1"}
        for fields, texts in (
            ({}, ["code"]), ({"code": ""}, ["code is empty"]), ({"code": 1}, ["code is a number", "a text"]),
            ({"code": "x" * ((1 << 20) + 1)}, ["code", "1048576"]), ({"code": "a\0b"}, ["code", "NUL"]),
            ({**one, "sesion_id": "x"}, ["sesion_id", "did you mean session_id?"]), ({**one, "zzzzzzzz": 1}, ["zzzzzzzz"]),
            ({**one, "session_id": "../x"}, ["session_id", "A-Za-z0-9"]), ({**one, "session_id": ""}, ["session_id"]),
            ({**one, "session_id": "x" * 129}, ["session_id", "128"]), ({**one, "session_id": "a\0b"}, ["session_id", "NUL"]),
            ({**one, "session_id": 5}, ["session_id is a number"]),
            ({**one, "timeout_seconds": 0}, ["timeout_seconds", "at least 1"]), ({**one, "timeout_seconds": 0.99}, ["timeout_seconds"]),
            ({**one, "timeout_seconds": 60.5}, ["timeout_seconds", "from 1 to 60"]), ({**one, "timeout_seconds": "5"}, ["timeout_seconds is a text"]),
            ({**one, "timeout_seconds": True}, ["timeout_seconds is true"]),
            ({**one, "memory_limit_mb": 31}, ["memory_limit_mb", "from 32 to 256"]), ({**one, "memory_limit_mb": 0}, ["memory_limit_mb"]),
            ({**one, "memory_limit_mb": 257}, ["memory_limit_mb", "256"]), ({**one, "memory_limit_mb": 64.5}, ["memory_limit_mb", "whole"]),
            ({**one, "memory_limit_mb": -1}, ["memory_limit_mb", "-1"]), ({**one, "memory_limit_mb": 1e300}, ["memory_limit_mb"]),
            ({**one, "stdin": ["x"]}, ["stdin is a list"]), ({**one, "stdin": "x" * ((8 << 20) + 1)}, ["stdin", "8 MiB"]),
            ({**one, "files": {}}, ["files is an object", "a list"]), ({**one, "files": ["x"]}, ["files[0] is a text"]),
            ({**one, "files": [{"path": "x"}]}, ["files[0] has neither content nor content_base64"]),
            ({**one, "files": [{"path": "x", "content": "", "content_base64": ""}]}, ["files[0] has both content and content_base64"]),
            ({**one, "files": [{"path": "x", "content": ""}, {"content": ""}]}, ["files[1] has no path"]),
            ({**one, "files": [{"path": "x", "contents": ""}]}, ["files[0].contents", "did you mean files[0].content?"]),
            ({**one, "files": [{"path": "x", "content": 5}]}, ["files[0].content is a number"]),
            ({**one, "files": [{"path": "x", "content_base64": "QUJD\nQUJD"}]}, ["files[0].content_base64", "character 5", "base64 -w0"]),
            ({**one, "files": [{"path": "x", "content_base64": "QUI"}]}, ["files[0].content_base64", "character 4"]),
            ({**one, "files": [{"path": "x", "content_base64": "QUJ="}]}, ["files[0].content_base64"]),
            ({**one, "files": [{"path": "/etc/passwd", "content": ""}]}, ["/etc/passwd", "/tmp"]),
            ({**one, "files": [{"path": "a/../../b", "content": ""}]}, [".."]),
            ({**one, "files": [{"path": f"f{i}", "content": ""} for i in range(1025)]}, ["1025", "1024"]),
            ({**one, "deterministic": 5}, ["deterministic is a number"]), ({**one, "deterministic": {"seed": -1}}, ["deterministic.seed"]),
            ({**one, "deterministic": {"seed": 1.5}}, ["deterministic.seed", "whole"]), ({**one, "deterministic": {"sed": 1}}, ["deterministic.sed", "deterministic.seed?"]),
            ({**one, "deterministic": {"time": "now"}}, ["deterministic.time is a text"]), ({**one, "deterministic": {"time": -5}}, ["deterministic.time"]),
            ({**one, "args": "x"}, ["args is a text"]), ({**one, "args": ["x", 1]}, ["args[1] is a number"]), ({**one, "args": ["a\0"]}, ["args[0]", "NUL"]),
            ({**one, "filename": 1}, ["filename is a number"]), ({**one, "discard": "yes"}, ["discard is a text"]), ({**one, "discard": True}, ["discard"]),
            ({**one, "workspace_mb": 1025}, ["workspace_mb", "from 1 to 1024"]),
        ):
            with self.subTest(fields=str(fields)[:80]):
                said = self.refusal(**fields)
                for text in texts:
                    self.assertIn(text, said)

    def test_what_is_no_request(self):
        for body, kind, text in (
            (b"print(1)", "text/plain", "application/json"), (b"{", "application/json", "no JSON"), (b"[]", "application/json", "must be an object"),
            (b'{"code":"1","code":"2"}', "application/json", "duplicate"), (b'{"code":"\xff"}', "application/json", "no JSON"),
            (b'{"code":"1","args":[' + b"1," * 100_000 + b"1]}", "application/json", "values"),
        ):
            answer = self.ask("POST", "/v1/execute", body, headers={"Content-Type": kind})
            self.assertEqual((answer.status, answer.error["code"]), (400, "invalid_argument"), answer.body)
            self.assertIn(text, answer.error["message"] + answer.error["hint"])
        self.assertEqual(self.ask("GET", "/v1/execute").status, 405)

    def test_large_requests(self):
        data = os.urandom(20 << 20)
        r = self.execute("import hashlib\nprint(hashlib.sha256(open('/tmp/x','rb').read()).hexdigest())", timeout_seconds=20,
                         files=[{"path": "x", "content_base64": base64.b64encode(data).decode()}])
        self.assertEqual(r["stdout"].strip(), hashlib.sha256(data).hexdigest())
        self.assertIn("stdin", self.refusal(code="1", stdin=5, args=["x" * 200_000]))

    def test_a_connection_is_kept(self):
        port = self.connection.sock.getsockname()
        for i in range(5):
            self.assertEqual(self.execute(f"print({i})")["stdout"], f"{i}\n")
        self.refusal()
        self.assertEqual([name for name, _ in self.stream("print(1)", connection=self.connection)], ["stdout", "done"])
        self.assertEqual(self.execute("1")["status"], "ok")
        self.assertEqual(self.connection.sock.getsockname(), port)

    def test_the_log_has_no_code(self):
        answer = self.ask("POST", "/v1/execute", {"code": "print('sec'+'ret')", "session_id": "s"}, headers={"X-Request-Id": "abc.1"})
        self.assertEqual(answer.headers["X-Request-Id"], "abc.1")
        line = self.until(lambda: self.logged("call"))[0]
        self.assertEqual([line[key] for key in ("request_id", "method", "tenant", "code", "status", "session_id", "step")],
                         ["abc.1", "POST /v1/execute", "s", "ok", "ok", "s", 1])
        self.refusal(code="'secret'", nothing="secret")
        self.until(lambda: len(self.logged("call")) == 2)
        self.assertNotIn("sec'", self.log_text())
        self.assertNotIn("secret", self.log_text())
        found = self.metrics()
        self.assertEqual(found['shannon_calls_total{method="POST /v1/execute",code="ok"}'], 1)
        self.assertEqual(found['shannon_calls_total{method="POST /v1/execute",code="invalid_argument"}'], 1)
        self.assertEqual(found['shannon_executions_total{status="ok"}'], 1)

    def test_the_log_may_have_code(self):
        self.serve(SHANNON_LOG_CODE="true")
        self.execute("print('here')")
        self.assertEqual(self.until(lambda: self.logged("call"))[0]["source"], "print('here')")


class Streams(Doors):
    def setUp(self):
        self.serve()

    def test_order(self):
        events = list(self.stream("import sys\nprint('a')\nprint('b', file=sys.stderr)\ndisplay(1)\nprint('c')\n'v'"))
        self.assertEqual(events[:-1], [("stdout", {"text": "a\n"}), ("stderr", {"text": "b\n"}), ("display", {"text/plain": "1"}),
                                       ("stdout", {"text": "c\n"}), ("result", {"text/plain": "'v'"})])
        name, done = events[-1]
        self.assertEqual((name, done["status"], done["stdout"], done["stderr"], done["result"], done["outputs"]),
                         ("done", "ok", "a\nc\n", "b\n", {"text/plain": "'v'"}, [{"text/plain": "1"}]))
        events = list(self.stream("print('x')\n1/0"))
        self.assertEqual([name for name, _ in events], ["stdout", "error", "done"])
        self.assertEqual(events[1][1], events[2][1]["error"])
        self.assertEqual(events[1][1]["name"], "ZeroDivisionError")

    def test_as_it_comes(self):
        late = []
        for name, data in self.stream("import time\nfor i in range(20):\n    print(time.time())\n    time.sleep(0.02)"):
            if name == "stdout":
                late.append(time.time() - float(data["text"]))
        late.sort()
        self.assertEqual(len(late), 20)
        self.assertLess(late[len(late) // 2], 0.02, late)

    def test_whole_characters(self):
        code = ("import os, time\nfor c in 'é😀'.encode():\n    os.write(1, bytes([c]))\n    time.sleep(0.01)\n"
                "os.write(2, 'é'.encode()[:1])\nos.write(1, b'\\xff')")
        events = list(self.stream(code))
        self.assertEqual([data["text"] for name, data in events if name == "stdout"], ["é", "😀", "\ufffd"])
        self.assertEqual([data["text"] for name, data in events if name == "stderr"], ["\ufffd"])

    def test_what_a_client_accepts(self):
        for accept, wanted in (
            (None, "json"), ("*/*", "json"), ("text/event-stream", "events"), ("application/json", "json"),
            ("text/event-stream;q=0", "json"), ("text/event-stream;q=0, */*", "json"), ("text/event-stream, */*;q=0.1", "events"),
            ("application/json, text/event-stream", "json"), ("application/json;q=0.5, text/event-stream", "events"),
            ("text/*", "events"), ("text/html", "json"), ("Text/Event-Stream ; q=0.5", "events"), ("text/event-stream;q=0.5, application/json;q=0.9", "json"),
            ("application/json;q=0, */*", "events"), ('x/y;a="text/event-stream,"', "json"),
        ):
            answer = self.ask("POST", "/v1/execute", {"code": "1"}, headers={"Accept": accept} if accept else {})
            self.assertEqual(answer.headers["Content-Type"], {"json": "application/json", "events": "text/event-stream"}[wanted], accept)

    def test_errors_before_and_after_it_begins(self):
        headers = {"Accept": "text/event-stream"}
        answer = self.ask("POST", "/v1/execute", {"code": ""}, headers=headers)
        self.assertEqual((answer.status, answer.error["code"]), (400, "invalid_argument"))
        answer = self.ask("POST", "/v1/execute", {"code": "1", "files": [{"path": "a/../../b", "content": ""}]}, headers=headers)
        self.assertEqual(answer.status, 200)
        (name, data), = [(line.split()[1], data) for line, data in zip(*[iter(answer.body.decode().split("\n"))] * 2) if line]
        self.assertEqual(name, "failed")
        self.assertIn('"invalid_argument"', data)
        self.assertEqual(self.until(lambda: self.logged("call"))[-1]["code"], "invalid_argument")

    def test_signs_of_life(self):
        connection = self.begin("POST", "/v1/execute", {"code": "import time; time.sleep(6)"}, headers={"Accept": "text/event-stream"})
        response = connection.getresponse()
        self.assertEqual(response.readline(), b": keep-alive\n")

    def test_a_slow_reader_holds_up_only_itself(self):
        stream = self.stream("for i in range(40):\n    print('x' * 1_000_000)\nprint('end')", timeout_seconds=20)
        next(stream)
        took = []
        for _ in range(20):
            start = time.monotonic()
            self.execute("print(1)")
            took.append(time.monotonic() - start)
        self.assertLess(sorted(took)[10], 0.1)
        *_, (name, done) = stream
        self.assertEqual((name, done["status"]), ("done", "ok"))

    def test_a_reader_that_does_not_read_ends_with_its_time(self):
        stream = self.stream("while True: print('x' * 100_000)", timeout_seconds=1)
        next(stream)
        self.until(lambda: self.logged("call"), 6)


class Tools(Doors):
    def setUp(self):
        self.serve()

    def call(self, body, status=200):
        answer = self.ask("POST", "/tools/execute", body)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json

    def run_tool(self, code, **parameters):
        return self.call({"tool": "python_executor", "parameters": {"code": code, **parameters}})

    def test_execution(self):
        for key in "tool", "tool_name":
            r = self.call({key: "python_executor", "parameters": {"code": "print('a', end='')\n6 * 7"}})
            self.assertEqual((r["success"], r["output"], r["error"]), (True, "a\n42", None))
            self.assertEqual(r["metadata"]["stdout"], "a")
            self.assertEqual(r["execution_time_ms"], r["metadata"]["usage"]["wall_ms"])
            self.assertEqual(sorted(r), ["error", "execution_time_ms", "metadata", "output", "success"])
        self.assertEqual(self.run_tool("print('a')\n6")["output"], "a\n6")
        r = self.run_tool("print('seen')\n1/0")
        self.assertEqual((r["success"], r["output"], r["error"]), (False, "seen\n", "ZeroDivisionError: division by zero"))
        self.assertIn("line 2", r["metadata"]["error"]["traceback"])
        r = self.run_tool("while True: pass", timeout_seconds=1)
        self.assertEqual((r["success"], r["metadata"]["status"]), (False, "timeout"))
        self.assertIn("time limit", r["error"])
        self.assertEqual(self.run_tool("x = 1", session_id="s")["metadata"]["step"], 1)

    def test_refusals(self):
        error = self.call({"tool": "calculator", "parameters": {}}, 404)["error"]
        self.assertEqual(error["code"], "not_found")
        self.assertIn("calculator", error["message"])
        one = {"tool": "python_executor"}
        for body, text in (({}, "tool"), ({**one, "tool_name": "x", "parameters": {}}, "two tools"), (one, "parameters"), ({**one, "parameters": []}, "parameters"),
                           ({**one, "parameter": {}}, "did you mean parameters?"), ({**one, "parameters": {}}, "code"), ({**one, "parameters": {"cod": ""}}, "code?"),
                           ({"tool": 5, "parameters": {}}, "tool is a number"), ([], "object")):
            error = self.call(body, 400)["error"]
            self.assertIn(text, error["message"] + error["hint"])

    def test_schemas(self):
        self.assertEqual(self.ask("GET", "/tools/list").json, ["python_executor"])
        schema, = self.ask("GET", "/tools/schemas").json
        self.assertEqual(self.ask("GET", "/tools/python_executor/schema").json, schema)
        self.assertEqual((schema["type"], schema["function"]["name"]), ("function", "python_executor"))
        self.assertEqual(sorted(schema["function"]), ["description", "name", "parameters"])
        self.assertEqual(schema["function"]["parameters"]["required"], ["code"])
        self.assertEqual(schema["function"]["parameters"]["properties"]["timeout_seconds"]["maximum"], 60)
        answer = self.ask("GET", "/tools/nothing/schema")
        self.assertEqual((answer.status, answer.error["code"]), (404, "not_found"))


class Leaving(Doors):
    def leave(self, connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def running(self):
        return self.metrics()["shannon_executions_running"]

    def test_a_client_that_leaves_cancels(self):
        self.serve()
        for fields, headers in (({}, {}), ({"session_id": "s"}, {}), ({}, {"Accept": "text/event-stream"})):
            connection = self.begin("POST", "/v1/execute", {"code": "import time\nwhile True: time.sleep(9)", **fields}, connection=self.connect(), headers=headers)
            self.until(lambda: self.running() == 1)
            left = time.monotonic()
            self.leave(connection)
            self.until(lambda: self.running() == 0)
            self.assertLess(time.monotonic() - left, 0.5)
        self.assertEqual({line["code"] for line in self.until(lambda: len(self.logged("call")) == 3 and self.logged("call"))}, {"cancelled"})

    def test_who_leaves_the_queue(self):
        self.serve(SHANNON_WORKERS="1")
        stream = self.stream("print('on')\nimport time; time.sleep(20)")
        next(stream)
        waiting = self.begin("POST", "/v1/execute", {"code": "1"}, connection=self.connect())
        self.until(lambda: self.metrics()["shannon_executions_waiting"] == 1)
        self.leave(waiting)
        self.until(lambda: self.metrics()["shannon_executions_waiting"] == 0)
        line = self.logged("call")[0]
        self.assertEqual(line["code"], "cancelled")

    def test_a_full_queue(self):
        self.serve(SHANNON_WORKERS="1", SHANNON_QUEUE="1")
        stream = self.stream("print('on')\nimport time; time.sleep(20)")
        next(stream)
        self.begin("POST", "/v1/execute", {"code": "print('waited')"}, connection=self.connect())
        self.until(lambda: self.metrics()["shannon_executions_waiting"] == 1)
        for headers in {}, {"Accept": "text/event-stream"}:
            answer = self.ask("POST", "/v1/execute", {"code": "1"}, headers=headers)
            self.assertEqual((answer.status, answer.error["code"]), (429, "resource_exhausted"), answer.body)
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)

    def test_waiting_too_long(self):
        self.serve(SHANNON_WORKERS="1", SHANNON_QUEUE_SECONDS="1")
        stream = self.stream("print('on')\nimport time; time.sleep(20)")
        next(stream)
        answer = self.ask("POST", "/v1/execute", {"code": "1"})
        self.assertEqual((answer.status, answer.error["code"]), (429, "resource_exhausted"), answer.body)


class Commands(Doors):
    def test_llm_service_alone(self):
        self.serve(command="llm-service")
        self.assertIn("this machine only", self.said[0])
        self.assertEqual(self.execute("x = 5", session_id="s")["step"], 1)
        self.assertEqual(self.execute("x", session_id="s")["result"], {"text/plain": "5"})
        self.assertEqual(self.ask("GET", "/ready").json, {"status": "ready"})
        self.assertEqual(self.stop(), 0)

    def test_llm_service_with_an_agent_core_elsewhere(self):
        self.serve(SHANNON_API_TOKEN="0123456789abcdef")
        address = self.said[0].split()[4].rstrip(",")
        home = self.make_home()
        os.remove(os.path.join(home, "native"))
        self.serve(command="llm-service", home=home, AGENT_CORE_ADDR=address, SHANNON_API_TOKEN="0123456789abcdef")
        self.assertEqual(self.ask("POST", "/v1/execute", {"code": "1"}, token="another").status, 401)
        r = self.execute("print('there')\n1/0", session_id="s")
        self.assertEqual((r["status"], r["stdout"], r["step"]), ("error", "there\n", 1))
        self.assertEqual([name for name, _ in self.stream("print(1)\n2", headers={"Authorization": "Bearer 0123456789abcdef"})], ["stdout", "result", "done"])

    def test_it_ends_when_told(self):
        self.serve(SHANNON_SHUTDOWN_SECONDS="5")
        stream = self.stream("print('on')\nimport time; time.sleep(1); print('off')", session_id="s")
        next(stream)
        kept = [self.connect() for _ in range(2)]  # new ones are not taken any more
        for connection in kept:
            self.assertEqual(self.ask("GET", "/ready", connection=connection).status, 200)
        self.process.terminate()
        self.until(lambda: self.ask("GET", "/ready", connection=kept[0]).status == 503)
        answer = self.ask("POST", "/v1/execute", {"code": "1"}, connection=kept[1])
        self.assertEqual((answer.status, answer.error["code"]), (503, "unavailable"))
        *_, (name, done) = stream
        self.assertEqual((name, done["stdout"], done["step"]), ("done", "on\noff\n", 1))
        self.assertEqual(self.process.wait(10), 0)

    def test_what_does_not_end_is_ended(self):
        for command in "serve", "llm-service":
            self.serve(command=command, SHANNON_SHUTDOWN_SECONDS="1", SHANNON_WORKERS="2")
            streams = [self.stream("print('on')\nwhile True: pass", **fields) for fields in ({}, {"session_id": "s"})]
            for stream in streams:
                next(stream)
            waiting = self.begin("POST", "/v1/execute", {"code": "1"}, connection=self.connect())
            self.until(lambda: self.metrics()["shannon_executions_waiting"] == 1)
            start = time.monotonic()
            self.process.terminate()
            self.assertEqual(self.process.wait(10), 0)
            self.assertLess(time.monotonic() - start, 5)
            self.assertEqual({line["code"] for line in self.logged("call")}, {"cancelled"})
            waiting.close()


tap.main(__name__)
