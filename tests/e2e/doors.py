"""`shannon serve` and `shannon llm-service` for tests: started on a port of their own, asked over HTTP."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

SHANNON = os.environ["SHANNON"]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]


class Doors(unittest.TestCase):
    """Each test has a service of its own, with a home of its own, unless it brings one."""

    command = "serve"
    env = {}

    def make_home(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        native = pathlib.Path(os.environ.get("SHANNON_HOME", pathlib.Path.home() / ".local/share/shannon"))
        for name in "native", "images":  # compiled once for all
            if (native / name).exists():
                os.symlink(native / name, pathlib.Path(folder.name) / name)
        return folder.name

    def serve(self, *args, command=None, home=None, **env):
        command = command or self.command
        self.home = home or self.make_home()
        self.log = tempfile.NamedTemporaryFile("a", suffix=".log")
        self.addCleanup(self.log.close)
        grpc = ["--grpc", "127.0.0.1:0"] if command != "llm-service" else []
        process = self.process = subprocess.Popen(
            [SHANNON, command, "--http", "127.0.0.1:0", *grpc, *args], stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, "SHANNON_HOME": self.home, "SHANNON_TASKS_ADDR": "127.0.0.1:0", "SHANNON_TASKS_HTTP_ADDR": "127.0.0.1:0",
                 **self.env, **env})
        self.addCleanup(process.stdout.close)
        self.addCleanup(self.stop, process)
        self.said = [process.stdout.readline() for _ in range(1 + bool(grpc))]
        self.assertIn("http://", self.said[-1], self.log_text())
        self.url = self.said[-1].split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.token = {**self.env, **env}.get("SHANNON_API_TOKEN")
        self.connection = self.connect()

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.connect()
        self.addCleanup(connection.close)
        return connection

    def stop(self, process=None):
        process = process or self.process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.wait()

    def log_text(self):
        return pathlib.Path(self.log.name).read_text()

    def logged(self, event=None):
        lines = [json.loads(line) if line.startswith("{") else {"event": line} for line in self.log_text().splitlines()]
        return [line for line in lines if event in (None, line["event"])]

    def until(self, condition, seconds=5):
        end = time.monotonic() + seconds
        while not (found := condition()):
            self.assertLess(time.monotonic(), end, self.log_text())
            time.sleep(0.005)
        return found

    # ---- asking ----

    def begin(self, method, path, body=None, connection=None, token=None, headers={}):
        """Sends a request; the response is still to be read."""
        connection = connection or self.connection
        given = dict(headers)
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        if token or self.token:
            given.setdefault("Authorization", f"Bearer {token or self.token}")
        connection.request(method, path, body=body, headers=given)
        return connection

    def ask(self, method, path, body=None, **options):
        return Answer(self.begin(method, path, body, **options).getresponse())

    def execute(self, code, status=200, connection=None, token=None, headers={}, **fields):
        answer = self.ask("POST", "/v1/execute", {"code": code, **fields}, connection=connection, token=token, headers=headers)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json

    def refusal(self, **fields):
        answer = self.ask("POST", "/v1/execute", fields)
        self.assertEqual((answer.status, answer.error["code"]), (400, "invalid_argument"), answer.body)
        return answer.error["message"] + "\n" + answer.error["hint"]

    def stream(self, code, connection=None, headers={}, **fields):
        """The events as they come: (name, data)."""
        connection = self.begin("POST", "/v1/execute", {"code": code, **fields}, connection=connection or self.connect(),
                                headers={"Accept": "text/event-stream", **headers})
        response = connection.getresponse()
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/event-stream"))
        return self.events(response)

    def events(self, response):
        name = None
        while line := response.readline():
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])
            else:
                self.assertTrue(line == "" or line.startswith(":"), line)

    def metrics(self):
        lines = self.ask("GET", "/metrics").body.decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}
