/* result.c - see result.h. */
#include "executor/result.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/utf8.h"

#include <string.h>

const char *sn_status_name(enum sn_status status) {
    static const char *const names[] = {
        [SN_STATUS_OK] = "ok",
        [SN_STATUS_ERROR] = "error",
        [SN_STATUS_TIMEOUT] = "timeout",
        [SN_STATUS_MEMORY_LIMIT] = "memory_limit",
        [SN_STATUS_OUTPUT_LIMIT] = "output_limit",
        [SN_STATUS_CRASHED] = "crashed",
        [SN_STATUS_CANCELLED] = "cancelled",
    };
    return (unsigned)status < SN_COUNT(names) ? names[status] : "crashed";
}

const char *sn_result_text(const sn_result *result) {
    for (size_t i = 0; i < result->value.count; i++)
        if (strcmp(result->value.items[i].type, "text/plain") == 0)
            return result->value.items[i].data;
    return NULL;
}

static void bundle_free(sn_bundle *bundle) {
    for (size_t i = 0; i < bundle->count; i++) {
        free((char *)bundle->items[i].type);
        free((char *)bundle->items[i].data);
    }
    free(bundle->items);
    *bundle = (sn_bundle){0};
}

void sn_result_free(sn_result *result) {
    if (!result)
        return;
    bundle_free(&result->value);
    for (size_t i = 0; i < result->outputs_count; i++)
        bundle_free(&result->outputs[i]);
    free(result->outputs);
    free(result->stdout_text);
    free(result->stderr_text);
    free(result->error_name);
    free(result->error_value);
    free(result->error_traceback);
    free(result->session_id);
    free(result->unsaved);
    free(result);
}

/* ---- while it runs ---- */

int sn_collector_init(sn_collector *collector, size_t output_limit_bytes, sn_event_fn on_event,
                      void *user, sn_error *err) {
    *collector = (sn_collector){
        .result = calloc(1, sizeof(sn_result)),
        .out = {.limit_bytes = output_limit_bytes},
        .err = {.limit_bytes = output_limit_bytes},
        .on_event = on_event,
        .user = user,
    };
    if (!collector->result)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the result");
    return 0;
}

/* A frame's strings as a bundle; what is not text by its bytes is repaired, so that it can travel
 * as JSON. */
static bool bundle_read(sn_bundle *out, const void *data, size_t bytes) {
    sn_bundle made = {calloc(SN_BUNDLE_MAX_ITEMS, sizeof *made.items), 0};
    const char *type, *text;
    size_t type_bytes, text_bytes, ignored;
    while (made.items && made.count < SN_BUNDLE_MAX_ITEMS) {
        if (sn_frame_string(&type, &type_bytes, &data, &bytes) <= 0 ||
            sn_frame_string(&text, &text_bytes, &data, &bytes) <= 0)
            break;
        sn_mime *item = &made.items[made.count++];
        item->type = sn_utf8_repair(type, type_bytes, false, &ignored);
        item->data = sn_utf8_repair(text, text_bytes, false, &item->data_bytes);
        if (!item->type || !item->data) {
            bundle_free(&made);
            return false;
        }
    }
    *out = made;
    return made.items != NULL;
}

/* Who does not want to hear more is not told more. */
static int tell(sn_collector *c, const sn_event *event) {
    int rc = c->on_event ? c->on_event(c->user, event) : 0;
    if (rc != 0)
        c->on_event = NULL;
    return rc;
}

static int take_bundle(sn_collector *c, enum sn_frame_kind kind, const void *data, size_t bytes) {
    sn_result *result = c->result;
    sn_bundle bundle;
    if (!bundle_read(&bundle, data, bytes))
        return -1;
    sn_event event = {.kind = kind == SN_FRAME_RESULT ? SN_EVENT_RESULT : SN_EVENT_DISPLAY,
                      .bundle = &bundle};
    int rc = tell(c, &event);
    if (kind == SN_FRAME_RESULT) {
        bundle_free(&result->value);
        result->value = bundle;
        return rc;
    }
    sn_bundle *grown = NULL;
    c->outputs_bytes += bytes;
    if (result->outputs_count < SN_OUTPUTS_MAX && c->outputs_bytes <= SN_OUTPUTS_MAX_BYTES)
        grown = realloc(result->outputs, (result->outputs_count + 1) * sizeof *grown);
    if (!grown) {
        bundle_free(&bundle);
        return rc;
    }
    result->outputs = grown;
    result->outputs[result->outputs_count++] = bundle;
    return rc;
}

/* A NUL would hide what follows. */
char *sn_text_shown(const char *data, size_t bytes) {
    static const char symbol[] = "\xe2\x90\x80";
    sn_buffer shown = {0};
    size_t repaired_bytes;
    sn_auto_free char *repaired = sn_utf8_repair(data, bytes, false, &repaired_bytes);
    if (!repaired || strlen(repaired) == repaired_bytes)
        return SN_STEAL(repaired);
    for (size_t at = 0; at < repaired_bytes; at++) {
        bool is_nul = repaired[at] == '\0';
        if (!sn_buffer_add(&shown, is_nul ? symbol : &repaired[at], is_nul ? strlen(symbol) : 1)) {
            sn_buffer_free(&shown);
            return NULL;
        }
    }
    return sn_buffer_take(&shown, &repaired_bytes);
}

/* Replaces whatever error was set before. */
static bool set_error(sn_result *r, char *name, char *value, char *traceback) {
    free(r->error_name);
    free(r->error_value);
    free(r->error_traceback);
    r->error_name = name;
    r->error_value = value;
    r->error_traceback = traceback;
    return name && value && traceback;
}

static int take_error(sn_collector *c, const void *data, size_t bytes) {
    const char *parts[3] = {0};
    size_t lengths[3] = {0};
    for (int i = 0; i < 3; i++)
        if (sn_frame_string(&parts[i], &lengths[i], &data, &bytes) <= 0)
            return 0;
    if (!set_error(c->result, sn_text_shown(parts[0], lengths[0]),
                   sn_text_shown(parts[1], lengths[1]), sn_text_shown(parts[2], lengths[2])))
        return -1;
    sn_event event = {.kind = SN_EVENT_ERROR};
    return tell(c, &event);
}

int sn_collector_frame(void *user, enum sn_frame_kind kind, const void *data, size_t bytes) {
    sn_collector *c = user;
    if (kind == SN_FRAME_RESULT || kind == SN_FRAME_DISPLAY)
        return take_bundle(c, kind, data, bytes);
    if (kind == SN_FRAME_ERROR)
        return take_error(c, data, bytes);
    bool is_out = kind == SN_FRAME_STDOUT;
    if (!sn_buffer_add(is_out ? &c->out : &c->err, data, bytes))
        return -1;
    sn_event event = {
        .kind = is_out ? SN_EVENT_STDOUT : SN_EVENT_STDERR, .data = data, .data_bytes = bytes};
    return tell(c, &event);
}

/* ---- at its end ---- */

enum { EXIT_TIMEOUT = 124, EXIT_OUTPUT = 125, EXIT_CANCELLED = 130, EXIT_KILLED = 137 };

static bool describe(sn_result *r, enum sn_status status, int exit_code, const char *name,
                     char *value) {
    r->status = status;
    r->exit_code = exit_code;
    return set_error(r, strdup(name), value, strdup(""));
}

static char *stop_text(const sn_job *job, enum sn_stop why) {
    if (why == SN_STOP_CPU)
        return sn_format("the limit of CPU time was reached");
    return sn_format("the time limit of %g seconds was reached", (double)job->timeout_ns / 1e9);
}

static bool describe_cancelled(sn_result *r) {
    if (!r->error_name || strcmp(r->error_name, "KeyboardInterrupt") != 0)
        return describe(r, SN_STATUS_CANCELLED, EXIT_CANCELLED, "Cancelled",
                        sn_format("the execution was cancelled"));
    r->status = SN_STATUS_CANCELLED;
    r->exit_code = EXIT_CANCELLED;
    return true;
}

/* A guest that was asked to stop went over its limit, whatever it made of that. If it was the
 * exception that ended it, where that happened is worth to be told. */
static bool describe_stop(sn_result *r, const sn_job *job, enum sn_stop why) {
    if (why == SN_STOP_CANCEL)
        return describe_cancelled(r);
    if (!r->error_name || strcmp(r->error_name, "TimeoutError") != 0)
        return describe(r, SN_STATUS_TIMEOUT, EXIT_TIMEOUT, "TimeoutError", stop_text(job, why));
    r->status = SN_STATUS_TIMEOUT;
    r->exit_code = EXIT_TIMEOUT;
    return true;
}

/* The guest came to its own end: it returned, exited or trapped. */
static bool judge_done(sn_result *r, const sn_job *job, const sn_frame_done *done) {
    if (done->outcome == SN_TRAPPED)
        return describe(r, SN_STATUS_CRASHED, EXIT_KILLED, "SandboxTrap",
                        sn_format("%s", sn_trap_text((enum sn_trap)done->trap)));
    if (done->stop != SN_STOP_NONE)
        return describe_stop(r, job, (enum sn_stop)done->stop);
    r->exit_code = (int)(done->exit_code & 255);
    r->status = r->error_name || r->exit_code != 0 ? SN_STATUS_ERROR : SN_STATUS_OK;
    if (r->error_name && done->grow_refused && strcmp(r->error_name, "MemoryError") == 0) {
        r->status = SN_STATUS_MEMORY_LIMIT;
        r->exit_code = EXIT_KILLED;
        if (r->error_value && !*r->error_value) {
            free(r->error_value);
            r->error_value = sn_format("the memory limit of %llu MB was reached",
                                       (unsigned long long)(job->memory_limit_bytes >> 20));
        }
    }
    if (!r->error_name && r->status == SN_STATUS_ERROR) /* os._exit(), or a command's exit code */
        return describe(r, SN_STATUS_ERROR, r->exit_code, "SystemExit",
                        sn_format("%d", r->exit_code));
    return true;
}

static bool judge(sn_result *r, const sn_job *job, const sn_job_end *end) {
    switch (end->ending) {
    case SN_JOB_DONE:
        return judge_done(r, job, &end->done);
    case SN_JOB_TIMEOUT:
        return describe(r, SN_STATUS_TIMEOUT, EXIT_TIMEOUT, "TimeoutError",
                        stop_text(job, SN_STOP_TIME));
    case SN_JOB_CPU_LIMIT:
        return describe(r, SN_STATUS_TIMEOUT, EXIT_TIMEOUT, "TimeoutError",
                        stop_text(job, SN_STOP_CPU));
    case SN_JOB_CANCELLED:
        return describe_cancelled(r);
    case SN_JOB_OUTPUT_LIMIT:
        return describe(r, SN_STATUS_OUTPUT_LIMIT, EXIT_OUTPUT, "OutputLimit",
                        sn_format("more than %llu MiB of output was written",
                                  (unsigned long long)(job->output_limit_bytes >> 20)));
    case SN_JOB_LOST:
        break;
    }
    if (end->zygote_died)
        return describe(r, SN_STATUS_CRASHED, EXIT_KILLED, "WorkerLost",
                        sn_format("the process that workers come from was ended, and this worker "
                                  "with it"));
    return describe(r, SN_STATUS_CRASHED, EXIT_KILLED, "WorkerLost",
                    end->signal ? sn_format("the worker was ended by signal %d (%s)", end->signal,
                                            strsignal(end->signal))
                                : sn_format("the worker ended without a result"));
}

static char *take_text(sn_buffer *buffer, size_t *bytes, bool *truncated) {
    *truncated = buffer->truncated;
    return sn_utf8_repair(buffer->data, buffer->bytes, buffer->truncated, bytes);
}

int sn_collector_finish(sn_result **out, sn_collector *collector, const sn_job *job,
                        const sn_job_end *end, sn_error *err) {
    sn_result *r = collector->result;
    r->stdout_text = take_text(&collector->out, &r->stdout_bytes, &r->stdout_truncated);
    r->stderr_text = take_text(&collector->err, &r->stderr_bytes, &r->stderr_truncated);
    if (!r->stdout_text || !r->stderr_text || !judge(r, job, end)) {
        sn_collector_free(collector);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the result");
    }
    r->usage = (sn_usage){
        .wall_ms = (double)end->wall_ns / 1e6,
        .cpu_ms = (double)end->cpu_ns / 1e6,
        .startup_ms = (double)end->startup_ns / 1e6,
        .peak_memory_bytes = end->peak_memory_bytes,
        .output_bytes = end->output_bytes,
    };
    *out = SN_STEAL(collector->result);
    sn_collector_free(collector);
    return 0;
}

void sn_collector_free(sn_collector *collector) {
    sn_result_free(collector->result);
    collector->result = NULL;
    sn_buffer_free(&collector->out);
    sn_buffer_free(&collector->err);
}
