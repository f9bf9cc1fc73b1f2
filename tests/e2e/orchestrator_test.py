"""The orchestrator: tasks over gRPC and HTTP, followed as they go on, and kept. What answers instead of a model is in
orchestrator_server.c."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import grpc
from google.protobuf import json_format

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from calls import refused
from messages import load

MESSAGES = load("shannon/orchestrator/orchestrator.proto", "grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto")
SERVER, SHANNON = os.environ["ORCHESTRATOR_SERVER"], os.environ["SHANNON"]
SUBMIT = pathlib.Path(__file__).resolve().parents[2] / "scripts/submit_task.sh"
PATIENCE = 30
COMPLETED, FAILED, CANCELLED = 3, 4, 5
ENDED = {"completed", "failed", "cancelled", "timeout"}


class Orchestrator(unittest.TestCase):
    env = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = folder.name
        native = pathlib.Path(os.environ.get("SHANNON_HOME", pathlib.Path.home() / ".local/share/shannon"))
        for name in "native", "images":
            if (native / name).exists():
                os.symlink(native / name, pathlib.Path(self.home) / name)
        self.log = tempfile.TemporaryFile("w+")
        self.addCleanup(self.log.close)
        self.serve()

    def environment(self, **env):
        return {**os.environ, "SHANNON_HOME": self.home, "SHANNON_TASKS_ADDR": "127.0.0.1:0",
                "SHANNON_TASKS_HTTP_ADDR": "127.0.0.1:0", **self.env, **env}

    def serve(self, *command, **env):
        self.process = subprocess.Popen(command or [SERVER], stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env=self.environment(**env))
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.end)
        line = self.process.stdout.readline()
        self.assertTrue(line, self.logged())
        if command:
            words = line.replace(",", "").split()
            grpc_address, http_address = words[4], words[7].removeprefix("http://")
        else:
            grpc_address, http_address = line.split()
        self.port = int(http_address.rsplit(":", 1)[1])
        self.channel = grpc.insecure_channel(grpc_address, [("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(self.channel.close)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def end(self):
        self.assertIn(self.stop(), (0, -signal.SIGKILL), self.logged())

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def rpc(self, method, metadata=None, **fields):
        request = MESSAGES[f"shannon.orchestrator.{method}Request"](**fields)
        return self.channel.unary_unary(
            f"/shannon.orchestrator.OrchestratorService/{method}", lambda m: m.SerializeToString(),
            MESSAGES[f"shannon.orchestrator.{method}Response"].FromString)(request, timeout=PATIENCE, metadata=metadata)

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def submit(self, query, **fields):
        status, answer = self.ask("POST", "/api/v1/tasks", {"query": query, **fields})
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["task_id"], answer["workflow_id"])
        return answer["task_id"]

    def task(self, task_id):
        status, answer = self.ask("GET", f"/api/v1/tasks/{task_id}")
        self.assertEqual(status, 200, answer)
        return answer

    def open_stream(self, path, status=200, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["Content-Type"].split(";")[0]), (status, "text/event-stream"))
        return answer

    def events(self, stream):
        event = {}
        for line in stream:
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif event:
                data = json.loads(event["data"])
                self.assertEqual((data["type"], data["seq"]), (event["event"], int(event["id"])))
                yield data
                event = {}

    def follow(self, task_id, way="/api/v1/tasks/{}/stream", **headers):
        return list(self.events(self.open_stream(way.format(task_id), **headers)))

    def done(self, query, **fields):
        task_id = self.submit(query, **fields)
        self.assertEqual(self.follow(task_id)[-1]["type"], "WORKFLOW_COMPLETED")
        return self.task(task_id)

    def until_running(self, task_id):
        stream = self.open_stream(f"/api/v1/tasks/{task_id}/stream")
        self.assertEqual(next(self.events(stream))["type"], "WORKFLOW_STARTED")
        return stream


class Http(Orchestrator):
    def test_code(self):
        task = self.done("```python\nprint('out')\n6 * 7\n```")
        self.assertEqual((task["status"], task["result"], task["progress"]), ("completed", "out\n42", 1))
        self.assertEqual(task["route"], {"mode": "simple", "why": "code_block"})
        [call] = task["calls"]
        self.assertEqual((call["status"], call["stdout"], call["value"]), ("ok", "out\n", "42"))

    def test_code_that_fails(self):
        task = self.done("Execute Python: print(1)\n1/0")
        self.assertEqual((task["status"], task["error"]), ("failed", "ZeroDivisionError: division by zero"))
        self.assertEqual(task["result"], "1\n")

    def test_tool_parameters(self):
        context = {"tool_parameters": {"tool": "python_executor", "code": "import sys; print(sys.stdin.read())", "stdin": "in"}}
        self.assertEqual(self.done("run it", context=context)["result"], "in\n")
        context["tool_parameters"]["tool"] = "rm"
        self.assertIn("no tool 'rm'", self.done("run it", context=context)["error"])

    def test_sessions_go_on(self):
        self.done("x = 5", session_id="s")
        self.assertEqual(self.done("print(x)", session_id="s")["result"], "5\n")

    def test_question(self):
        task = self.done("say hé \"llo\"\n\\ 😀")
        self.assertEqual((task["status"], task["result"], task["mode"]), ("completed", "hé \"llo\"\n\\ 😀", "standard"))
        self.assertEqual(task["usage"]["total_tokens"], 7)

    def test_events(self):
        task_id = self.submit("python: print('a' * 10)", session_id="s", mode="standard")
        events = self.follow(task_id)
        self.assertEqual([e["type"] for e in events],
                         ["WORKFLOW_STARTED", "TOOL_INVOKED", "TOOL_OBSERVATION", "TOOL_OBSERVATION", "WORKFLOW_COMPLETED"])
        self.assertEqual([e["seq"] for e in events], [1, 2, 3, 4, 5])
        self.assertEqual((events[2]["message"], events[2]["stream"], events[2]["partial"]), ("aaaaaaaaaa\n", "stdout", True))
        self.assertEqual({e["workflow_id"] for e in events}, {task_id})
        for way, headers in [("/api/v1/tasks/{}/events", {"Last_Event_ID": "3"}), ("/api/v1/tasks/{}/stream?last_event_id=3", {}),
                             ("/api/v1/stream/sse?workflow_id={}", {"Last_Event_ID": "3"})]:
            self.assertEqual(self.follow(task_id, way, **headers), events[3:])
        stream = self.open_stream(f"/api/v1/tasks/{task_id}/stream", Last_Event_ID="99", status=204)
        self.assertEqual(stream.read(), b"")

    def test_submit_and_stream(self):
        status, answer = self.ask("POST", "/api/v1/tasks/stream", {"query": "say x"})
        self.assertEqual(status, 201)
        self.assertEqual(self.follow("", answer["stream_url"])[-1]["result"], "x")

    def test_live_events(self):
        task_id = self.submit("import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.2)")
        for event in self.events(self.open_stream(f"/api/v1/tasks/{task_id}/stream")):
            if event.get("partial"):
                self.assertEqual(self.task(task_id)["status"], "running")
                break
        self.assertEqual(self.follow(task_id)[-1]["status"], "completed")

    def test_cancel(self):
        task_id = self.submit("wait for ever")
        stream = self.until_running(task_id)
        status, answer = self.ask("POST", f"/api/v1/tasks/{task_id}/cancel", {"reason": "enough"})
        self.assertEqual((status, answer["success"], answer["status"]), (200, True, "cancelled"))
        last = list(self.events(stream))[-1]
        self.assertEqual((last["type"], last["status"]), ("WORKFLOW_COMPLETED", "cancelled"))
        self.assertIn("enough", self.task(task_id)["error"])
        self.assertFalse(self.ask("POST", f"/api/v1/tasks/{task_id}/cancel")[1]["success"])

    def test_cancelled_code(self):
        task_id = self.submit("Execute Python: while True: pass", session_id="s")
        self.until_running(task_id)
        began = time.monotonic()
        self.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
        self.assertEqual(self.follow(task_id)[-1]["status"], "cancelled")
        self.assertLess(time.monotonic() - began, 5)

    def test_idempotency(self):
        submit = lambda query, key: self.ask("POST", "/api/v1/tasks", {"query": query}, Idempotency_Key=key)
        first, same, other = submit("say 1", "k"), submit("say 1", "k"), submit("say 1", "l")
        self.assertEqual(first[1]["task_id"], same[1]["task_id"])
        self.assertNotEqual(first[1]["task_id"], other[1]["task_id"])
        status, answer = submit("say 2", "k")
        self.assertEqual((status, answer["error"]["code"]), (400, "invalid_argument"))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ids = {answer["task_id"] for _, answer in pool.map(lambda _: submit("say 3", "m"), range(16))}
        self.assertEqual(len(ids), 1)

    def test_many_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            tasks = list(pool.map(lambda i: self.done(f"say {i}", user_id=f"u{i % 4}"), range(100)))
        self.assertEqual([task["result"] for task in tasks], [str(i) for i in range(100)])
        status, answer = self.ask("GET", "/api/v1/tasks?limit=10&offset=95")
        self.assertEqual((len(answer["tasks"]), answer["total_count"]), (5, 100))
        self.assertEqual(self.ask("GET", "/api/v1/tasks?user_id=u1&status=completed")[1]["total_count"], 25)
        ids = [task["task_id"] for task in self.ask("GET", "/api/v1/tasks?limit=100")[1]["tasks"]]
        self.assertEqual(ids, sorted(ids, reverse=True))

    def test_slow_follower(self):
        """One that does not read holds up neither the task nor other followers."""
        task_id = self.submit("wait")
        self.until_running(task_id)
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", self.port))
        flood = self.submit("flood 20000")
        slow.sendall(f"GET /api/v1/tasks/{flood}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        events = self.follow(flood)
        self.assertEqual((events[-1]["type"], events[-1]["result"]), ("WORKFLOW_COMPLETED", "flooded"))
        self.assertLess(len(self.follow(flood)), 100)  # the last ones are kept
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while more := slow.recv(1 << 16):
                got += len(more)
        self.assertLess(got, 10 << 20)  # of 20 MB: it was cut off
        self.ask("POST", f"/api/v1/tasks/{task_id}/cancel")

    def test_bad_requests(self):
        for body in [b"", b"{", b"[]", b"{}", b'{"query": ""}', b'{"query": 1}', b'{"query": "a\\u0000b"}', b'{"query": "x", "mode": "fast"}',
                     b'{"query": "x", "session_id": "../x"}', b'{"query": "x", "context": []}', b'{"query": "x", "query": "y"}',
                     b'{"query": "\xff"}', b'[' * 10000, json.dumps({"query": "x" * (1 << 20) + "y"}).encode()]:
            status, answer = self.ask("POST", "/api/v1/tasks", body)
            self.assertEqual((status, answer["error"]["code"]), (400, "invalid_argument"), body[:80])
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as long:
            long.sendall(b"POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n")
            self.assertIn(b" 413 ", long.recv(100))
        for path in ["/api/v1/tasks?limit=-1", "/api/v1/tasks?limit=501", "/api/v1/tasks?status=no", "/api/v1/tasks?offset=x",
                     "/api/v1/stream/sse"]:
            self.assertEqual(self.ask("GET", path)[0], 400, path)
        task_id = self.submit("say x")
        self.assertEqual(self.ask("GET", f"/api/v1/tasks/{task_id}/stream?last_event_id=x")[0], 400)
        for path in ["/api/v1/tasks/x", "/api/v1/tasks/x/stream", "/api/v1/tasks/a%20b", f"/api/v1/tasks/{task_id[:-1]}f0",
                     "/api/v1/stream/sse?workflow_id=x"]:
            self.assertEqual(self.ask("GET", path)[0], 404, path)
        self.assertEqual(self.ask("POST", "/api/v1/tasks/x/cancel")[0], 404)

    def test_deep_contexts(self):
        for depth, wanted in (90, 200), (101, 400), (2000, 400), (100000, 400):
            for begin, end in ("[", "]"), ('{"a":', "}"):
                body = '{"query": "say [[[", "context": {"a": %s1%s}}' % (begin * depth, end * depth)
                self.assertEqual(self.ask("POST", "/api/v1/tasks", body.encode())[0], wanted, depth)
        self.assertEqual(self.done("say " + "[" * 1000)["status"], "completed")

    def test_pages(self):
        self.done("say x")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        self.assertIn('shannon_tasks_total{state="completed"} 1', text)
        self.assertIn("shannon_tasks_kept 1", text)
        self.assertEqual(self.ask("GET", "/ready"), (200, {"status": "ready"}))


class Plans(Orchestrator):
    def plan(self, *steps, **fields):
        steps = [{"id": name, "task": "python: " + code, "after": after} for name, code, after in steps]
        return self.done("PLAN " + json.dumps({"steps": steps}), mode="complex", **fields)

    def value(self, session, code):
        return self.done("Execute Python: " + code, session_id=session)["result"]

    def sessions(self):
        answer = subprocess.run([SHANNON, "session", "list"], env=self.environment(), capture_output=True, text=True, check=True)
        return answer.stdout

    def test_steps_and_sessions(self):
        self.value("s", "x = 1")
        task = self.plan(("a", "x += 1; a = 1; print(x)", []), ("b", "x += 10; b = 1; print(x)", []),
                         ("c", "print(x, 'a' in dir(), 'b' in dir()); c = 3", ["b", "a"]), session_id="s")
        self.assertEqual((task["status"], [step["state"] for step in task["plan"]]), ("completed", ["done"] * 3), task)
        outputs = {call["step"]: call["stdout"] for call in task["calls"]}
        self.assertEqual(outputs, {"a": "2\n", "b": "11\n", "c": "11 False True\n"})  # each on its own; c goes on from b
        self.assertEqual(self.value("s", "print(x, c, 'a' in dir())"), "11 3 False\n")
        self.assertNotIn("task:", self.sessions())

    def test_new_session(self):
        self.plan(("a", "y = 7", []), session_id="new")
        self.assertEqual(self.value("new", "print(y)"), "7\n")

    def test_used_meanwhile(self):
        """Somebody else has used the session: it is not taken away from them."""
        self.value("s", "x = 1")
        steps = [{"id": "a", "task": "python: import time; x = 2; time.sleep(2)"}]
        task_id = self.submit("PLAN " + json.dumps({"steps": steps}), mode="complex", session_id="s")
        for event in self.events(self.open_stream(f"/api/v1/tasks/{task_id}/stream")):
            if event["type"] == "TOOL_INVOKED":
                break
        subprocess.run([SHANNON, "run", "--session", "s", "-c", "x = 3"], env=self.environment(), check=True, timeout=PATIENCE)
        self.assertEqual(self.follow(task_id)[-1]["status"], "completed")
        self.assertEqual(self.value("s", "print(x)"), "3\n")
        self.assertNotIn("task:", self.sessions())

    def test_cancelled(self):
        self.value("s", "x = 1")
        steps = [{"id": "a", "task": "python: x = 2"}, {"id": "b", "task": "wait", "after": ["a"]}]
        task_id = self.submit("PLAN " + json.dumps({"steps": steps}), mode="complex", session_id="s")
        for event in self.events(self.open_stream(f"/api/v1/tasks/{task_id}/stream")):
            if event.get("step") == "b" and event.get("state") == "running":
                break
        self.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
        self.assertEqual(self.follow(task_id)[-1]["status"], "cancelled")
        self.assertEqual(self.value("s", "print(x)"), "1\n")
        self.assertNotIn("task:", self.sessions())

    def test_no_plan(self):
        task = self.done("compare the two", mode="complex")
        self.assertEqual((task["status"], task["result"]), ("completed", "compare the two"))

    def test_killed(self):
        self.value("s", "x = 1")
        steps = [{"id": "a", "task": "python: x = 2"}, {"id": "b", "task": "wait", "after": ["a"]}]
        task_id = self.submit("PLAN " + json.dumps({"steps": steps}), mode="complex", session_id="s")
        for event in self.events(self.open_stream(f"/api/v1/tasks/{task_id}/stream")):
            if event.get("step") == "b" and event.get("state") == "running":
                break
        self.process.kill()
        self.process.wait()
        self.serve()
        self.assertIn("interrupted", self.task(task_id)["error"])
        self.assertNotIn("task:", self.sessions())
        self.assertEqual(self.value("s", "print(x)"), "1\n")


class Restarts(Orchestrator):
    env = {"SHANNON_TASKS_RUNNING": "1"}

    def test_killed(self):
        ended = self.done("say kept")
        runs, waits = self.submit("wait"), None
        stream = self.until_running(runs)
        waits = self.submit("say later")
        self.process.kill()
        self.process.wait()
        self.serve()
        self.assertEqual(self.task(ended["task_id"]), ended)
        for task_id in runs, waits:
            task = self.task(task_id)
            self.assertEqual((task["status"], task["error"]),
                             ("failed", "interrupted: the service was restarted while the task was under way"))
        self.assertEqual(self.follow(runs, Last_Event_ID="1")[-1]["status"], "failed")  # goes on where it was cut
        self.assertEqual(self.done("say again")["result"], "again")

    def test_stopped(self):
        runs = self.submit("wait")
        stream = self.until_running(runs)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(list(self.events(stream))[-1]["status"], "failed")  # followers are told
        self.assertEqual(self.process.wait(PATIENCE), 0)
        self.serve()
        self.assertIn("interrupted", self.task(runs)["error"])

    def test_one_at_a_time(self):
        second = subprocess.run([SERVER], env=self.environment(), capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another process", second.stderr)


class Bounds(Orchestrator):
    env = {"SHANNON_TASKS": "5", "SHANNON_TASK_TIMEOUT_SECONDS": "1", "SHANNON_QUEUE": "8", "SHANNON_TASKS_RUNNING": "1"}

    def test_kept(self):
        ids = [self.done(f"say {i}")["task_id"] for i in range(8)]
        self.assertEqual(self.ask("GET", "/api/v1/tasks")[1]["total_count"], 5)
        self.assertEqual([self.ask("GET", f"/api/v1/tasks/{i}")[0] for i in ids], [404] * 3 + [200] * 5)

    def test_timeout(self):
        task = self.done("wait")
        self.assertEqual(task["status"], "timeout")
        self.assertIn("1 second", task["error"])

    def test_queue(self):
        self.until_running(self.submit("wait"))
        answers = [self.ask("POST", "/api/v1/tasks", {"query": "wait"}) for _ in range(4)]
        self.assertEqual([status for status, _ in answers], [200, 200, 429, 429])  # a quarter of 8 is one tenant's


class Grpc(Orchestrator):
    def wait(self, task_id):
        self.follow(task_id)
        return self.rpc("GetTaskStatus", task_id=task_id)

    def test_submit(self):
        answer = self.rpc("SubmitTask", query="say hé", metadata=None)
        self.assertEqual((answer.task_id, answer.status), (answer.workflow_id, 1))
        status = self.wait(answer.task_id)
        self.assertEqual((status.status, status.progress, status.result), (COMPLETED, 1, "hé"))
        self.assertEqual((status.metrics.token_usage.total_tokens, status.metrics.mode), (7, 2))

    def submitted(self, query, context=None, calls=None, **metadata):
        request = MESSAGES["shannon.orchestrator.SubmitTaskRequest"](query=query)
        for name, value in metadata.items():
            setattr(request.metadata, name, value)
        if context:
            json_format.ParseDict(context, request.context)
        return self.channel.unary_unary(
            "/shannon.orchestrator.OrchestratorService/SubmitTask", lambda m: m.SerializeToString(),
            MESSAGES["shannon.orchestrator.SubmitTaskResponse"].FromString)(request, timeout=PATIENCE, metadata=calls).task_id

    def test_code_in_context(self):
        context = {"tool_parameters": {"tool": "code_executor", "wasm_path": "/x/python.wasm", "stdin": "print(7)",
                                       "argv": ["python", "-c", "import sys; exec(sys.stdin.read())"], "timeout_seconds": 5}}
        del context["tool_parameters"]["wasm_path"]
        self.assertEqual(self.wait(self.submitted("run", context)).result, "7\n")

    def test_lists(self):
        for i in range(3):
            self.wait(self.submitted(f"say {i}", user_id="u", session_id="s"))
        answer = self.rpc("ListTasks", user_id="u", limit=2)
        self.assertEqual((len(answer.tasks), answer.total_count), (2, 3))
        newest = answer.tasks[0]
        self.assertEqual((newest.query, newest.status, newest.mode), ("say 2", COMPLETED, 2))
        self.assertGreaterEqual(newest.completed_at.seconds, newest.created_at.seconds)
        self.assertEqual(self.rpc("ListTasks", filter_status=FAILED).total_count, 0)
        self.wait(self.submitted("x = 1", session_id="s"))
        session = self.rpc("GetSessionContext", session_id="s")
        self.assertEqual((len(session.recent_tasks), session.session_token_usage.total_tokens, session.context["step"]), (4, 21, 1))

    def test_cancel(self):
        task_id = self.submitted("wait")
        self.until_running(task_id)
        self.assertTrue(self.rpc("CancelTask", task_id=task_id, reason="enough").success)
        self.assertEqual(self.wait(task_id).status, CANCELLED)
        self.assertFalse(self.rpc("CancelTask", task_id=task_id).success)

    def test_idempotency(self):
        key = [("idempotency-key", "k")]
        self.assertEqual(self.submitted("say 1", calls=key, user_id="u"), self.submitted("say 1", calls=key, user_id="u"))
        self.assertNotEqual(self.submitted("say 1", calls=key, user_id="u"), self.submitted("say 1", calls=key, user_id="v"))

    def test_refused(self):
        for method, code, fields in [("SubmitTask", "INVALID_ARGUMENT", {"query": ""}), ("GetTaskStatus", "NOT_FOUND", {"task_id": "x"}),
                                     ("SubmitTask", "INVALID_ARGUMENT", {"query": "x", "require_approval": True}),
                                     ("GetTaskStatus", "INVALID_ARGUMENT", {}), ("CancelTask", "NOT_FOUND", {"task_id": "x"}),
                                     ("ListTasks", "INVALID_ARGUMENT", {"limit": -1}), ("ListTasks", "INVALID_ARGUMENT", {"limit": 100000}),
                                     ("GetSessionContext", "NOT_FOUND", {"session_id": "x"}), ("GetSessionContext", "INVALID_ARGUMENT", {}),
                                     ("SubmitTask", "INVALID_ARGUMENT", {"query": "x" * (1 << 20) + "y"})]:
            self.assertEqual(refused(self.rpc, method, **fields)[0].name, code, (method, str(fields)[:80]))
        raw = self.channel.unary_unary("/shannon.orchestrator.OrchestratorService/SubmitTask")
        for data in b"\xff", b"\x12\xff\xff\xff\xff\x0f", b"\x12\x02\xff\xfe", b"\x12\x01a\x1a\x04\x0a\x02\x0a\x00" * 2:
            self.assertEqual(refused(raw, data, timeout=PATIENCE)[0].name, "INVALID_ARGUMENT", data)

    def test_health_and_reflection(self):
        check = self.channel.unary_unary("/grpc.health.v1.Health/Check", lambda m: m.SerializeToString(),
                                         MESSAGES["grpc.health.v1.HealthCheckResponse"].FromString)
        asked = MESSAGES["grpc.health.v1.HealthCheckRequest"]
        self.assertEqual(check(asked(service="shannon.orchestrator.OrchestratorService"), timeout=PATIENCE).status, 1)
        self.assertEqual(refused(check, asked(service="shannon.v1.Executor"), timeout=PATIENCE)[0].name, "NOT_FOUND")
        info = self.channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", lambda m: m.SerializeToString(),
                                          MESSAGES["grpc.reflection.v1.ServerReflectionResponse"].FromString)
        asked = MESSAGES["grpc.reflection.v1.ServerReflectionRequest"]
        [answer] = info(iter([asked(file_containing_symbol="shannon.orchestrator.TaskSummary")]), timeout=PATIENCE)
        self.assertGreaterEqual(len(answer.file_descriptor_response.file_descriptor_proto), 3)


class Command(Orchestrator):
    """`shannon orchestrator` without a model, and with a token."""

    env = {"SHANNON_API_TOKEN": "a-token-of-16-bytes-or-more"}

    def serve(self):
        super().serve(SHANNON, "orchestrator")

    def ask(self, *args, **headers):
        return super().ask(*args, **{"Authorization": "Bearer " + self.env["SHANNON_API_TOKEN"], **headers})

    def open_stream(self, path, status=200, **headers):
        return super().open_stream(path, **{"Authorization": "Bearer " + self.env["SHANNON_API_TOKEN"], **headers})

    def test_code_only(self):
        self.assertEqual(self.done("print(1)")["result"], "1\n")
        status, answer = self.ask("POST", "/api/v1/tasks", {"query": "What is 6 * 7?"})
        self.assertEqual((status, answer["error"]["code"]), (503, "unavailable"))
        self.assertIn("LLM_BASE_URL and LLM_MODEL", answer["error"]["hint"])
        self.assertEqual(self.stop(), 0)

    def test_token(self):
        self.assertEqual(self.ask("GET", "/api/v1/tasks", Authorization="Bearer no")[0], 401)
        self.assertEqual(refused(self.rpc, "ListTasks")[0].name, "UNAUTHENTICATED")

    def test_elsewhere_needs_a_token(self):
        for name in "SHANNON_TASKS_ADDR", "SHANNON_TASKS_HTTP_ADDR":
            refusal = subprocess.run([SHANNON, "orchestrator"], env=self.environment(SHANNON_API_TOKEN="", **{name: "0.0.0.0:0"}),
                                     capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(refusal.returncode, 2)
            self.assertIn(name, refusal.stderr)

    def test_script(self):
        got = subprocess.run([SUBMIT, "print(6 * 7)"], capture_output=True, text=True, timeout=PATIENCE,
                             env=self.environment(SHANNON_TASKS_URL=f"http://127.0.0.1:{self.port}"))
        self.assertEqual((got.returncode, got.stdout), (0, "42\n"), got.stderr)


HOSTILE = ['"', "\\", "\\\\\"", "'", "a\nb", "a\r\nb", "\t", "\x01\x02\x1f\x7f", "é €", "😀 😀", "$(id) `id` ${x}", "%s %n %d", "-n", "--help",
           "\\u0041 \\n", '{"message": "x"}', "a" * 300 + '"' + "b" * 300, '"message":"no"', "\u2028", "]]>", "&<>", "x\\", "data: x\n\nid: 7"]


class Script(Orchestrator):
    def script(self, *args, **env):
        return subprocess.Popen([SUBMIT, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                env=self.environment(**{"SHANNON_TASKS_URL": f"http://127.0.0.1:{self.port}/", **env}))

    def said(self, *args, **env):
        process = self.script(*args, **env)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out.decode(), err.decode()

    def test_hostile_texts(self):
        for text in HOSTILE:
            code, out, err = self.said("say " + text, "s")
            self.assertEqual((code, out, err), (0, text + "\n", ""), text)
            self.assertEqual(self.task(self.ask("GET", "/api/v1/tasks?limit=1")[1]["tasks"][0]["task_id"])["query"], "say " + text)

    def test_code(self):
        self.assertEqual(self.said("print('a')\n6 * 7")[:2], (0, "a\n42\n"))
        code, out, err = self.said("Execute Python: import sys\nprint('out')\nprint('err', file=sys.stderr)\n1/0")
        self.assertEqual((code, out), (1, "out\n"))
        self.assertIn("err\n", err)
        self.assertIn("ZeroDivisionError", err)

    def test_long_results(self):
        text = "line \"quoted\" \\ é\n" * 5000
        code, out, err = self.said("Execute Python: print(%r, end='')" % "x" + "\nprint('line \"quoted\" \\\\ é\\n' * 5000)")
        self.assertEqual((code, out.replace("\n\n", "\n")), (0, "x" + text), err)

    def test_steps(self):
        steps = [{"id": "a", "task": "python: print('from a')"}]
        code, out, err = self.said("for each PLAN " + json.dumps({"steps": steps}))
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("from a\n"), out)
        self.assertIn("a done", err)
        self.assertEqual(out.count("Step a:"), 1)  # the answer is said once

    def test_interrupt(self):
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.script("wait")
            deadline = time.monotonic() + PATIENCE
            while not self.ask("GET", "/api/v1/tasks?status=running")[1]["tasks"]:
                self.assertLess(time.monotonic(), deadline)
            os.killpg(process.pid, number)
            process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 130)
            newest = self.ask("GET", "/api/v1/tasks?limit=1")[1]["tasks"][0]["task_id"]
            self.assertEqual(self.follow(newest)[-1]["status"], "cancelled")

    def test_cancelled_by_others(self):
        process = self.script("wait")
        deadline = time.monotonic() + PATIENCE
        while not (running := self.ask("GET", "/api/v1/tasks?status=running")[1]["tasks"]):
            self.assertLess(time.monotonic(), deadline)
        self.ask("POST", f"/api/v1/tasks/{running[0]['task_id']}/cancel")
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)

    def test_refusals(self):
        self.assertEqual(self.said()[0], 2)
        self.assertEqual(self.said("")[0], 2)
        code, _, err = self.said("x", "../x")
        self.assertEqual(code, 1)
        self.assertIn("session_id is not", err)
        code, _, err = self.said("x", SHANNON_TASKS_URL="http://127.0.0.1:1")
        self.assertEqual(code, 1)


class SlowScript(Script):
    env = {"SHANNON_TASK_TIMEOUT_SECONDS": "1"}

    def test_timeout(self):
        self.assertEqual(self.said("wait")[0], 124)

    test_hostile_texts = test_code = test_long_results = test_steps = test_interrupt = test_cancelled_by_others = test_refusals = None


tap.main(__name__)
