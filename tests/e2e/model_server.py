"""A server of language models that plays a script: each request is answered by its next step. It speaks OpenAI's chat
completions and responses and Anthropic's messages, whole and streamed, is strict with requests, and can do all that
servers do wrong.

    with ModelServer([{"calls": [{"name": "python_executor", "arguments": {"code": "6*7"}}]}, {"text": "It is 42."}]) as server:
        ... LLM_BASE_URL=server.base_url ...
        server.requests[1].body["messages"]

A step: what the reply holds
    text, calls [{name, arguments (an object, or text that need not be JSON), id}], reasoning, refusal, finish ("stop", "tool_calls",
    "length", "content_filter"), usage [input, output], model, piece (characters of a delta)
how it is sent
    whole: one JSON text although a stream was asked for     stream: a stream although none was
    split: bytes of a write      line_end: "\\r\\n", "\\r"     comments: true      content_type      delay: seconds before it
    ids, indexes, objects, parts, count (chat), late (responses): see model_wire.py
and what goes wrong
    status, headers, error {message, type, code}, body (text instead of JSON)      malformed: true
    cut: events (or bytes of a whole answer) after which the connection ends       stall: the same, then silence
    hang_up: true (the connection is closed afterwards, without a word)
    stream_error: events after which `error` is sent in a 200      endless: true      huge: bytes of text
    learn: a word in the request's body for which it is refused, with `error`
`repeat`: how many requests it answers (default 1; 0: all). `for`: an API's name, or none: any. A request after the last step is
refused with 400.

From a shell: model_server.py SCRIPT.json [KEY] prints its port and plays until it is killed. GET /requests tells what was asked,
POST /script begins with another script.
"""

import dataclasses
import json
import os
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(__file__))
from model_wire import APIS


@dataclasses.dataclass
class Request:
    api: str
    path: str
    headers: dict
    body: dict
    at: float  # time.monotonic()


class ModelServer:
    """`key`: what callers have to show; None: nothing. `tls`: a certificate's file with its key."""

    def __init__(self, script=(), key=None, tls=None):
        self.key = key
        self.requests = []
        self.gone = threading.Semaphore(0)  # released when a client has left a stream that had not ended
        self.lock = threading.Lock()
        self.connections = 0
        self.ended = threading.Event()
        self.play(script)
        self.http = Http(("127.0.0.1", 0), Handler)
        self.http.player = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.base_url = self.url + "/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def play(self, script):
        """Another script, from its beginning; what was asked before is forgotten."""
        with self.lock:
            self.steps = [dict(step) for step in script]
            self.requests.clear()

    def next_step(self):
        with self.lock:
            if not self.steps:
                return {"status": 400, "error": {"message": "the script is at its end", "type": "invalid_request_error"}}
            step = self.steps[0]
            step["repeat"] = step.get("repeat", 1) - 1
            if step["repeat"] == 0:
                self.steps.pop(0)
            return step

    def close(self):
        self.ended.set()
        self.http.shutdown()
        self.http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def get_request(self):
        self.player.connections += 1
        return super().get_request()

    def handle_error(self, *_):
        """Clients that go away are what is tested."""


class Cut(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    # ---- whom to answer ----

    def do_GET(self):
        player = self.server.player
        with player.lock:
            asked = [dataclasses.asdict(request) for request in player.requests]
        self.send_json(200, asked if self.path == "/requests" else {"error": {"message": "not here"}})

    def do_POST(self):
        player = self.server.player
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/script":
            player.play(json.loads(raw))
            return self.send_json(200, {})
        name = next((name for name, api in APIS.items() if self.path == "/v1" + api.path), None)
        if not name:
            return self.send_json(404, {"error": {"message": f"no {self.path} here", "type": "not_found_error"}})
        self.api = APIS[name]
        body = json.loads(raw)
        with player.lock:
            player.requests.append(Request(name, self.path, dict(self.headers), body, time.monotonic()))
        try:
            self.answer(name, body, dict({"model": body.get("model", "none")}, **player.next_step()))
        except (Cut, ConnectionError):
            self.close_connection = True

    def refuse(self, status, message, kind):
        self.send_json(status, self.api.error({"error": {"message": message, "type": kind}}))

    def answer(self, name, body, step):
        key = self.server.player.key
        if key and self.api.key(self.headers) != key:
            return self.refuse(401, f"Incorrect API key provided: {self.api.key(self.headers)}.", "authentication_error")
        try:
            wrong = self.api.wrong(body)
        except (KeyError, TypeError, ValueError) as error:
            wrong = repr(error)
        if name == "messages" and self.headers.get("anthropic-version") != "2023-06-01":
            wrong = "anthropic-version: header is required"
        if wrong:
            return self.refuse(400, wrong, "invalid_request_error")
        if step.get("for", name) != name:
            return self.refuse(400, f"the script has something for {step['for']} here", "invalid_request_error")
        self.wait(step.get("delay", 0))
        if "learn" in step and f'"{step["learn"]}"' in json.dumps(body):
            return self.send_json(400, self.api.error(step))
        if "status" in step:
            return self.send_whole(step["status"], step, step.get("body", json.dumps(self.api.error(step))))
        if "huge" in step:
            step["text"], step["piece"] = "x" * step["huge"], 1 << 16
        if (body.get("stream") or step.get("stream")) and not step.get("whole"):
            return self.send_stream(step)
        text = json.dumps(self.api.error(step) if "stream_error" in step else self.api.whole(step), ensure_ascii=False)
        self.send_whole(200, step, text[:-3] + "," if step.get("malformed") else step.get("body", text))

    # ---- what is sent ----

    def send_json(self, status, body):
        self.send_whole(status, {}, json.dumps(body))

    def send_whole(self, status, step, text):
        data = text.encode("utf-8", "surrogateescape")
        self.send_response(status)
        self.send_header("Content-Type", step.get("content_type", "application/json"))
        self.send_header("Content-Length", str(len(data)))
        for name, value in step.get("headers", {}).items():
            self.send_header(name, str(value))
        self.end_headers()
        for word in "cut", "stall":
            if word in step:
                self.wfile.write(data[:step[word]])
                self.stop(word)
        self.wfile.write(data)
        self.close_connection |= step.get("hang_up", False)

    def send_stream(self, step):
        self.send_response(200)
        self.send_header("Content-Type", step.get("content_type", "text/event-stream; charset=utf-8"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number, (event, data) in enumerate(self.events(step)):
                for word in "cut", "stall":
                    if step.get(word) == number:
                        self.stop(word)
                self.send_event(step, event, data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))
            self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            self.server.player.gone.release()
            raise

    def events(self, step):
        for number, (event, data) in enumerate(self.api.events(step)):
            if step.get("stream_error") == number:
                yield "error", self.api.error(step) if self.api.path != "/responses" else dict(step["error"], type="error")
                return
            if step.get("malformed") and number == 2:
                data = json.dumps(data)[:-1]
            yield event, data
            while step.get("endless") and number == 3:
                time.sleep(step.get("pause", 0))
                yield event, data

    def send_event(self, step, event, data):
        end = step.get("line_end", "\n")
        lines = ([": a comment", "retry: 1000", "id:", ""] if step.get("comments") else []) + ([f"event: {event}"] if event else [])
        text = end.join(lines + ["data: " + data, "", ""]).encode("utf-8", "surrogateescape")
        size = step.get("split", len(text))
        for at in range(0, len(text), size):
            part = text[at:at + size]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    def wait(self, seconds):
        if seconds:
            self.server.player.ended.wait(seconds)

    def stop(self, word):
        if word == "stall":
            self.connection.settimeout(60)
            if self.rfile.peek(1) == b"":
                self.server.player.gone.release()
        raise Cut


def main():
    with open(sys.argv[1]) as file:
        server = ModelServer(json.load(file), sys.argv[2] if len(sys.argv) > 2 else None)
    print(server.port, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
