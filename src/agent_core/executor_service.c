/* executor_service.c - see executor_service.h. */
#include "agent_core/executor_service.h"

#include "agent_core/execution.h"
#include "executor.pb-c.h"
#include "executor/wire.h"
#include "util/error.h"

#include <stdlib.h>

typedef struct call {
    sn_execution execution;
    sn_wire_request wire;
    bool streams;
} call;

static int on_event(void *user, const sn_event *event) {
    size_t bytes;
    if (event->kind == SN_EVENT_ERROR)
        return 0; /* the result says it */
    void *message = sn_wire_event(&bytes, event);
    int rc = sn_execution_send(user, message, bytes);
    free(message);
    return rc;
}

static void answer(sn_execution *x, const sn_result *result) {
    const call *c = (const call *)x;
    size_t bytes;
    void *message = c->streams ? sn_wire_done(&bytes, result) : sn_wire_response(&bytes, result);
    sn_work_reply(&x->work, message, bytes);
    free(message);
}

static void release(sn_work *work) {
    call *c = (call *)work;
    sn_wire_request_clear(&c->wire);
    free(c);
}

static void begin(sn_core *core, sn_rpc_call *rpc, bool streams, const void *request,
                  size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    call *c = calloc(1, sizeof *c);
    if (!c)
        return sn_rpc_fail(rpc, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a call", ""});
    c->streams = streams;
    sn_execution *x = &c->execution;
    x->work = (sn_work){.core = core,
                        .call = rpc,
                        .method = streams ? "ExecuteStream" : "Execute",
                        .bytes = bytes,
                        .release = release};
    x->on_event = streams ? on_event : NULL;
    x->answer = answer;
    if (sn_wire_read_request(&c->wire, request, bytes, &err) < 0)
        return sn_work_refuse(&x->work, &err);
    x->request = c->wire.request;
    sn_execution_submit(x);
}

static void execute(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {
    begin(service, rpc, false, request, bytes);
}

static void execute_stream(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {
    begin(service, rpc, true, request, bytes);
}

/* What it answers does not change, and costs nothing: it takes no turn. */
static void get_limits(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {
    const sn_core *core = service;
    Shannon__V1__Limits limits = SHANNON__V1__LIMITS__INIT;
    uint8_t message[128];
    (void)request, (void)bytes;
    limits.code_bytes = SN_CODE_MAX_BYTES;
    limits.stdin_bytes = SN_STDIN_MAX_BYTES;
    limits.files_bytes = SN_FILES_MAX_BYTES;
    limits.files = SN_FILES_MAX;
    limits.memory_mb = core->limits.memory_limit_mb;
    limits.timeout_seconds = core->limits.timeout_seconds;
    limits.workers = core->limits.workers;
    sn_rpc_reply(rpc, message, shannon__v1__limits__pack(&limits, message));
}

void sn_executor_service_add(sn_rpc_methods *methods, sn_core *core) {
    sn_rpc_methods_add(methods,
                       (sn_rpc_method){"/shannon.v1.Executor/Execute", execute, core, false});
    sn_rpc_methods_add(methods, (sn_rpc_method){"/shannon.v1.Executor/ExecuteStream",
                                                execute_stream, core, false});
    sn_rpc_methods_add(methods,
                       (sn_rpc_method){"/shannon.v1.Executor/GetLimits", get_limits, core, false});
}
