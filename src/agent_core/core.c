/* core.c - see core.h. */
#include "agent_core/core.h"

#include "util/error.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    RUNNING_LEAST = 8,
    RUNNING_PER_PROCESSOR = 8, /* some wait for something: more than there are processors */
    OTHERS_RUNNING = 4,
    OTHERS_QUEUED = 1024,
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
    int rc = sn_admission_new(&core->executions, &executions, err);
    return rc < 0 ? rc : sn_admission_new(&core->others, &others, err);
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
    free(core);
}
