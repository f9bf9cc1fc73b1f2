"""The HTTP server and those who do not: malformed and slow clients, strangers, too many."""

import contextlib
import json
import os
import random
import re
import socket
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from http_served import H, MIB, PATIENCE, Served


MALFORMED = {
    "two lengths": H + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "two other lengths": H + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
    "a list of lengths": H + b"Content-Length: 5, 5\r\n\r\nhello",
    "length and chunked": H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": H + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunked twice": H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": H + b"Transfer-Encoding: identity\r\n\r\nhello",
    "gzip, chunked": H + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "no encoding": H + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "blank before the colon": H + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "blank before another colon": H + b"Content-Length : 5\r\n\r\nhello",
    "chunked in HTTP/1.0": b"POST /echo HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded value": H + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "folded last value": H + b"X-A: b\r\n\tc\r\n\r\n",
    "folded encoding": H + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "folded length": H + b"Content-Length: 1\r\n 0\r\n\r\nhello",
    "folded to nothing": H + b"X-A: b\r\n \r\nContent-Length: 0\r\n\r\n",
    "folded first": b"POST /echo HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "bare LF": b"GET /hello HTTP/1.1\nHost: localhost\n\n",
    "a bare LF": H + b"X-A: b\nContent-Length: 0\r\n\r\n",
    "bare LF at the end": b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\n",
    "CR in a value": H + b"X-A: b\rX-B: c\r\n\r\n",
    "NUL in a value": H + b"X-A: b\0c\r\n\r\n",
    "NUL in a name": H + b"X\0A: b\r\n\r\n",
    "control character in a value": H + b"X-A: b\x01\r\n\r\n",
    "no name": H + b": b\r\n\r\n",
    "no colon": H + b"X-A\r\n\r\n",
    "blank in a name": H + b"X A: b\r\n\r\n",
    "name that is none": H + b"X(A): b\r\n\r\n",
    "no host": b"GET /hello HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "two blanks": b"GET  /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two other blanks": b"GET /hello  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "blank at the end": b"GET /hello HTTP/1.1 \r\nHost: localhost\r\n\r\n",
    "blank in the target": b"GET /hello x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL in the target": b"GET /hello\0x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"GET /hello\r\nHost: localhost\r\n\r\n",
    "another protocol": b"GET /hello HTTPS/1.1\r\nHost: localhost\r\n\r\n",
    "lower case": b"GET /hello http/1.1\r\nHost: localhost\r\n\r\n",
    "method that is none": b"G(T /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "long method": b"G" * 40 + b" /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "negative length": H + b"Content-Length: -5\r\n\r\nhello",
    "signed length": H + b"Content-Length: +5\r\n\r\nhello",
    "hexadecimal length": H + b"Content-Length: 0x5\r\n\r\nhello",
    "length in words": H + b"Content-Length: five\r\n\r\nhello",
    "empty length": H + b"Content-Length:\r\n\r\n",
    "chunk size that is none": H + b"Transfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n",
    "negative chunk": H + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "chunk without end": H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n",
    "trailer that is none": H + b"Transfer-Encoding: chunked\r\n\r\n0\r\nnothing\r\n\r\n",
}


class Malformed(Served):
    def setUp(self):
        self.serve()

    def test_each(self):
        second = b"GET /things/second HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for name, data in MALFORMED.items():
            with self.subTest(name):
                got = self.until_closed(data + second)
                self.assertTrue(got == b"" or got.startswith(b"HTTP/1.1 400 "), got)
                self.assertNotIn(b"second", got)
                # libmicrohttpd 0.9.75 says it twice where the length is no number
                self.assertLessEqual(got.count(b"HTTP/1.1 "), 2 if b"wrong value for <b>Content-Length" in got else 1)
        self.assertEqual(self.get("/hello")[1], b"hello\n")
        self.stop()

    def test_other_versions(self):
        for version in b"HTTP/2.0", b"HTTP/0.9":
            self.assertTrue(self.until_closed(b"GET /hello %s\r\nHost: localhost\r\n\r\n" % version).startswith(b"HTTP/1.1 505 "))

    def test_too_large(self):
        line, end = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n", b"\r\n\r\n"
        for data, status in [(b"GET /" + b"a" * 100_000 + b" HTTP/1.1" + end, b"414"), (line + b"X-A: " + b"a" * 100_000 + end, b"431"),
                             (line + b"X-A: b\r\n" * 100 + b"\r\n", b"431"), (line + b"X-A: b\r\n" * 10_000 + b"\r\n", b"431"),
                             (line + b"A" * 100_000 + end, b"431"), (b"GET /hello?" + b"&" * 100_000 + b" HTTP/1.1" + end, b"414"),
                             (H + b"Content-Length: 99999999999999999999999\r\n\r\n", b"413"),
                             (H + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"413")]:
            got = self.until_closed(data)
            self.assertTrue(got.startswith(b"HTTP/1.1 " + status) or got == b"", got[:200])
        for data in H + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 100_000 + b"\r\n", H + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 100_000:
            self.assertNotIn(b" 200 ", self.until_closed(data))
        self.assertEqual(self.get("/hello", headers={"X-A": "a" * 10_000})[1], b"hello\n")
        self.assertEqual(self.get("/hello", headers={f"X-{i}": "b" for i in range(98)})[1], b"hello\n")
        self.stop()

    def test_mutations(self):
        """What is nearly a request is answered, or its connection is closed; and the server lives."""
        chance = random.Random(7)
        seeds = list(MALFORMED.values()) + [H + b"Content-Length: 5\r\n\r\nhello", H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
        for _ in range(1500):
            data = bytearray(chance.choice(seeds))
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(data))
                match chance.randrange(4):
                    case 0: data[at] = chance.randrange(256)
                    case 1: del data[at:at + chance.randint(1, 8)]
                    case 2: data[at:at] = chance.choice([b"\r\n", b"\n", b" ", b"\0", b":", b"%", b"?", b"\r\n "])
                    case 3: data[at:at] = data[:chance.randrange(len(data))]
                data = data or bytearray(b"x")
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as made:
                got = b""
                with contextlib.suppress(ConnectionError):
                    made.sendall(data)
                    made.shutdown(socket.SHUT_WR)
                    while more := made.recv(65536):
                        got += more
                self.assertTrue(got == b"" or re.match(rb"HTTP/1\.1 [1-5]\d\d ", got), (bytes(data), got))
        self.assertEqual(self.get("/hello")[1], b"hello\n")
        self.stop()


class Slow(Served):
    def assertCut(self, made, least, most):
        """It is closed in that many seconds, without having been answered."""
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while made.recv(65536):
                pass
        self.assertTrue(least <= time.monotonic() - started <= most, time.monotonic() - started)

    def test_heads(self):
        self.serve(HEAD_MS="400")
        for data in b"", b"GET /hello HT", b"GET /hello HTTP/1.1\r\nHost: localhost\r\n":
            self.assertCut(self.raw(data), 0.2, 5)
        made = self.raw(b"GET /hello HTTP/1.1\r\n")
        started = time.monotonic()
        with self.assertRaises(ConnectionError):
            while time.monotonic() - started < PATIENCE:
                made.sendall(b"X-A: b\r\n")
                time.sleep(0.02)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(self.get("/sleep?ms=800")[1], b"slept\n")

    def test_bodies(self):
        self.serve(BODY_MS="400")
        self.assertCut(self.raw(H + b"Content-Length: 10\r\n\r\nhello"), 0.2, 5)
        self.assertCut(self.raw(H + b"Content-Length: 100000\r\n\r\n" + bytes(70_000)), 0.2, 5)
        self.assertCut(self.raw(H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe"), 0.2, 5)
        made = self.raw(H + b"Content-Length: 2000000\r\n\r\n")
        for _ in range(20):
            made.sendall(bytes(100_000))
            time.sleep(0.05)
        self.assertIn(b" 200 OK", made.recv(100))

    def test_dribbled_bodies(self):
        self.serve(BODY_MS="400")
        made = self.raw(H + b"Content-Length: 2000000\r\n\r\n")
        started = time.monotonic()
        with self.assertRaises(ConnectionError):
            while time.monotonic() - started < PATIENCE:
                made.sendall(bytes(10))
                time.sleep(0.02)
        self.assertLess(time.monotonic() - started, 5)

    def test_between_requests(self):
        self.serve(IDLE_MS="400")
        made = self.raw(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.read_to(made, b"hello\n")
        self.assertCut(made, 0.2, 5)

    def test_readers(self):
        self.serve(BODY_MS="50")
        made = self.raw()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.sendall(b"GET /big?bytes=%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (8 * MIB))
        until = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < until and not self.logged():
            time.sleep(0.05)
        self.assertEqual([(line["status"], line["gone"]) for line in self.logged()], [(200, True)])
        got = 0
        with self.assertRaises(ConnectionResetError):
            while more := made.recv(MIB):
                got += len(more)
        self.assertLess(got, 8 * MIB)


class LetIn(Served):
    def test_token(self):
        self.serve(TOKEN="secret")
        for value in None, "Bearer wrong!", "secret", "Bearer secrets", "Bearer secre", "Bearer", "Basic secret", "Bearer  secret":
            for path in "/hello", "/nothing", "/json", "/metrics", "/ready":
                reply, body = self.get(path, headers={"Authorization": value} if value else {})
                self.assertRefused(401, "unauthenticated", reply, body)
                self.assertEqual(reply.headers["WWW-Authenticate"], "Bearer")
        for scheme in "Bearer", "bearer":
            self.assertEqual(self.get("/hello", headers={"Authorization": scheme + " secret"})[1], b"hello\n")
        self.assertEqual(self.get("/nothing", headers={"Authorization": "Bearer secret"})[0].status, 404)
        self.assertEqual(self.get("/open")[1], b"hello\n")
        self.assertEqual(self.get("/health")[0].status, 200)
        self.assertEqual(self.get("/open", headers={"Host": "example.com", "Origin": "https://example.org"})[0].status, 200)

    def test_hosts(self):
        self.serve()
        for host in "localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:65535", "127.1.2.3", "[::1]", "[::1]:8000":
            self.assertEqual(self.get("/health", headers={"Host": host})[0].status, 200, host)
        for host in ("example.com", "localhost.example.com", "127.0.0.1.example.com", "128.0.0.1", "localhost:", "localhost:x", "localhost:65536",
                     "[::2]", "::1", "[::1", "[::1]x", "", "localhost@example.com", "127.1", "0x7f.0.0.1", "localhost " + "x" * 100):
            self.assertRefused(403, "unauthenticated", *self.get("/health", headers={"Host": host}))
        self.assertIn(b" 403 ", self.until_closed(b"GET /health HTTP/1.0\r\n\r\n"))

    def test_origins(self):
        self.serve()
        for origin in "http://localhost:8000", "HTTPS://LOCALHOST:8000":
            self.assertEqual(self.get("/health", headers={"Host": "localhost:8000", "Origin": origin})[0].status, 200)
        for origin in "null", "http://localhost", "http://example.com", "http://localhost:8000.example.com", "file://localhost:8000", "localhost:8000":
            self.assertRefused(403, "unauthenticated", *self.get("/health", headers={"Host": "localhost:8000", "Origin": origin}))

    def test_connections(self):
        self.serve(CONNECTIONS="10")
        held = [self.connection() for _ in range(10)]
        for over in held:
            self.get("/hello", over=over)
        for _ in range(3):
            reply, body = self.get("/hello")
            self.assertRefused(503, "unavailable", reply, body)
            self.assertEqual(reply.headers["Retry-After"], "1")
        self.assertEqual([self.get("/hello", over=over)[0].status for over in held], [200] * 10)
        held[0].close()
        until = time.monotonic() + PATIENCE
        while self.get("/hello")[0].status != 200 and time.monotonic() < until:
            time.sleep(0.01)
        self.assertLess(time.monotonic(), until)

    def test_far_too_many_connections(self):
        self.serve(CONNECTIONS="10")
        held = [self.raw() for _ in range(100)]
        for made in held[:50]:
            made.close()
        for made in held[50:]:
            made.close()
        until = time.monotonic() + PATIENCE
        while self.get("/hello")[0].status != 200 and time.monotonic() < until:
            time.sleep(0.01)
        self.assertLess(time.monotonic(), until)

    def test_connections_of_one_address(self):
        self.serve(PER_ADDRESS="5")
        held = [self.connection() for _ in range(5)]
        for over in held:
            self.get("/hello", over=over)
        self.assertEqual(self.until_closed(b""), b"")
        self.assertEqual([self.get("/hello", over=over)[0].status for over in held], [200] * 5)

    def test_not_ready(self):
        self.serve(UNREADY="there is none")
        reply, body = self.get("/ready")
        self.assertEqual((reply.status, json.loads(body)), (503, {"status": "not_ready", "reasons": {"workers": "there is none"}}))


tap.main(__name__)
