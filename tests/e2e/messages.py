"""Our messages in Python, made from the .proto files by protoc-c, which can write descriptors, too."""

import os
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto")


class Messages:
    """Messages(FILE, ...)("shannon.agent.TaskUpdate") is a class."""

    def __init__(self, *files):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "set")
            subprocess.run(["protoc-c", "-I" + PROTO, "--include_imports", "--descriptor_set_out=" + out, *files], check=True)
            with open(out, "rb") as file:
                described = descriptor_pb2.FileDescriptorSet.FromString(file.read())
        self.described = described
        pool = descriptor_pool.DescriptorPool()
        for file in described.file:
            pool.Add(file)
        self.pool = pool

    def __call__(self, name):
        return message_factory.MessageFactory(self.pool).GetPrototype(self.pool.FindMessageTypeByName(name))

    def enum(self, name):
        return self.pool.FindEnumTypeByName(name)
