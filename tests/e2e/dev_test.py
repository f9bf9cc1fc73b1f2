"""What a user does first, by the commands of the README: `make dev`, scripts/submit_task.sh, curl; and Ctrl-C."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap

SHANNON = pathlib.Path(os.environ["SHANNON"])
PROJECT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 120


class Dev(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        usual = pathlib.Path(os.environ.get("SHANNON_HOME", pathlib.Path.home() / ".local/share/shannon"))
        for name in "native", "images":  # compiled once for all
            if (usual / name).exists():
                os.symlink(usual / name, pathlib.Path(folder.name) / name)
        ports = {name: "127.0.0.1:0" for name in ("SHANNON_GRPC_ADDR", "SHANNON_HTTP_ADDR", "SHANNON_TASKS_ADDR", "SHANNON_TASKS_HTTP_ADDR")}
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("SHANNON", "LLM_", "MAKE", "MFLAGS"))}
        self.env = {**ours, **ports, "SHANNON_HOME": folder.name}
        self.dev = subprocess.Popen(["make", "dev", f"BUILD={SHANNON.parent}"], cwd=PROJECT, env=self.env, start_new_session=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.dev.stdout.close)
        self.addCleanup(self.dev.wait)
        self.addCleanup(self.end, signal.SIGKILL)
        self.lines = []
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.until("info  ready")
        self.http, self.tasks = [self.port(rf"{role} serves .*http://127.0.0.1:(\d+)") for role in ("llm-service", "orchestrator")]
        self.env["SHANNON_TASKS_URL"] = f"http://127.0.0.1:{self.tasks}"

    def read(self):
        for line in self.dev.stdout:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    def until(self, text):
        """Waits for a line that has it."""
        with self.changed:
            there = self.changed.wait_for(lambda: any(text in line for line in self.lines) or self.dev.poll() is not None, PATIENCE)
            self.assertTrue(there and any(text in line for line in self.lines), "".join(self.lines))

    def port(self, pattern):
        return int(re.search(pattern, "".join(self.lines))[1])

    def end(self, number):
        if self.dev.poll() is None:
            os.killpg(self.dev.pid, number)  # as a terminal does

    def submit(self, *arguments, **options):
        return subprocess.Popen(["scripts/submit_task.sh", *arguments], cwd=PROJECT, env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    def submitted(self, *arguments):
        with self.submit(*arguments) as task:
            out, error = task.communicate(timeout=PATIENCE)
            return task.returncode, out, error

    def curl(self, path, body):
        done = subprocess.run(["curl", "--silent", "--show-error", f"http://127.0.0.1:{self.http}{path}", "-H", "Content-Type: application/json",
                               "-d", json.dumps(body)], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_it_is_ready_says_where_and_ends(self):
        said = "".join(self.lines)
        self.assertRegex(said, r"agent-core serves gRPC on 127\.0\.0\.1:\d+, to this machine only")
        self.assertIn("no model is configured (LLM_BASE_URL, LLM_MODEL): only code is run", said)
        begin = time.monotonic()
        self.end(signal.SIGINT)
        self.dev.wait(PATIENCE)
        self.assertLess(time.monotonic() - begin, 10)
        self.until("info  stopped")
        for port in self.http, self.tasks:
            with self.assertRaises(ConnectionRefusedError):
                http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect()

    def test_tasks(self):
        self.assertEqual(self.submitted("Execute Python: print('Hello, World!')"), (0, "Hello, World!\n", ""))
        self.assertEqual(self.submitted("Run Python: import math; print(math.factorial(20))"), (0, "2432902008176640000\n", ""))
        self.assertEqual(self.submitted("```python\nimport json\nprint(json.dumps({'a': [1, 2]}))\n```"), (0, '{"a": [1, 2]}\n', ""))
        self.assertEqual(self.submitted("Execute Python: x = 41", "demo"), (0, "", ""))
        self.assertEqual(self.submitted("Execute Python: x + 1", "demo"), (0, "42\n", ""))
        self.assertEqual(self.submitted("""Execute Python: print("it's", '"quoted"', '\\\\', '$HOME `ls`')"""), (0, "it's \"quoted\" \\ $HOME `ls`\n", ""))
        status, out, error = self.submitted("Execute Python: print('before')\n1/0")
        self.assertEqual((status, out), (1, "before\n"))
        self.assertIn("ZeroDivisionError: division by zero", error)
        status, out, error = self.submitted("How many primes are there below 1000?")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("LLM_BASE_URL", error)
        self.until("state=completed")

    def test_output_comes_while_it_runs(self):
        with self.submit("Execute Python: import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(1)") as task:
            times = [time.monotonic() for _ in task.stdout]
        self.assertEqual((len(times), task.returncode), (3, 0))
        self.assertGreater(times[2] - times[0], 1.5)

    def test_an_interrupted_task_is_cancelled(self):
        with self.submit("Execute Python: print('begun', flush=True)\nwhile True: pass", start_new_session=True) as task:
            self.assertEqual(task.stdout.readline(), "begun\n")
            os.killpg(task.pid, signal.SIGINT)
            self.assertEqual(task.wait(PATIENCE), 130)
        self.until("state=cancelled")

    def test_a_query(self):
        answer = self.curl("/agent/query", {"query": "Execute Python: print(2 + 2)", "tools": ["python_executor"], "mode": "simple"})
        self.assertEqual((answer["success"], answer["response"]), (True, "4\n"))
        answer = self.curl("/tools/execute", {"tool": "python_executor", "parameters": {"code": "print(input())", "stdin": "Ada\n"}})
        self.assertEqual((answer["success"], answer["output"]), (True, "Ada\n"))
        self.assertEqual(self.curl("/agent/query", {"query": "What is the capital of France?"})["error"]["code"], "unavailable")


tap.main(__name__)
