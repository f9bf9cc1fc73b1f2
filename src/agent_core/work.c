/* work.c - see work.h. */
#include "agent_core/work.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* ---- its memory ---- */

static void end(sn_work *work) {
    if (work->is_counted)
        sn_core_drop(work->core, work->bytes);
    work->release(work);
}

/* ---- its end ---- */

static const char client_gone[] = "the client has gone away";

/* Once for each call, before it is released. `code` is a word of sn_error_name()'s, or "ok" or
 * "cancelled". */
static void account(sn_work *work, enum sn_log_level level, const char *code, const char *message) {
    uint64_t now_ns = sn_now_ns();
    uint64_t waited_ns = (work->began_ns ? work->began_ns : now_ns) - work->came_ns;
    sn_field fields[SN_WORK_FIELDS + 8] = {
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
    sn_series_add(sn_metric_series(work->core->metrics.calls, (const char *[]){work->method, code}),
                  1);
    sn_log(level, "call", fields);
}

static void account_failure(sn_work *work, const sn_error *err) {
    bool is_fault = err->code == SN_EINTERNAL || err->code == SN_EUNAVAILABLE;
    account(work, is_fault ? SN_LOG_ERROR : SN_LOG_INFO, sn_error_name(err->code), err->message);
}

static void fail(sn_work *work, const sn_error *err) {
    account_failure(work, err);
    sn_rpc_fail(work->call, err);
    end(work);
}

/* Before it had its turn. */
static void refuse(sn_work *work, const sn_error *err) {
    account_failure(work, err);
    sn_rpc_refuse(work->call, err);
    end(work);
}

static void drop(sn_work *work) {
    account(work, SN_LOG_INFO, "cancelled", client_gone);
    end(work);
}

/* ---- its turn ---- */

static bool is_gone(const sn_work *work) {
    struct pollfd gone = {sn_rpc_cancel_fd(work->call), POLLIN, 0};
    return poll(&gone, 1, 0) == 1;
}

void sn_work_reply(sn_work *work, const void *message, size_t bytes) {
    static const sn_error no_memory = {SN_ERESOURCE_EXHAUSTED, "no memory for the answer", ""};
    work->outcome = !message ? sn_error_name(no_memory.code) : is_gone(work) ? "cancelled" : "ok";
    if (message)
        sn_rpc_reply(work->call, message, bytes);
    else
        sn_rpc_fail(work->call, &no_memory);
}

static void run(sn_work *work) {
    static const sn_error gone = {SN_EUNAVAILABLE, "the client has gone away", ""};
    sn_error err = SN_ERROR_INIT;
    work->began_ns = sn_now_ns();
    sn_series_observe(work->core->metrics.wait_seconds,
                      (double)(work->began_ns - work->came_ns) / 1e9);
    if (is_gone(work)) {
        sn_rpc_fail(work->call, &gone);
        return drop(work);
    }
    if (work->run(work, &err) < 0)
        return fail(work, &err);
    account(work, SN_LOG_INFO, work->outcome, NULL);
    end(work);
}

static void on_turn(void *user, sn_admission_outcome outcome) {
    sn_work *work = user;
    if (outcome == SN_ADMITTED)
        run(work);
    else if (outcome == SN_TOO_LATE) /* it has waited long enough, and not for others to begin */
        fail(work, sn_core_no_turn(outcome));
    else
        refuse(work, sn_core_no_turn(outcome));
}

/* The client has gone away while the call waited. */
static bool give_up(void *user) {
    sn_work *work = user;
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

static int identify(sn_work *work, const char *session_id, sn_error *err) {
    sn_auto_free char *id = sn_rpc_metadata(work->call, "x-request-id");
    sn_auto_free char *tenant = sn_rpc_metadata(work->call, "shannon-tenant");
    sn_auto_free char *peer = sn_rpc_peer(work->call);
    work->came_ns = sn_now_ns();
    if (!take(work->request_id, sizeof work->request_id, id))
        sn_request_id(work->request_id);
    const char *whose = tenant                 ? tenant
                        : work->claimed_tenant ? work->claimed_tenant
                        : session_id           ? session_id
                                               : peer;
    if (take(work->tenant, sizeof work->tenant, whose))
        return 0;
    strcpy(work->tenant, "?");
    return tenant ? sn_fail(err, SN_EINVALID_ARGUMENT,
                            "the metadata shannon-tenant is not a name of 1 to %d visible ASCII "
                            "characters",
                            SN_TENANT_MAX_BYTES)
                  : 0;
}

void sn_work_submit(sn_work *work, sn_admission *admission, const char *session_id) {
    sn_error err = SN_ERROR_INIT;
    uint64_t deadline_ns = sn_rpc_deadline_ns(work->call);
    int rc = identify(work, session_id, &err);
    if (rc == 0)
        rc = sn_core_take(work->core, work->bytes, &err);
    work->is_counted = rc == 0;
    if (rc < 0)
        return refuse(work, &err);
    work->admission = admission;
    work->ticket = (sn_ticket){.tenant = work->tenant,
                               .lane = work->lane,
                               .deadline_ns = deadline_ns == UINT64_MAX ? 0 : deadline_ns,
                               .fn = on_turn,
                               .user = work};
    sn_rpc_on_gone(work->call, give_up, work);
    if (sn_admission_submit(admission, &work->ticket, &err) < 0)
        refuse(work, &err);
}

void sn_work_refuse(sn_work *work, const sn_error *err) {
    sn_error ignored = SN_ERROR_INIT;
    (void)identify(work, NULL, &ignored);
    refuse(work, err);
}
