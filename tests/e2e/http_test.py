"""The HTTP server and those who mean well: answers, bodies, streams, connections."""

import concurrent.futures
import contextlib
import json
import os
import random
import socket
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from http_served import MIB, Served


class Answers(Served):
    def setUp(self):
        self.serve()

    def test_routes(self):
        self.assertEqual(self.get("/hello")[1], b"hello\n")
        self.assertEqual(self.get("/things/special")[1], b"hello\n")
        for path, pattern, param in [("/things/a%20b", "/things/{id}", "a b"), ("/things/%C3%A9", "/things/{id}", "é"),
                                     ("/things/a+b", "/things/{id}", "a+b"), ("/%74hings/x", "/things/{id}", "x"),
                                     ("/things/...", "/things/{id}", "..."), ("/files/a", "/files/{id...}", "a"),
                                     ("/files/a%20b/c/d.txt", "/files/{id...}", "a b/c/d.txt")]:
            reply, body = self.get(path)
            self.assertEqual((reply.status, json.loads(body)["pattern"], json.loads(body)["param"]), (200, pattern, param))
        self.assertEqual(json.loads(self.ask("DELETE", "/things/x")[1])["method"], "DELETE")

    def test_query_and_headers(self):
        reply, body = self.get("/things/x?q=a+b%2Bc%0A&r", headers={"User-Agent": "tester  "})
        self.assertEqual(json.loads(body)["query"], "a b+c\n")
        self.assertEqual(json.loads(body)["agent"], "tester")
        self.assertIsNone(json.loads(self.get("/things/x")[1])["query"])
        self.assertEqual((reply.headers["X-Added"], reply.headers["X-Added-Too"]), ("one", "two"))

    def test_what_every_answer_has(self):
        for path in "/hello", "/nothing", "/stream?count=1", "/fail", "/things/%zz":
            reply, _ = self.get(path)
            self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(reply.headers["Cache-Control"], "no-store")
            self.assertRegex(reply.headers["X-Request-Id"], "^[0-9a-f]{32}$")
            self.assertIsNone(reply.headers["Server"])
            self.assertFalse([name for name in reply.headers if name.startswith("Access-Control")])

    def test_request_ids(self):
        for given in "a", "A-b.c_9", "x" * 128:
            reply, body = self.get("/things/x", headers={"X-Request-Id": given})
            self.assertEqual((reply.headers["X-Request-Id"], json.loads(body)["id"]), (given, given))
        for given in "", "x" * 129, "a b", "a/b", "é":
            reply, _ = self.get("/things/x", headers={"X-Request-Id": given})
            self.assertRegex(reply.headers["X-Request-Id"], "^[0-9a-f]{32}$")

    def test_what_is_not_there(self):
        for path in "/", "/nothing", "/hello/", "/hello/x", "/things", "/things/", "//hello", "/files/", "/files/a//b", "/files/a/", "/HELLO":
            self.assertRefused(404, "not_found", *self.get(path))

    def test_methods(self):
        reply, body = self.ask("HEAD", "/hello")
        self.assertEqual((reply.status, reply.headers["Content-Length"], body), (200, "6", b""))
        reply, body = self.ask("HEAD", "/nothing")
        self.assertEqual((reply.status, body), (404, b""))
        for path, allowed in ("/hello", "GET, HEAD, OPTIONS"), ("/things/x", "GET, HEAD, DELETE, OPTIONS"), ("/json", "POST, OPTIONS"):
            reply, body = self.ask("PATCH", path)
            error = self.assertRefused(405, "invalid_argument", reply, body)
            self.assertEqual((reply.headers["Allow"], error["hint"]), (allowed, "it takes " + allowed))
            reply, body = self.ask("OPTIONS", path)
            self.assertEqual((reply.status, reply.headers["Allow"], body), (204, allowed, b""))
        self.assertEqual(self.ask("get", "/hello")[0].status, 405)
        self.assertEqual(self.ask("BREW", "/hello")[0].status, 405)
        self.assertEqual(self.ask("POST", "/sleep")[0].status, 200)

    def test_targets_that_are_none(self):
        for path in ("/things/%", "/things/%4", "/things/%zz", "/things/%00", "/things/a%2Fb", "/things/..", "/things/%2e%2E/x", "/things/.",
                     "/things/%0a", "/things/%7f", "/things/%ff", "/things/%c0%af", "/things/%ed%a0%80", "/things/x?q=%", "/things/x?q=%00",
                     "/things/x?q=%ff", "/things/x?q=1&q=2", "/things/x?%71=1&q=2", "/things/x#y", "/things/x?a#b", "/things/a\\b",
                     "/things/\"", "http://127.0.0.1/hello", "*", "hello", "/" + "a/" * 40, "/things/x?" + "&".join(f"a{i}" for i in range(33))):
            self.assertRefused(400, "invalid_argument", *self.get(path))
        self.assertRefused(414, "invalid_argument", *self.get("/things/x?q=" + "a" * 8192))
        self.assertEqual(len(json.loads(self.get("/things/x?q=" + "a" * 8000)[1])["query"]), 8000)

    def test_errors(self):
        for code, name, status in [(1, "invalid_argument", 400), (2, "not_found", 404), (3, "unauthenticated", 401),
                                   (4, "resource_exhausted", 429), (5, "unavailable", 503), (6, "deadline_exceeded", 504), (7, "internal", 500)]:
            reply, body = self.get(f"/fail?code={code}")
            error = self.assertRefused(status, name, reply, body)
            self.assertEqual((error["message"], error["hint"]), ("\ufffd it failed", 'do "this"'))
            self.assertEqual(reply.headers["Retry-After"], "1" if status in (429, 503) else None)
            self.assertEqual(reply.headers["WWW-Authenticate"], "Bearer" if status == 401 else None)

    def test_json(self):
        def post(text, kind="application/json"):
            return self.ask("POST", "/json", text, {"Content-Type": kind} if kind else {})
        for text in '{"a": [1, 2.5, null, "\\u0000é"]}', "[]", '{"a":{"b":{}}}':
            reply, body = post(text.encode(), "Application/JSON ; charset=utf-8")
            self.assertEqual((reply.status, json.loads(body)), (201, json.loads(text)))
        for text, where in [("", "line 1, column 0"), ("{\n\"a\": x}", "line 2, column 6"), ('{"a": 1, "a": 2}', "duplicate"), ("[1] 2", "end of file"),
                            ("[" * 3000 + "]" * 3000, "nested deeper than 100"), ("[\"\xff\"]", "unable to decode byte 0xff"), ('{"a\\u0000b": 1}', "NUL"),
                            ("[1e999]", "overflow"), ("[NaN]", "line 1")]:
            error = self.assertRefused(400, "invalid_argument", *post(text.encode("latin-1")))
            self.assertIn(where, error["message"])
        for kind in "text/plain", "application/jsonp", "application/x-www-form-urlencoded", None:
            self.assertIn("Content-Type: application/json", self.assertRefused(400, "invalid_argument", *post("{}", kind))["hint"])

    def test_operations(self):
        self.assertEqual(json.loads(self.get("/health")[1]), {"status": "ok"})
        self.assertEqual(json.loads(self.get("/ready")[1]), {"status": "ready"})
        self.get("/nothing")
        self.ask("BREW", "/hello")
        reply, body = self.get("/metrics")
        self.assertEqual(reply.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        for line in ('shannon_http_requests_total{route="/health",method="GET",status="200"} 1',
                     'shannon_http_requests_total{route="none",method="GET",status="404"} 1',
                     'shannon_http_requests_total{route="none",method="other",status="405"} 1',
                     'shannon_http_request_seconds_count{route="/health"} 1'):
            self.assertIn(line + "\n", body.decode())
        self.assertRegex(body.decode(), r"shannon_http_connections [1-5]\n")

    def test_log(self):
        self.get("/things/secret?q=secret", headers={"X-Request-Id": "mine"})
        self.get("/secret")
        self.stop()
        first, second = self.logged()
        self.assertEqual({**first, "time": 0, "ms": 0}, {"time": 0, "level": "info", "event": "http", "request_id": "mine", "method": "GET",
                                                        "route": "/things/{id}", "status": 200, "ms": 0, "gone": False})
        self.assertTrue(0 < first["ms"] < 20000)
        self.assertEqual((second["route"], second["status"]), ("none", 404))
        self.assertNotIn("secret", json.dumps([first, second]))


class Connections(Served):
    def setUp(self):
        self.serve()

    def test_many_requests_over_one(self):
        over = self.connection()
        over.connect()
        kept = over.sock
        for i in range(300):
            path, status = [("/hello", 200), ("/nothing", 404), ("/sleep?ms=1", 200), ("/short", 200), ("/things/%", 400)][i % 5]
            self.assertEqual(self.get(path, over=over)[0].status, status)
        for size in 10, MIB:
            self.assertEqual(self.ask("POST", "/nothing", bytes(size), over=over)[0].status, 404)
        self.assertIs(over.sock, kept)

    def test_pipelined(self):
        one = b"GET /sleep?ms=20 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        made = self.raw(one * 20 + b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = b""
        while more := made.recv(65536):
            got += more
        self.assertEqual(got.count(b"slept\n"), 20)
        self.assertTrue(got.endswith(b"hello\n"))

    def test_http_1_0(self):
        self.assertIn(b"hello\n", self.until_closed(b"GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n"))
        got = self.until_closed(b"GET /stream?count=3&ms=10 HTTP/1.0\r\nHost: localhost\r\n\r\n")
        self.assertNotIn(b"chunked", got)
        self.assertTrue(got.endswith(b"\r\n\r\n" + b"x" * 15))

    def test_many_at_once(self):
        held = [self.connection() for _ in range(200)]
        for over in held:
            over.request("GET", "/sleep?ms=300")
        started = time.monotonic()
        self.assertEqual([over.getresponse().read() for over in held], [b"slept\n"] * 200)
        self.assertLess(time.monotonic() - started, 10)
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            statuses = list(pool.map(lambda i: self.ask("POST", "/echo", b"%d" % i, over=held[i % 200] if i < 200 else None)[1], range(1000)))
        self.assertEqual(statuses, [b"%d" % i for i in range(1000)])

    def test_nothing_is_left_behind(self):
        def used():
            folder = f"/proc/{self.server.pid}/"
            return len(os.listdir(folder + "fd")), len(os.listdir(folder + "task"))
        self.get("/hello")
        before = used()
        for _ in range(50):
            self.get("/short")
            self.get("/sleep")
            self.ask("POST", "/small", bytes(1001))
            self.until_closed(b"nonsense\r\n\r\n")
            self.raw(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").close()
        for _ in range(100):
            time.sleep(0.05)
            if used() <= before:
                break
        self.assertLessEqual(used(), before)


class Bodies(Served):
    def test_lengths(self):
        self.serve()
        for size in 0, 1, 100_000, 2 * MIB:
            body = random.Random(size).randbytes(size)
            self.assertEqual(self.ask("POST", "/echo", body)[1], body)
        self.assertEqual(self.ask("POST", "/small", bytes(1000))[0].status, 200)
        error = self.assertRefused(413, "invalid_argument", *self.ask("POST", "/small", bytes(1001)))
        self.assertEqual(error["message"], "the body is longer than 1000 bytes")
        body = random.Random(1).randbytes(30 * MIB)
        self.assertEqual(self.ask("PUT", "/large", body)[1], body)

    def test_too_long_is_refused_before_it_is_read(self):
        self.serve()
        for path, length in ("POST /echo", 2 * MIB + 1), ("PUT /large", 100 * MIB + 1), ("POST /echo", 2**63 - 1):
            got = self.until_closed(b"%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path.encode(), length))
            self.assertTrue(got.startswith(b"HTTP/1.1 413 "), got)
            self.assertIn(b"the body is longer than", got)

    def test_chunked(self):
        self.serve()
        pieces = [random.Random(i).randbytes(i * 997) for i in range(1, 60)]
        self.assertEqual(self.ask("POST", "/echo", iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})[1], b"".join(pieces))
        head = b"POST /small HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        made = self.raw(head + b"3e8;extension=1\r\n" + bytes(1000) + b"\r\n0\r\nTrailer: x\r\n\r\n")
        self.assertIn(b" 200 OK", self.read_to(made, bytes(1000)))
        got = self.until_closed(head + b"3e9\r\n" + bytes(1001) + b"\r\n0\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 413 "), got)
        self.assertIn(b'{"error":{"code":"invalid_argument","message":"the body is longer than 1000 bytes"', got)
        self.assertIn(b"\r\nX-Request-Id: ", got)
        self.assertLess(len(self.until_closed(head + (b"3e8\r\n" + bytes(1000) + b"\r\n") * 10000)), 2000)

    def test_expect(self):
        self.serve()
        head = b"POST /small HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        made = self.raw(head % 5)
        self.assertEqual(self.read_to(made, b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
        made.sendall(b"hello")
        self.assertIn(b" 200 OK\r\n", self.read_to(made, b"hello"))
        self.assertTrue(self.until_closed(head % 1001).startswith(b"HTTP/1.1 413 "))
        self.assertTrue(self.until_closed(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                        .startswith(b"HTTP/1.1 404 "))

    def test_all_together(self):
        self.serve(BODIES="3000000")
        held = [self.raw(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000001\r\n\r\n" + bytes(1000000)) for _ in range(2)]
        self.assertEqual(self.ask("POST", "/echo", bytes(900_000))[0].status, 200)
        with contextlib.suppress(ConnectionError):
            self.assertRefused(503, "unavailable", *self.ask("POST", "/echo", bytes(1_500_000)))
        self.assertEqual(self.ask("POST", "/echo", bytes(900_000))[0].status, 200)
        for made in held:
            made.sendall(b"x")
            self.assertIn(b" 200 OK", self.read_to(made, bytes(1000) + b"x"))
        self.assertEqual(self.ask("POST", "/echo", bytes(2_000_000))[0].status, 200)


class Streams(Served):
    def test_whole(self):
        self.serve()
        reply, body = self.get("/stream?count=3&bytes=5")
        self.assertEqual((reply.headers["Transfer-Encoding"], reply.headers["Content-Type"], body), ("chunked", "text/plain", b"x" * 15))
        self.assertEqual(self.get("/stream?count=0")[1], b"")
        self.assertEqual(self.get("/short")[1], b"one two")
        self.assertEqual(len(self.get("/stream?count=30&bytes=3000000")[1]), 90_000_000)

    def test_the_first_byte_does_not_wait(self):
        self.serve()
        made = self.raw(b"GET /stream?count=2&bytes=1&ms=2000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        started = time.monotonic()
        self.read_to(made, b"1\r\nx\r\n")
        self.assertLess(time.monotonic() - started, 1)
        self.read_to(made, b"1\r\nx\r\n0\r\n\r\n")
        self.assertGreater(time.monotonic() - started, 1.9)
        made = self.raw(b"GET /stream?count=20&bytes=1&ms=10 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        started = time.monotonic()
        self.read_to(made, b"0\r\n\r\n")
        self.assertLess(time.monotonic() - started, 0.2 + 20 * 0.04)

    def test_who_does_not_read_is_not_waited_for(self):
        self.serve()
        made = self.raw()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.sendall(b"GET /stream?count=100&bytes=900000&until_ms=300 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said = self.said()
        self.assertIn("the client does not read", said)
        self.assertLess(int(said.split()[1]), 20)
        got = b""
        with contextlib.suppress(ConnectionError):
            while more := made.recv(MIB):
                got += more
        self.assertFalse(got.endswith(b"0\r\n\r\n"))
        self.stop()
        self.assertEqual([(line["status"], line["gone"]) for line in self.logged()], [(200, True)])

    def test_who_reads_slowly_gets_it_all(self):
        self.serve()
        made = self.raw()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        made.sendall(b"GET /stream?count=8&bytes=1000000 HTTP/1.0\r\nHost: localhost\r\n\r\n")
        got = 0
        while more := made.recv(100_000):
            got += more.count(b"x")
            time.sleep(0.002)
        self.assertGreaterEqual(got, 8_000_000)

    def test_gone(self):
        self.serve()
        made = self.raw(b"GET /stream?count=10000&ms=5 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.read_to(made, b"5\r\nxxxxx\r\n")
        made.close()
        said = self.said()
        self.assertIn("the client has gone away", said)
        self.assertLess(int(said.split()[1]), 9000)

    def test_head(self):
        self.serve()
        got = self.until_closed(b"HEAD /stream?count=10000&ms=5 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"\r\n\r\n"), got)
        self.assertIn("the client has gone away", self.said())

    def test_events(self):
        self.serve()
        reply, body = self.get("/events")
        self.assertEqual(reply.headers["Content-Type"], "text/event-stream")
        self.assertEqual(body, b"event: stdout\nid: 1\ndata: a\ndata: b\n\ndata: end\n\n")

    def test_idle_events(self):
        self.serve(KEEP_ALIVE_MS="100")
        body = self.get("/events?ms=1050")[1]
        self.assertTrue(5 <= body.count(b"\n: keep-alive\n\n") <= 10, body)
        self.assertEqual(body.replace(b": keep-alive\n\n", b""), b"event: stdout\nid: 1\ndata: a\ndata: b\n\ndata: end\n\n")
        self.assertEqual(self.get("/stream?count=2&ms=300")[1], b"x" * 10)


tap.main(__name__)
