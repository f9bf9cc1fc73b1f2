/* core.c - see core.h. */
#include "agent_core/core.h"

#include "util/error.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    RUNNING_LEAST = 8,
    RUNNING_PER_PROCESSOR = 8, /* some wait for something: more than there are processors */
    OTHERS_RUNNING = 4,
    OTHERS_QUEUED = 1024,
    TRANSFERS_RUNNING = 2, /* each has a session in memory */
    TRANSFERS_QUEUED = 64,
};

/* ---- life ---- */

static unsigned running_most(const sn_core_options *options, const sn_executor_figures *limits) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned most = processors < 1 ? RUNNING_LEAST : (unsigned)processors * RUNNING_PER_PROCESSOR;
    if (most < RUNNING_LEAST)
        most = RUNNING_LEAST;
    if (options->running_most)
        most = options->running_most;
    if (most > limits->workers)
        most = limits->workers;
    return most > SN_RUNNING_MOST ? SN_RUNNING_MOST : most;
}

static int open_admissions(sn_core *core, const sn_core_options *options, sn_error *err) {
    core->limits.workers = running_most(options, &core->limits);
    sn_admission_options executions = {.running_most = core->limits.workers,
                                       .queue_most = options->queue_most,
                                       .wait_most_ns = options->wait_most_ns};
    sn_admission_options others = {.running_most = OTHERS_RUNNING,
                                   .queue_most = OTHERS_QUEUED,
                                   .wait_most_ns = options->wait_most_ns};
    sn_admission_options transfers = {.running_most = TRANSFERS_RUNNING,
                                      .queue_most = TRANSFERS_QUEUED,
                                      .wait_most_ns = options->wait_most_ns};
    int rc = sn_admission_new(&core->executions, &executions, err);
    if (rc == 0)
        rc = sn_admission_new(&core->others, &others, err);
    return rc < 0 ? rc : sn_admission_new(&core->transfers, &transfers, err);
}

int sn_core_open(sn_core **out, const sn_core_options *options, sn_error *err) {
    sn_core *core = calloc(1, sizeof *core);
    if (!core)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the executions");
    core->executor = options->executor;
    core->registry = options->registry;
    core->log_code = options->log_code;
    core->requests_most_bytes = options->requests_most_bytes;
    core->sessions = sn_executor_sessions(options->executor, err);
    int rc =
        core->sessions ? sn_executor_get_figures(&core->limits, core->executor, err) : err->code;
    if (rc == 0)
        rc = open_admissions(core, options, err);
    if (rc == 0)
        rc = sn_core_metrics_add(core, err);
    if (rc < 0)
        sn_core_close(core);
    else
        *out = core;
    return rc;
}

void sn_core_close(sn_core *core) {
    if (!core)
        return;
    sn_admission_free(core->executions);
    sn_admission_free(core->others);
    sn_admission_free(core->transfers);
    free(core);
}

/* ---- what all calls have in common ---- */

int sn_core_take(sn_core *core, uint64_t bytes, sn_error *err) {
    uint64_t all = atomic_fetch_add(&core->requests_bytes, bytes) + bytes;
    if (all <= core->requests_most_bytes)
        return 0;
    sn_core_drop(core, bytes);
    sn_fail(err, SN_ERESOURCE_EXHAUSTED,
            "requests that wait or are under way take more than %llu MB, the most they may",
            (unsigned long long)(core->requests_most_bytes >> 20));
    sn_hint(err, "try again when some have ended; SHANNON_REQUESTS_MB sets the limit");
    return SN_ERESOURCE_EXHAUSTED;
}

void sn_core_drop(sn_core *core, uint64_t bytes) {
    atomic_fetch_sub(&core->requests_bytes, bytes);
}

uint64_t sn_core_lane(const char *session_id) {
    return session_id ? XXH3_64bits(session_id, strlen(session_id)) | 1 : 0;
}

const sn_error *sn_core_no_turn(sn_admission_outcome outcome) {
    static const sn_error too_late = {
        SN_ERESOURCE_EXHAUSTED, "the call waited too long for others to end",
        "try again later; SHANNON_WORKERS sets how many executions run at once"};
    static const sn_error shut_down = {SN_EUNAVAILABLE, "the server is shutting down",
                                       "try again: another one may have taken its place"};
    return outcome == SN_TOO_LATE ? &too_late : &shut_down;
}

void sn_core_describe(sn_field *fields, const sn_core *core, const sn_request *request,
                      const sn_result *result) {
    const sn_field all[] = {
        SN_STRING("status", sn_status_name(result->status)),
        SN_STRING("session_id", request->session_id),
        SN_INTEGER("step", result->step),
        SN_NUMBER("cpu_ms", result->usage.cpu_ms),
        SN_NUMBER("startup_ms", result->usage.startup_ms),
        SN_INTEGER("memory_bytes", result->usage.peak_memory_bytes),
        SN_INTEGER("code_bytes", request->code_bytes),
        SN_INTEGER("output_bytes", result->usage.output_bytes),
        core->log_code ? (sn_field)SN_STRING_N("source", request->code, request->code_bytes)
                       : (sn_field){0},
    };
    _Static_assert(sizeof all == SN_CORE_FIELDS * sizeof *fields, "all of them");
    memcpy(fields, all, sizeof all);
}
