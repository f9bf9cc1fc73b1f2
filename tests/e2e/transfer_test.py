"""ExportSession and ImportSession of agent-core: sessions travel as files, in pieces; what is not a whole one leaves nothing behind."""

import os
import pathlib
import queue
import random
import sys
import threading
import time

import grpc

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from agent_core import AgentCore, pack
from messages import MESSAGES

Piece, Upload = MESSAGES["shannon.v1.SessionPiece"], MESSAGES["shannon.v1.ImportSessionRequest"]
Session = MESSAGES["shannon.v1.Session"]


class Transfer(AgentCore):
    def export(self, name, channel=None, timeout=60):
        return (channel or self.channel).unary_stream("/shannon.v1.Executor/ExportSession", pack, Piece.FromString)(
            MESSAGES["shannon.v1.ExportSessionRequest"](id=name), timeout=timeout)

    def exported(self, name):
        return b"".join(piece.data for piece in self.export(name))

    def upload(self, messages, channel=None, timeout=60):
        return (channel or self.channel).stream_unary("/shannon.v1.Executor/ImportSession", pack, Session.FromString).future(
            iter(messages), timeout=timeout)

    def imported(self, data, name="", piece_bytes=200_000):
        pieces = [data[i:i + piece_bytes] for i in range(0, max(len(data), 1), piece_bytes)]
        return self.upload([Upload(id=name if i == 0 else "", data=piece) for i, piece in enumerate(pieces)]).result()

    def refused(self, data, says, status=grpc.StatusCode.INVALID_ARGUMENT, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            self.imported(data, **options)
        self.assertEqual(caught.exception.code(), status, caught.exception.details())
        self.assertIn(says, caught.exception.details())

    def ids(self):
        return [s.id for s in self.call("ListSessions").sessions]

    def files_on_the_way(self):
        """Open files without a name that lie in the service's home."""
        found = 0
        for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                target = os.readlink(fd)
            except FileNotFoundError:
                continue
            found += target.startswith(os.path.realpath(self.home)) and target.endswith("(deleted)") and "lock" not in target
        return found

    def until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, self.logged()[-5:])
            time.sleep(0.02)


class Files(Transfer):
    def setUp(self):
        self.serve()

    def test_there_and_back(self):
        self.execute("import os\nx = os.urandom(3_000_000)\nprint(hash(x))", session_id="a")
        said = self.execute("open('/workspace/f', 'w').write('kept')\nprint(hash(x))", session_id="a").stdout
        data = self.exported("a")
        self.assertGreater(len(data), 3_000_000)
        for name, piece_bytes in ("b", 1 << 20), ("c", 70_000), ("d", 1 << 16):
            made = self.imported(data, name, piece_bytes)
            self.assertEqual((made.id, made.step, [s.code for s in made.steps]), (name, 2, ["open('/workspace/f', 'w').write('kept')\nprint(hash(x))"]))
            self.assertEqual(self.execute("print(hash(x))", session_id=name).stdout, said)
        self.assertEqual(self.execute("print(open('/workspace/f').read())", session_id="c").stdout, "kept\n")
        self.refused(data, "there is a session 'a' already")
        self.refused(data, "there is a session 'b' already", name="b")
        self.call("DeleteSession", id="a")
        self.assertEqual(self.imported(data).id, "a")
        self.assertEqual(self.files_on_the_way(), 0)

    def test_what_is_no_session(self):
        self.execute("x = 'a' * 300_000", session_id="a")
        data = self.exported("a")
        self.call("DeleteSession", id="a")
        numbers = random.Random(1)
        for _ in range(40):
            at = numbers.randrange(len(data))
            damaged = data[:at] + bytes([data[at] ^ (1 << numbers.randrange(8))]) + data[at + 1:]
            self.refused(damaged, "the file is no session")
        for bytes_ in 0, 1, 47, 48, 200, len(data) // 2, len(data) - 1:
            self.refused(data[:bytes_], "the file is no session")
        self.refused(data + b"x", "the file is no session")
        self.refused(os.urandom(100_000), "it does not begin like one")
        self.refused(data, "no session's name", name="x" * 129)
        self.refused(data, "is no id for a session", name="../x")
        with self.assertRaises(grpc.RpcError) as caught:
            self.upload([]).result()
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.export("nobody"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        self.assertEqual((self.ids(), self.files_on_the_way()), ([], 0))
        self.assertEqual(self.imported(data).id, "a")

    def test_pieces_are_bounded(self):
        self.refused(bytes(2 << 20), "more than 1 MiB", piece_bytes=2 << 20)
        with self.assertRaises(grpc.RpcError) as caught:
            self.upload([Upload(data=b"SNSESSN\0"), Upload(data=bytes(2 << 20))]).result()
        self.assertIn("more than 1 MiB", caught.exception.details())
        raw = self.channel.stream_unary("/shannon.v1.Executor/ImportSession")
        for garbage in b"\xff" * 20, b"\x12\x80\x80\x80\x08a":
            for messages in [garbage], [pack(Upload(data=b"SNSESSN\0")), garbage]:
                with self.assertRaises(grpc.RpcError) as caught:
                    raw(iter(messages), timeout=20)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.until(lambda: self.files_on_the_way() == 0)


class Bounds(Transfer):
    def test_one_without_an_end(self):
        self.serve(SHANNON_SESSION_MB="1")
        sent = 0

        def endless():
            nonlocal sent
            while True:
                sent += 1
                yield Upload(data=bytes(1 << 20))

        with self.assertRaises(grpc.RpcError) as caught:
            self.upload(endless()).result()
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("larger than a session may be", caught.exception.details())
        self.assertLess(sent, 200)
        self.until(lambda: self.files_on_the_way() == 0)
        self.assertEqual(self.ids(), [])

    def begin(self, channel=None):
        """An upload that goes on when something is put into its queue."""
        pieces = queue.Queue()
        self.addCleanup(pieces.put, None)
        return self.upload(iter(pieces.get, None), channel), pieces

    def test_those_that_stop_in_the_middle(self):
        self.serve()
        self.execute("x = 1", session_id="a")
        data = self.exported("a")
        self.call("DeleteSession", id="a")
        for way in "cancelled", "connection":
            channel = self.open()
            call, pieces = self.begin(channel)
            pieces.put(Upload(data=data[:-100]))
            self.until(lambda: self.files_on_the_way() == 1)
            if way == "cancelled":
                call.cancel()
            else:
                channel.close()
            self.until(lambda: self.files_on_the_way() == 0)
            self.assertEqual(self.ids(), [])
        self.until(lambda: sum(line.get("method") == "ImportSession" and line["code"] in ("cancelled", "invalid_argument")
                               for line in self.logged()) == 2)
        self.assertEqual(self.imported(data).id, "a")

    def test_slow_ones_hold_up_nobody_else(self):
        self.serve()
        self.execute("import os\nx = os.urandom(8_000_000)", session_id="a")
        small = self.execute("x = 1", session_id="b") and self.exported("b")
        stalled = [self.begin() for _ in range(2)]
        for _, pieces in stalled:
            pieces.put(Upload(id="slow", data=small[:100]))
        self.until(lambda: self.files_on_the_way() == 2)
        start = time.monotonic()
        self.assertEqual(self.ids(), ["a", "b"])
        self.assertEqual(self.execute("print(x)", session_id="b").stdout, "1\n")
        self.assertLess(time.monotonic() - start, 5)
        waits, pieces = self.begin()  # for its turn
        pieces.put(Upload(id="third", data=small))
        pieces.put(None)
        self.assertEqual(self.ids(), ["a", "b"])
        self.assertFalse(waits.done())
        stalled[0][0].cancel()
        self.assertEqual(waits.result().id, "third")
        stalled[1][1].put(Upload(data=small[100:]))
        stalled[1][1].put(None)
        self.assertEqual(stalled[1][0].result().id, "slow")

    def test_exports_that_nobody_reads(self):
        self.serve()
        self.execute("import os\nx = os.urandom(8_000_000)", session_id="a")
        unread = [self.export("a", self.open()) for _ in range(2)]
        self.until(lambda: self.files_on_the_way() == 2)
        self.assertEqual(self.ids(), ["a"])
        for call in unread:
            call.cancel()
        self.until(lambda: self.files_on_the_way() == 0)
        self.assertGreater(len(self.exported("a")), 8_000_000)
        self.until(lambda: sum(line.get("method") == "ExportSession" and line["code"] == "cancelled" for line in self.logged()) == 2)

    def test_the_service_may_end_meanwhile(self):
        self.serve(SHANNON_SHUTDOWN_SECONDS="1")
        call, pieces = self.begin()
        pieces.put(Upload(data=b"SNSESSN\0"))
        self.until(lambda: self.files_on_the_way() == 1)
        start = time.monotonic()
        self.assertEqual(self.stop(), 0)
        self.assertLess(time.monotonic() - start, 8)
        self.assertEqual(call.exception().code(), grpc.StatusCode.UNAVAILABLE)

    def test_many_at_once(self):
        self.serve()
        self.execute("x = 41", session_id="a")
        data, failed = self.exported("a"), []

        def carry(i):
            try:
                assert self.imported(data, f"s{i}").id == f"s{i}"
                assert self.exported(f"s{i}")
            except Exception as error:  # noqa: BLE001
                failed.append(error)

        threads = [threading.Thread(target=carry, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(self.execute("print(x + 1)", session_id="s7").stdout, "42\n")
        self.assertEqual(len(self.ids()), 13)

    def test_a_token_is_asked_for(self):
        self.serve(SHANNON_API_TOKEN="a secret of 23 bytes...")
        for call in self.upload([Upload(data=b"x")]).result, lambda: list(self.export("a")):
            with self.assertRaises(grpc.RpcError) as caught:
                call()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)


tap.main(__name__)
