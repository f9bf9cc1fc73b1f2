"""`shannon agent-core` for tests: started on a port of its own, called with messages of our .proto files."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import grpc

from messages import MESSAGES

SHANNON = os.environ["SHANNON"]
Request = MESSAGES["shannon.v1.ExecuteRequest"]
Event = MESSAGES["shannon.v1.ExecuteEvent"]
ANSWERS = {
    "Execute": "ExecuteResponse", "GetLimits": "Limits", "ListSessions": "ListSessionsResponse", "GetSession": "Session",
    "ForkSession": "Session", "RewindSession": "Session", "DeleteSession": "DeleteSessionResponse",
}
MOST = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def pack(message):
    return message.SerializeToString()


class AgentCore(unittest.TestCase):
    """Each test has a service of its own, with a home of its own, unless it shares one with its class."""

    env = {}

    def serve(self, *args, command="agent-core", home=None, files_most=None, **env):
        if home is None:
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            home = self.home = folder.name
            native = pathlib.Path(os.environ.get("SHANNON_HOME", pathlib.Path.home() / ".local/share/shannon"))
            for name in "native", "images":  # compiled once for all
                if (native / name).exists():
                    os.symlink(native / name, pathlib.Path(home) / name)
        self.log = tempfile.NamedTemporaryFile("a", suffix=".log")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen(
            [SHANNON, command, "--grpc", "127.0.0.1:0", *args], stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, "SHANNON_HOME": home, "SHANNON_TASKS_ADDR": "127.0.0.1:0", "SHANNON_TASKS_HTTP_ADDR": "127.0.0.1:0",
                 **self.env, **env},
            preexec_fn=files_most and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files_most, files_most))))
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.stop)
        line = self.process.stdout.readline()
        self.assertIn("serves gRPC on", line, self.logged())
        self.port = int(line.split()[4].rstrip(",").rsplit(":", 1)[1])
        self.channel = self.open()
        if "--http" in args:
            self.pages = self.process.stdout.readline().split()[-1]

    def page(self, path, token=None):
        request = urllib.request.Request(self.pages + path, headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def open(self):
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", [*MOST, ("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        return channel

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return self.process.wait()

    def logged(self):
        lines = self.log_text().splitlines()
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]

    def log_text(self):
        return pathlib.Path(self.log.name).read_text()

    def call(self, method, channel=None, timeout=60, metadata=None, **fields):
        kind = "Execute" if method == "Execute" else method
        message = MESSAGES[f"shannon.v1.{kind}Request"](**fields)
        return (channel or self.channel).unary_unary(
            f"/shannon.v1.Executor/{method}", pack, MESSAGES[f"shannon.v1.{ANSWERS[method]}"].FromString)(
                message, timeout=timeout, metadata=metadata)

    def execute(self, code, **fields):
        return self.call("Execute", code=code, **fields)

    def stream(self, code, channel=None, timeout=60, metadata=None, **fields):
        return (channel or self.channel).unary_stream("/shannon.v1.Executor/ExecuteStream", pack, Event.FromString)(
            Request(code=code, **fields), timeout=timeout, metadata=metadata)

    def refusal(self, method, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(method, **fields)
        return caught.exception.code().name, caught.exception.details()
