/* work.c - see work.h. */
#include "llm_service/work.h"

#include "executor/result_json.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <string.h>

static void end(sn_http_work *work) {
    sn_doors *doors = work->is_inside ? work->doors : NULL;
    if (work->is_counted)
        sn_core_drop(work->doors->core, work->bytes);
    work->release(work);
    if (doors)
        sn_doors_leave(doors);
}

/* ---- its end ---- */

/* Once for each request, before it is released. `code` is a word of sn_error_name()'s, or "ok" or
 * "cancelled". */
static void account(sn_http_work *work, enum sn_log_level level, const char *code,
                    const char *message) {
    uint64_t now_ns = sn_now_ns();
    uint64_t waited_ns = (work->began_ns ? work->began_ns : now_ns) - work->came_ns;
    sn_field fields[SN_HTTP_WORK_FIELDS + 8] = {
        SN_STRING("request_id", work->request_id),
        SN_STRING("method", work->method),
        SN_STRING("tenant", work->tenant),
        SN_STRING("code", code),
        SN_NUMBER("ms", (double)(now_ns - work->came_ns) / 1e6),
        SN_NUMBER("waited_ms", (double)waited_ns / 1e6),
    };
    size_t count = 6;
    if (message)
        fields[count++] = (sn_field)SN_STRING("error", message);
    memcpy(fields + count, work->fields, sizeof work->fields);
    sn_series_add(
        sn_metric_series(work->doors->core->metrics.calls, (const char *[]){work->method, code}),
        1);
    sn_log(level, "call", fields);
}

static enum sn_log_level level_of(int code) {
    return code == SN_EINTERNAL || code == SN_EUNAVAILABLE ? SN_LOG_ERROR : SN_LOG_INFO;
}

static void fail(sn_http_work *work, const sn_error *err) {
    sn_error told = *err;
    sn_tenant_session_tell(work->owner, told.message);
    sn_tenant_session_tell(work->owner, told.hint);
    account(work, level_of(err->code), sn_error_name(err->code), told.message);
    sn_http_reply_error(work->request, &told);
    end(work);
}

static void drop(sn_http_work *work) {
    account(work, SN_LOG_INFO, "cancelled", "the client has gone away");
    end(work);
}

/* ---- answers ---- */

static bool is_gone(const sn_http_work *work) {
    struct pollfd gone = {sn_http_cancel_fd(work->request), POLLIN, 0};
    return poll(&gone, 1, 0) == 1;
}

void sn_http_work_reply(sn_http_work *work, unsigned status, const char *content_type,
                        const void *body, size_t bytes) {
    work->outcome = is_gone(work) ? "cancelled" : "ok";
    sn_http_reply(work->request, status, content_type, body, bytes);
}

void sn_http_work_reply_file(sn_http_work *work, unsigned status, const char *content_type, int fd,
                             uint64_t bytes) {
    work->outcome = is_gone(work) ? "cancelled" : "ok";
    sn_http_reply_file(work->request, status, content_type, fd, bytes);
}

char *sn_http_work_text(const json_t *json) {
    return json ? json_dumps(json, JSON_COMPACT | SN_JSON_DIGITS) : NULL;
}

void sn_http_work_reply_json(sn_http_work *work, unsigned status, const json_t *json) {
    static const sn_error no_memory = {SN_ERESOURCE_EXHAUSTED, "no memory for the answer", ""};
    sn_auto_free char *text = sn_http_work_text(json);
    if (text)
        return sn_http_work_reply(work, status, "application/json", text, strlen(text));
    work->outcome = sn_error_name(no_memory.code);
    sn_http_reply_error(work->request, &no_memory);
}

void sn_http_work_end_stream(sn_http_work *work, const sn_error *err) {
    work->outcome = is_gone(work) ? "cancelled" : err ? sn_error_name(err->code) : "ok";
    if (err)
        work->problem = *err;
    sn_http_stream_end(work->request);
}

/* ---- its turn ---- */

static void run(sn_http_work *work) {
    static const sn_error gone = {SN_EUNAVAILABLE, "the client has gone away", ""};
    sn_error err = SN_ERROR_INIT;
    work->began_ns = sn_now_ns();
    sn_series_observe(work->doors->core->metrics.wait_seconds,
                      (double)(work->began_ns - work->came_ns) / 1e9);
    if (is_gone(work)) {
        sn_http_reply_error(work->request, &gone);
        return drop(work);
    }
    int rc = work->run(work, &err);
    if (rc < 0)
        return fail(work, &err);
    if (rc == SN_HTTP_WORK_ELSEWHERE)
        return;
    account(work, SN_LOG_INFO, work->outcome, work->problem.code ? work->problem.message : NULL);
    end(work);
}

static void on_turn(void *user, sn_admission_outcome outcome) {
    sn_http_work *work = user;
    if (outcome == SN_ADMITTED)
        run(work);
    else
        fail(work, sn_core_no_turn(outcome));
}

/* The client has gone away while the work waited. */
static bool give_up(void *user) {
    sn_http_work *work = user;
    if (!sn_admission_withdraw(work->admission, &work->ticket))
        return false;
    drop(work);
    return true;
}

/* ---- whose it is ---- */

static bool take(char *to, size_t most, const char *from) {
    if (!from || !*from || strlen(from) >= most)
        return false;
    for (const char *at = from; *at; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    strcpy(to, from);
    return true;
}

static int identify(sn_http_work *work, const char *session_id, sn_error *err) {
    work->owner = sn_http_tenant(work->request);
    const char *claimed = work->owner ? NULL : sn_http_header(work->request, "Shannon-Tenant");
    const char *whose = work->owner  ? work->owner
                        : claimed    ? claimed
                        : session_id ? session_id
                                     : sn_http_peer(work->request);
    if (!work->came_ns)
        work->came_ns = sn_now_ns();
    strcpy(work->request_id, sn_http_request_id(work->request));
    if (take(work->tenant, sizeof work->tenant, whose))
        return 0;
    strcpy(work->tenant, "?");
    return claimed ? sn_fail(err, SN_EINVALID_ARGUMENT,
                             "the header Shannon-Tenant is not a name of 1 to %d visible ASCII "
                             "characters",
                             SN_TENANT_MAX_BYTES)
                   : 0;
}

/* Once, however often it is submitted. */
static int take_on(sn_http_work *work, sn_error *err) {
    if (!work->is_inside && !sn_doors_enter(work->doors)) {
        *err = *sn_core_no_turn(SN_SHUT_DOWN);
        return err->code;
    }
    work->is_inside = true;
    int rc = work->is_counted ? 0 : sn_core_take(work->doors->core, work->bytes, err);
    work->is_counted = rc == 0;
    return rc;
}

void sn_http_work_submit(sn_http_work *work, sn_admission *admission, const char *session_id) {
    sn_error err = SN_ERROR_INIT;
    int rc = identify(work, session_id, &err);
    if (rc == 0)
        rc = take_on(work, &err);
    if (rc < 0)
        return fail(work, &err);
    work->admission = admission;
    work->ticket =
        (sn_ticket){.tenant = work->tenant, .lane = work->lane, .fn = on_turn, .user = work};
    sn_http_on_gone(work->request, give_up, work);
    if (sn_admission_submit(admission, &work->ticket, &err) < 0)
        fail(work, &err);
}

void sn_http_work_refuse(sn_http_work *work, const sn_error *err) {
    sn_error ignored = SN_ERROR_INIT;
    (void)identify(work, NULL, &ignored);
    fail(work, err);
}
