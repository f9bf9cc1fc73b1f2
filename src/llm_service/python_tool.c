/* python_tool.c - see python_tool.h. */
#include "llm_service/python_tool.h"

#include "service/query_code.h"
#include "service/tools.h"
#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* ---- the offer ---- */

int sn_python_tool_offer(sn_model_tool *out, json_t **schema, const sn_executor_figures *limits,
                         sn_error *err) {
    const sn_tool *tool = sn_tool_find(SN_PYTHON_TOOL);
    *schema = sn_tool_input_schema(tool, limits);
    if (!*schema)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the tool");
    json_object_del(json_object_get(*schema, "properties"), "session_id");
    *out = (sn_model_tool){
        .name = SN_PYTHON_TOOL,
        .description =
            "Runs Python 3.11 in a sandbox and returns what it prints and the value of its last "
            "expression. Variables, functions and imports stay for the next call. The standard "
            "library is there; there are no other packages, no network, no threads and no "
            "processes. Files can be written in /workspace.",
        .input_schema = *schema,
    };
    return 0;
}

/* ---- a call ---- */

static int wrong(sn_error *err, const char *name, const char *wanted) {
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s must be %s", name, wanted);
}

static int take_code(sn_python_call *call, const json_t *value, sn_error *err) {
    if (!json_is_string(value))
        return wrong(err, "code", "a string of Python source");
    char *unfenced = sn_query_code(json_string_value(value), SN_CODE_ALONE);
    if (unfenced) {
        json_object_set_new(call->arguments, "code", json_string(unfenced));
        free(unfenced);
        value = json_object_get(call->arguments, "code");
    }
    call->request.code = json_string_value(value);
    call->request.code_bytes = json_string_length(value);
    return 0;
}

static int take_stdin(sn_python_call *call, const json_t *value, sn_error *err) {
    if (!json_is_string(value))
        return wrong(err, "stdin", "a string");
    call->request.stdin_data = json_string_value(value);
    call->request.stdin_bytes = json_string_length(value);
    return 0;
}

static int take_timeout(sn_python_call *call, const json_t *value, sn_error *err) {
    if (!json_is_number(value) || json_number_value(value) == 0)
        return wrong(err, "timeout_seconds", "a number of seconds, at least 1");
    call->request.timeout_seconds = json_number_value(value);
    return 0;
}

static int take_memory(sn_python_call *call, const json_t *value, sn_error *err) {
    double number = json_number_value(value);
    if (!json_is_number(value) || number != floor(number) || number < 1 || number > UINT32_MAX)
        return wrong(err, "memory_limit_mb", "a whole number");
    call->request.memory_limit_mb = (uint32_t)number;
    return 0;
}

static const struct {
    const char *name;
    int (*take)(sn_python_call *call, const json_t *value, sn_error *err);
} parameters[] = {
    {"code", take_code},
    {"stdin", take_stdin},
    {"timeout_seconds", take_timeout},
    {"memory_limit_mb", take_memory},
};

static int take(sn_python_call *call, const char *name, const json_t *value, sn_error *err) {
    if (json_is_null(value))
        return 0; /* as if it were not there */
    for (size_t i = 0; i < SN_COUNT(parameters); i++)
        if (strcmp(parameters[i].name, name) == 0)
            return parameters[i].take(call, value, err);
    return sn_fail(err, SN_EINVALID_ARGUMENT,
                   "there is no argument '%.64s'; there are code, stdin, timeout_seconds and "
                   "memory_limit_mb",
                   name);
}

int sn_python_call_read(sn_python_call *out, const char *arguments, sn_error *err) {
    static const sn_request none = SN_REQUEST_INIT;
    json_error_t at;
    json_t *value;
    const char *name;
    void *next;
    int rc = 0;
    *out = (sn_python_call){.request = none};
    if (sn_json_is_too_deep(arguments, strlen(arguments)))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the arguments are nested too deep");
    out->arguments = json_loads(arguments, 0, &at);
    if (!out->arguments)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the arguments are no JSON object: line %d, column %d: %s", at.line,
                       at.column, at.text);
    if (!json_is_object(out->arguments))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "the arguments are JSON, but no object");
    json_object_foreach_safe (out->arguments, next, name, value)
        if (rc == 0)
            rc = take(out, name, value, err);
    if (rc == 0 && !out->request.code)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "the argument code is missing");
    if (rc < 0)
        sn_python_call_clear(out);
    return rc;
}

void sn_python_call_clear(sn_python_call *call) {
    json_decref(call->arguments);
    *call = (sn_python_call){0};
}

/* ---- what came of it ---- */

typedef struct teller {
    sn_buffer text;
    bool failed; /* no memory */
} teller;

static void add(teller *t, const char *text, size_t bytes) {
    t->failed |= !sn_buffer_add(&t->text, text, bytes);
}

static void __attribute__((format(printf, 2, 3))) say(teller *t, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    add(t, line, strlen(line));
}

static void end_line(teller *t) {
    if (t->text.bytes > 0 && t->text.data[t->text.bytes - 1] != '\n')
        add(t, "\n", 1);
}

/* Behind the character that `at` lies in. */
static size_t whole(const char *text, size_t bytes, size_t at) {
    while (at < bytes && ((unsigned char)text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* The beginning and the end: an end is where results are, a beginning tells what they are of. */
static void add_bounded(teller *t, const char *text, size_t bytes, size_t most) {
    if (bytes <= most) {
        add(t, text, bytes);
    } else {
        size_t head = whole(text, bytes, most / 2), tail = whole(text, bytes, bytes - most / 2);
        add(t, text, head);
        end_line(t);
        say(t, "[%zu bytes are left out here]\n", tail - head);
        add(t, text + tail, bytes - tail);
    }
    end_line(t);
}

static void add_stream(teller *t, const char *title, const char *text, size_t bytes,
                       bool truncated) {
    if (bytes == 0)
        return;
    say(t, "%s:\n", title);
    add_bounded(t, text, bytes, SN_TOLD_MOST_BYTES);
    if (truncated)
        say(t, "[the rest was dropped]\n");
}

static void add_bundle(teller *t, const char *title, const sn_bundle *bundle) {
    const sn_mime *plain = NULL;
    for (size_t i = 0; i < bundle->count; i++)
        if (strcmp(bundle->items[i].type, "text/plain") == 0)
            plain = &bundle->items[i];
    if (plain) {
        say(t, "%s: ", title);
        add_bounded(t, plain->data, plain->data_bytes, SN_TOLD_MOST_BYTES);
    } else if (bundle->count > 0) {
        say(t, "%s: %s, %zu bytes, shown to the user\n", title, bundle->items[0].type,
            bundle->items[0].data_bytes);
    }
}

/* The status, unless the traceback says it all. */
static void add_status(teller *t, const sn_result *r) {
    bool has_traceback = r->error_traceback && *r->error_traceback;
    if (has_traceback) {
        say(t, "Error:\n");
        add_bounded(t, r->error_traceback, strlen(r->error_traceback), SN_TOLD_MOST_BYTES);
    }
    if (r->status == SN_STATUS_OK || (r->status == SN_STATUS_ERROR && has_traceback))
        return;
    say(t, "The code was ended: %s", sn_status_name(r->status));
    if (r->error_value && *r->error_value) {
        say(t, ": ");
        add_bounded(t, r->error_value, strlen(r->error_value), SN_TOLD_MOST_BYTES);
    }
    end_line(t);
}

char *sn_python_tool_tell(const sn_result *r) {
    teller t = {0};
    add_stream(&t, "Printed", r->stdout_text, r->stdout_bytes, r->stdout_truncated);
    add_stream(&t, "Printed to stderr", r->stderr_text, r->stderr_bytes, r->stderr_truncated);
    for (size_t i = 0; i < r->outputs_count; i++)
        add_bundle(&t, "Displayed", &r->outputs[i]);
    add_bundle(&t, "Value", &r->value);
    add_status(&t, r);
    if (r->unsaved)
        say(&t, "Variables are as they were before this call: %.400s\n", r->unsaved);
    if (t.text.bytes == 0)
        say(&t, "The code ran, and printed nothing.\n");
    if (t.failed) {
        sn_buffer_free(&t.text);
        return NULL;
    }
    return sn_buffer_take(&t.text, &(size_t){0});
}

char *sn_python_tool_tell_error(const sn_error *error) {
    teller t = {0};
    say(&t, "The code was not run: ");
    add(&t, error->message, strlen(error->message));
    end_line(&t);
    if (t.failed)
        sn_buffer_free(&t.text);
    return t.failed ? NULL : sn_buffer_take(&t.text, &(size_t){0});
}
