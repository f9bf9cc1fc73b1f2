/* several.c - see several.h; several_sessions.c has the sessions. */
#include "executor/several.h"

#include "executor/backend.h"
#include "session/sessions.h"
#include "util/buffer.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct executor_of_several {
    sn_executor base;
    sn_several *several;
    sn_sessions *sessions;
    sn_remote_defaults defaults;
} executor_of_several;

/* ---- one execution ---- */

typedef struct attempt {
    sn_result **out;
    sn_several *several;
    const sn_request *request;
    sn_event_fn on_event;
    void *user;
    sn_rpc_fate fate;
} attempt;

/* On a machine that has been entered. */
static int send(attempt *a, size_t machine, sn_error *err) {
    sn_machines *machines = &a->several->machines;
    int rc = sn_machines_check(machines, machine, a->request->cancel_fd, err);
    a->fate = rc < 0 ? SN_RPC_NOT_SENT : SN_RPC_ANSWERED;
    if (rc == 0) {
        rc = sn_remote_send(a->out, &a->fate, machines->all[machine].channel, a->request,
                            a->on_event, a->user, err);
        sn_machines_learn(machines, machine, a->fate);
    }
    return rc;
}

enum { REASONS_MOST_BYTES = 800 };

/* What kept it from one machine, among those that kept it from the others. */
static void note(sn_buffer *reasons, const sn_error *why) {
    if (reasons->bytes)
        (void)!sn_buffer_add(reasons, "; ", 2);
    (void)!sn_buffer_add(reasons, why->message, strnlen(why->message, 200));
}

static int nobody(const sn_machines *machines, const sn_buffer *reasons, sn_error *err) {
    sn_fail(err, SN_EUNAVAILABLE, "none of %zu agent-cores answers: %s%s",
            machines->addresses.count, reasons->bytes ? reasons->data : "",
            reasons->truncated ? "..." : "");
    return sn_hint(err, "check AGENT_CORE_ADDR, and that `shannon agent-core` runs there");
}

static bool has_not_begun(const attempt *a) {
    return a->fate == SN_RPC_NOT_SENT || a->fate == SN_RPC_REFUSED;
}

static int execute_anywhere(attempt *a, sn_error *err) {
    sn_machines *machines = &a->several->machines;
    sn_buffer reasons = {.limit_bytes = REASONS_MOST_BYTES};
    sn_machine_set tried = 0;
    int rc = SN_EUNAVAILABLE;
    sn_error refusal = SN_ERROR_INIT;
    a->fate = SN_RPC_NOT_SENT;
    for (size_t i = 0; i < machines->addresses.count && has_not_begun(a); i++) {
        sn_error why = SN_ERROR_INIT;
        size_t machine = sn_machines_choose(machines, tried);
        rc = send(a, machine, &why);
        sn_machines_leave(machines, machine);
        tried |= (sn_machine_set)1 << machine;
        if (a->fate == SN_RPC_NOT_SENT)
            note(&reasons, &why);
        else if (rc < 0)
            refusal = why;
    }
    if (refusal.code && rc < 0) { /* who answers counts before who does not */
        rc = refusal.code;
        if (err)
            *err = refusal;
    } else if (a->fate == SN_RPC_NOT_SENT) {
        rc = nobody(machines, &reasons, err);
    }
    sn_buffer_free(&reasons);
    return rc;
}

static int execute_in_session(attempt *a, sn_error *err) {
    sn_machines *machines = &a->several->machines;
    const char *id = a->request->session_id;
    sn_found found;
    int rc = sn_whereabouts_find(&found, &a->several->whereabouts, machines, id, false, err);
    if (rc < 0)
        return rc;
    sn_machines_enter(machines, found.machine);
    rc = send(a, found.machine, err);
    sn_machines_leave(machines, found.machine);
    if (a->fate == SN_RPC_NOT_SENT || a->fate == SN_RPC_LOST)
        sn_whereabouts_forget(&a->several->whereabouts, id);
    else if (rc == 0 && !a->request->discard)
        sn_whereabouts_keep(&a->several->whereabouts, id, found.machine);
    if (a->fate == SN_RPC_NOT_SENT)
        sn_hint(err, "session '%s' lies on that machine; it can be used when that one is back", id);
    return rc;
}

static int execute(sn_result **out, sn_executor *base, const sn_request *request,
                   sn_event_fn on_event, void *user, sn_error *err) {
    const executor_of_several *executor = (executor_of_several *)base;
    sn_remote_request sent;
    int rc = sn_remote_prepare(&sent, request, &executor->defaults, err);
    sent.request.stdin_fd = -1;
    attempt a = {out, executor->several, &sent.request, on_event, user, SN_RPC_ANSWERED};
    if (rc == 0)
        rc = request->session_id ? execute_in_session(&a, err) : execute_anywhere(&a, err);
    if (rc == SN_RPC_GIVEN_UP)
        rc = sn_remote_cancelled(out, err);
    sn_remote_release(&sent);
    return rc;
}

/* ---- the rest ---- */

static void add(sn_executor_figures *all, const sn_executor_figures *one, bool is_first) {
    all->workers += one->workers;
    if (is_first || one->memory_limit_mb < all->memory_limit_mb)
        all->memory_limit_mb = one->memory_limit_mb;
    if (is_first || one->timeout_seconds < all->timeout_seconds)
        all->timeout_seconds = one->timeout_seconds;
}

/* Of those that answer. */
static int get_figures(sn_executor_figures *out, sn_executor *base, sn_error *err) {
    sn_machines *machines = &((executor_of_several *)base)->several->machines;
    sn_buffer reasons = {.limit_bytes = REASONS_MOST_BYTES};
    size_t answers = 0;
    *out = (sn_executor_figures){0};
    for (size_t i = 0; i < machines->addresses.count; i++) {
        sn_executor_figures one;
        sn_error why = SN_ERROR_INIT;
        int rc = sn_machines_reach(machines, i, &why);
        if (rc == 0)
            rc = sn_remote_figures(&one, machines->all[i].channel, &why);
        if (rc == 0)
            add(out, &one, answers++ == 0);
        else
            note(&reasons, &why);
    }
    int rc = answers ? 0 : nobody(machines, &reasons, err);
    sn_buffer_free(&reasons);
    return rc;
}

static sn_sessions *sessions_of(sn_executor *base, sn_error *err) {
    (void)err;
    return ((executor_of_several *)base)->sessions;
}

static void close_several(sn_executor *base) {
    executor_of_several *executor = (executor_of_several *)base;
    if (executor->sessions)
        sn_sessions_close(executor->sessions);
    sn_several_disconnect(executor->several);
    free(executor);
}

int sn_several_connect(sn_several **out, sn_addresses *addresses, const sn_place *place,
                       sn_error *err) {
    sn_several *several = calloc(1, sizeof *several);
    if (!several)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for several agent-cores");
    int rc = sn_machines_open(&several->machines, addresses, place, err);
    if (rc == 0)
        rc = sn_whereabouts_open(&several->whereabouts, err);
    if (rc < 0)
        sn_several_disconnect(several);
    else
        *out = several;
    return rc;
}

void sn_several_disconnect(sn_several *several) {
    if (!several)
        return;
    sn_machines_close(&several->machines);
    sn_whereabouts_close(&several->whereabouts);
    free(several);
}

int sn_several_open(sn_executor **out, const sn_executor_options *options, sn_addresses *addresses,
                    const sn_place *place, sn_error *err) {
    static const sn_backend there = {execute, get_figures, sessions_of, close_several};
    executor_of_several *executor = calloc(1, sizeof *executor);
    if (!executor)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an executor");
    executor->base.backend = &there;
    int rc = sn_remote_settle(&executor->defaults, &executor->base.settings, options,
                              place->address, err);
    if (rc == 0)
        rc = sn_several_connect(&executor->several, addresses, place, err);
    if (rc == 0 && !(executor->sessions = sn_several_sessions_on(executor->several, err)))
        rc = SN_ERESOURCE_EXHAUSTED;
    if (rc < 0)
        close_several(&executor->base);
    else
        *out = &executor->base;
    return rc;
}
