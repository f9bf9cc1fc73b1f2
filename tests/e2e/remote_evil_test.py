"""The command `shannon` against servers that are no agent-core: it ends, says what is wrong, and lets nothing through to the terminal."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import grpc

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from messages import MESSAGES

SHANNON = os.environ["SHANNON"]
Event, Response = MESSAGES["shannon.v1.ExecuteEvent"], MESSAGES["shannon.v1.ExecuteResponse"]
DONE = Event(done=Response(status=1)).SerializeToString()
OUT = Event(stdout=b"out\n").SerializeToString()


class Handler(grpc.GenericRpcHandler):
    """Every method is a stream, which on the wire one answer is, too."""

    def __init__(self, answer):
        self.answer = answer

    def service(self, details):
        return grpc.unary_stream_rpc_method_handler(lambda request, context: self.answer(context))


class Evil(unittest.TestCase):
    def serve(self, answer):
        pool = concurrent.futures.ThreadPoolExecutor(4)
        server = grpc.server(pool, [Handler(answer)], options=[("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 20)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(pool.shutdown)
        self.addCleanup(lambda: server.stop(None).wait())
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.env = {**os.environ, "AGENT_CORE_ADDR": f"127.0.0.1:{port}", "SHANNON_HOME": folder.name}

    def shannon(self, *args):
        return subprocess.run([SHANNON, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=self.env,
                              timeout=60)

    def fails(self, answer, says, args=("run", "-c", "1"), code=125, stdout=""):
        self.serve(answer)
        got = self.shannon(*args)
        self.assertEqual((got.returncode, got.stdout if stdout is not None else None), (code, stdout), got.stderr)
        self.assertIn(says, got.stderr)
        return got.stderr

    def test_garbage(self):
        for garbage in (b"\xff" * 100, b"\x2a\x05abc", b"\x2a\x00", Event(done=Response(status=99)).SerializeToString(),
                        Event(done=Response(status=1, exit_code=-5)).SerializeToString()):
            with self.subTest(garbage):
                self.fails(lambda context: iter([garbage]), "internal: agent-core's answer makes no sense")
        for args in ["run", "--json", "-c", "1"], ["session", "list"], ["session", "show", "a"]:
            self.serve(lambda context: iter([b"\xff" * 100]))
            self.assertIn("makes no sense", self.shannon(*args).stderr)

    def test_a_stream_without_a_result(self):
        self.fails(lambda context: iter([]), "without a result")
        self.fails(lambda context: iter([OUT, OUT]), "without a result", stdout="out\nout\n")
        self.fails(lambda context: iter([OUT, b""]), "without a result", stdout="out\n")

    def test_one_that_goes_on_after_it(self):
        self.fails(lambda context: iter([DONE, OUT]), "went on after the result")

    def test_answers_that_are_none_or_two(self):
        self.serve(lambda context: iter([]))
        self.assertIn("gave no answer", self.shannon("session", "list").stderr)
        self.serve(lambda context: iter([b"", b""]))
        self.assertIn("gave more than one answer", self.shannon("session", "list").stderr)

    def test_a_message_that_is_too_large(self):
        self.fails(lambda context: iter([OUT, bytes(230 << 20)]), "larger than max", stdout="out\n")

    def test_many_small_parts(self):
        self.fails(lambda context: iter([b"\x2a\x80\x80\x80\x08" + b"\x42\x00" * (8 << 20)]), "makes no sense")

    def test_no_end_of_events(self):
        def answer(context):
            while True:
                yield OUT

        self.serve(answer)
        process = subprocess.Popen([SHANNON, "run", "-c", "1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   text=True, env=self.env)
        for _ in range(10_000):
            self.assertEqual(process.stdout.readline(), "out\n")
        process.stdout.close()  # nobody reads any more
        process.wait(20)

    def test_a_list_without_an_end(self):
        page = MESSAGES["shannon.v1.ListSessionsResponse"](sessions=[{"id": "a"}], next="a").SerializeToString()
        self.fails(lambda context: iter([page]), "has no end", args=("session", "list"))

    def export(self, *pieces):
        """What becomes of an export in which these come."""
        self.serve(lambda context: iter([MESSAGES["shannon.v1.SessionPiece"](data=piece).SerializeToString() for piece in pieces]))
        with tempfile.TemporaryDirectory() as folder:
            got = self.shannon("session", "export", "a", "-o", f"{folder}/x")
            self.assertEqual((got.returncode, os.listdir(folder)), (125, []), got)
        return got.stderr

    def session_file(self):
        """One that is whole as far as those know who carry it."""
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, "AGENT_CORE_ADDR": "", "SHANNON_HOME": folder}
            for name in "native", "images":
                native = os.path.join(os.environ.get("SHANNON_HOME", os.path.expanduser("~/.local/share/shannon")), name)
                if os.path.exists(native):
                    os.symlink(native, os.path.join(folder, name))
            subprocess.run([SHANNON, "run", "--session", "a", "-c", "x = 1"], check=True, env=env, timeout=60)
            return subprocess.run([SHANNON, "session", "export", "a"], check=True, env=env, timeout=60, capture_output=True).stdout

    def test_exports(self):
        whole = self.session_file()
        for pieces in [], [b""], [b"x" * 1000], [whole[:20]], [b"", whole]:
            self.assertRegex(self.export(*pieces), "internal: (what agent-core sends is no session|agent-core ended)")
        self.assertIn("in the middle", self.export(whole[:-1]))
        self.assertIn("in the middle", self.export(whole[:1000], whole[1000:-1]))
        self.assertIn("sends more than", self.export(whole, b"x"))
        self.assertIn("sends more than", self.export(whole[:1000], whole + bytes(100)))
        self.assertIn("makes no sense", self.export(bytes(2 << 20)))

        def endless(context):
            yield MESSAGES["shannon.v1.SessionPiece"](data=whole[:1000]).SerializeToString()
            while True:
                yield MESSAGES["shannon.v1.SessionPiece"](data=bytes(1 << 16)).SerializeToString()

        self.fails(endless, "sends more than", args=("session", "export", "a"), stdout=None)

    def test_imports(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.session_file())
            file.flush()
            for answer, says in ((b"\xff" * 20, "makes no sense"), (b"", "makes no sense")):
                self.fails(lambda context: iter([answer]), says, args=("session", "import", file.name))
            self.fails(lambda context: iter([]), "gave no answer", args=("session", "import", file.name))
            self.fails(self.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full"), "resource_exhausted: full", args=("session", "import", file.name))

    def abort(self, status, text):
        def answer(context):
            context.abort(status, text)
            yield b""

        return answer

    def test_what_it_says_is_cleaned(self):
        said = self.fails(self.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad\x1b]0;title\x07\nthing\u009b31m; do\tthat"), "bad", code=2)
        self.assertEqual(said, "shannon: invalid_argument: bad ]0;title  thing  31m\n  do that\n")
        said = self.fails(self.abort(grpc.StatusCode.NOT_FOUND, "x" * 7000), "not_found")
        self.assertLess(len(said), 2000)

    def test_codes(self):
        for status, name in ((grpc.StatusCode.NOT_FOUND, "not_found"), (grpc.StatusCode.PERMISSION_DENIED, "unauthenticated"),
                             (grpc.StatusCode.RESOURCE_EXHAUSTED, "resource_exhausted"), (grpc.StatusCode.UNAVAILABLE, "unavailable"),
                             (grpc.StatusCode.UNIMPLEMENTED, "internal"), (grpc.StatusCode.UNKNOWN, "internal"),
                             (grpc.StatusCode.DEADLINE_EXCEEDED, "deadline_exceeded")):
            self.fails(self.abort(status, "why"), f"shannon: {name}: ")
        self.fails(self.abort(grpc.StatusCode.INTERNAL, ""), "gRPC status 13 and no reason")

    def test_nothing_is_tried_twice(self):
        calls = []

        def answer(context):
            calls.append(1)
            context.abort(grpc.StatusCode.UNAVAILABLE, "try again")
            yield b""

        self.fails(answer, "unavailable")
        self.assertEqual(len(calls), 1)

    def test_one_that_never_answers(self):
        begun, ended = threading.Event(), threading.Event()

        def answer(context):
            context.add_callback(ended.set)
            begun.set()
            ended.wait()
            return iter([])

        self.serve(answer)
        for args in ["run", "-c", "1"], ["run", "--json", "-c", "1"]:
            begun.clear()
            ended.clear()
            process = subprocess.Popen([SHANNON, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       env=self.env)
            self.assertTrue(begun.wait(20))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
            self.assertEqual(process.returncode, 130)
            self.assertTrue(ended.wait(10))

    def test_a_port_that_speaks_something_else(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def speak():
                for _ in range(2):
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection:
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 100)

            thread = threading.Thread(target=speak, daemon=True)
            thread.start()
            env = {**os.environ, "AGENT_CORE_ADDR": "127.0.0.1:%d" % listener.getsockname()[1]}
            got = subprocess.run([SHANNON, "run", "-c", "1"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, timeout=60)
            self.assertEqual(got.returncode, 125)
            self.assertIn("unavailable", got.stderr)


tap.main(__name__)
