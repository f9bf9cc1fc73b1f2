/* remote.c - executions on another machine. See remote.h; remote_sessions.c has its sessions. */
#include "executor/remote.h"

#include "executor/backend.h"
#include "executor/remote_stdin.h"
#include "executor/result.h"
#include "executor/wire_client.h"
#include "session/sessions.h"
#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"
#include "util/io.h"
#include "util/utf8.h"

#include <pthread.h>
#include <string.h>

typedef struct remote {
    sn_executor base;
    sn_rpc_channel *channel;
    sn_sessions *sessions;
    sn_remote_defaults defaults;
} remote;

/* ---- one execution ---- */

typedef struct execution {
    sn_event_fn on_event;
    void *user;
    sn_buffer out, err; /* what a cancelled execution has streamed */
    sn_result *done;
    sn_error broken; /* what cannot be understood, or kept */
} execution;

static int tell(execution *x, const sn_event *event) {
    if (event->kind == SN_EVENT_STDOUT || event->kind == SN_EVENT_STDERR) {
        sn_buffer *kept = event->kind == SN_EVENT_STDOUT ? &x->out : &x->err;
        if (!sn_buffer_add(kept, event->data, event->data_bytes))
            return sn_fail(&x->broken, SN_ERESOURCE_EXHAUSTED, "no memory for output");
    }
    return event->kind ? x->on_event(x->user, event) : 0;
}

static int take_done(execution *x, sn_result *result) {
    static const sn_event error = {.kind = SN_EVENT_ERROR};
    x->done = result;
    return result->error_traceback && *result->error_traceback ? x->on_event(x->user, &error) : 0;
}

static int on_message(void *user, const void *message, size_t bytes) {
    execution *x = user;
    sn_wire_happened happened;
    if (x->done)
        return sn_fail(&x->broken, SN_EINTERNAL, "agent-core went on after the result");
    int rc = sn_wire_read_event(&happened, message, bytes, &x->broken);
    if (rc < 0)
        return rc;
    rc = happened.result ? take_done(x, SN_STEAL(happened.result)) : tell(x, &happened.event);
    sn_wire_happened_clear(&happened);
    return rc;
}

static int read_response(void *out, const void *message, size_t bytes, sn_error *err) {
    return sn_wire_read_response(out, message, bytes, err);
}

/* As when Python itself was interrupted here. What became of a session, and where it was, is not
 * known. */
static int make_cancelled(sn_result **out, const execution *x, sn_error *err) {
    enum { EXIT_CANCELLED = 130 };
    sn_result *r = calloc(1, sizeof *r);
    if (r) {
        r->status = SN_STATUS_CANCELLED;
        r->exit_code = EXIT_CANCELLED;
        r->stdout_text = sn_utf8_repair(x->out.data, x->out.bytes, true, &r->stdout_bytes);
        r->stderr_text = sn_utf8_repair(x->err.data, x->err.bytes, true, &r->stderr_bytes);
        r->stdout_truncated = x->out.truncated;
        r->stderr_truncated = x->err.truncated;
        r->error_name = strdup("KeyboardInterrupt");
        r->error_value = strdup("");
        r->error_traceback = strdup("");
    }
    if (!r || !r->stdout_text || !r->stderr_text || !r->error_name || !r->error_value ||
        !r->error_traceback) {
        sn_result_free(r);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the result");
    }
    *out = r;
    return 0;
}

/* A result that has come is the result, whatever became of the connection behind it. */
static int judge(sn_result **out, execution *x, int rc, sn_error *err) {
    if (x->broken.code) {
        if (err)
            *err = x->broken;
        return x->broken.code;
    }
    if (x->done) {
        *out = SN_STEAL(x->done);
        return 0;
    }
    if (rc == SN_RPC_GIVEN_UP)
        return make_cancelled(out, x, err);
    if (rc < 0)
        return rc;
    sn_fail(err, SN_EINTERNAL, "agent-core ended the stream without a result");
    return sn_hint(err, "the code may have run; the log of agent-core may tell");
}

static int run(sn_result **out, sn_rpc_channel *channel, sn_rpc_invocation *call, execution *x,
               sn_error *err) {
    if (!call->request)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the request");
    if (!call->streams) {
        int rc = sn_remote_ask(channel, call, read_response, &x->done, err);
        return judge(out, x, rc, err);
    }
    return judge(out, x, sn_rpc_invoke(channel, call, on_message, x, err), err);
}

static uint64_t deadline_of(const sn_request *request) {
    double seconds = request->timeout_seconds ? request->timeout_seconds : SN_TIMEOUT_MAX_SECONDS;
    return sn_now_ns() + (uint64_t)((seconds + SN_REMOTE_WAIT_SECONDS) * 1e9);
}

int sn_remote_send(sn_result **out, sn_rpc_fate *fate, sn_rpc_channel *channel,
                   const sn_request *request, sn_event_fn on_event, void *user, sn_error *err) {
    execution x = {.on_event = on_event, .user = user};
    sn_rpc_invocation call = SN_RPC_INVOCATION_INIT;
    sn_auto_free void *packed = sn_wire_request_pack(&call.request_bytes, request);
    *fate = SN_RPC_ANSWERED;
    call.streams = on_event != NULL;
    call.path =
        call.streams ? "/shannon.v1.Executor/ExecuteStream" : "/shannon.v1.Executor/Execute";
    call.request = packed;
    call.deadline_ns = deadline_of(request);
    call.cancel_fd = request->cancel_fd;
    call.fate = fate;
    x.out.limit_bytes = x.err.limit_bytes =
        request->output_limit_bytes ? request->output_limit_bytes : SN_OUTPUT_DEFAULT_BYTES;
    int rc = run(out, channel, &call, &x, err);
    sn_buffer_free(&x.out);
    sn_buffer_free(&x.err);
    sn_result_free(x.done);
    return rc;
}

int sn_remote_cancelled(sn_result **out, sn_error *err) {
    static const execution nothing;
    return make_cancelled(out, &nothing, err);
}

int sn_remote_prepare(sn_remote_request *out, const sn_request *request,
                      const sn_remote_defaults *defaults, sn_error *err) {
    *out = (sn_remote_request){.request = *request};
    sn_request *r = &out->request;
    if (request->command) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "agent-core runs Python code, and no WASI commands");
        return sn_hint(err, "run it in this process, without AGENT_CORE_ADDR");
    }
    if (!r->memory_limit_mb)
        r->memory_limit_mb = defaults->memory_limit_mb;
    if (!r->timeout_seconds && defaults->timeout_seconds)
        r->timeout_seconds = defaults->timeout_seconds < SN_TIMEOUT_DEFAULT_SECONDS
                                 ? defaults->timeout_seconds
                                 : SN_TIMEOUT_DEFAULT_SECONDS;
    if (request->stdin_fd < 0)
        return 0;
    int rc = sn_remote_stdin_read(&out->input, request->stdin_fd, request->cancel_fd, err);
    r->stdin_data = out->input.data;
    r->stdin_bytes = out->input.bytes;
    return rc > 0 ? SN_RPC_GIVEN_UP : rc;
}

void sn_remote_release(sn_remote_request *request) {
    sn_buffer_free(&request->input);
}

static int execute_there(sn_result **out, sn_executor *base, const sn_request *request,
                         sn_event_fn on_event, void *user, sn_error *err) {
    const remote *executor = (remote *)base;
    sn_remote_request sent;
    sn_rpc_fate fate;
    int rc = sn_remote_prepare(&sent, request, &executor->defaults, err);
    if (rc == SN_RPC_GIVEN_UP)
        rc = sn_remote_cancelled(out, err);
    else if (rc == 0)
        rc = sn_remote_send(out, &fate, executor->channel, &sent.request, on_event, user, err);
    sn_remote_release(&sent);
    return rc;
}

/* ---- the rest ---- */

static int read_limits(void *out, const void *message, size_t bytes, sn_error *err) {
    return sn_wire_read_limits(out, message, bytes, err);
}

int sn_remote_figures(sn_executor_figures *out, sn_rpc_channel *channel, sn_error *err) {
    enum { PATIENCE_SECONDS = 10 };
    sn_rpc_invocation call = SN_RPC_INVOCATION_INIT;
    call.path = "/shannon.v1.Executor/GetLimits";
    call.request = "";
    call.deadline_ns = sn_now_ns() + PATIENCE_SECONDS * UINT64_C(1000000000);
    return sn_remote_ask(channel, &call, read_limits, out, err);
}

static int get_figures(sn_executor_figures *out, sn_executor *base, sn_error *err) {
    return sn_remote_figures(out, ((remote *)base)->channel, err);
}

static sn_sessions *sessions_of(sn_executor *base, sn_error *err) {
    (void)err;
    return ((remote *)base)->sessions;
}

static void close_remote(sn_executor *base) {
    remote *executor = (remote *)base;
    if (executor->sessions)
        sn_sessions_close(executor->sessions);
    sn_rpc_channel_close(executor->channel);
    free(executor);
}

int sn_remote_settle(sn_remote_defaults *out, sn_settings *settings,
                     const sn_executor_options *options, const char *address, sn_error *err) {
    if (options->interpreter_path) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "agent-core at %.300s has an interpreter of its own",
                address);
        return sn_hint(err, "unset AGENT_CORE_ADDR to use another one in this process");
    }
    *out = (sn_remote_defaults){options->memory_limit_mb, options->timeout_seconds};
    *settings = (sn_settings){SN_MEMORY_MAX_MB, SN_TIMEOUT_MAX_SECONDS, 0, 0};
    if (options->memory_limit_mb)
        settings->memory_limit_mb = options->memory_limit_mb;
    if (options->timeout_seconds)
        settings->timeout_seconds = options->timeout_seconds;
    return 0;
}

int sn_remote_open(sn_executor **out, const sn_executor_options *options, const sn_place *place,
                   sn_error *err) {
    static const sn_backend there = {execute_there, get_figures, sessions_of, close_remote};
    remote *executor = calloc(1, sizeof *executor);
    if (!executor)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an executor");
    executor->base.backend = &there;
    int rc = sn_remote_settle(&executor->defaults, &executor->base.settings, options,
                              place->address, err);
    if (rc == 0)
        rc = sn_place_connect(&executor->channel, place, err);
    if (rc == 0 && !(executor->sessions = sn_remote_sessions_on(executor->channel, err)))
        rc = SN_ERESOURCE_EXHAUSTED;
    if (rc < 0)
        close_remote(&executor->base);
    else
        *out = &executor->base;
    return rc;
}
