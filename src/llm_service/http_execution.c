/* http_execution.c - see http_execution.h. */
#include "llm_service/http_execution.h"

#include "executor/result_json.h"
#include "executor/validate.h"
#include "util/error.h"
#include "util/io.h"

#include <stdlib.h>

/* A body that is longer is read on a thread of its own: others are not to wait for it. */
enum { AT_ONCE_BYTES = 128 << 10 };

static void release(sn_http_work *work) {
    sn_http_execution *x = (sn_http_execution *)work;
    sn_request_json_clear(&x->asked);
    free(x);
}

/* ---- carrying it out ---- */

static uint64_t time_is_up_ns(const sn_http_execution *x) {
    double most = x->work.doors->core->limits.timeout_seconds;
    double seconds = x->asked.request.timeout_seconds;
    if (seconds == 0)
        seconds = most < SN_TIMEOUT_DEFAULT_SECONDS ? most : SN_TIMEOUT_DEFAULT_SECONDS;
    return sn_now_ns() + (uint64_t)(seconds * 1e9);
}

/* The result in the caller's words. */
static json_t *tell(const sn_http_execution *x, sn_result *result) {
    sn_tenant_session_tell(x->work.owner, result->unsaved);
    json_t *json = sn_result_json_value(result);
    if (json && result->session_id)
        json_object_set_new(json, "session_id",
                            json_string(sn_tenant_session_name(x->work.owner, result->session_id)));
    return json;
}

static void end(sn_http_execution *x, sn_result *result) {
    json_t *json = tell(x, result);
    sn_request told = x->asked.request;
    told.session_id = x->session;
    sn_core_count(x->work.doors->core, result);
    sn_core_describe(x->work.fields, x->work.doors->core, &told, result);
    if (x->streams) {
        (void)sn_event_stream_done(&x->stream, json);
        sn_http_work_end_stream(&x->work, NULL);
    } else {
        x->answer(x, result, json);
    }
    json_decref(json);
}

/* A stream that has begun tells its reader itself. */
static int fail(sn_http_execution *x, sn_error *err) {
    if (!x->streams)
        return err->code;
    sn_tenant_session_tell(x->work.owner, err->message);
    sn_tenant_session_tell(x->work.owner, err->hint);
    (void)sn_event_stream_failed(&x->stream, err);
    sn_http_work_end_stream(&x->work, err);
    return 0;
}

static int run(sn_http_work *work, sn_error *err) {
    sn_http_execution *x = (sn_http_execution *)work;
    sn_request *request = &x->asked.request;
    sn_result *result;
    request->cancel_fd = sn_http_cancel_fd(work->request);
    request->cancel_at_once = !request->session_id; /* nothing of it is to last */
    if (x->streams)
        sn_event_stream_begin(&x->stream, work->request, time_is_up_ns(x));
    int rc = sn_execute(&result, work->doors->core->executor, request,
                        x->streams ? sn_event_stream_tell : NULL, &x->stream, err);
    if (rc < 0)
        return fail(x, err);
    end(x, result);
    sn_result_free(result);
    return 0;
}

/* ---- taking it in ---- */

static int take_session(sn_http_execution *x, sn_error *err) {
    sn_request *request = &x->asked.request;
    if (!request->session_id)
        return 0;
    x->session = request->session_id;
    request->session_id = x->session_id;
    return sn_tenant_session(x->session_id, sn_http_tenant(x->work.request), "session_id",
                             x->session, err);
}

/* What can be said of it before its turn comes is said at once. */
static int check(const sn_http_execution *x, sn_error *err) {
    const sn_executor_figures *limits = &x->work.doors->core->limits;
    const sn_settings settings = {.memory_limit_mb = limits->memory_limit_mb,
                                  .timeout_seconds = limits->timeout_seconds};
    return sn_request_validate(&x->asked.request, &settings, err);
}

static int take(sn_http_execution *x, sn_error *err) {
    json_t *body;
    int rc = sn_http_json_body(&body, x->work.request, err);
    if (rc < 0)
        return rc;
    rc = x->read(x, body, err);
    json_decref(body);
    if (rc == 0)
        rc = take_session(x, err);
    if (rc == 0)
        rc = check(x, err);
    x->work.run = run;
    x->work.lane = rc == 0 ? sn_core_lane(x->asked.request.session_id) : 0;
    return rc;
}

static void submit(sn_http_execution *x) {
    sn_http_work_submit(&x->work, x->work.doors->core->executions, x->asked.request.session_id);
}

static int take_and_submit(sn_http_work *work, sn_error *err) {
    sn_http_execution *x = (sn_http_execution *)work;
    int rc = take(x, err);
    if (rc < 0)
        return rc;
    submit(x);
    return SN_HTTP_WORK_ELSEWHERE;
}

void sn_http_execution_submit(sn_http_execution *x) {
    sn_error err = SN_ERROR_INIT;
    x->work.release = release;
    x->work.run = take_and_submit;
    size_t bytes;
    (void)sn_http_body(&bytes, x->work.request);
    x->work.bytes = 2 * bytes; /* as JSON, and what was base64 in it */
    if (bytes > AT_ONCE_BYTES)
        sn_http_work_submit(&x->work, x->work.doors->core->others, NULL);
    else if (take(x, &err) < 0)
        sn_http_work_refuse(&x->work, &err);
    else
        submit(x);
}
