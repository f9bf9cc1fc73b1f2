/* result_json.c - the result as JSON, with the field names that every interface uses. */
#include "executor/result_json.h"

static json_t *text(const char *data, size_t bytes) {
    return json_stringn(data ? data : "", data ? bytes : 0);
}

json_t *sn_bundle_json_value(const sn_bundle *from) {
    json_t *object = json_object();
    for (size_t i = 0; object && i < from->count; i++)
        json_object_set_new(object, from->items[i].type,
                            text(from->items[i].data, from->items[i].data_bytes));
    return object;
}

static json_t *outputs(const sn_result *r) {
    json_t *array = json_array();
    for (size_t i = 0; array && i < r->outputs_count; i++)
        json_array_append_new(array, sn_bundle_json_value(&r->outputs[i]));
    return array;
}

static json_t *error(const sn_result *r) {
    if (!r->error_name)
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "name", r->error_name, "value", r->error_value, "traceback",
                     r->error_traceback);
}

static json_t *usage(const sn_usage *u) {
    return json_pack("{s:f, s:f, s:f, s:I, s:I}", "wall_ms", u->wall_ms, "cpu_ms", u->cpu_ms,
                     "startup_ms", u->startup_ms, "peak_memory_bytes",
                     (json_int_t)u->peak_memory_bytes, "output_bytes", (json_int_t)u->output_bytes);
}

json_t *sn_result_json_value(const sn_result *r) {
    json_t *root =
        json_pack("{s:s, s:o, s:o, s:{s:b, s:b}, s:o, s:o, s:o, s:s?, s:I, s:o}", "status",
                  sn_status_name(r->status), "stdout", text(r->stdout_text, r->stdout_bytes),
                  "stderr", text(r->stderr_text, r->stderr_bytes), "truncated", "stdout",
                  r->stdout_truncated, "stderr", r->stderr_truncated, "result",
                  r->value.count ? sn_bundle_json_value(&r->value) : json_null(), "outputs",
                  outputs(r), "error", error(r), "session_id", r->session_id, "step",
                  (json_int_t)r->step, "usage", usage(&r->usage));
    if (root && r->unsaved)
        json_object_set_new(root, "unsaved", json_string(r->unsaved));
    return root;
}

char *sn_result_json(const sn_result *r) {
    json_t *root = sn_result_json_value(r);
    char *json = root ? json_dumps(root, SN_JSON_DIGITS) : NULL;
    json_decref(root);
    return json;
}
