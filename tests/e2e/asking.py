"""What the tests of POST /agent/query share."""

import json
import socket
import time
import urllib.error
import urllib.request

from agent_core import AgentCore


class Asking(AgentCore):
    def serve(self, *args, **env):
        super().serve("--http", "127.0.0.1:0", *args, command="serve", **env)

    def post(self, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return urllib.request.Request(self.pages + "/agent/query", data, {"Content-Type": "application/json", **headers})

    def ask(self, query, **fields):
        with urllib.request.urlopen(self.post({"query": query, **fields}), timeout=60) as reply:
            return json.load(reply)

    def get(self, path):
        return urllib.request.urlopen(self.pages + path, timeout=60)

    def refused(self, body, **headers):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(self.post(body, **headers), timeout=60)
        with caught.exception as error:
            return error.code, json.load(error)["error"]

    def events(self, query, **fields):
        """(name, data, seconds) of each event."""
        start = time.monotonic()
        with urllib.request.urlopen(self.post({"query": query, "stream": True, **fields}), timeout=60) as reply:
            self.assertEqual(reply.headers["Content-Type"], "text/event-stream")
            name = None
            for line in reply:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    yield name, json.loads(line[6:]), time.monotonic() - start

    def open_socket(self, body, length=None):
        data = json.dumps(body).encode()
        host, port = self.pages.removeprefix("http://").split(":")
        made = socket.create_connection((host, int(port)), timeout=20)
        made.sendall(f"POST /agent/query HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {length or len(data)}\r\n\r\n".encode() + data)
        return made

    def until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, self.log_text())
            time.sleep(0.01)
