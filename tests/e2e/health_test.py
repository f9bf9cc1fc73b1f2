"""grpc.health.v1.Health, with a client that is not ours."""

import os
import subprocess
import unittest

import grpc

from calls import refused, same
import tap
from messages import MESSAGES

SERVER = os.environ["HEALTH_SERVER"]
Request = MESSAGES["grpc.health.v1.HealthCheckRequest"]
Response = MESSAGES["grpc.health.v1.HealthCheckResponse"]
WATCHERS = 64


class Served(unittest.TestCase):
    def serve(self, **env):
        self.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, **env))
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        self.addCleanup(self.server.stdin.close)
        self.port = int(self.server.stdout.readline())
        self.channel = self.open()

    def open(self):
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.addCleanup(channel.close)
        return channel

    def tell(self, line):
        self.server.stdin.write(line + "\n")
        self.server.stdin.flush()
        self.assertEqual(self.server.stdout.readline(), "done\n")

    def stop(self):
        """Ends the server, which must go well."""
        self.server.stdin.close()
        self.assertEqual(self.server.stdout.readline(), "stopped\n")
        self.assertEqual(self.server.wait(20), 0)


class Health(Served):
    def setUp(self):
        self.serve()

    def check(self, service="", **options):
        call = self.channel.unary_unary("/grpc.health.v1.Health/Check", Request.SerializeToString, Response.FromString)
        return Response.ServingStatus.Name(call(Request(service=service), timeout=20, **options).status)

    def watch(self, service="", channel=None):
        call = (channel or self.channel).unary_stream("/grpc.health.v1.Health/Watch", Request.SerializeToString, Response.FromString)
        return call(Request(service=service), timeout=60)

    def next(self, watch):
        return Response.ServingStatus.Name(next(watch).status)

    def test_check(self):
        for service in "", "shannon.v1.Executor", "shannon.agent.AgentService":
            self.tell("not serving")
            self.assertEqual(self.check(service), "NOT_SERVING")
            self.tell("serving")
            self.assertEqual(self.check(service), "SERVING")
        self.assertEqual(refused(self.check, "no.Such")[0], grpc.StatusCode.NOT_FOUND)
        self.tell("shut down")
        self.assertEqual(self.check(), "NOT_SERVING")
        self.tell("serving")
        self.assertEqual(self.check(), "NOT_SERVING")

    def test_watch(self):
        watches = [self.watch(service) for service in ("", "shannon.v1.Executor")]
        unknown = self.watch("no.Such")
        self.assertEqual(self.next(unknown), "SERVICE_UNKNOWN")
        self.assertEqual([self.next(watch) for watch in watches], ["NOT_SERVING"] * 2)
        for status, command in (("SERVING", "serving"), ("NOT_SERVING", "not serving"), ("SERVING", "serving")):
            self.tell(command)
            self.tell(command)  # nothing new
            self.assertEqual([self.next(watch) for watch in watches], [status] * 2)
        self.stop()
        for watch in watches:
            self.assertEqual(self.next(watch), "NOT_SERVING")
            self.assertEqual(refused(list, watch)[0], grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(refused(list, unknown)[0], grpc.StatusCode.UNAVAILABLE)

    def test_watchers_are_bounded_and_leave(self):
        watches = [self.watch() for _ in range(WATCHERS)]
        for watch in watches:
            self.assertEqual(self.next(watch), "NOT_SERVING")
        self.assertEqual(refused(self.watch)[0], grpc.StatusCode.RESOURCE_EXHAUSTED)
        for watch in watches[1:]:
            watch.cancel()
        for _ in range(1000):
            again = self.watch()
            try:
                status = self.next(again)
                break
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(status, "NOT_SERVING")
        self.tell("serving")
        self.assertEqual([self.next(watches[0]), self.next(again)], ["SERVING"] * 2)

    def test_who_does_not_read_holds_up_nobody(self):
        deaf = self.watch(channel=self.open())
        watch = self.watch()
        self.assertEqual(self.next(watch), "NOT_SERVING")
        for _ in range(300):
            self.tell("serving")
            self.assertEqual(self.next(watch), "SERVING")
            self.tell("not serving")
            self.assertEqual(self.next(watch), "NOT_SERVING")
        self.assertIn(self.next(deaf), ("SERVING", "NOT_SERVING"))  # its connection may have come late
        self.stop()

    def test_statuses_change_while_watchers_come_and_go(self):
        for i in range(200):
            self.server.stdin.write(("serving", "not serving")[i % 2] + "\n")
            self.server.stdin.flush()
            watch = self.watch()
            if i % 3:
                self.assertIn(self.next(watch), ("SERVING", "NOT_SERVING"))
            watch.cancel()
        for _ in range(200):
            self.assertEqual(self.server.stdout.readline(), "done\n")
        self.assertEqual(self.check(), "NOT_SERVING")
        self.stop()

    def test_after_the_shutdown(self):
        self.tell("shut down")
        watch = self.watch()
        self.assertEqual(self.next(watch), "NOT_SERVING")
        self.assertEqual(refused(list, watch)[0], grpc.StatusCode.UNAVAILABLE)

    def test_what_is_no_request(self):
        check = self.channel.unary_unary("/grpc.health.v1.Health/Check", same, same)
        for data in b"\x0a\x05abc", b"\x0a", b"\xff" * 20, bytes(3), b"\x0a\x01", Request(service="x" * 2000).SerializeToString():
            self.assertEqual(refused(check, data)[0], grpc.StatusCode.INVALID_ARGUMENT, data[:20])


class Open(Served):
    def test_no_token_is_needed(self):
        self.serve(TOKEN="secret")
        call = self.channel.unary_unary("/grpc.health.v1.Health/Check", Request.SerializeToString, Response.FromString)
        self.assertEqual(call(Request(), timeout=20).status, Response.NOT_SERVING)


tap.main(__name__)
