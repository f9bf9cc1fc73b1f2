/*
 * reflection_fuzz.c - what a client may ask of the server's reflection: any bytes. Whatever is a
 * question has an answer.
 */
#include "require.h"

#include "agent_core/reflection_answer.h"
#include "reflection.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const sn_rpc_methods methods = {
        .list = {{.path = "/shannon.v1.Executor/Execute"}, {.path = "/a.B/C"}, {.path = "/a.B/D"}},
        .count = 3};
    sn_error err = SN_ERROR_INIT;
    size_t bytes;
    uint8_t *answer = sn_reflection_answer(&bytes, &methods, data, size, &err);
    if (!answer) {
        REQUIRE(err.code == SN_EINVALID_ARGUMENT && *err.message);
        return 0;
    }
    Grpc__Reflection__V1__ServerReflectionResponse *read =
        grpc__reflection__v1__server_reflection_response__unpack(NULL, bytes, answer);
    REQUIRE(read && read->original_request);
    REQUIRE(read->message_response_case !=
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE__NOT_SET);
    grpc__reflection__v1__server_reflection_response__free_unpacked(read, NULL);
    free(answer);
    return 0;
}
