"""What the tests of agent-core's services share: the server, and calls to it by grpcio."""

import os
import subprocess
import sys
import unittest

import grpc

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]

SERVER = os.environ["AGENT_SERVICES_SERVER"]


def same(data):
    return data


class Served(unittest.TestCase):
    def serve(self, log=None, **env):
        """`log`: subprocess.PIPE, for self.server.stderr."""
        self.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log or subprocess.DEVNULL, text=True,
                                       env=dict(os.environ, **env))
        if log:
            self.addCleanup(self.server.stderr.close)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        self.addCleanup(self.server.stdin.close)
        self.port = int(self.server.stdout.readline())
        self.channel = self.open()

    def open(self):
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", [("grpc.max_receive_message_length", -1)])
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

    def refused(self, call, *args, **options):
        """The status and the text of a call that fails."""
        with self.assertRaises(grpc.RpcError) as caught:
            answer = call(*args, **options)
            if hasattr(answer, "__next__"):
                list(answer)
        return caught.exception.code(), caught.exception.details()
