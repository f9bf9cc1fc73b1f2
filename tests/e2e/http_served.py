"""What the tests of the HTTP server share: the server (http_server.c), a client that is not ours (http.client), and
sockets for bytes that no client would send."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import unittest

SERVER = os.environ["HTTP_SERVER"]
PATIENCE = 20
MIB = 1 << 20
H = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"


class Served(unittest.TestCase):
    def serve(self, **env):
        self.log = open(os.path.join(os.environ.get("TMPDIR", "/tmp"), f"http-test-{os.getpid()}"), "w+")
        os.unlink(self.log.name)
        self.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                       env=dict(os.environ, **env))
        self.addCleanup(self.log.close)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        self.addCleanup(self.server.stdin.close)
        self.port = int(self.server.stdout.readline())

    def tearDown(self):
        if getattr(self, "server", None) and self.server.poll() is None:
            self.stop()

    def said(self):
        return self.server.stdout.readline().rstrip("\n")

    def stop(self):
        """What is said from now to the end; a sanitizer's complaint is a failure."""
        self.server.stdin.close()
        said = self.server.stdout.read().splitlines()
        self.assertEqual(self.server.wait(PATIENCE), 0)
        self.assertEqual(said.pop(), "stopped")
        return said

    def logged(self):
        self.log.seek(0)
        return [json.loads(line) for line in self.log]

    def connection(self):
        made = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.addCleanup(made.close)
        return made

    def ask(self, method, path, body=None, headers={}, over=None, **options):
        used = over or self.connection()
        used.request(method, path, body, headers, **options)
        reply = used.getresponse()
        body = reply.read()
        if not over:
            used.close()
        return reply, body

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def assertRefused(self, status, code, reply, body):
        self.assertEqual(reply.status, status, body)
        error = json.loads(body)["error"]
        self.assertEqual(set(error), {"code", "message", "hint"})
        self.assertEqual(error["code"], code)
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        return error

    def raw(self, data=b""):
        made = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self.addCleanup(made.close)
        made.sendall(data)
        return made

    def until_closed(self, data):
        """What comes back until the server closes, which it must; a reset counts as that."""
        made, got = self.raw(), b""
        with contextlib.suppress(ConnectionError):
            made.sendall(data)
        with contextlib.suppress(ConnectionError):
            while more := made.recv(65536):
                got += more
        made.close()
        return got

    def read_to(self, made, end):
        got = b""
        while not got.endswith(end):
            more = made.recv(65536)
            self.assertTrue(more, got[-200:])
            got += more
        return got
