/* executor_service.c - see executor_service.h. */
#include "agent_core/executor_service.h"

#include "agent_core/wire.h"
#include "util/error.h"
#include "util/io.h"

#include <stdlib.h>
#include <string.h>

/* ---- executions ---- */

typedef struct execution {
    sn_executor_service *service;
    sn_rpc_call *call;
    bool streams;
    sn_ticket ticket;
    char *tenant;
    sn_wire_request wire;
    uint64_t send_until_ns;
    sn_error send_error;
} execution;

static void drop(execution *x) {
    sn_wire_request_clear(&x->wire);
    free(x->tenant);
    free(x);
}

static void fail(execution *x, const sn_error *err) {
    sn_rpc_fail(x->call, err);
    drop(x);
}

/* In the thread that executes. The guest waits while its client does not read, until its time is
 * up; a client that is gone ends it. */
static int tell(void *user, const sn_event *event) {
    execution *x = user;
    size_t bytes;
    if (event->kind == SN_EVENT_ERROR)
        return 0;
    void *message = sn_wire_event(&bytes, event);
    int rc = message ? sn_rpc_send(x->call, message, bytes, x->send_until_ns, &x->send_error)
                     : SN_ERESOURCE_EXHAUSTED;
    free(message);
    return rc;
}

static void answer(execution *x, const sn_result *result) {
    size_t bytes;
    void *message = x->streams ? sn_wire_done(&bytes, result) : sn_wire_response(&bytes, result);
    if (message)
        sn_rpc_reply(x->call, message, bytes);
    else
        sn_rpc_fail(x->call, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for the result", ""});
    free(message);
}

static void run(execution *x) {
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    sn_request *request = &x->wire.request;
    double seconds = request->timeout_seconds > 0 ? request->timeout_seconds
                                                  : x->service->timeout_most_seconds;
    request->cancel_fd = sn_rpc_cancel_fd(x->call);
    x->send_until_ns = sn_now_ns() + (uint64_t)(seconds * 1e9);
    if (sn_execute(&result, x->service->executor, request, x->streams ? tell : NULL, x, &err) < 0)
        return fail(x, &err);
    answer(x, result);
    sn_result_free(result);
    drop(x);
}

static void on_turn(void *user, enum sn_admitted what) {
    static const sn_error too_late = {
        SN_ERESOURCE_EXHAUSTED, "the execution waited too long for others to end",
        "try again later; SHANNON_WORKERS sets how many run at once"};
    static const sn_error shut_down = {SN_EUNAVAILABLE, "the server is shutting down",
                                       "try again, another one may have taken its place"};
    execution *x = user;
    if (what == SN_ADMITTED)
        run(x);
    else
        fail(x, what == SN_TOO_LATE ? &too_late : &shut_down);
}

/* Whom an execution counts for: what the client says, else the session, else nobody in particular.
 */
static char *tenant_of(const execution *x) {
    char *tenant = sn_rpc_metadata(x->call, "shannon-tenant");
    const char *session = x->wire.request.session_id;
    if (!tenant)
        tenant = strdup(session ? session : "");
    return tenant;
}

static void begin(sn_executor_service *service, sn_rpc_call *call, bool streams,
                  const void *request, size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    execution *x = calloc(1, sizeof *x);
    if (!x)
        return sn_rpc_fail(call, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a call", ""});
    x->service = service;
    x->call = call;
    x->streams = streams;
    int rc = sn_wire_read_request(&x->wire, request, bytes, &err);
    if (rc == 0 && !(x->tenant = tenant_of(x)))
        rc = sn_fail(&err, SN_ERESOURCE_EXHAUSTED, "no memory for a call");
    x->ticket = (sn_ticket){.tenant = x->tenant,
                            .deadline_ns = sn_rpc_deadline_ns(call),
                            .fn = on_turn,
                            .user = x};
    if (rc == 0)
        rc = sn_admission_submit(service->admission, &x->ticket, &err);
    if (rc < 0)
        fail(x, &err);
}

static void execute(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    begin(service, call, false, request, bytes);
}

static void execute_stream(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    begin(service, call, true, request, bytes);
}

void sn_executor_service_methods(sn_rpc_method *out, sn_executor_service *service) {
    const sn_rpc_method methods[] = {
        {"/shannon.v1.Executor/Execute", execute, service, false},
        {"/shannon.v1.Executor/ExecuteStream", execute_stream, service, false},
        {0},
    };
    _Static_assert(sizeof methods / sizeof methods[0] <= SN_EXECUTOR_METHODS, "there is room");
    memcpy(out, methods, sizeof methods);
}
