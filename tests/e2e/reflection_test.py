"""grpc.reflection: a client without any .proto file learns all that it needs for a call."""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from calls import refused, same
import tap
from agent_core import AgentCore, pack
from messages import load

MESSAGES = load("grpc/reflection/v1/reflection.proto", "shannon/agent/agent.proto", "shannon/v1/executor.proto")
Request = MESSAGES["grpc.reflection.v1.ServerReflectionRequest"]
Response = MESSAGES["grpc.reflection.v1.ServerReflectionResponse"]
VERSIONS = "v1", "v1alpha"
SERVICES = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
            "shannon.agent.AgentService", "shannon.v1.Executor"]
INVALID_ARGUMENT, NOT_FOUND = 3, 5


class Reflected(AgentCore):
    def talk(self, requests, version="v1", **options):
        call = self.channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo", pack, Response.FromString)
        return call(iter(requests), timeout=20, **options)

    def ask(self, **question):
        [answer] = self.talk([Request(**question)])
        return answer

    def files(self, **question):
        answer = self.ask(**question)
        self.assertEqual(answer.WhichOneof("message_response"), "file_descriptor_response", answer)
        return [descriptor_pb2.FileDescriptorProto.FromString(data) for data in answer.file_descriptor_response.file_descriptor_proto]

    def error(self, **question):
        answer = self.ask(**question)
        self.assertEqual(answer.WhichOneof("message_response"), "error_response", answer)
        self.assertTrue(answer.error_response.error_message)
        return answer.error_response.error_code


class Reflection(Reflected):
    def setUp(self):
        self.serve()

    def test_services(self):
        for version in VERSIONS:
            asked = Request(host="here", list_services="*")
            [answer] = self.talk([asked], version)
            self.assertEqual(sorted(service.name for service in answer.list_services_response.service), SERVICES)
            self.assertEqual((answer.valid_host, answer.original_request), ("here", asked))
        self.assertEqual(len(self.ask(list_services="").list_services_response.service), len(SERVICES))

    def test_files(self):
        for name, needed in (("shannon/v1/executor.proto", []), ("google/protobuf/struct.proto", []), ("grpc/health/v1/health.proto", []),
                             ("shannon/common/common.proto", ["google/protobuf/struct.proto", "google/protobuf/timestamp.proto"]),
                             ("shannon/agent/agent.proto", ["google/protobuf/struct.proto", "google/protobuf/timestamp.proto", "shannon/common/common.proto"]),
                             ("grpc/reflection/v1alpha/reflection.proto", [])):
            first, *others = self.files(file_by_filename=name)
            self.assertEqual((first.name, sorted(other.name for other in others)), (name, needed))

    def test_files_are_what_the_compiler_says(self):
        for file in {kind.DESCRIPTOR.file for kind in MESSAGES.values()}:
            self.assertEqual(self.files(file_by_filename=file.name)[0], descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb))

    def test_symbols(self):
        for symbol, name in (("shannon.v1.Executor", "shannon/v1/executor.proto"), ("shannon.v1.Executor.Execute", "shannon/v1/executor.proto"),
                             ("shannon.v1.ExecuteEvent.event", "shannon/v1/executor.proto"), ("shannon.v1.STATUS_OK", "shannon/v1/executor.proto"),
                             ("shannon.agent.AgentService", "shannon/agent/agent.proto"), ("shannon.agent.TaskUpdate.delta", "shannon/agent/agent.proto"),
                             ("shannon.common.StatusCode", "shannon/common/common.proto"), ("google.protobuf.Value", "google/protobuf/struct.proto"),
                             ("google.protobuf.Struct.FieldsEntry.key", "google/protobuf/struct.proto"),
                             ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"),
                             ("grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"),
                             ("grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto")):
            self.assertEqual(self.files(file_containing_symbol=symbol)[0].name, name, symbol)

    def test_every_service_can_be_described(self):
        for service in SERVICES:
            [described] = [each for each in self.files(file_containing_symbol=service)[0].service if service.endswith("." + each.name)]
            self.assertTrue(described.method)

    def test_what_is_not_there(self):
        for question in ({"file_by_filename": "no.proto"}, {"file_by_filename": ""}, {"file_by_filename": "shannon/v1/executor.prot"},
                         {"file_containing_symbol": "no.Such"}, {"file_containing_symbol": ""}, {"file_containing_symbol": ".shannon.v1.Executor"},
                         {"file_containing_symbol": "shannon.v1"}, {"file_containing_symbol": "shannon.v1.Executor\0"},
                         {"file_containing_extension": {"containing_type": "shannon.v1.Limits", "extension_number": 1}},
                         {"all_extension_numbers_of_type": "no.Such"}):
            self.assertEqual(self.error(**question), NOT_FOUND, question)
        self.assertEqual(self.error(), INVALID_ARGUMENT)
        answer = self.ask(all_extension_numbers_of_type="shannon.v1.Limits").all_extension_numbers_response
        self.assertEqual((answer.base_type_name, list(answer.extension_number)), ("shannon.v1.Limits", []))

    def test_many_questions(self):
        questions = [Request(file_by_filename="shannon/agent/agent.proto"), Request(file_by_filename="no"), Request(list_services="")] * 300
        answers = list(self.talk(questions))
        self.assertEqual([answer.original_request for answer in answers], questions)
        self.assertEqual(list(self.talk([])), [])

    def test_a_call_by_what_was_learned(self):
        pool = descriptor_pool.DescriptorPool()
        for file in reversed(self.files(file_containing_symbol="shannon.agent.AgentService")):
            pool.Add(file)
        method = pool.FindServiceByName("shannon.agent.AgentService").FindMethodByName("ExecuteTask")
        sent, got = (message_factory.MessageFactory(pool).GetPrototype(each) for each in (method.input_type, method.output_type))
        call = self.channel.unary_unary("/shannon.agent.AgentService/ExecuteTask", sent.SerializeToString, got.FromString)
        self.assertEqual(call(sent(query="Execute Python: 6 * 7"), timeout=20).result, "42")

    def test_what_is_no_question(self):
        call = self.channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", same, same)
        long = Request(file_by_filename="x" * 5000).SerializeToString()
        for data in b"\x1a\x05abc", b"\x1a", b"\xff" * 20, bytes(3), b"\x28\x01", b"\x2a\x00" * 2, b"\x78\x00" * 200, long:
            self.assertEqual(refused(call, iter([data]), timeout=20)[0], grpc.StatusCode.INVALID_ARGUMENT, data[:20])
        self.assertEqual(len(list(self.talk([Request(list_services="")]))), 1)


class Closed(Reflected):
    def test_a_token_is_needed(self):
        self.serve(SHANNON_API_TOKEN="secret-of-the-test")
        self.assertEqual(refused(self.talk, [Request(list_services="")])[0], grpc.StatusCode.UNAUTHENTICATED)
        [answer] = self.talk([Request(list_services="")], metadata=[("authorization", "Bearer secret-of-the-test")])
        self.assertTrue(answer.list_services_response.service)


tap.main(__name__)
