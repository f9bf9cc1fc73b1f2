/* executor.c - the executor in this process: validates, runs the job in the sandbox, shapes the
 * result. */
#include "executor/result.h"
#include "executor/settings.h"
#include "executor/validate.h"
#include "sandbox/job.h"
#include "util/error.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct sn_executor {
    sn_interpreter interpreter;
    sn_settings settings;
    sn_zygote *zygote;
    atomic_uint running;
};

static int start_zygote(sn_executor *executor, const sn_executor_options *options, sn_error *err) {
    enum { READY_LEAST = 4, READY_MOST = 16 };
    const sn_settings *settings = &executor->settings;
    sn_zygote_options zygote = SN_ZYGOTE_OPTIONS_INIT;
    long processors = 2 * sysconf(_SC_NPROCESSORS_ONLN);
    if (!options->single)
        zygote.ready = processors < READY_LEAST  ? READY_LEAST
                       : processors > READY_MOST ? READY_MOST
                                                 : (unsigned)processors;
    zygote.cpu_seconds = settings->cpu_seconds;
    zygote.allow_weak = options->allow_weak_sandbox;
    return sn_zygote_start(&executor->zygote, &executor->interpreter, &zygote, err);
}

/* What the environment says, what the caller says, and what follows from these. */
static int settle(sn_settings *settings, const sn_executor_options *options, sn_error *err) {
    enum { SLACK_SECONDS = 2 };
    int rc = sn_settings_read(settings, err);
    if (rc < 0)
        return rc;
    if (options->memory_limit_mb)
        settings->memory_limit_mb = options->memory_limit_mb;
    if (options->timeout_seconds)
        settings->timeout_seconds = options->timeout_seconds;
    if (options->workers)
        settings->workers = options->workers;
    if (options->cpu_seconds)
        settings->cpu_seconds = options->cpu_seconds;
    if (!settings->workers)
        settings->workers = sn_settings_workers(settings->memory_limit_mb);
    if (!settings->cpu_seconds) /* a backstop behind the clock: a worker has one thread */
        settings->cpu_seconds = (uint32_t)ceil(settings->timeout_seconds) + SLACK_SECONDS;
    return 0;
}

int sn_executor_open(sn_executor **out, const sn_executor_options *options, sn_error *err) {
    static const sn_executor_options defaults = SN_EXECUTOR_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    sn_executor *executor = calloc(1, sizeof *executor);
    if (!executor)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an executor");
    int rc = settle(&executor->settings, options, err);
    if (rc == 0)
        rc = sn_interpreter_open(&executor->interpreter, options->home, options->interpreter_path,
                                 options->on_notice, options->notice_user, err);
    if (rc == 0 && (rc = start_zygote(executor, options, err)) < 0)
        sn_interpreter_close(&executor->interpreter);
    if (rc < 0) {
        free(executor);
        return rc;
    }
    *out = executor;
    return 0;
}

void sn_executor_close(sn_executor *executor) {
    if (!executor)
        return;
    sn_zygote_stop(executor->zygote);
    sn_interpreter_close(&executor->interpreter);
    free(executor);
}

static sn_job job_of(const sn_request *request, const sn_settings *settings) {
    static const char *const no_args[] = {""};
    double timeout = request->timeout_seconds;
    if (timeout == 0)
        timeout = settings->timeout_seconds < SN_TIMEOUT_DEFAULT_SECONDS
                      ? settings->timeout_seconds
                      : SN_TIMEOUT_DEFAULT_SECONDS;
    uint64_t memory_mb =
        request->memory_limit_mb ? request->memory_limit_mb : settings->memory_limit_mb;
    return (sn_job){
        .code = request->command ? NULL : request->code,
        .code_bytes = request->code_bytes,
        .filename = request->filename,
        .args = request->args_count ? request->args : no_args,
        .args_count = request->args_count ? request->args_count : 1,
        .files = request->files,
        .files_count = request->files_count,
        .stdin_data = request->stdin_data,
        .stdin_bytes = request->stdin_bytes,
        .stdin_fd = request->stdin_fd,
        .cancel_fd = request->cancel_fd,
        .timeout_ns = (uint64_t)(timeout * 1e9),
        .memory_limit_bytes = memory_mb << 20,
        .output_limit_bytes = SN_OUTPUT_MOST_BYTES,
        .workspace_bytes = request->workspace_bytes,
        .deterministic = request->deterministic != NULL,
        .seed = request->deterministic ? request->deterministic->seed : 0,
        .time_ns = request->deterministic ? (uint64_t)(request->deterministic->time * 1e9) : 0,
    };
}

/* One more at once; refused rather than waited for. */
static int enter(sn_executor *executor, sn_error *err) {
    unsigned running = atomic_fetch_add(&executor->running, 1) + 1;
    if (running <= executor->settings.workers)
        return 0;
    atomic_fetch_sub(&executor->running, 1);
    sn_fail(err, SN_ERESOURCE_EXHAUSTED, "%u executions are running, the most there may be",
            executor->settings.workers);
    return sn_hint(err, "try again when one has ended; SHANNON_WORKERS sets the number");
}

int sn_execute(sn_result **out, sn_executor *executor, const sn_request *request,
               sn_event_fn on_event, void *user, sn_error *err) {
    int rc = sn_request_validate(request, &executor->settings, err);
    if (rc < 0)
        return rc;
    if (request->command && executor->interpreter.is_guest)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "%s is a Python interpreter, not a command: it needs code",
                       executor->interpreter.path);
    sn_collector collector;
    size_t keep =
        request->output_limit_bytes ? request->output_limit_bytes : SN_OUTPUT_DEFAULT_BYTES;
    rc = sn_collector_init(&collector, keep, on_event, user, err);
    if (rc < 0)
        return rc;
    sn_job job = job_of(request, &executor->settings);
    job.on_frame = sn_collector_frame;
    job.user = &collector;
    sn_job_end end;
    rc = enter(executor, err);
    if (rc == 0) {
        rc = sn_job_run(&end, executor->zygote, &job, err);
        atomic_fetch_sub(&executor->running, 1);
    }
    if (rc < 0) {
        sn_collector_free(&collector);
        return rc;
    }
    return sn_collector_finish(out, &collector, &job, &end, err);
}
