"""shannon.agent.AgentService, as its existing clients call it."""

import json
import os
import uuid

import grpc
from google.protobuf import json_format

from calls import refused, same
import tap
from agent_core import AgentCore, pack
from messages import load

MESSAGES = load("shannon/agent/agent.proto", "grpc/health/v1/health.proto")
Request = MESSAGES["shannon.agent.ExecuteTaskRequest"]
Response = MESSAGES["shannon.agent.ExecuteTaskResponse"]
Update = MESSAGES["shannon.agent.TaskUpdate"]
PATH = "/shannon.agent.AgentService/"
READ_STDIN = ["python", "-c", "import sys; exec(sys.stdin.read())"]
OK, ERROR, TIMEOUT = 1, 2, 3
SIMPLE, STANDARD = 1, 2
EXECUTING, COMPLETED, FAILED = 3, 5, 6


def request(parameters=None, context=None, **fields):
    made = Request(**fields)
    if parameters is not None:
        context = {"tool_parameters": parameters}
    if context is not None:
        json_format.ParseDict(context, made.context)
    return made


def python(code, **parameters):
    return request(dict(parameters, tool="python_executor", code=code), available_tools=["python_executor"], mode=SIMPLE)


def command(code, **parameters):
    parameters = {"tool": "code_executor", "stdin": code, "argv": READ_STDIN, **parameters}
    return request({k: v for k, v in parameters.items() if v is not None}, available_tools=["code_executor"], mode=SIMPLE)


class Agent(AgentCore):
    def setUp(self):
        self.serve()

    def call(self, asked, **options):
        return self.channel.unary_unary(PATH + "ExecuteTask", pack, Response.FromString)(asked, timeout=60, **options)

    def stream(self, asked, **options):
        return self.channel.unary_stream(PATH + "StreamExecuteTask", pack, Update.FromString)(asked, timeout=60, **options)

    def info(self, method, asked, **fields):
        call = self.channel.unary_unary(PATH + method, same, MESSAGES[f"shannon.agent.{method}Response"].FromString)
        return call(MESSAGES[f"shannon.agent.{method}Request"](**fields).SerializeToString() if asked is None else asked, timeout=20)

    def output(self, response):
        return json_format.MessageToDict(response.tool_results[0].output)

    def invalid(self, asked, *words):
        code, text = refused(self.call, asked)
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT, text)
        for word in words:
            self.assertIn(word, text)


class Tasks(Agent):
    def test_everything_is_said(self):
        asked = python("print('out')\nimport sys\nprint('err', file=sys.stderr)\n6 * 7")
        asked.metadata.task_id = "task-1"
        response = self.call(asked)
        self.assertEqual(response.task_id, "task-1")
        self.assertEqual((response.status, response.final_state), (OK, COMPLETED))
        self.assertEqual(response.result, "out\n42")
        self.assertEqual(response.error_message, "")
        [called], [ended] = response.tool_calls, response.tool_results
        self.assertEqual((called.name, called.tool_id, ended.tool_id), ("python_executor",) * 3)
        self.assertEqual(called.parameters["code"], asked.context["tool_parameters"]["code"])
        self.assertEqual((ended.status, ended.error_message), (OK, ""))
        self.assertGreaterEqual(ended.execution_time_ms, 1)
        self.assertGreaterEqual(response.metrics.latency_ms, 0)
        self.assertEqual((response.metrics.mode, response.metrics.agents_used), (SIMPLE, 1))
        output = self.output(response)
        self.assertEqual((output["status"], output["stdout"], output["stderr"]), ("ok", "out\n", "err\n"))
        self.assertEqual(output["result"], {"text/plain": "42"})
        self.assertIsNone(output["error"])

    def test_a_task_without_an_id_gets_one(self):
        self.assertNotEqual(self.call(python("1")).task_id, "")
        response = self.call(python("1"), metadata=[("x-request-id", "mine")])
        self.assertEqual(response.task_id, "mine")

    def test_what_was_written_and_the_value_are_the_result(self):
        for code, result in (("print('a', end='')\n1", "a\n1"), ("print('a')\n1", "a\n1"), ("1", "1"), ("x = 1", ""),
                             ("print('é😀')", "é😀\n"), ("'a\\0b'", "'a\\x00b'"), ("print('a\\0b')", "a\0b\n")):
            self.assertEqual(self.call(python(code)).result, result, code)

    def test_failures(self):
        response = self.call(python("print('before')\n\n1 / 0"))
        self.assertEqual((response.status, response.final_state, response.tool_results[0].status), (ERROR, FAILED, ERROR))
        self.assertIn('line 3, in <module>\n', response.error_message)
        self.assertIn("ZeroDivisionError: division by zero", response.error_message)
        self.assertEqual(response.tool_results[0].error_message, response.error_message)
        self.assertEqual(response.result, "before\n")
        self.assertEqual(self.output(response)["error"]["name"], "ZeroDivisionError")
        response = self.call(python("import sys; print('x'); sys.exit(3)"))
        self.assertEqual(response.status, ERROR)
        self.assertIn("3", response.error_message)

    def test_leaving_with_0_and_saying_nothing_are_no_failures(self):
        for code in "import sys; sys.exit(0)", "import sys; sys.exit()", "x = 1", "pass", "# nothing":
            response = self.call(python(code))
            self.assertEqual((response.status, response.final_state, response.error_message), (OK, COMPLETED, ""), code)

    def test_the_time_is_limited(self):
        asked = python("while True: pass")
        asked.config.timeout_seconds = 1
        response = self.call(asked)
        self.assertEqual((response.status, response.final_state), (TIMEOUT, FAILED))
        self.assertNotEqual(response.error_message, "")
        self.assertLess(response.metrics.latency_ms, 5000)
        response = self.call(python("import time; time.sleep(50)", timeout_seconds=1))
        self.assertEqual(response.status, TIMEOUT)

    def test_the_memory_is_limited(self):
        asked = python("x = bytearray(60 << 20)")
        self.assertEqual(self.call(asked).status, OK)
        asked.config.memory_limit_mb = 48
        response = self.call(asked)
        self.assertEqual(response.status, ERROR)
        self.assertIn("MemoryError", response.error_message)

    def test_limits_that_cannot_be(self):
        for seconds in -1, 61, 100000:
            asked = python("1")
            asked.config.timeout_seconds = seconds
            self.invalid(asked, "timeout_seconds", str(seconds))
        for mb in -1, 1, 1 << 20, 1 << 40:
            asked = python("1")
            asked.config.memory_limit_mb = mb
            self.invalid(asked, "memory_limit_mb")
        self.invalid(python("1", timeout_seconds=0.5), "timeout_seconds", "0.5")
        self.invalid(python("1", timeout_seconds="5"), "timeout_seconds", "number")
        self.invalid(python("1", memory_limit_mb=64.5), "memory_limit_mb")
        self.invalid(python(""), "code is empty")
        self.invalid(python("#" * (1 << 20) + "\n"), "1 MiB")
        self.invalid(python("a\0b"), "NUL")

    def test_stdin(self):
        self.assertEqual(self.call(python("input() + input()", stdin="a\nb\n")).result, "'ab'")
        self.assertEqual(self.call(python("import sys; sys.stdin.read()")).result, "''")

    def test_sessions(self):
        name = f"agent-{uuid.uuid4().hex}"
        self.assertEqual(self.call(python("x = 41", session_id=name)).status, OK)
        asked = python("x += 1; x")
        asked.session_context.session_id = name
        response = self.call(asked)
        self.assertEqual(response.result, "42")
        self.assertEqual((self.output(response)["session_id"], self.output(response)["step"]), (name, 2))
        asked = python("x")
        asked.metadata.session_id = name
        self.assertEqual(self.call(asked).result, "42")
        asked.session_context.session_id = name + "-other"
        self.assertIn("NameError", self.call(asked).error_message)
        self.invalid(python("1", session_id="no such name"), "session_id")

    def test_future_imports_and_line_numbers(self):
        response = self.call(command("from __future__ import annotations\nx: nonsense = 1\nraise ValueError(x)"))
        self.assertIn("line 3", response.error_message)
        self.assertIn("ValueError: 1", response.error_message)

    def test_cancelling(self):
        running = self.stream(python("while True: print('x')", timeout_seconds=50))
        self.assertEqual(next(running).state, EXECUTING)
        next(running)
        running.cancel()
        while self.info("HealthCheck", b"").active_tasks:
            pass


class Tenants(Agent):
    def test_the_task_says_whose_it_is_unless_metadata_do(self):
        asked = python("1")
        asked.metadata.tenant_id = "tenant-from-the-task"
        for tenant, metadata in ("tenant-from-the-task", []), ("from-metadata", [("shannon-tenant", "from-metadata")]):
            self.assertEqual(self.call(asked, metadata=metadata).status, OK)
        self.stop()
        calls = [line for line in self.logged() if line["event"] == "call"]
        self.assertEqual([(call["method"], call["tenant"]) for call in calls],
                         [("ExecuteTask", "tenant-from-the-task"), ("ExecuteTask", "from-metadata")])


class Forms(Agent):
    def test_a_command_line(self):
        self.assertEqual(self.call(command("print(1)\n2")).result, "1\n2")
        self.assertEqual(self.call(command("print(1)", wasm_path="python-3.11.2.wasm", argv=None)).result, "1\n")
        self.assertEqual(self.call(command("7", argv=["python"])).result, "7")
        self.assertEqual(self.call(command("7", argv=["python", "-"])).result, "7")
        self.assertEqual(self.call(command("7", argv=["python", "-c", "import sys\nexec( sys.stdin.read() )"])).result, "7")
        response = self.call(command("input", argv=["python", "-c", "import sys; (sys.stdin.read(), sys.argv)", "a", "b"]))
        self.assertEqual(response.result, "('input', ['-c', 'a', 'b'])")
        response = self.call(command("import sys; sys.argv", argv=READ_STDIN + ["a"]))
        self.assertEqual(response.result, "['-c', 'a']")
        self.assertEqual(response.tool_calls[0].name, "code_executor")

    def test_bad_command_lines(self):
        for argv in (["python", "-m", "http.server"], ["python", "-c"], ["python", "file.py"], ["python", 1, "x"], "python", [None], {"a": 1}):
            self.invalid(command("1", argv=argv), "argv")
        self.invalid(command(None), "stdin")
        self.invalid(command(5), "stdin")

    def test_interpreters(self):
        ours = os.path.basename(os.environ.get("PYTHON_WASI_WASM_PATH") or "python-3.11.2.wasm")
        for path in ours, "/opt/wasm-interpreters/" + ours, "./" + ours:
            self.assertEqual(self.call(command("1", wasm_path=path)).status, OK, path)
        for path in "/opt/ruby.wasm", "/etc/passwd", ours + "/", "x" + ours, "../" * 1000:
            self.invalid(command("1", wasm_path=path), path[:200], "not run here", ours)
        self.invalid(python("1", wasm_path="other.wasm"), "other.wasm")
        self.invalid(command("1", wasm_base64="AGFzbQ=="), "wasm_base64")
        self.invalid(command("1", wasm_path=["a"]), "wasm_path")

    def test_tools(self):
        self.assertEqual(self.call(request({"code": "1"})).tool_calls[0].name, "python_executor")
        self.assertEqual(self.call(request({"stdin": "1"})).tool_calls[0].name, "code_executor")
        code, text = refused(self.call, request({"tool": "calculator", "code": "1"}))
        self.assertEqual(code, grpc.StatusCode.NOT_FOUND)
        self.assertIn("calculator", text)
        self.invalid(request({"tool": "python_executor"}), "no code")
        self.invalid(request({"tool": "python_executor", "code": 1}), "code", "text")
        self.invalid(request({"tool": 1, "code": "1"}), "tool", "text")
        self.invalid(request({"tool": "python_executor", "code": "1"}, available_tools=["calculator"]), "available_tools")
        self.invalid(request(context={"tool_parameters": "python"}), "tool_parameters")

    def test_queries(self):
        for query in ("Execute Python: 6 * 7", "Execute Python:\n6 * 7", " Execute Python:\r\n6 * 7\n", "```python\n6 * 7\n```", "```\n6 * 7\n```",
                      "```py\n6 * 7",
                      "Please run\n```bash\nls\n```\nand then\n```python\n6 * 7\n```\nthank you", "Execute Python:\n```python\n6 * 7\n```",
                      "Execute Python: print('''```python''')\n6 * 7"):
            response = self.call(request(query=query))
            self.assertEqual((response.status, response.result.split("\n")[-1]), (OK, "42"), query)
        self.assertEqual(self.call(request(query="Execute Python: 6 * 7", mode=STANDARD)).result, "42")

    def test_queries_that_need_a_model(self):
        for query, mode in (("What is 6 * 7?", SIMPLE), ("", 0), ("```bash\nls\n```", SIMPLE), ("```python", 0), ("```\n1\n```\nWhat is it?", 0),
                            ("Explain this:\n```python\n1\n```", STANDARD)):
            code, text = refused(self.call, request(query=query, mode=mode))
            self.assertEqual(code, grpc.StatusCode.UNAVAILABLE, query)
            self.assertIn("orchestrator", text)
            code, text = refused(self.stream, request(query=query, mode=mode))
            self.assertEqual(code, grpc.StatusCode.UNAVAILABLE, query)

    def test_a_task_id_is_bounded(self):
        asked = python("1")
        asked.metadata.task_id = "x" * 257
        self.invalid(asked, "task_id")


class Streams(Agent):
    def updates(self, asked):
        return list(self.stream(asked))

    def test_updates(self):
        asked = python("print('a')\nimport sys\nprint('e', file=sys.stderr)\nprint('b', end='')\n42")
        asked.metadata.task_id = "task-2"
        updates = self.updates(asked)
        self.assertEqual({update.task_id for update in updates}, {"task-2"})
        first, *middle, tool, last = updates
        self.assertEqual((first.state, first.tool_call.name, first.delta), (EXECUTING, "python_executor", ""))
        self.assertEqual("".join(update.delta for update in middle), "a\nb\n42")
        self.assertEqual({update.state for update in middle}, {EXECUTING})
        self.assertEqual(tool.tool_result.status, OK)
        self.assertEqual(json_format.MessageToDict(tool.tool_result.output)["stderr"], "e\n")
        self.assertEqual((last.state, last.progress, last.message, last.delta), (COMPLETED, 1.0, "a\nb\n42", ""))
        self.assertEqual([update.progress for update in updates[:-1]], [0.0] * (len(updates) - 1))

    def test_deltas_come_while_it_runs(self):
        running = self.stream(python("print('now', flush=True)\nimport time\ntime.sleep(50)", timeout_seconds=50))
        self.assertEqual(next(running).state, EXECUTING)
        self.assertEqual(next(running).delta, "now\n")
        running.cancel()

    def test_characters_are_whole(self):
        code = """
import sys, time
for each in b'a' + 'é€😀'.encode() + b'!' + '😀'.encode()[:2] + b'x' + b'\\xff\\xc3':
    sys.stdout.buffer.write(bytes([each]))
    sys.stdout.buffer.flush()
"""
        updates = self.updates(python(code))
        deltas = [update.delta for update in updates[1:-2]]
        self.assertEqual(deltas[:6], ["a", "é", "€", "😀", "!", "\ufffd\ufffdx"])
        self.assertEqual("".join(deltas), "aé€😀!\ufffd\ufffdx\ufffd\ufffd")
        self.assertEqual(updates[-1].message, "".join(deltas))

    def test_failures(self):
        *_, tool, last = self.updates(python("print(1)\n1 / 0"))
        self.assertEqual((tool.tool_result.status, last.state, last.progress), (ERROR, FAILED, 1.0))
        self.assertIn("ZeroDivisionError", last.message)
        self.assertEqual(tool.tool_result.error_message, last.message)
        *_, tool, last = self.updates(python("while True: pass", timeout_seconds=1))
        self.assertEqual((tool.tool_result.status, last.state), (TIMEOUT, FAILED))
        code, text = refused(self.stream, python("1", timeout_seconds=600))
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)

    def test_much_output(self):
        updates = self.updates(python("for i in range(3000): print('x' * 999)"))
        self.assertEqual(sum(len(update.delta) for update in updates), 3_000_000)
        self.assertEqual(updates[-1].state, COMPLETED)
        self.assertEqual(len(updates[-1].message), 1 << 20)


class Info(Agent):
    def test_capabilities(self):
        response = self.info("GetCapabilities", b"")
        self.assertEqual(list(response.supported_tools), ["python_executor", "code_executor"])
        self.assertEqual(list(response.supported_modes), [SIMPLE])
        self.assertEqual(response.max_memory_mb, 256)
        self.assertGreaterEqual(response.max_concurrent_tasks, 1)
        self.assertTrue(response.version)

    def test_health(self):
        response = self.info("HealthCheck", b"")
        self.assertTrue(response.healthy)
        self.assertEqual(response.active_tasks, 0)
        self.assertTrue(0 < response.memory_usage_percent < 100)
        self.assertTrue(0 <= response.uptime_seconds < 60)
        running = self.stream(python("import time; time.sleep(50)", timeout_seconds=50))
        next(running)
        self.assertEqual(self.info("HealthCheck", b"").active_tasks, 1)
        running.cancel()

    def found(self, **fields):
        return [tool.id for tool in self.info("DiscoverTools", None, **fields).tools]

    def test_tools_are_found(self):
        both = ["python_executor", "code_executor"]
        for fields in {}, {"query": "PYTHON"}, {"query": "sandbox"}, {"categories": ["other", "code"]}, {"tags": ["python"]}, {"exclude_dangerous": True}:
            self.assertEqual(self.found(**fields), both, fields)
        for fields in {"query": "calculator"}, {"categories": ["web"]}, {"tags": ["web"]}, {"query": "python", "tags": ["web"]}, {"query": "x" * 5000}:
            self.assertEqual(self.found(**fields), [], fields)
        self.assertEqual(self.found(max_results=1), both[:1])
        self.assertEqual(self.found(max_results=-1), both)
        self.assertEqual(self.found(query="plainer"), both[1:])

    def test_a_tool(self):
        for name, required in ("python_executor", "code"), ("code_executor", "stdin"):
            tool = self.info("GetToolCapability", None, tool_id=name).tool
            self.assertEqual((tool.id, tool.category, tool.is_dangerous), (name, "code", False))
            self.assertTrue(tool.description and tool.name and tool.version and tool.examples and tool.tags)
            schema = json_format.MessageToDict(tool.input_schema)
            self.assertEqual(schema["required"], [required])
            self.assertEqual(schema["properties"]["timeout_seconds"]["maximum"], 60)
            self.assertEqual(schema["properties"]["memory_limit_mb"]["maximum"], 256)
            for example in tool.examples:
                parameters = json.loads(example)
                self.assertLessEqual(parameters.keys(), schema["properties"].keys())
                self.assertEqual(self.call(request(dict(parameters, tool=name))).status, OK)
            self.assertIn("stdout", json_format.MessageToDict(tool.output_schema)["properties"])
        for name in "", "calculator", "python_executor\0", "x" * 3000:
            self.assertEqual(refused(self.info, "GetToolCapability", None, tool_id=name)[0], grpc.StatusCode.NOT_FOUND)

    def test_bad_requests(self):
        for method in "DiscoverTools", "GetToolCapability":
            for data in b"\x0a\x05abc", b"\x0a", b"\xff" * 20, b"\x0a\x00" * 1001, b"\x0a\xff\xff\x7f" + bytes(0x1fffff):
                self.assertEqual(refused(self.info, method, data)[0], grpc.StatusCode.INVALID_ARGUMENT, (method, data[:20]))


class Health(Agent):
    """health_test.py has the rest."""

    def test_it_serves_until_it_is_told_to_end(self):
        asked, status = MESSAGES["grpc.health.v1.HealthCheckRequest"], MESSAGES["grpc.health.v1.HealthCheckResponse"]
        for service in "", "shannon.v1.Executor", "shannon.agent.AgentService":
            check = self.channel.unary_unary("/grpc.health.v1.Health/Check", pack, status.FromString)
            self.assertEqual(check(asked(service=service), timeout=20).status, status.SERVING)
        watch = self.channel.unary_stream("/grpc.health.v1.Health/Watch", pack, status.FromString)(asked(), timeout=60)
        self.assertEqual(next(watch).status, status.SERVING)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(next(watch).status, status.NOT_SERVING)
        self.assertEqual(refused(list, watch)[0], grpc.StatusCode.UNAVAILABLE)


def field(number, data):
    length, prefix = len(data), b""
    while length > 127:
        prefix += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + prefix + bytes([length]) + data


class Hostile(Agent):
    def send(self, data):
        answers = set()
        for method in "ExecuteTask", "StreamExecuteTask":
            call = (self.channel.unary_unary if method == "ExecuteTask" else self.channel.unary_stream)(PATH + method, same, same)
            answers.add(refused(call, data, timeout=60))
        [answer] = answers
        self.assertEqual(answer[0], grpc.StatusCode.INVALID_ARGUMENT, answer)
        return answer[1]

    def test_nesting(self):
        data = b""
        for i in range(10000):
            data = field(6, field(1, data))
            if i in (60, 1000, 9999):
                self.assertIn("nested too deeply", self.send(field(3, field(1, field(1, b"tool_parameters") + field(2, data)))))

    def test_amounts(self):
        values = field(6, b"\x0a\x00" * 1_000_000)
        self.assertIn("too many fields", self.send(field(3, field(1, field(1, b"x") + field(2, values)))))
        self.assertIn("too many fields", self.send(b"\x2a\x00" * 1_000_000))
        self.assertIn("too many fields", self.send(b"\x78\x00" * 1_000_000))
        self.assertIn("16 MiB", self.send(field(2, bytes(17 << 20))))

    def test_damage(self):
        for data in (b"\x0a", b"\x0a\x80", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x80" * 20, b"\x12\x05abc",
                     b"\x00\x00", b"\x1a\x02\x0a\x05", b"\x18\x01", b"\x10\x01", b"\x2d\x00\x00\x00\x00", b"\x0b\x0c",
                     field(1, b"") * 2, field(3, b"") * 2, field(3, field(1, field(2, b"") * 2)), b"\x32\x02\x08\x80"):
            self.send(data)
        self.assertEqual(self.call(python("1")).result, "1")

    def test_texts_that_are_none(self):
        code = field(1, b"tool_parameters") + field(2, field(5, field(1, field(1, b"code") + field(2, field(3, b"\xff\xfe")))))
        self.assertIn("UTF-8", self.send(field(3, field(1, code))))
        self.assertIn("UTF-8", self.send(field(2, b"Execute Python: \xff")))
        self.assertIn("UTF-8", self.send(field(1, field(1, b"\xff")) + field(2, b"Execute Python: 1")))

    def test_a_key_does_not_end_at_a_nul(self):
        self.assertIn("no code", self.send(request({"tool": "python_executor", "code\0": "1"}).SerializeToString()))


tap.main(__name__)
