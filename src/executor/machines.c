/* machines.c - see machines.h. */
#include "executor/machines.h"

#include "executor/wire_unpack.h"
#include "health.pb-c.h"
#include "util/error.h"
#include "util/io.h"

#define MS UINT64_C(1000000)

static const uint64_t check_ns = 1000 * MS; /* how long an answer is waited for */
static const uint64_t pause_least_ns = 250 * MS, pause_most_ns = 8000 * MS;

/* ---- whose turn it is; the lock is held ---- */

static bool is_worth_it(const sn_machine *m, uint64_t now_ns) {
    return m->health != SN_MACHINE_DOWN || now_ns >= m->until_ns;
}

/* SIZE_MAX: none. */
static size_t least_busy(const sn_machines *machines, sn_machine_set tried, bool also_down) {
    uint64_t now_ns = sn_now_ns();
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < machines->addresses.count; i++) {
        size_t at = (machines->turn + i) % machines->addresses.count;
        const sn_machine *m = &machines->all[at];
        if (tried >> at & 1 || (!also_down && !is_worth_it(m, now_ns)))
            continue;
        if (best == SIZE_MAX || m->under_way < machines->all[best].under_way)
            best = at;
    }
    return best;
}

size_t sn_machines_choose(sn_machines *machines, sn_machine_set tried) {
    pthread_mutex_lock(&machines->lock);
    size_t chosen = least_busy(machines, tried, false);
    if (chosen == SIZE_MAX)
        chosen = least_busy(machines, tried, true);
    sn_machine *m = &machines->all[chosen];
    m->under_way++;
    if (m->health == SN_MACHINE_DOWN) /* others need not wait for the same answer */
        m->until_ns = sn_now_ns() + check_ns;
    machines->turn = chosen + 1;
    pthread_mutex_unlock(&machines->lock);
    return chosen;
}

void sn_machines_enter(sn_machines *machines, size_t machine) {
    pthread_mutex_lock(&machines->lock);
    machines->all[machine].under_way++;
    pthread_mutex_unlock(&machines->lock);
}

void sn_machines_leave(sn_machines *machines, size_t machine) {
    pthread_mutex_lock(&machines->lock);
    machines->all[machine].under_way--;
    pthread_mutex_unlock(&machines->lock);
}

/* ---- how they are ---- */

static void set_health(sn_machines *machines, size_t machine, sn_machine_health health) {
    sn_machine *m = &machines->all[machine];
    pthread_mutex_lock(&machines->lock);
    m->health = health;
    if (health == SN_MACHINE_UP)
        m->pause_ns = 0;
    if (health == SN_MACHINE_DOWN) {
        m->pause_ns = m->pause_ns == 0                  ? pause_least_ns
                      : 2 * m->pause_ns > pause_most_ns ? pause_most_ns
                                                        : 2 * m->pause_ns;
        m->until_ns = sn_now_ns() + m->pause_ns;
    }
    pthread_mutex_unlock(&machines->lock);
}

void sn_machines_learn(sn_machines *machines, size_t machine, sn_rpc_fate fate) {
    if (fate != SN_RPC_ANSWERED) /* one that refuses may be shutting down, and tells when asked */
        set_health(machines, machine,
                   fate == SN_RPC_NOT_SENT ? SN_MACHINE_DOWN : SN_MACHINE_UNKNOWN);
}

static int read_health(void *out, const void *message, size_t bytes, sn_error *err) {
    Grpc__Health__V1__HealthCheckResponse *m =
        sn_wire_unpack(&grpc__health__v1__health_check_response__descriptor, message, bytes);
    if (!m)
        return sn_wire_nonsense(err, "it is no grpc.health.v1.HealthCheckResponse");
    *(bool *)out =
        m->status != GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    grpc__health__v1__health_check_response__free_unpacked(m, NULL);
    return 0;
}

/* A server that answers with an error is there: what is wrong with it, the call itself is told. */
static int ask(sn_machines *machines, size_t machine, int cancel_fd, sn_error *err) {
    sn_rpc_invocation call = SN_RPC_INVOCATION_INIT;
    sn_rpc_fate fate = SN_RPC_ANSWERED;
    bool is_serving = true;
    call.path = "/grpc.health.v1.Health/Check";
    call.request = "";
    call.deadline_ns = sn_now_ns() + check_ns;
    call.cancel_fd = cancel_fd;
    call.fate = &fate;
    int rc = sn_remote_ask(machines->all[machine].channel, &call, read_health, &is_serving, err);
    if (rc == SN_RPC_GIVEN_UP)
        return rc;
    if (fate == SN_RPC_ANSWERED && is_serving)
        rc = 0;
    else if (fate == SN_RPC_ANSWERED)
        rc = sn_fail(err, SN_EUNAVAILABLE, "agent-core at %s is shutting down",
                     machines->addresses.all[machine]);
    else if (rc == SN_EDEADLINE_EXCEEDED)
        rc = sn_fail(err, SN_EUNAVAILABLE, "cannot reach agent-core at %s: no answer in a second",
                     machines->addresses.all[machine]);
    set_health(machines, machine, rc == 0 ? SN_MACHINE_UP : SN_MACHINE_DOWN);
    return rc;
}

static sn_machine health_of(sn_machines *machines, size_t machine) {
    pthread_mutex_lock(&machines->lock);
    sn_machine m = machines->all[machine];
    pthread_mutex_unlock(&machines->lock);
    return m;
}

int sn_machines_check(sn_machines *machines, size_t machine, int cancel_fd, sn_error *err) {
    if (health_of(machines, machine).health == SN_MACHINE_UP)
        return 0;
    return ask(machines, machine, cancel_fd, err);
}

int sn_machines_reach(sn_machines *machines, size_t machine, sn_error *err) {
    sn_machine m = health_of(machines, machine);
    if (is_worth_it(&m, sn_now_ns()))
        return sn_machines_check(machines, machine, -1, err);
    return sn_fail(err, SN_EUNAVAILABLE, "cannot reach agent-core at %s",
                   machines->addresses.all[machine]);
}

/* ---- life ---- */

int sn_machines_open(sn_machines *out, sn_addresses *addresses, const sn_place *place,
                     sn_error *err) {
    int rc = 0;
    *out = (sn_machines){.addresses = *addresses, .lock = PTHREAD_MUTEX_INITIALIZER};
    *addresses = (sn_addresses){0};
    for (size_t i = 0; rc == 0 && i < out->addresses.count; i++) {
        sn_place one = {out->addresses.all[i], place->token, place->ca_path};
        rc = sn_place_connect(&out->all[i].channel, &one, err);
        if (rc == 0 && !(out->all[i].sessions = sn_remote_sessions_on(out->all[i].channel, err)))
            rc = SN_ERESOURCE_EXHAUSTED;
    }
    /* not all clients begin with the first one */
    out->turn = sn_now_ns() / 1000 % out->addresses.count;
    return rc;
}

void sn_machines_close(sn_machines *machines) {
    for (size_t i = 0; i < machines->addresses.count; i++) {
        if (machines->all[i].sessions)
            sn_sessions_close(machines->all[i].sessions);
        sn_rpc_channel_close(machines->all[i].channel);
    }
    sn_addresses_clear(&machines->addresses);
}
