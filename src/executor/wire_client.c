/* wire_client.c - executions as a client sees them. See wire_client.h; wire_client_session.c has
 * the sessions. */
#include "executor/wire_client.h"

#include "executor.pb-c.h"
#include "executor/result.h"
#include "executor/wire_unpack.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/utf8.h"

#include <string.h>

/* ---- requests ---- */

static ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)text};
}

static void put_parts(Shannon__V1__ExecuteRequest *to, const sn_request *from) {
    to->code = (ProtobufCBinaryData){from->code_bytes, (uint8_t *)from->code};
    to->session_id = text_of(from->session_id);
    to->timeout_seconds = from->timeout_seconds;
    to->stdin = (ProtobufCBinaryData){from->stdin_bytes, (uint8_t *)from->stdin_data};
    to->memory_limit_mb = from->memory_limit_mb;
    to->filename = text_of(from->filename);
    to->workspace_bytes = from->workspace_bytes;
    to->output_limit_bytes = from->output_limit_bytes;
    to->discard = from->discard;
}

void *sn_wire_request_pack(size_t *bytes, const sn_request *request) {
    Shannon__V1__ExecuteRequest message = SHANNON__V1__EXECUTE_REQUEST__INIT;
    Shannon__V1__Deterministic fixed = SHANNON__V1__DETERMINISTIC__INIT;
    sn_auto_free ProtobufCBinaryData *args = calloc(request->args_count + 1, sizeof *args);
    sn_auto_free Shannon__V1__InputFile *files = calloc(request->files_count + 1, sizeof *files);
    sn_auto_free Shannon__V1__InputFile **list = calloc(request->files_count + 1, sizeof(void *));
    if (!args || !files || !list)
        return NULL;
    put_parts(&message, request);
    if (request->deterministic) {
        fixed.seed = request->deterministic->seed;
        fixed.time = request->deterministic->time;
        message.deterministic = &fixed;
    }
    for (size_t i = 0; i < request->args_count; i++)
        args[i] = text_of(request->args[i]);
    for (size_t i = 0; i < request->files_count; i++) {
        const sn_input_file *file = &request->files[i];
        shannon__v1__input_file__init(&files[i]);
        files[i].path = text_of(file->path);
        files[i].content = (ProtobufCBinaryData){file->content_bytes, (uint8_t *)file->content};
        list[i] = &files[i];
    }
    message.n_args = request->args_count;
    message.args = args;
    message.n_files = request->files_count;
    message.files = list;
    return sn_wire_pack(bytes, &message.base);
}

/* ---- values ---- */

static void drop_bundle(sn_bundle *bundle) {
    for (size_t i = 0; i < bundle->count; i++) {
        free((char *)bundle->items[i].type);
        free((char *)bundle->items[i].data);
    }
    free(bundle->items);
    *bundle = (sn_bundle){0};
}

/* False: no memory; what is there is the caller's to drop. */
static bool take_bundle(sn_bundle *out, const Shannon__V1__Bundle *from) {
    *out = (sn_bundle){0};
    size_t count = from->n_representations;
    if (count > SN_BUNDLE_MAX_ITEMS)
        count = SN_BUNDLE_MAX_ITEMS;
    out->items = calloc(count + 1, sizeof *out->items);
    if (!out->items)
        return false;
    for (size_t i = 0; i < count; i++) {
        const Shannon__V1__Representation *r = from->representations[i];
        sn_mime *item = &out->items[out->count++];
        item->type = sn_wire_text(&r->type);
        item->data =
            sn_utf8_repair((const char *)r->data.data, r->data.len, false, &item->data_bytes);
        if (!item->type || !item->data)
            return false;
    }
    return true;
}

/* ---- results ---- */

/* NULL stays NULL for what is not said. */
static bool take_optional(char **out, const ProtobufCBinaryData *text) {
    *out = text->len ? sn_wire_text(text) : NULL;
    return *out || text->len == 0;
}

static bool take_texts(sn_result *r, const Shannon__V1__ExecuteResponse *m) {
    r->stdout_text =
        sn_utf8_repair((const char *)m->stdout.data, m->stdout.len, false, &r->stdout_bytes);
    r->stderr_text =
        sn_utf8_repair((const char *)m->stderr.data, m->stderr.len, false, &r->stderr_bytes);
    if (!r->stdout_text || !r->stderr_text || !take_optional(&r->session_id, &m->session_id) ||
        !take_optional(&r->unsaved, &m->unsaved))
        return false;
    if (!m->error)
        return true;
    r->error_name = sn_wire_text(&m->error->name);
    r->error_value = sn_wire_text(&m->error->value);
    r->error_traceback = sn_wire_text(&m->error->traceback);
    return r->error_name && r->error_value && r->error_traceback;
}

static bool take_bundles(sn_result *r, const Shannon__V1__ExecuteResponse *m) {
    size_t count = m->n_outputs < SN_OUTPUTS_MAX ? m->n_outputs : SN_OUTPUTS_MAX;
    if (m->result && !take_bundle(&r->value, m->result))
        return false;
    if (count == 0)
        return true;
    r->outputs = calloc(count, sizeof *r->outputs);
    for (size_t i = 0; r->outputs && i < count; i++) {
        r->outputs_count++;
        if (!take_bundle(&r->outputs[i], m->outputs[i]))
            return false;
    }
    return r->outputs != NULL;
}

static int take_result(sn_result **out, const Shannon__V1__ExecuteResponse *m, sn_error *err) {
    enum sn_status status;
    if (!sn_wire_status(&status, m->status) || m->exit_code < 0 || m->exit_code > 255)
        return sn_wire_nonsense(err, "it is a result without a status");
    sn_result *r = calloc(1, sizeof *r);
    if (!r || !take_texts(r, m) || !take_bundles(r, m)) {
        sn_result_free(r);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the result");
    }
    r->status = status;
    r->exit_code = m->exit_code;
    r->stdout_truncated = m->stdout_truncated;
    r->stderr_truncated = m->stderr_truncated;
    r->step = m->step;
    if (m->usage)
        r->usage = (sn_usage){sn_wire_number(m->usage->wall_ms), sn_wire_number(m->usage->cpu_ms),
                              sn_wire_number(m->usage->startup_ms), m->usage->peak_memory_bytes,
                              m->usage->output_bytes};
    *out = r;
    return 0;
}

int sn_wire_read_response(sn_result **out, const void *data, size_t bytes, sn_error *err) {
    Shannon__V1__ExecuteResponse *m =
        sn_wire_unpack(&shannon__v1__execute_response__descriptor, data, bytes);
    if (!m)
        return sn_wire_nonsense(err, "it is no shannon.v1.ExecuteResponse");
    int rc = take_result(out, m, err);
    shannon__v1__execute_response__free_unpacked(m, NULL);
    return rc;
}

/* ---- events ---- */

static int take_shown(sn_wire_happened *out, enum sn_event_kind kind,
                      const Shannon__V1__Bundle *from, sn_error *err) {
    if (!take_bundle(&out->bundle, from))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for what was displayed");
    out->event = (sn_event){.kind = kind, .bundle = &out->bundle};
    return 0;
}

static int take_event(sn_wire_happened *out, const Shannon__V1__ExecuteEvent *m, sn_error *err) {
    switch (m->event_case) {
    case SHANNON__V1__EXECUTE_EVENT__EVENT_STDOUT:
        out->event = (sn_event){
            .kind = SN_EVENT_STDOUT, .data = m->stdout.data, .data_bytes = m->stdout.len};
        return 0;
    case SHANNON__V1__EXECUTE_EVENT__EVENT_STDERR:
        out->event = (sn_event){
            .kind = SN_EVENT_STDERR, .data = m->stderr.data, .data_bytes = m->stderr.len};
        return 0;
    case SHANNON__V1__EXECUTE_EVENT__EVENT_DISPLAY:
        return take_shown(out, SN_EVENT_DISPLAY, m->display, err);
    case SHANNON__V1__EXECUTE_EVENT__EVENT_RESULT:
        return take_shown(out, SN_EVENT_RESULT, m->result, err);
    case SHANNON__V1__EXECUTE_EVENT__EVENT_DONE:
        return take_result(&out->result, m->done, err);
    default: /* of a later version */
        return 0;
    }
}

int sn_wire_read_event(sn_wire_happened *out, const void *data, size_t bytes, sn_error *err) {
    *out = (sn_wire_happened){0};
    Shannon__V1__ExecuteEvent *m =
        sn_wire_unpack(&shannon__v1__execute_event__descriptor, data, bytes);
    if (!m)
        return sn_wire_nonsense(err, "it is no shannon.v1.ExecuteEvent");
    out->message = m;
    int rc = take_event(out, m, err);
    if (rc < 0)
        sn_wire_happened_clear(out);
    return rc;
}

void sn_wire_happened_clear(sn_wire_happened *happened) {
    drop_bundle(&happened->bundle);
    sn_result_free(happened->result);
    if (happened->message)
        shannon__v1__execute_event__free_unpacked(happened->message, NULL);
    *happened = (sn_wire_happened){0};
}

/* ---- limits ---- */

int sn_wire_read_limits(sn_executor_figures *out, const void *data, size_t bytes, sn_error *err) {
    Shannon__V1__Limits *m = sn_wire_unpack(&shannon__v1__limits__descriptor, data, bytes);
    if (!m)
        return sn_wire_nonsense(err, "it is no shannon.v1.Limits");
    *out = (sn_executor_figures){.memory_limit_mb = m->memory_mb,
                                 .timeout_seconds = sn_wire_number(m->timeout_seconds),
                                 .workers = m->workers};
    shannon__v1__limits__free_unpacked(m, NULL);
    return 0;
}
