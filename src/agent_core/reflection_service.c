/* reflection_service.c - see reflection_service.h. */
#include "agent_core/reflection_service.h"

#include "agent_core/reflection_answer.h"
#include "util/auto.h"

static void answer(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    size_t answer_bytes;
    if (!request)
        return sn_rpc_reply(call, NULL, 0);
    sn_auto_free void *message = sn_reflection_answer(&answer_bytes, service, request, bytes, &err);
    /* The answers before this one are written, so it does not wait. */
    if (!message || sn_rpc_send(call, message, answer_bytes, 0, &err) < 0)
        return sn_rpc_fail(call, &err);
    sn_rpc_receive(call);
}

void sn_reflection_service_add(sn_rpc_methods *methods) {
    static const char *const paths[] = {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    };
    for (size_t i = 0; i < SN_COUNT(paths); i++)
        sn_rpc_methods_add(
            methods,
            (sn_rpc_method){.path = paths[i], .begin = answer, .next = answer, .service = methods});
}
