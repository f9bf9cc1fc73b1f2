"""Message classes of our .proto files, made while a test runs: MESSAGES["shannon.v1.ExecuteRequest"]."""

import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def load(*files):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(
            ["protoc-c", f"-I{PROTO}", "--include_imports", f"--descriptor_set_out={out.name}", *files], check=True
        )
        descriptors = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    names = [f"{file.package}.{message.name}" for file in descriptors.file for message in file.message_type]
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(name)) for name in names}


MESSAGES = load("shannon/v1/executor.proto", "grpc/health/v1/health.proto")
