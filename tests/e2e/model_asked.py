"""What the tests of the model's client share: the client (model_client.c), a server (model_server.py), and what they say."""

import json
import os
import subprocess
import tempfile
import unittest

from model_server import ModelServer
from model_wire import APIS

CLIENT = os.environ["MODEL_CLIENT"]
SLOW_LOOKUP = os.environ["SLOW_LOOKUP"]
KEY = "sk-secret-0123456789abcdef"
SCHEMA = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
TOOL = {"name": "python_executor", "description": "Runs Python.", "input_schema": SCHEMA}
HELLO = [{"role": "user", "text": "Hello"}]
CALL = {"id": "call_a", "name": "python_executor", "arguments": {"code": "print(6*7)"}}


class Asked(unittest.TestCase):
    def serve(self, *script, **options):
        server = ModelServer(script, **options)
        self.addCleanup(server.close)
        return server

    def open(self, server=None, expect="ok", env={}, **options):
        """A model; what it says when it is opened is in self.opened."""
        self.finish()
        self.log = tempfile.TemporaryFile("w+")
        self.addCleanup(self.log.close)
        self.client = subprocess.Popen([CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                       env=dict(os.environ, **{"no_proxy": "127.0.0.1", **env}))
        self.addCleanup(self.client.stdout.close)
        self.addCleanup(self.client.wait)
        self.addCleanup(self.client.stdin.close)
        self.said = ""
        given = {"base_url": server.base_url if server else None, "api_key": KEY, "model": "m-1", "pause_ms": 5, **options}
        self.opened = self.tell({name: value for name, value in given.items() if value is not None})
        self.assertEqual(self.opened["code"], expect, self.opened)

    def tell(self, what):
        self.client.stdin.write(json.dumps(what) + "\n")
        self.client.stdin.flush()
        line = self.client.stdout.readline()
        self.said += line
        return json.loads(line)

    def ask(self, messages=HELLO, **more):
        return self.tell({"messages": messages, **more})

    def fails(self, code, **more):
        answer = self.ask(**more)
        self.assertIn("error", answer)
        self.assertEqual(answer["error"]["code"], code, answer)
        self.assertTrue(answer["error"]["message"])
        return answer

    def soon(self, code, ms, **more):
        """Fails at this time and no more than 50 ms after it; one of three has to, as others use this machine, too."""
        for _ in range(3):
            answer = self.fails(code, **more)
            self.assertGreaterEqual(answer["ms"], ms - 1)
            if answer["ms"] <= ms + 50:
                return answer
        self.fail(f"{answer['ms']} ms instead of {ms}")

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def finish(self):
        """The key is sent, and is nowhere else."""
        if hasattr(self, "client"):
            self.client.stdin.close()
            self.assertEqual(self.client.wait(20), 0, self.logged())
            self.assertNotIn(KEY, self.said + self.logged())
            del self.client

    def tearDown(self):
        self.finish()

    def each(self, streams=(False, True)):
        """Both ways of all APIs; a failure says which."""
        for api in APIS:
            for stream in streams:
                self.way = f"{api}, {'streamed' if stream else 'whole'}"
                yield api, stream
        self.way = None

    way = None

    def _formatMessage(self, message, standard):
        text = super()._formatMessage(message, standard)[:2000]
        return f"{self.way}: {text}" if self.way else text
