/* agent_service.c - see agent_service.h. */
#include "agent_core/agent_service.h"

#include "agent_core/agent_info.h"
#include "agent_core/agent_response.h"
#include "agent_core/execution.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>

typedef struct call {
    sn_execution execution;
    sn_agent_request wire;
    bool streams;
    /* Of a stream: the beginning of a character whose rest has not come yet, and whether what was
     * sent ends within a line. */
    char unfinished[SN_UTF8_CHARACTER_MAX_BYTES];
    size_t unfinished_bytes;
    bool in_line;
} call;

static sn_agent_task task_of(const call *c) {
    return (sn_agent_task){c->wire.task_id ? c->wire.task_id : c->execution.work.request_id,
                           &c->wire};
}

/* ---- a stream's updates ---- */

static int send(call *c, void *message, size_t bytes) {
    int rc = sn_execution_send(&c->execution, message, bytes);
    free(message);
    return rc;
}

/* `text` may be any bytes. */
static int send_delta(call *c, const char *text, size_t text_bytes) {
    sn_agent_task task = task_of(c);
    size_t valid_bytes = 0, bytes = 0;
    sn_auto_free char *valid = sn_utf8_repair(text, text_bytes, false, &valid_bytes);
    if (text_bytes == 0)
        return 0;
    c->in_line = text[text_bytes - 1] != '\n';
    void *message = valid ? sn_agent_update_delta(&bytes, &task, valid, valid_bytes) : NULL;
    return send(c, message, bytes);
}

/* What the guest wrote ends anywhere; messages are whole characters. */
static int on_stdout(call *c, const char *data, size_t bytes) {
    sn_auto_free char *text = malloc(c->unfinished_bytes + bytes + 1);
    if (!text)
        return SN_ERESOURCE_EXHAUSTED;
    memcpy(text, c->unfinished, c->unfinished_bytes);
    memcpy(text + c->unfinished_bytes, data, bytes);
    bytes += c->unfinished_bytes;
    c->unfinished_bytes = sn_utf8_unfinished(text, bytes);
    bytes -= c->unfinished_bytes;
    memcpy(c->unfinished, text + bytes, c->unfinished_bytes);
    return send_delta(c, text, bytes);
}

/* No more is to come. */
static int end_stdout(call *c) {
    size_t bytes = c->unfinished_bytes;
    c->unfinished_bytes = 0;
    return send_delta(c, c->unfinished, bytes);
}

static int on_value(call *c, const sn_bundle *bundle) {
    const sn_result value = {.value = *bundle};
    const char *text = sn_result_text(&value);
    int rc = end_stdout(c);
    if (rc == 0 && text && c->in_line)
        rc = send_delta(c, "\n", 1);
    return rc == 0 && text ? send_delta(c, text, strlen(text)) : rc;
}

static int on_event(void *user, const sn_event *event) {
    call *c = user;
    switch (event->kind) {
    case SN_EVENT_STDOUT:
        return on_stdout(c, event->data, event->data_bytes);
    case SN_EVENT_RESULT:
        return on_value(c, event->bundle);
    default: /* in the result that follows */
        return 0;
    }
}

static int on_begin(sn_execution *x) {
    call *c = (call *)x;
    sn_agent_task task = task_of(c);
    size_t bytes;
    void *message = sn_agent_update_begin(&bytes, &task);
    return send(c, message, bytes);
}

/* ---- the end ---- */

static void *end_stream(size_t *bytes, call *c, const sn_result *result) {
    sn_agent_task task = task_of(c);
    size_t size;
    void *message;
    /* Whoever does not take this does not take the end either, which waits for nobody. */
    if (end_stdout(c) == 0 && (message = sn_agent_update_result(&size, &task, result)))
        (void)send(c, message, size);
    return sn_agent_update_end(bytes, &task, result);
}

static void answer(sn_execution *x, const sn_result *result) {
    call *c = (call *)x;
    sn_agent_task task = task_of(c);
    int64_t latency_ms = (int64_t)((sn_now_ns() - x->work.came_ns) / 1000000);
    size_t bytes;
    sn_auto_free void *message = c->streams ? end_stream(&bytes, c, result)
                                            : sn_agent_response(&bytes, &task, result, latency_ms);
    sn_work_reply(&x->work, message, bytes);
}

static void release(sn_work *work) {
    call *c = (call *)work;
    sn_agent_request_clear(&c->wire);
    free(c);
}

/* ---- methods ---- */

static void begin(sn_core *core, sn_rpc_call *rpc, bool streams, const void *request,
                  size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    call *c = calloc(1, sizeof *c);
    if (!c)
        return sn_rpc_fail(rpc, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a call", ""});
    sn_execution *x = &c->execution;
    c->streams = streams;
    x->work = (sn_work){.core = core,
                        .call = rpc,
                        .method = streams ? "StreamExecuteTask" : "ExecuteTask",
                        .bytes = bytes,
                        .release = release};
    x->on_begin = streams ? on_begin : NULL;
    x->on_event = streams ? on_event : NULL;
    x->answer = answer;
    if (sn_agent_request_read(&c->wire, request, bytes, core->limits.interpreter_path, &err) < 0)
        return sn_work_refuse(&x->work, &err);
    x->work.claimed_tenant = c->wire.tenant;
    x->request = c->wire.request;
    sn_execution_submit(x);
}

static void execute_task(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {
    begin(service, rpc, false, request, bytes);
}

static void stream_task(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {
    begin(service, rpc, true, request, bytes);
}

void sn_agent_service_add(sn_rpc_methods *methods, sn_core *core) {
    sn_rpc_methods_add(methods, (sn_rpc_method){"/shannon.agent.AgentService/ExecuteTask",
                                                execute_task, core, false});
    sn_rpc_methods_add(methods, (sn_rpc_method){"/shannon.agent.AgentService/StreamExecuteTask",
                                                stream_task, core, false});
    sn_agent_info_add(methods, core);
}
