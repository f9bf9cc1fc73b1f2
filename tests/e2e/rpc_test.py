"""The gRPC server, with a client that is not ours (grpcio)."""

import concurrent.futures
import os
import queue
import subprocess
import sys
import tempfile
import time
import unittest

import grpc

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap

SERVER = os.environ["RPC_SERVER"]


def same(data):
    return data


class Served(unittest.TestCase):
    def serve(self, **env):
        self.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, **env))
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        self.addCleanup(self.server.stdin.close)
        self.port = int(self.server.stdout.readline())
        self.channel = self.open()

    def open(self, credentials=None):
        address = f"127.0.0.1:{self.port}" if credentials is None else f"localhost:{self.port}"
        options = [("grpc.max_receive_message_length", -1)]
        channel = (grpc.insecure_channel(address, options) if credentials is None else
                   grpc.secure_channel(address, credentials, options))
        self.addCleanup(channel.close)
        return channel

    def call(self, method, data=b"", **options):
        return self.channel.unary_unary("/t.T/" + method, same, same)(data, timeout=options.pop("timeout", 20), **options)

    def stream(self, method, data=b"", **options):
        return self.channel.unary_stream("/t.T/" + method, same, same)(data, **options)

    def status_of(self, *args, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(*args, **options)
        return caught.exception.code(), caught.exception.details()


class Calls(Served):
    def setUp(self):
        self.serve()

    def test_answers(self):
        self.assertEqual(self.call("Echo", b"hello"), b"hello")
        self.assertEqual(self.call("Echo", b""), b"")
        self.assertEqual(self.call("Echo", bytes(1_000_000)), bytes(1_000_000))
        self.assertEqual(self.call("Metadata", metadata=[("shannon-tenant", "me")]), b"me")
        self.assertEqual(self.call("Metadata"), b"")

    def test_errors(self):
        self.assertEqual(self.status_of("Fail", b"thing"), (grpc.StatusCode.NOT_FOUND, "no such thing; look elsewhere"))
        self.assertEqual(self.status_of("None")[0], grpc.StatusCode.UNIMPLEMENTED)
        self.assertEqual(self.status_of("Echo", bytes(2 << 20))[0], grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_many_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertEqual(list(pool.map(lambda i: self.call("Echo", b"%d" % i), range(2000))), [b"%d" % i for i in range(2000)])

    def test_streams(self):
        self.assertEqual(list(self.stream("Repeat", b"abc")), [b"abc"] * 20 + [b"end"])
        self.assertEqual([len(each) for each in self.stream("Repeat", bytes(900_000))], [900_000] * 20 + [3])

    def test_who_does_not_read_is_not_waited_for(self):
        stream = self.stream("Repeat", bytes(900_000))
        said = self.server.stdout.readline()
        self.assertIn("the client does not read", said)
        self.assertLess(int(said.split()[1]), 20)
        with self.assertRaises(grpc.RpcError) as caught:
            list(stream)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_cancelling_is_noticed(self):
        stream = self.stream("Wait")
        time.sleep(0.1)
        start = time.monotonic()
        stream.cancel()
        self.assertEqual(self.server.stdout.readline(), "gone 1, had -1.0 s\n")
        self.assertLess(time.monotonic() - start, 2)

    def test_a_deadline_is_known_and_noticed(self):
        self.assertEqual(self.status_of("Wait", timeout=0.5)[0], grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertIn(self.server.stdout.readline(), ("gone 1, had 0.5 s\n", "gone 1, had 0.4 s\n"))

    def test_a_client_that_is_gone_is_noticed(self):
        code = f"import grpc; next(iter(grpc.insecure_channel('127.0.0.1:{self.port}').unary_stream('/t.T/Wait')(b'')))"
        client = subprocess.Popen([sys.executable, "-c", code])
        time.sleep(1)
        client.kill()
        client.wait()
        self.assertIn("gone 1", self.server.stdout.readline())

    def chat(self, messages):
        return self.channel.stream_stream("/t.T/Chat", same, same)(messages, timeout=60)

    def test_several_messages(self):
        for count in 0, 1, 2, 500:
            messages = [b"%d" % i for i in range(count)]
            self.assertEqual(list(self.chat(iter(messages))), messages + [b"%d" % count])
        self.assertEqual(list(self.chat(iter([b"", b""]))), [b"", b"", b"2"])

    def test_answers_come_before_the_last_message(self):
        messages = queue.SimpleQueue()
        answers = self.chat(iter(messages.get, None))
        for text in b"a", b"b":
            messages.put(text)
            self.assertEqual(next(answers), text)
        messages.put(None)
        self.assertEqual(list(answers), [b"2"])

    def test_a_conversation_may_fail(self):
        answers = self.chat(iter([b"a", b"fail", b"b"]))
        self.assertEqual(next(answers), b"a")
        with self.assertRaises(grpc.RpcError) as caught:
            next(answers)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_who_does_not_read_is_not_read_from(self):
        asked = 0

        def messages():
            nonlocal asked
            for asked in range(1, 101):
                yield bytes(900_000)

        answers = self.chat(messages())
        before = -1
        while before != asked:
            before = asked
            time.sleep(1)
        self.assertLess(asked, 50)
        self.assertEqual([len(answer) for answer in answers], [900_000] * 100 + [3])

    def test_a_conversation_whose_client_goes_away(self):
        for _ in range(50):
            messages = queue.SimpleQueue()
            answers = self.chat(iter(messages.get, None))
            messages.put(b"a")
            self.assertEqual(next(answers), b"a")
            answers.cancel()
            messages.put(None)
        self.server.stdin.close()
        self.assertEqual(self.server.stdout.readline(), "stopped\n")
        self.assertEqual(self.server.wait(10), 0)

    def test_stopping(self):
        stream = self.stream("Wait")
        time.sleep(0.1)
        self.server.stdin.close()
        self.assertIn("gone 1", self.server.stdout.readline())
        self.assertEqual(self.server.stdout.readline(), "stopped\n")
        self.assertEqual(self.server.wait(10), 0)
        with self.assertRaises(grpc.RpcError):
            list(stream)


class Configured(Served):
    def test_nobody_waits_for_a_conversation_to_end(self):
        self.serve(PATIENCE_SECONDS="60")
        messages = queue.SimpleQueue()
        self.addCleanup(messages.put, None)
        answers = self.channel.stream_stream("/t.T/Chat", same, same)(iter(messages.get, None), timeout=60)
        messages.put(b"a")
        self.assertEqual(next(answers), b"a")
        start = time.monotonic()
        self.server.stdin.close()
        self.assertEqual(self.server.stdout.readline(), "stopped\n")
        self.assertLess(time.monotonic() - start, 10)
        with self.assertRaises(grpc.RpcError) as caught:
            list(answers)
        self.assertIn(caught.exception.code(), (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED))

    def test_token(self):
        self.serve(TOKEN="secret")
        for metadata in None, [("authorization", "Bearer wrong!")], [("authorization", "secret")], [("authorization", "Bearer secrets")]:
            self.assertEqual(self.status_of("Echo", metadata=metadata)[0], grpc.StatusCode.UNAUTHENTICATED)
        self.assertEqual(self.call("Echo", b"x", metadata=[("authorization", "Bearer secret")]), b"x")
        self.assertEqual(self.call("Open", b"x"), b"x")

    def test_one_too_many(self):
        self.serve(CALLS="4")
        streams = [self.stream("Wait") for _ in range(16)]
        time.sleep(0.5)
        refused = [stream for stream in streams if stream.done() and stream.code() == grpc.StatusCode.RESOURCE_EXHAUSTED]
        self.assertTrue(0 < len(refused) < 16, len(refused))
        for stream in streams:
            stream.cancel()
        time.sleep(0.3)
        self.assertEqual(self.call("Echo", b"x"), b"x")

    def test_an_answer_that_is_not_taken_is_dropped(self):
        self.serve(CALLS="1", UNREAD_SECONDS="1")
        client = subprocess.Popen([sys.executable, "-c",
            "import grpc, time\n"
            f"call = grpc.insecure_channel('127.0.0.1:{self.port}').unary_stream('/t.T/Repeat')(bytes(1_000_000))\n"
            "next(call)\n"
            "time.sleep(60)\n"])
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        self.assertIn("sent", self.server.stdout.readline())  # and given up: it does not read
        self.assertEqual(self.status_of("Echo")[0], grpc.StatusCode.RESOURCE_EXHAUSTED)
        until = time.monotonic() + 10
        while True:
            try:
                self.assertEqual(self.call("Echo", b"x"), b"x")
                break
            except grpc.RpcError:
                self.assertLess(time.monotonic(), until)
                time.sleep(0.1)

    def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                           check=True, capture_output=True)
            self.serve(CERTIFICATE=certificate, KEY=key)
            with open(certificate, "rb") as file:
                self.channel = self.open(grpc.ssl_channel_credentials(file.read()))
            self.assertEqual(self.call("Echo", b"hidden"), b"hidden")

    def refused(self, **env):
        done = subprocess.run([SERVER], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=dict(os.environ, **env), timeout=20)
        self.assertEqual(done.returncode, 1)
        return done.stdout

    def test_what_cannot_be_served(self):
        self.serve()
        self.assertIn(f"cannot listen on 127.0.0.1:{self.port}", self.refused(ADDRESS=f"127.0.0.1:{self.port}"))
        self.assertIn("TLS needs both", self.refused(CERTIFICATE="/dev/null"))
        self.assertIn("is no PEM file", self.refused(CERTIFICATE="/dev/null", KEY="/dev/null"))


tap.main(__name__)
