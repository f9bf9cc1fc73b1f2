"""How requests and the HTTP server end, and how it starts."""

import contextlib
import http.client
import os
import socket
import struct
import subprocess
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from http_served import PATIENCE, SERVER, Served


class Gone(Served):
    WAIT = b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def setUp(self):
        self.serve()

    def assertNoticed(self, leave, data=WAIT):
        made = self.raw(data)
        self.assertEqual(self.said(), "waiting")
        started = time.monotonic()
        leave(made)
        self.assertEqual(self.said(), "gone 1")
        self.took = time.monotonic() - started
        return made

    def test_closing(self):
        took = []
        for _ in range(20):
            self.assertNoticed(socket.socket.close)
            took.append(self.took)
        self.assertLess(sorted(took)[10], 0.1)
        self.assertEqual(self.get("/hello")[1], b"hello\n")

    def test_reset(self):
        def reset(made):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            made.close()
        self.assertNoticed(reset)

    def test_closing_one_side(self):
        made = self.assertNoticed(lambda made: made.shutdown(socket.SHUT_WR))
        self.read_to(made, b"waited\n")

    def test_closing_behind_another_request(self):
        self.assertNoticed(socket.socket.close, self.WAIT + b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertNoticed(socket.socket.close, b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" + self.WAIT)

    def test_closing_before_it_begins(self):
        made = self.raw(self.WAIT)
        made.close()
        self.assertEqual([self.said(), self.said()], ["waiting", "gone 1"])

    def test_the_server_ends_what_nobody_will_answer(self):
        made = self.raw(b"GET /leave HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(self.said(), "left")
        made.close()
        self.assertEqual(self.said(), "taken back")
        started = time.monotonic()
        self.assertEqual(self.stop(), [])
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual([(line["route"], line["status"], line["gone"]) for line in self.logged()], [("/leave", 499, True)])


class Stopping(Served):
    def closed(self, made):
        with contextlib.suppress(ConnectionError):
            return made.recv(100) == b""
        return True

    def test_what_ends_in_time_is_answered(self):
        self.serve(PATIENCE_MS="20000")
        idle = self.raw(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.read_to(idle, b"hello\n")
        half = self.raw(b"GET /hel")
        made = [self.raw(b"GET /sleep?ms=700&say=begun HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(20)]
        self.assertEqual({self.said() for _ in made}, {"begun"})
        started = time.monotonic()
        self.assertEqual(self.stop(), [])
        self.assertLess(time.monotonic() - started, 10)
        for each in made:
            self.read_to(each, b"slept\n")
        self.assertTrue(self.closed(idle) and self.closed(half))
        with self.assertRaises(ConnectionError):
            self.raw()

    def test_no_new_requests(self):
        self.serve(PATIENCE_MS="20000")
        idle = self.connection()
        self.get("/hello", over=idle)
        made = self.raw(b"GET /sleep?ms=1500&say=begun HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(self.said(), "begun")
        self.server.stdin.close()
        with self.assertRaises(ConnectionError):
            while True:
                self.raw().close()
        reply, body = self.get("/hello", over=idle)
        self.assertRefused(503, "unavailable", reply, body)
        self.assertEqual(reply.headers["Connection"], "close")
        self.read_to(made, b"slept\n")
        self.assertEqual(self.server.wait(PATIENCE), 0)

    def test_what_does_not_is_cancelled(self):
        self.serve(PATIENCE_MS="300")
        made = self.raw(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        left = self.raw(b"GET /leave HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual({self.said(), self.said()}, {"waiting", "left"})
        stream = self.raw(b"GET /stream?count=100000&ms=5&say=begun HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deaf = self.raw()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /stream?count=100&bytes=900000&say=begun HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual({self.said(), self.said()}, {"begun"})
        started = time.monotonic()
        said = self.stop()
        self.assertTrue(0.2 < time.monotonic() - started < 10)
        self.assertEqual(sum("the client has gone away" in line for line in said), 2, said)
        self.assertIn("gone 1", said)
        self.assertIn("taken back", said)
        self.read_to(made, b"waited\n")
        self.assertEqual(len(self.logged()), 4)
        for each in left, stream, deaf:
            each.close()


class Starting(Served):
    def refused(self, **env):
        done = subprocess.run([SERVER], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=dict(os.environ, **env), timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        return done.stdout

    def test_only_loopback_without_a_token(self):
        for address in "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0":
            said = self.refused(ADDRESS=address)
            self.assertIn(f"invalid_argument: HTTP on {address} could be reached from other machines, and no token is set", said)
            self.assertIn("SHANNON_API_TOKEN", said)

    def test_addresses(self):
        for address in "localhost:0", "127.0.0.2:0", "[::1]:0":
            if address == "[::1]:0" and not self.has_ipv6():
                continue
            self.serve(ADDRESS=address)
            over = http.client.HTTPConnection(address.rpartition(":")[0].strip("[]"), self.port, timeout=PATIENCE)
            self.assertEqual(self.get("/hello", over=over)[1], b"hello\n")
            over.close()
        self.serve(ADDRESS="0.0.0.0:0", TOKEN="secret")
        self.assertEqual(self.get("/health")[0].status, 200)

    def has_ipv6(self):
        with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
        return False

    def test_what_cannot_be_served(self):
        self.serve()
        self.assertIn(f"unavailable: cannot listen on 127.0.0.1:{self.port}: Address already in use", self.refused(ADDRESS=f"127.0.0.1:{self.port}"))
        for address in "", "x", "127.0.0.1", "127.0.0.1:99999", "::1:80", "[::1:80", "1 2:3":
            self.assertIn("invalid_argument: the address", self.refused(ADDRESS=address))


tap.main(__name__)
