/* local.c - the executor in this process: runs the job in the sandbox, shapes the result. */
#include "session/local.h"
#include "executor/backend.h"
#include "executor/result.h"
#include "sandbox/job.h"
#include "util/error.h"
#include "util/io.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct local {
    sn_executor base;
    sn_interpreter interpreter;
    sn_zygote *zygote;
    sn_sessions *sessions; /* NULL until they are wanted */
    sn_sessions_options sessions_options;
    pthread_mutex_t sessions_lock;
    unsigned processors;
    bool single;
    atomic_uint running;
} local;

static int start_zygote(local *executor, const sn_executor_options *options, sn_error *err) {
    enum { READY_LEAST = 4, READY_MOST = 16 };
    const sn_settings *settings = &executor->base.settings;
    sn_zygote_options zygote = SN_ZYGOTE_OPTIONS_INIT;
    unsigned ready = 2 * executor->processors;
    if (!options->single)
        zygote.ready = ready < READY_LEAST ? READY_LEAST : ready > READY_MOST ? READY_MOST : ready;
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

static void close_local(sn_executor *base) {
    local *executor = (local *)base;
    sn_zygote_stop(executor->zygote);
    sn_sessions_close(executor->sessions);
    pthread_mutex_destroy(&executor->sessions_lock);
    sn_interpreter_close(&executor->interpreter);
    free(executor);
}

/* Opened when they are first wanted: most one-shot executions have none. */
static int open_sessions(local *executor, sn_error *err) {
    int rc = 0;
    pthread_mutex_lock(&executor->sessions_lock);
    if (!executor->sessions &&
        (rc = sn_local_sessions_open(&executor->sessions, &executor->sessions_options, err)) == 0)
        executor->sessions->image = executor->interpreter.image;
    pthread_mutex_unlock(&executor->sessions_lock);
    return rc;
}

static sn_sessions *sessions_of(sn_executor *base, sn_error *err) {
    local *executor = (local *)base;
    return open_sessions(executor, err) == 0 ? executor->sessions : NULL;
}

static int get_figures(sn_executor_figures *out, sn_executor *base, sn_error *err) {
    local *executor = (local *)base;
    const sn_settings *settings = &base->settings;
    (void)err;
    *out = (sn_executor_figures){
        .memory_limit_mb = settings->memory_limit_mb,
        .timeout_seconds = settings->timeout_seconds,
        .workers = settings->workers,
        .running = atomic_load(&executor->running),
        .interpreter_path = executor->interpreter.path,
        .restarts = sn_zygote_restarts(executor->zygote),
    };
    return 0;
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
        .cancel_at_once = request->cancel_at_once,
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
static int enter(local *executor, sn_error *err) {
    unsigned running = atomic_fetch_add(&executor->running, 1) + 1;
    if (running <= executor->base.settings.workers)
        return 0;
    atomic_fetch_sub(&executor->running, 1);
    sn_fail(err, SN_ERESOURCE_EXHAUSTED, "%u executions are running, the most there may be",
            executor->base.settings.workers);
    return sn_hint(err, "try again when one has ended; SHANNON_WORKERS sets the number");
}

/* ---- one execution ---- */

typedef struct execution {
    local *executor;
    sn_collector collector;
    sn_job job;
    sn_job_end end;
    sn_turn *turn; /* NULL: in no session */
} execution;

static int take_frame(void *user, enum sn_frame_kind kind, const void *data, size_t bytes) {
    execution *x = user;
    if (kind == SN_FRAME_PAGES || kind == SN_FRAME_STATE || kind == SN_FRAME_UNSAVED)
        return sn_changes_take(&x->turn->changes, kind, data, bytes);
    return sn_collector_frame(&x->collector, kind, data, bytes);
}

static bool is_crowded(void *user) {
    const local *executor = ((const execution *)user)->executor;
    return atomic_load(&executor->running) > executor->processors;
}

static int run(execution *x, sn_error *err) {
    int rc = enter(x->executor, err);
    if (rc < 0)
        return rc;
    rc = sn_job_run(&x->end, x->executor->zygote, &x->job, err);
    atomic_fetch_sub(&x->executor->running, 1);
    return rc;
}

static int begin_turn(execution *x, sn_job_state *state, const sn_request *request, sn_error *err) {
    int rc = open_sessions(x->executor, err);
    if (rc == 0)
        rc = sn_turn_begin(&x->turn, x->executor->sessions, request->session_id, !request->discard,
                           request->cancel_fd, err);
    if (rc < 0)
        return rc;
    x->job.keep = !request->discard;
    x->job.outbox_fd = x->turn->changes.outbox_fd;
    if (x->turn->state) {
        *state = sn_state_view(x->turn->state);
        x->job.state = state;
    } else if (!x->job.workspace_bytes) {
        x->job.workspace_bytes = SN_SESSION_WORKSPACE_BYTES;
    }
    return 0;
}

/* Why there is nothing to make a step of; NULL: there is. */
static const char *why_unsaved(const execution *x) {
    const sn_changes *changes = &x->turn->changes;
    if (changes->unsaved.code)
        return changes->unsaved.message;
    if (x->end.ending != SN_JOB_DONE)
        return "the worker was ended";
    return changes->whole ? NULL : "the sandbox stopped a crash";
}

/* The session's part of the result. */
static int end_turn(sn_result *result, execution *x, const sn_request *request, sn_error *err) {
    const char *why = request->discard ? NULL : why_unsaved(x);
    int rc = 0;
    if (!why && !request->discard)
        rc = sn_turn_commit(x->turn, request->code, request->code_bytes, result->status, err);
    if (rc < 0)
        return sn_hint(err, "the code has run, but session '%s' is as it was before, at step %llu",
                       request->session_id, (unsigned long long)sn_turn_step(x->turn));
    result->step = sn_turn_step(x->turn);
    result->session_id = strdup(request->session_id);
    if (why)
        result->unsaved = sn_format("%s: the session is at step %llu, as before", why,
                                    (unsigned long long)result->step);
    if (!result->session_id || (why && !result->unsaved))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the result");
    return 0;
}

static int execute(sn_result **out, execution *x, const sn_request *request, sn_error *err) {
    sn_job_state state;
    int rc = request->session_id ? begin_turn(x, &state, request, err) : 0;
    if (rc == 0)
        rc = run(x, err);
    if (rc < 0)
        return rc;
    sn_result *result;
    rc = sn_collector_finish(&result, &x->collector, &x->job, &x->end, err);
    if (rc == 0 && x->turn && (rc = end_turn(result, x, request, err)) < 0)
        sn_result_free(result);
    if (rc == 0)
        *out = result;
    return rc;
}

static int execute_here(sn_result **out, sn_executor *base, const sn_request *request,
                        sn_event_fn on_event, void *user, sn_error *err) {
    local *executor = (local *)base;
    if (request->command && executor->interpreter.is_guest)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "%s is a Python interpreter, not a command: it needs code",
                       executor->interpreter.path);
    if (request->session_id && !executor->interpreter.image)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "%s is no Python interpreter that can be saved: "
                       "it has no sessions",
                       executor->interpreter.path);
    size_t keep =
        request->output_limit_bytes ? request->output_limit_bytes : SN_OUTPUT_DEFAULT_BYTES;
    execution x = {.executor = executor};
    int rc = sn_collector_init(&x.collector, keep, on_event, user, err);
    if (rc < 0)
        return rc;
    x.job = job_of(request, &executor->base.settings);
    x.job.on_frame = take_frame;
    x.job.is_crowded = executor->single ? NULL : is_crowded;
    x.job.user = &x;
    rc = execute(out, &x, request, err);
    sn_turn_end(x.turn);
    sn_collector_free(&x.collector);
    return rc;
}

/* ---- opening ---- */

int sn_local_open(sn_executor **out, const sn_executor_options *options, sn_error *err) {
    static const sn_backend here = {execute_here, get_figures, sessions_of, close_local};
    local *executor = calloc(1, sizeof *executor);
    if (!executor)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an executor");
    executor->base.backend = &here;
    pthread_mutex_init(&executor->sessions_lock, NULL);
    executor->single = options->single;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    executor->processors = processors > 0 ? (unsigned)processors : 1;
    if (options->sessions)
        executor->sessions_options = *options->sessions;
    if (!executor->sessions_options.home)
        executor->sessions_options.home = options->home;
    int rc = settle(&executor->base.settings, options, err);
    if (rc == 0)
        rc = sn_interpreter_open(&executor->interpreter, options->home, options->interpreter_path,
                                 options->on_notice, options->notice_user, err);
    if (rc == 0 && (rc = start_zygote(executor, options, err)) < 0)
        sn_interpreter_close(&executor->interpreter);
    if (rc < 0) {
        free(executor);
        return rc;
    }
    *out = &executor->base;
    return 0;
}
