/* report.c - see report.h. */
#include "orchestrator/report.h"

#include "util/auto.h"
#include "util/io.h"
#include "util/utf8.h"

#include <stdio.h>
#include <string.h>

enum { JOIN_BYTES = 4096 };
static const uint64_t JOIN_NS = 50000000;

/* ---- texts ---- */

char *sn_report_cut(const char *text, size_t bytes, size_t most) {
    size_t ignored;
    return sn_utf8_repair(text ? text : "", text ? (bytes < most ? bytes : most) : 0, bytes > most,
                          &ignored);
}

/* json_string() takes no NUL. */
static json_t *json_text(const char *text, size_t bytes, size_t most) {
    size_t repaired = 0;
    if (!text)
        return json_null();
    sn_auto_free char *copy =
        sn_utf8_repair(text, bytes < most ? bytes : most, bytes > most, &repaired);
    return copy ? json_stringn(copy, repaired) : json_null();
}

static json_t *json_words(const char *text) {
    return json_text(text, text ? strlen(text) : 0, SN_TASK_CALL_MOST_BYTES);
}

char *sn_report_text(const sn_result *r) {
    const char *value = sn_result_text(r);
    sn_buffer text = {.limit_bytes = SN_TASK_RESULT_MOST_BYTES};
    size_t out = r->stdout_text ? r->stdout_bytes : 0;
    bool ok = sn_buffer_add(&text, r->stdout_text ? r->stdout_text : "", out);
    if (ok && value && out > 0 && r->stdout_text[out - 1] != '\n')
        ok = sn_buffer_add(&text, "\n", 1);
    if (ok && value)
        ok = sn_buffer_add(&text, value, strlen(value));
    for (size_t i = 0; i < text.bytes; i++)
        if (text.data[i] == '\0')
            text.data[i] = ' ';
    char *copy = ok ? sn_report_cut(text.data, text.bytes, SN_TASK_RESULT_MOST_BYTES) : NULL;
    sn_buffer_free(&text);
    return copy;
}

void sn_report_error(char *out, size_t room, const sn_result *r) {
    sn_auto_free char *text =
        r->status == SN_STATUS_OK ? sn_format("%s", "")
        : r->error_name ? sn_format("%s: %s", r->error_name, r->error_value ? r->error_value : "")
        : r->status == SN_STATUS_ERROR
            ? sn_format("the code ended with exit code %d", r->exit_code)
            : sn_format("the execution ended with status %s", sn_status_name(r->status));
    sn_task_copy_text(out, room, text);
}

/* ---- joined pieces ---- */

static json_t *with_step(const sn_report *r, json_t *data) {
    if (r->step)
        json_object_set_new(data, "step", json_string(r->step));
    return data;
}

/* All but the beginning of a character whose rest may follow. */
static void flush(sn_report *r, bool all) {
    size_t bytes = r->pending.bytes;
    if (!all)
        bytes -= sn_utf8_unfinished(r->pending.data, bytes);
    if (bytes == 0)
        return;
    json_t *text = json_text(r->pending.data, bytes, SN_TASK_EVENT_TEXT_MOST_BYTES);
    json_t *data = r->stream ? json_pack("{s:s, s:s, s:b, s:o}", "tool", "python_executor",
                                         "stream", r->stream, "partial", 1, "message", text)
                             : json_pack("{s:o}", "message", text);
    sn_live_tell(r->live, r->stream ? SN_TASK_OBSERVATION : SN_TASK_PARTIAL, with_step(r, data));
    memmove(r->pending.data, r->pending.data + bytes, r->pending.bytes - bytes);
    r->pending.bytes -= bytes;
    r->since_ns = 0;
}

static void add(sn_report *r, const char *stream, const char *data, size_t bytes) {
    if (r->pending.bytes > 0 && r->stream != stream)
        flush(r, true);
    r->stream = stream;
    while (bytes > 0) {
        size_t part = bytes < JOIN_BYTES ? bytes : JOIN_BYTES;
        uint64_t now_ns = sn_now_ns();
        if (!sn_buffer_add(&r->pending, data, part))
            return;
        data += part, bytes -= part;
        if (r->pending.bytes >= JOIN_BYTES || now_ns - r->since_ns > JOIN_NS) {
            flush(r, false);
            r->since_ns = now_ns;
        }
    }
}

/* ---- calls ---- */

void sn_report_invoked(sn_report *r, const char *name, const char *code) {
    flush(r, true);
    free(r->code);
    r->code = strdup(code ? code : "");
    sn_live_tell(r->live, SN_TASK_INVOKED,
                 with_step(r, json_pack("{s:s, s:s, s:o}", "tool", name ? name : "python_executor",
                                        "message", "executing Python", "code", json_words(code))));
}

static json_t *call_json(const sn_report *r, const char *name, const sn_result *result,
                         const char *error) {
    json_t *call = json_pack("{s:s, s:o}", "name", name ? name : "python_executor", "code",
                             json_words(r->code));
    if (!result) {
        json_object_set_new(call, "status", json_string("refused"));
        json_object_set_new(call, "error", json_words(error ? error : "it could not be executed"));
        return with_step(r, call);
    }
    char why[SN_TASK_ERROR_MOST_BYTES];
    sn_report_error(why, sizeof why, result);
    const char *value = sn_result_text(result);
    json_object_set_new(call, "status", json_string(sn_status_name(result->status)));
    json_object_set_new(
        call, "stdout",
        json_text(result->stdout_text, result->stdout_bytes, SN_TASK_CALL_MOST_BYTES));
    json_object_set_new(
        call, "stderr",
        json_text(result->stderr_text, result->stderr_bytes, SN_TASK_CALL_MOST_BYTES));
    json_object_set_new(call, "value", json_words(value));
    json_object_set_new(call, "error", *why ? json_words(why) : json_null());
    json_object_set_new(call, "traceback", json_words(*why ? result->error_traceback : NULL));
    json_object_set_new(call, "execution_time_ms", json_real(result->usage.wall_ms));
    return with_step(r, call);
}

void sn_report_result(sn_report *r, const char *name, const sn_result *result, const char *error) {
    flush(r, true);
    json_t *call = call_json(r, name, result, error);
    json_t *data = json_pack("{s:s, s:b, s:O}", "tool", name ? name : "python_executor", "partial",
                             0, "status", json_object_get(call, "status"));
    json_object_set(data, "error", json_object_get(call, "error"));
    if (result && sn_result_text(result))
        json_object_set(data, "value", json_object_get(call, "value"));
    sn_auto_free char *message = result ? sn_report_text(result) : strdup(error ? error : "");
    json_object_set_new(data, "message", json_words(message));
    sn_live_tell(r->live, SN_TASK_OBSERVATION, with_step(r, data));
    sn_live_add_call(r->live, call);
}

/* ---- what is told ---- */

int sn_report_execution(void *user, const sn_event *event) {
    sn_report *r = user;
    if (event->kind == SN_EVENT_STDOUT)
        add(r, "stdout", event->data, event->data_bytes);
    else if (event->kind == SN_EVENT_STDERR)
        add(r, "stderr", event->data, event->data_bytes);
    return 0;
}

int sn_report_agent(void *user, const sn_agent_event *event) {
    sn_report *r = user;
    switch (event->kind) {
    case SN_AGENT_TEXT:
        add(r, NULL, event->text, event->text_bytes);
        return 0;
    case SN_AGENT_CALL:
        sn_report_invoked(r, event->name, event->code);
        return 0;
    case SN_AGENT_OUTPUT:
        return event->event ? sn_report_execution(r, event->event) : 0;
    case SN_AGENT_RESULT:
        sn_report_result(r, event->name, event->result, event->text);
        return 0;
    }
    return 0;
}

void sn_report_end(sn_report *r) {
    flush(r, true);
    sn_buffer_free(&r->pending);
    free(SN_STEAL(r->code));
}
