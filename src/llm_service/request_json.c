/* request_json.c - see request_json.h. */
#include "llm_service/request_json.h"

#include "llm_service/json_value.h"
#include "util/auto.h"
#include "util/base64.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

enum { ARGS_MOST = 16 << 10, MEMORY_MOST_MB = 4096, NAME_BYTES = 64 };

typedef sn_request_json out;

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the request");
}

/* ---- single fields ---- */

static int take_code(out *to, const char *name, const json_t *value, sn_error *err) {
    return sn_json_bytes(&to->request.code, &to->request.code_bytes, name, value, err);
}

static int take_stdin(out *to, const char *name, const json_t *value, sn_error *err) {
    const char *data = NULL;
    int rc = sn_json_bytes(&data, &to->request.stdin_bytes, name, value, err);
    to->request.stdin_data = data;
    return rc;
}

static int take_session(out *to, const char *name, const json_t *value, sn_error *err) {
    return sn_json_take_text(&to->request.session_id, name, value, err);
}

static int take_filename(out *to, const char *name, const json_t *value, sn_error *err) {
    return sn_json_take_text(&to->request.filename, name, value, err);
}

/* 0 would mean the default to sn_execute(). */
static int take_timeout(out *to, const char *name, const json_t *value, sn_error *err) {
    if (!json_is_number(value))
        return sn_json_not_a(name, value, "a number of seconds", err);
    to->request.timeout_seconds = json_number_value(value);
    if (to->request.timeout_seconds >= 1)
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is %g; it must be a number of at least 1", name,
                   to->request.timeout_seconds);
}

static int take_memory(out *to, const char *name, const json_t *value, sn_error *err) {
    uint64_t megabytes = 0;
    int rc = sn_json_whole(&megabytes, name, value, 1, MEMORY_MOST_MB, err);
    to->request.memory_limit_mb = (uint32_t)megabytes;
    return rc;
}

static int take_workspace(out *to, const char *name, const json_t *value, sn_error *err) {
    uint64_t megabytes = 0;
    int rc = sn_json_whole(&megabytes, name, value, 1, SN_WORKSPACE_MAX_BYTES >> 20, err);
    to->request.workspace_bytes = megabytes << 20;
    return rc;
}

static int take_discard(out *to, const char *name, const json_t *value, sn_error *err) {
    to->request.discard = json_is_true(value);
    return json_is_boolean(value) ? 0 : sn_json_not_a(name, value, "true or false", err);
}

static int take_deterministic(out *to, const char *name, const json_t *value, sn_error *err) {
    static const char *const names[] = {"seed", "time", NULL};
    if (!json_is_object(value))
        return sn_json_not_a(name, value, "an object of seed and time", err);
    const json_t *seed = sn_json_get(value, "seed"), *time = sn_json_get(value, "time");
    int rc = sn_json_known(value, names, "deterministic.", err);
    if (rc == 0 && seed)
        rc = sn_json_whole(&to->deterministic.seed, "deterministic.seed", seed, 0, INT64_MAX, err);
    if (rc == 0 && time && !json_is_number(time))
        rc = sn_json_not_a("deterministic.time", time, "a number of seconds since 1970", err);
    if (rc == 0 && time)
        to->deterministic.time = json_number_value(time);
    to->request.deterministic = &to->deterministic;
    return rc;
}

static int take_args(out *to, const char *name, const json_t *value, sn_error *err) {
    size_t count = json_array_size(value);
    int rc = 0;
    if (!json_is_array(value))
        return sn_json_not_a(name, value, "a list of texts", err);
    if (count > ARGS_MOST)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s has %zu texts, more than the limit of %d",
                       name, count, ARGS_MOST);
    to->args = calloc(count + 1, sizeof *to->args);
    if (!to->args)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char item[NAME_BYTES];
        snprintf(item, sizeof item, "args[%zu]", i);
        rc = sn_json_take_text(&to->args[i], item, json_array_get(value, i), err);
    }
    to->request.args = to->args;
    to->request.args_count = count;
    return rc;
}

/* ---- files ---- */

static int take_text(sn_input_file *file, const char *where, const json_t *value, sn_error *err) {
    char name[NAME_BYTES];
    const char *data = NULL;
    snprintf(name, sizeof name, "%scontent", where);
    int rc = sn_json_bytes(&data, &file->content_bytes, name, value, err);
    file->content = data;
    return rc;
}

static int take_base64(out *to, sn_input_file *file, const char *where, const json_t *value,
                       sn_error *err) {
    char name[NAME_BYTES];
    const char *text = NULL;
    size_t bytes = 0, wrong;
    snprintf(name, sizeof name, "%scontent_base64", where);
    int rc = sn_json_bytes(&text, &bytes, name, value, err);
    if (rc < 0)
        return rc;
    void *content = sn_base64_decode(&file->content_bytes, &wrong, text, bytes);
    if (!content && wrong == SIZE_MAX)
        return no_memory(err);
    if (!content) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "%s is no base64: see character %zu", name, wrong + 1);
        return sn_hint(err, "it is padded with =, and has no line breaks: `base64 -w0` makes it");
    }
    to->decoded[to->decoded_count++] = content;
    file->content = content;
    return 0;
}

static int take_file(out *to, size_t i, const json_t *value, sn_error *err) {
    static const char *const names[] = {"path", "content", "content_base64", NULL};
    sn_input_file *file = &to->files[i];
    char where[NAME_BYTES / 2], name[NAME_BYTES];
    snprintf(name, sizeof name, "files[%zu]", i);
    if (!json_is_object(value))
        return sn_json_not_a(name, value, "an object of path and content", err);
    const json_t *path = sn_json_get(value, "path");
    const json_t *text = sn_json_get(value, "content");
    const json_t *coded = sn_json_get(value, "content_base64");
    snprintf(where, sizeof where, "files[%zu].", i);
    int rc = sn_json_known(value, names, where, err);
    if (rc == 0 && !path)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "%s has no path", name);
    if (rc == 0 && !text == !coded)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "%s has %s content %s content_base64", name,
                     text ? "both" : "neither", text ? "and" : "nor");
    snprintf(name, sizeof name, "%spath", where);
    if (rc == 0)
        rc = sn_json_take_text(&file->path, name, path, err);
    if (rc < 0)
        return rc;
    return text ? take_text(file, where, text, err) : take_base64(to, file, where, coded, err);
}

static int take_files(out *to, const char *name, const json_t *value, sn_error *err) {
    size_t count = json_array_size(value);
    int rc = 0;
    if (!json_is_array(value))
        return sn_json_not_a(name, value, "a list of objects with path and content", err);
    if (count > SN_FILES_MAX)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s has %zu files, more than the limit of %d",
                       name, count, SN_FILES_MAX);
    to->files = calloc(count + 1, sizeof *to->files);
    to->decoded = calloc(count + 1, sizeof *to->decoded);
    if (!to->files || !to->decoded)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_file(to, i, json_array_get(value, i), err);
    to->request.files = to->files;
    to->request.files_count = count;
    return rc;
}

/* ---- the request ---- */

static const struct {
    const char *name;
    int (*take)(out *to, const char *name, const json_t *value, sn_error *err);
} fields[] = {
    {"code", take_code},
    {"session_id", take_session},
    {"timeout_seconds", take_timeout},
    {"stdin", take_stdin},
    {"files", take_files},
    {"memory_limit_mb", take_memory},
    {"deterministic", take_deterministic},
    {"args", take_args},
    {"filename", take_filename},
    {"discard", take_discard},
    {"workspace_mb", take_workspace},
};

static int check_names(const json_t *json, sn_error *err) {
    const char *names[SN_COUNT(fields) + 1] = {0};
    for (size_t i = 0; i < SN_COUNT(fields); i++)
        names[i] = fields[i].name;
    return sn_json_known(json, names, "", err);
}

int sn_request_json_read(sn_request_json *to, json_t *json, sn_error *err) {
    static const sn_request none = SN_REQUEST_INIT;
    *to = (sn_request_json){.request = none, .json = json_incref(json)};
    int rc = json_is_object(json) ? check_names(json, err)
                                  : sn_json_not_a("the request", json, "an object", err);
    for (size_t i = 0; rc == 0 && i < SN_COUNT(fields); i++) {
        const json_t *value = sn_json_get(json, fields[i].name);
        if (value)
            rc = fields[i].take(to, fields[i].name, value, err);
    }
    if (rc == 0 && !to->request.code)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "there is no code in the request");
    if (rc < 0)
        sn_request_json_clear(to);
    return rc;
}

void sn_request_json_clear(sn_request_json *request) {
    for (size_t i = 0; i < request->decoded_count; i++)
        free(request->decoded[i]);
    free(request->decoded);
    free(request->files);
    free(request->args);
    json_decref(request->json);
    *request = (sn_request_json){0};
}
