/* execution.c - see execution.h. */
#include "agent_core/execution.h"

#include "util/error.h"
#include "util/io.h"

#include <string.h>
#include <xxhash.h>

static void count(const sn_core *core, const sn_result *result) {
    const sn_core_metrics *m = &core->metrics;
    const sn_usage *usage = &result->usage;
    sn_series_add(sn_metric_series(m->executions, (const char *[]){sn_status_name(result->status)}),
                  1);
    sn_series_observe(m->execution_seconds, usage->wall_ms / 1e3);
    sn_series_observe(m->startup_seconds, usage->startup_ms / 1e3);
    sn_series_observe(m->guest_memory_bytes, (double)usage->peak_memory_bytes);
    sn_series_observe(m->output_bytes, (double)usage->output_bytes);
}

static void describe(sn_execution *x, const sn_result *result) {
    const sn_field fields[] = {
        SN_STRING("status", sn_status_name(result->status)),
        SN_STRING("session_id", x->request.session_id),
        SN_INTEGER("step", result->step),
        SN_NUMBER("cpu_ms", result->usage.cpu_ms),
        SN_NUMBER("startup_ms", result->usage.startup_ms),
        SN_INTEGER("memory_bytes", result->usage.peak_memory_bytes),
        SN_INTEGER("code_bytes", x->request.code_bytes),
        SN_INTEGER("output_bytes", result->usage.output_bytes),
        x->work.core->log_code
            ? (sn_field)SN_STRING_N("source", x->request.code, x->request.code_bytes)
            : (sn_field){0},
        {0},
    };
    _Static_assert(sizeof fields <= sizeof x->work.fields, "there is room");
    memcpy(x->work.fields, fields, sizeof fields);
}

static int run(sn_work *work, sn_error *err) {
    sn_execution *x = (sn_execution *)work;
    sn_request *request = &x->request;
    double seconds = request->timeout_seconds > 0 ? request->timeout_seconds
                                                  : work->core->limits.timeout_seconds;
    sn_result *result;
    request->cancel_fd = sn_rpc_cancel_fd(work->call);
    request->cancel_at_once = !request->session_id; /* nothing of it is to last */
    x->send_until_ns = sn_now_ns() + (uint64_t)(seconds * 1e9);
    if (x->on_begin && x->on_begin(x) != 0)
        return sn_fail(err, SN_EUNAVAILABLE, "the client takes no messages");
    int rc = sn_execute(&result, work->core->executor, request, x->on_event, x, err);
    if (rc < 0)
        return rc;
    count(work->core, result);
    describe(x, result);
    x->answer(x, result);
    sn_result_free(result);
    return 0;
}

/* Executions in one session follow each other: they wait in the queue, and not in a slot. */
static uint64_t lane_of(const char *session_id) {
    return session_id ? XXH3_64bits(session_id, strlen(session_id)) | 1 : 0;
}

void sn_execution_submit(sn_execution *x) {
    x->work.run = run;
    x->work.lane = lane_of(x->request.session_id);
    sn_work_submit(&x->work, x->work.core->executions, x->request.session_id);
}

int sn_execution_send(sn_execution *x, const void *message, size_t bytes) {
    return message ? sn_rpc_send(x->work.call, message, bytes, x->send_until_ns, NULL)
                   : SN_ERESOURCE_EXHAUSTED;
}
