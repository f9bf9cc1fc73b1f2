"""agent-core over gRPC, with a client that is not ours (grpcio): executions, streams, sessions, limits, its end."""

import concurrent.futures
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import grpc

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from agent_core import SHANNON, AgentCore
from messages import MESSAGES

STATUS = MESSAGES["shannon.v1.ExecuteResponse"].DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number


def status(response):
    return STATUS[response.status].name.removeprefix("STATUS_").lower()


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid):
    return [d for child in children(pid) for d in [child, *descendants(child)]]


class Executions(AgentCore):
    def setUp(self):
        self.serve()

    def test_results(self):
        r = self.execute("import sys\nprint('hé')\nprint('no', file=sys.stderr)\n6 * 7")
        self.assertEqual((status(r), r.stdout, r.stderr, r.exit_code), ("ok", "hé\n", "no\n", 0))
        self.assertEqual([(x.type, x.data) for x in r.result.representations], [("text/plain", "42")])
        self.assertGreater(r.usage.peak_memory_bytes, 1 << 20)
        r = self.execute("1/0")
        self.assertEqual((status(r), r.error.name, r.exit_code), ("error", "ZeroDivisionError", 1))
        self.assertIn("1/0", r.error.traceback)
        r = self.execute("import sys; sys.exit(3)")
        self.assertEqual((status(r), r.exit_code), ("error", 3))
        self.assertFalse(self.execute("x = 1").HasField("result"))

    def test_what_goes_in(self):
        r = self.execute("import sys\nprint(input(), sys.argv[1:], open('/tmp/a/b.txt').read())", stdin=b"line\n", args=["x", "y\u00e9"],
                         files=[{"path": "a/b.txt", "content": b"inside"}])
        self.assertEqual(r.stdout, "line ['y\u00e9'] inside\n")
        r = self.execute("import random, time\nprint(random.random(), time.time())", deterministic={"seed": 5, "time": 1000})
        self.assertEqual(r.stdout, self.execute("import random, time\nprint(random.random(), time.time())",
                                                deterministic={"seed": 5, "time": 1000}).stdout)
        self.assertIn("NUL", self.refusal("Execute", code="print('a\0b')")[1])
        self.assertEqual(self.execute("print('a\\0b')").stdout, "a\0b\n")

    def test_limits(self):
        start = time.monotonic()
        self.assertEqual(status(self.execute("while True: pass", timeout_seconds=1)), "timeout")
        self.assertLess(time.monotonic() - start, 2.5)
        self.assertEqual(status(self.execute("x = bytearray(1 << 30)", memory_limit_mb=64)), "memory_limit")
        r = self.execute("print('x' * 5_000_000)")
        self.assertEqual((len(r.stdout), r.stdout_truncated), (1 << 20, True))
        limits = self.call("GetLimits")
        self.assertEqual((limits.memory_mb, limits.timeout_seconds, limits.code_bytes), (256, 60, 1 << 20))

    def test_refusals_say_what_is_wrong(self):
        for fields, text in (
            ({}, "code"), ({"code": "x" * ((1 << 20) + 1)}, "1048576"), ({"code": "1", "timeout_seconds": 0.5}, "from 1 to 60"),
            ({"code": "1", "timeout_seconds": float("nan")}, "timeout"), ({"code": "1", "memory_limit_mb": 9999}, "memory"),
            ({"code": "1", "session_id": "../x"}, "session"), ({"code": "1", "stdin": bytes((8 << 20) + 1)}, "stdin"),
            ({"code": "1", "files": [{"path": "/etc/passwd"}]}, "/tmp"), ({"code": "1", "files": [{"path": "a/../../b"}]}, ".."),
        ):
            code, details = self.refusal("Execute", **fields)
            self.assertEqual(code, "INVALID_ARGUMENT", details)
            self.assertIn(text, details)

    def test_garbage_is_refused(self):
        for garbage in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x0b" * 1000, b"\x0a\x05abc", bytes(10)):
            for method in "Execute", "ExecuteStream", "ForkSession", "GetSession":
                with self.assertRaises(grpc.RpcError) as caught:
                    list(self.channel.unary_stream(f"/shannon.v1.Executor/{method}")(garbage))
                self.assertEqual(caught.exception.code().name, "INVALID_ARGUMENT", (garbage, method))
        with self.assertRaises(grpc.RpcError) as caught:
            self.channel.unary_unary("/shannon.v1.Executor/Execute")(bytes(100 << 20))
        self.assertEqual(caught.exception.code().name, "RESOURCE_EXHAUSTED")
        self.assertEqual(self.execute("print(1)").stdout, "1\n")

    def test_streams_while_it_runs(self):
        start, seen = time.monotonic(), []
        for event in self.stream("import sys, time\nfor i in range(3):\n    print(i)\n    time.sleep(0.3)\nprint('e', file=sys.stderr)\n'v'"):
            seen.append((event.WhichOneof("event"), time.monotonic() - start, event))
        self.assertEqual([kind for kind, _, _ in seen], ["stdout"] * 3 + ["stderr", "result", "done"])
        self.assertLess(seen[0][1], 0.25)
        self.assertGreater(seen[2][1], 0.55)
        self.assertEqual(seen[-1][2].done.stdout, "0\n1\n2\n")

    def test_a_line_is_there_within_20_ms(self):
        late = []
        for event in self.stream("import time\nfor i in range(20):\n    print(time.time())\n    time.sleep(0.02)"):
            if event.WhichOneof("event") == "stdout":
                late.append(time.time() - float(event.stdout))
        late.sort()
        self.assertLess(late[len(late) // 2], 0.02, late)

    def test_a_slow_reader_holds_up_only_itself(self):
        stream = self.stream("for i in range(40):\n    print('x' * 1_000_000)\nprint('end')", timeout_seconds=20)
        next(stream)
        time.sleep(0.5)
        quick = [self.timed("print(1)") for _ in range(20)]
        self.assertLess(sorted(quick)[10], 0.1)
        self.assertEqual(status(list(stream)[-1].done), "ok")

    def test_a_reader_that_does_not_read_ends_with_its_time(self):
        stream = self.stream("while True: print('x' * 100_000)", timeout_seconds=1)
        next(stream)
        self.until(lambda: any(line["event"] == "call" for line in self.logged()), 6)
        stream.cancel()

    def last_call(self):
        self.until(lambda: any(line["event"] == "call" for line in self.logged()))
        return [line for line in self.logged() if line["event"] == "call"][-1]

    def timed(self, code):
        start = time.monotonic()
        self.execute(code)
        return time.monotonic() - start

    def until(self, condition, seconds=5):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, self.logged())
            time.sleep(0.02)

    def test_cancelling_and_deadlines_reach_the_worker(self):
        for end in "cancel", "deadline", "channel":
            channel = self.open()
            stream = self.stream("try:\n    print('on')\n    while True: pass\nfinally:\n    while True: pass", channel=channel,
                                 timeout=0.5 if end == "deadline" else 60)
            next(stream)
            start = time.monotonic()
            if end == "cancel":
                stream.cancel()
            elif end == "channel":
                channel.close()
            said = {"cancel": 1, "deadline": 2, "channel": 3}[end]
            self.until(lambda: sum(line["event"] == "call" for line in self.logged()) == said)
            self.assertLess(time.monotonic() - start, 0.9)
        self.assertEqual({line["code"] for line in self.logged() if line["event"] == "call"}, {"cancelled"})

    def test_the_log_has_no_code_and_no_output(self):
        self.execute("print('sec' + 'ret')  # hidden", metadata=[("x-request-id", "r-17")], session_id="s")
        line = self.last_call()
        self.assertEqual((line["request_id"], line["tenant"], line["status"], line["session_id"]), ("r-17", "s", "ok", "s"))
        text = self.log_text()
        self.assertNotIn("hidden", text)
        self.assertNotIn("secret", text)

    def test_tenants_have_names(self):
        code, details = self.refusal("Execute", code="1", metadata=[("shannon-tenant", "a b")])
        self.assertEqual(code, "INVALID_ARGUMENT")
        self.assertIn("shannon-tenant", details)
        self.execute("1", metadata=[("shannon-tenant", "acme")])
        self.until(lambda: self.last_call()["tenant"] == "acme")


class Sessions(AgentCore):
    def test_they_are_kept_forked_rewound_and_deleted(self):
        self.serve()
        for i in range(3):
            self.assertEqual(self.execute(f"x = {i}", session_id="a").step, i + 1)
        self.assertEqual(self.execute("print(x)", session_id="a", discard=True).stdout, "2\n")
        brief = self.call("GetSession", id="a", without_steps=True)
        self.assertEqual((brief.id, brief.step, len(brief.steps)), ("a", self.call("GetSession", id="a").step, 0))
        shown = self.call("GetSession", id="a")
        self.assertEqual([step.code for step in shown.steps], ["x = 0", "x = 1", "x = 2"])
        self.assertEqual((shown.step, shown.usable), (3, True))
        self.assertEqual(self.call("ForkSession", id="a", new_id="b", step=1).step, 1)
        self.assertEqual(self.call("ForkSession", id="a", new_id="c").step, 3)
        self.assertEqual(self.call("ForkSession", id="a", new_id="d", step=0).step, 0)
        self.assertEqual(self.execute("print(x)", session_id="b").stdout, "0\n")
        self.assertEqual(self.call("RewindSession", id="a", step=2).step, 2)
        self.assertEqual(self.execute("print(x)", session_id="a").stdout, "1\n")
        self.assertEqual([s.id for s in self.call("ListSessions").sessions], ["a", "b", "c", "d"])
        page = self.call("ListSessions", limit=3)
        self.assertEqual(([s.id for s in page.sessions], page.next), (["a", "b", "c"], "c"))
        page = self.call("ListSessions", limit=3, after=page.next)
        self.assertEqual(([s.id for s in page.sessions], page.next), (["d"], ""))
        self.call("DeleteSession", id="b")
        for method, fields in (("GetSession", {"id": "b"}), ("DeleteSession", {"id": "b"}), ("RewindSession", {"id": "a", "step": 77}),
                               ("ForkSession", {"id": "b", "new_id": "z"})):
            self.assertEqual(self.refusal(method, **fields)[0], "NOT_FOUND")
        self.assertEqual(self.refusal("ForkSession", id="a", new_id="c")[0], "INVALID_ARGUMENT")
        self.assertEqual(self.refusal("GetSession", id="")[0], "INVALID_ARGUMENT")

    def test_they_outlive_the_service(self):
        self.serve()
        self.execute("import math\ndef f(): return math.pi", session_id="s")
        self.assertEqual(self.stop(), 0)
        self.serve(home=self.home)
        self.assertEqual(self.execute("f()", session_id="s").result.representations[0].data[:6], "3.1415")

    def test_an_interrupted_step_keeps_what_it_did(self):
        self.serve()
        stream = self.stream("x = 1\nprint('on')\nwhile True: pass", session_id="s")
        next(stream)
        stream.cancel()
        self.assertEqual(self.execute("x", session_id="s").result.representations[0].data, "1")


class Bounds(AgentCore):
    def test_a_full_queue_refuses(self):
        self.serve(SHANNON_WORKERS="2", SHANNON_QUEUE="2")
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            runs = [pool.submit(self.execute, "import time; time.sleep(1)") for _ in range(10)]
        failed = [run.exception() for run in runs if run.exception()]
        self.assertEqual({e.code().name for e in failed}, {"RESOURCE_EXHAUSTED"})
        self.assertTrue(4 <= len(failed) <= 8, len(failed))
        self.assertIn("queue", failed[0].details())

    def test_waiting_requests_are_bounded_in_memory(self):
        self.serve(SHANNON_WORKERS="1", SHANNON_REQUESTS_MB="100")
        busy = self.stream("print('on')\nimport time; time.sleep(20)")
        next(busy)
        content = [{"path": "x", "content": bytes(60 << 20)}]
        waiting = self.stream("print('first')", files=content)
        code, details = "", ""
        end = time.monotonic() + 20
        while code != "RESOURCE_EXHAUSTED" and time.monotonic() < end:  # until the first one has arrived
            code, details = self.refusal("Execute", code="1", files=content, timeout=2)
        self.assertIn("SHANNON_REQUESTS_MB", details)
        busy.cancel()
        self.assertEqual(list(waiting)[-1].done.stdout, "first\n")
        self.assertEqual(self.execute("print(2)", files=content).stdout, "2\n")

    def test_waiting_has_an_end(self):
        self.serve(SHANNON_WORKERS="1", SHANNON_QUEUE_SECONDS="1")
        busy = self.stream("print('on')\nimport time; time.sleep(5)")
        next(busy)
        start = time.monotonic()
        self.assertEqual(self.refusal("Execute", code="1")[0], "RESOURCE_EXHAUSTED")
        self.assertTrue(0.9 < time.monotonic() - start < 2)
        self.assertEqual(self.refusal("Execute", code="1", timeout=0.3)[0], "DEADLINE_EXCEEDED")
        self.assertEqual([s.id for s in self.call("ListSessions").sessions], [])  # is not held up
        busy.cancel()

    def test_who_gives_up_waiting_leaves_the_queue(self):
        self.serve(SHANNON_WORKERS="1", SHANNON_QUEUE="4")
        busy = self.stream("print('on')\nimport time; time.sleep(3)")
        next(busy)
        for _ in range(12):
            waiting = self.stream("1")
            time.sleep(0.02)
            waiting.cancel()
            time.sleep(0.02)
        busy.cancel()
        self.assertEqual(self.execute("print(1)").stdout, "1\n")

    def test_one_tenant_does_not_starve_another(self):
        self.serve(SHANNON_WORKERS="8")
        stop = threading.Event()

        def flood():
            channel = self.open()
            while not stop.is_set():
                try:
                    self.call("Execute", channel=channel, code="while True: pass", timeout_seconds=2, metadata=[("shannon-tenant", "flood")])
                except grpc.RpcError:
                    time.sleep(0.01)

        threads = [threading.Thread(target=flood) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        times = []
        for _ in range(50):
            start = time.monotonic()
            self.assertEqual(self.execute("print(1)", metadata=[("shannon-tenant", "guest")]).stdout, "1\n")
            times.append(time.monotonic() - start)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertLess(sorted(times)[45], 0.5, times)

    def test_a_session_takes_one_slot(self):
        """Those that wait for the one before them in their session do not keep others from running."""
        self.serve(SHANNON_WORKERS="4")
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            runs = [pool.submit(self.execute, "import time; time.sleep(0.2)", session_id="s") for _ in range(12)]
            time.sleep(0.1)
            start = time.monotonic()
            for run in [pool.submit(self.execute, "print(1)", session_id=f"t{n}") for n in range(3)]:
                run.result()
            self.assertLess(time.monotonic() - start, 1)
            self.assertEqual(sorted(run.result().step for run in runs), list(range(1, 13)))

    def test_connections_leave_room_for_executions(self):
        self.serve(files_most=128)
        self.execute("1")
        connections = [socket.create_connection(("127.0.0.1", self.port), timeout=5) for _ in range(200)]
        for connection in connections[:50]:
            connection.setblocking(False)
        for _ in range(5):
            self.assertEqual(self.execute("print(1)").stdout, "1\n")
        for connection in connections:
            connection.close()
        channel = self.open()
        grpc.channel_ready_future(channel).result(10)  # the server sees only by and by who has left
        self.assertEqual(self.call("Execute", channel=channel, code="print(2)").stdout, "2\n")

    def test_connections_that_speak_something_else(self):
        self.serve()
        for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(1000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
                        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000" "ffffff0104000000010000")):
            with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
                connection.sendall(garbage)
                try:
                    while connection.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
            self.assertEqual(self.execute("print(1)").stdout, "1\n")

    def test_a_token_is_asked_for(self):
        self.serve(SHANNON_API_TOKEN="0123456789abcdef")
        self.assertEqual(self.refusal("Execute", code="1")[0], "UNAUTHENTICATED")
        self.assertEqual(self.refusal("GetLimits")[0], "UNAUTHENTICATED")
        self.assertEqual(self.execute("print(1)", metadata=[("authorization", "Bearer 0123456789abcdef")]).stdout, "1\n")

    def test_no_worker_knows_the_token(self):
        token = "tok-" + os.urandom(16).hex()
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(f"SHANNON_API_TOKEN={token}\n")
            file.flush()
            self.serve("--config", file.name)
        metadata = [("authorization", f"Bearer {token}")]
        for _ in range(2):
            self.assertEqual(self.execute("print(1)", metadata=metadata).stdout, "1\n")
            origin, = children(self.process.pid)
            zygote, = children(origin)
            family = [origin, zygote, *children(zygote)]
            self.assertGreater(len(family), 2)
            held = [self.holds(pid, token.encode()) for pid in family]
            self.assertEqual(held[:2], [False, False])
            self.assertNotIn(True, held)
            self.assertGreater(held.count(False), 2)
            self.assertTrue(self.holds(self.process.pid, token.encode()))  # or this test finds nothing
            os.kill(zygote, signal.SIGKILL)
            time.sleep(0.1)

    def test_no_worker_knows_secrets_of_the_environment(self):
        token, key = "tok-" + os.urandom(16).hex(), "sk-" + os.urandom(16).hex()
        self.serve(SHANNON_API_TOKEN=token, LLM_API_KEY=key, LLM_BASE_URL="http://127.0.0.1:9/v1", LLM_MODEL="none")
        self.assertEqual(self.execute("print(1)", metadata=[("authorization", f"Bearer {token}")]).stdout, "1\n")
        origin, = children(self.process.pid)
        zygote, = children(origin)
        for secret in token, key:
            held = [self.holds(pid, secret.encode()) for pid in [zygote, *children(zygote)]]
            self.assertNotIn(True, held)
            self.assertIn(False, held)
            self.assertTrue(self.holds(self.process.pid, secret.encode()))

    def holds(self, pid, secret):
        """None: it has ended."""
        try:
            return self.find(pid, secret)
        except (FileNotFoundError, ProcessLookupError):
            return None

    def find(self, pid, secret):
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
            for line in maps:
                place, rights, *rest = line.split()
                start, end = (int(x, 16) for x in place.split("-"))
                if "rw" not in rights or end - start > 1 << 30:
                    continue
                memory.seek(start)
                if secret in memory.read(end - start):
                    return True
        return False


class Operations(AgentCore):
    def metrics(self):
        code, text = self.page("/metrics")
        self.assertEqual(code, 200)
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}

    def test_metrics_tell_what_happened(self):
        self.serve("--http", "127.0.0.1:0")
        self.execute("print(1)")
        self.execute("1/0")
        self.execute("x = 1", session_id="s")
        self.refusal("Execute", code="")
        origin, = children(self.process.pid)
        os.kill(children(origin)[0], signal.SIGKILL)
        time.sleep(0.1)
        self.execute("print(2)")
        found = self.metrics()
        for name, value in {
            'shannon_executions_total{status="ok"}': 3, 'shannon_executions_total{status="error"}': 1,
            'shannon_calls_total{method="Execute",code="ok"}': 4, 'shannon_calls_total{method="Execute",code="invalid_argument"}': 1,
            "shannon_execution_seconds_count": 4, "shannon_wait_seconds_count": 5, "shannon_sessions": 1,
            "shannon_zygote_restarts_total": 1, "shannon_executions_running": 0, "shannon_executions_waiting": 0,
        }.items():
            self.assertEqual(found[name], value, name)
        for name in "shannon_sessions_stored_bytes", "process_resident_memory_bytes", "process_open_fds", "shannon_executions_slots":
            self.assertGreater(found[name], 0, name)
        self.assertLess(found["shannon_execution_seconds_sum"], 2)

    def test_levels_move(self):
        self.serve("--http", "127.0.0.1:0", SHANNON_WORKERS="1")
        streams = [self.stream("print('on')\nimport time; time.sleep(9)")]
        next(streams[0])
        streams += [self.stream("1") for _ in range(2)]
        end = time.monotonic() + 5
        while self.metrics()["shannon_executions_waiting"] != 2:
            self.assertLess(time.monotonic(), end)
        self.assertEqual(self.metrics()["shannon_executions_running"], 1)
        for stream in streams:
            stream.cancel()
        while self.metrics()["shannon_executions_running"] + self.metrics()["shannon_executions_waiting"]:
            self.assertLess(time.monotonic(), end)

    def test_ready_is_not_healthy(self):
        self.serve("--http", "127.0.0.1:0", command="serve")
        self.assertEqual(self.page("/health"), (200, '{"status":"ok"}'))
        self.assertEqual(self.page("/ready")[0], 200)
        stream = self.stream("print('on')\nimport time; time.sleep(1)")
        next(stream)
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 5
        while self.page("/ready")[0] != 503:
            self.assertLess(time.monotonic(), end)
        self.assertIn("shutting down", self.page("/ready")[1])
        self.assertEqual(self.page("/health")[0], 200)
        self.assertEqual(status(list(stream)[-1].done), "ok")

    def test_pages_need_the_token(self):
        self.serve("--http", "127.0.0.1:0", SHANNON_API_TOKEN="0123456789abcdef")
        self.assertEqual([self.page(path)[0] for path in ("/health", "/metrics")], [200, 401])
        self.assertEqual(self.page("/metrics", token="0123456789abcdef")[0], 200)


class Chaos(AgentCore):
    def test_killed_processes(self):
        """Whoever is killed: no wrong result, no hang; a session's committed steps are there."""
        self.serve()
        stop, wrong, lost, right = threading.Event(), [], [], []

        def work(n):
            channel, step, session = self.open(), 0, f"s{n}"
            while not stop.is_set():
                try:
                    r = self.call("Execute", channel=channel, code="x = globals().get('x', 0) + 1\nprint(x)", session_id=session, timeout=30)
                except grpc.RpcError as e:
                    wrong.append((e.code(), e.details()))
                    return
                if status(r) == "ok":
                    step += 1
                    right.append(1)
                    if (r.stdout, r.step) != (f"{step}\n", step):
                        wrong.append((r.stdout, r.step, step))
                elif status(r) == "crashed" and r.step == step:
                    lost.append(1)
                else:
                    wrong.append(r)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for i in range(40):
            time.sleep(0.05)
            below = descendants(self.process.pid)
            if below:
                victim = below[os.urandom(1)[0] % len(below)] if i % 8 else below[-1]
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        stop.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(wrong, [])
        self.assertGreater(len(right), 20)
        print(f"# {len(right)} right, {len(lost)} lost")

    def test_the_service_is_killed(self):
        """Steps that were answered are there when it comes back; a step that was not is there or not, never half."""
        self.serve()
        home, answered = self.home, {}
        for round in range(4):
            stop = threading.Event()

            def work(n, channel):
                while not stop.is_set():
                    try:
                        r = self.call("Execute", channel=channel, code="x = globals().get('x', 0) + 1\ny = [x] * 1000\nprint(x)", session_id=f"s{n}")
                        answered[n] = (r.step, int(r.stdout))
                    except grpc.RpcError:
                        return

            threads = [threading.Thread(target=work, args=(n, self.open())) for n in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.4)
            self.process.kill()
            self.process.wait()
            stop.set()
            for thread in threads:
                thread.join(60)
            self.serve(home=home)
            for n, (step, value) in answered.items():
                r = self.execute("print(x, len(set(y)), y[0] == x)", session_id=f"s{n}", discard=True)
                found, distinct, same = r.stdout.split()
                self.assertIn(int(found), (value, value + 1))
                self.assertIn(r.step, (step, step + 1))
                self.assertEqual((distinct, same), ("1", "True"))
                answered[n] = (r.step, int(found))
        self.assertEqual(len(answered), 4)


class Ends(AgentCore):
    def test_what_runs_may_end(self):
        self.serve()
        stream = self.stream("print('on')\nimport time; time.sleep(1); print('done')", session_id="s")
        next(stream)
        self.process.send_signal(signal.SIGTERM)
        events = list(stream)
        self.assertEqual((status(events[-1].done), events[-1].done.step), ("ok", 1))
        self.assertEqual(self.process.wait(10), 0)
        self.assertEqual(self.logged()[-1]["event"], "stopped")

    def test_what_does_not_end_is_ended(self):
        self.serve(SHANNON_SHUTDOWN_SECONDS="1")
        streams = [self.stream("print('on')\nwhile True: pass", **extra) for extra in ({}, {"session_id": "s"})]
        for stream in streams:
            next(stream)
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(10), 0)
        self.assertLess(time.monotonic() - start, 4)
        for stream in streams:
            with self.assertRaises(grpc.RpcError):
                list(stream)

    def test_the_service_manager_is_told(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"{folder}/notify")
            manager.settimeout(5)
            self.serve(NOTIFY_SOCKET=f"{folder}/notify")
            self.assertEqual(manager.recv(100), b"READY=1")
            self.assertEqual(self.stop(), 0)
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_a_second_signal_is_in_a_hurry(self):
        self.serve(SHANNON_SHUTDOWN_SECONDS="60")
        stream = self.stream("print('on')\nwhile True: pass")
        next(stream)
        self.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(self.process.poll())
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(5), -signal.SIGTERM)


class Configuration(AgentCore):
    def run_it(self, *args, **env):
        return subprocess.run([SHANNON, "agent-core", *args], capture_output=True, text=True, timeout=20, env={**os.environ, **env})

    def test_all_that_is_wrong_is_said_at_once(self):
        done = self.run_it("--grpc", "nowhere", SHANNON_WORKERS="many", WASI_MEMORY_LIMIT_MB="1")
        self.assertEqual(done.returncode, 2, done.stderr)
        for text in "--grpc", "SHANNON_WORKERS", "WASI_MEMORY_LIMIT_MB", "from 32 to 4096":
            self.assertIn(text, done.stderr)

    def test_a_model_needs_both_its_settings(self):
        for given, missing in ("LLM_BASE_URL", "LLM_MODEL"), ("LLM_MODEL", "LLM_BASE_URL"):
            done = self.run_it("--print-config", **{given: "http://127.0.0.1:9/v1"})
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{given} is set, but {missing} is not", done.stderr)
        done = self.run_it("--print-config", LLM_BASE_URL="http://127.0.0.1:9/v1", LLM_MODEL="m", LLM_API_KEY="sk-very-secret")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("very-secret", done.stdout)
        self.assertIn("LLM_API=chat", done.stdout)

    def test_other_machines_need_a_token(self):
        done = self.run_it("--grpc", "0.0.0.0:0")
        self.assertEqual(done.returncode, 2)
        self.assertIn("SHANNON_API_TOKEN", done.stderr)

    def test_the_settings_can_be_seen(self):
        done = self.run_it("--print-config", SHANNON_API_TOKEN="very secret token", SHANNON_QUEUE="7")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("SHANNON_QUEUE=7", done.stdout)
        self.assertNotIn("very secret", done.stdout)

    def test_a_port_that_is_taken(self):
        self.serve()
        done = self.run_it("--grpc", f"127.0.0.1:{self.port}")
        self.assertEqual(done.returncode, 125)
        self.assertIn("cannot listen", done.stderr)

    def test_it_is_ready_within_a_second(self):
        start = time.monotonic()
        self.serve()
        self.execute("1")
        self.assertLess(time.monotonic() - start, 1)


tap.main(__name__)
