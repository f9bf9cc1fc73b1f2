/* wire.c - see wire.h. */
#include "executor/wire.h"

#include "executor.pb-c.h"
#include "executor/wire_unpack.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/message.h"

#include <string.h>

/* A file has three fields, and each argument is one. */
enum { FIELDS_MOST = 3 * SN_FILES_MAX + SN_ARGS_MAX_BYTES };

/* ---- requests ---- */

/* NULL, or the bytes with a NUL behind them; false: there is one in them, or no memory. */
static bool take_text(char **out, const ProtobufCBinaryData *text) {
    *out = NULL;
    if (text->len == 0)
        return true;
    if (memchr(text->data, '\0', text->len))
        return false;
    *out = strndup((const char *)text->data, text->len);
    return *out != NULL;
}

static bool take_args(sn_wire_request *to, const Shannon__V1__ExecuteRequest *from) {
    to->args = calloc(from->n_args + 1, sizeof *to->args);
    if (!to->args)
        return false;
    for (size_t i = 0; i < from->n_args; i++) {
        if (!take_text(&to->args[i], &from->args[i]))
            return false;
        if (!to->args[i] && !(to->args[i] = strdup("")))
            return false;
        to->request.args_count++;
    }
    to->request.args = (const char *const *)to->args;
    return true;
}

static bool take_files(sn_wire_request *to, const Shannon__V1__ExecuteRequest *from) {
    to->files = calloc(from->n_files + 1, sizeof *to->files);
    if (!to->files)
        return false;
    for (size_t i = 0; i < from->n_files; i++) {
        char *path;
        const ProtobufCBinaryData *content = &from->files[i]->content;
        if (!take_text(&path, &from->files[i]->path))
            return false;
        if (!path && !(path = strdup("")))
            return false;
        to->files[to->request.files_count++] = (sn_input_file){path, content->data, content->len};
    }
    to->request.files = to->files;
    return true;
}

static void take_rest(sn_wire_request *to, const Shannon__V1__ExecuteRequest *from) {
    sn_request *r = &to->request;
    r->code = (const char *)from->code.data;
    r->code_bytes = from->code.len;
    r->session_id = to->session_id;
    r->filename = to->filename;
    r->timeout_seconds = from->timeout_seconds;
    r->stdin_data = from->stdin.data;
    r->stdin_bytes = from->stdin.len;
    r->memory_limit_mb = from->memory_limit_mb;
    r->workspace_bytes = from->workspace_bytes;
    r->output_limit_bytes = from->output_limit_bytes;
    r->discard = from->discard;
    if (from->deterministic) {
        to->deterministic =
            (sn_deterministic){from->deterministic->seed, from->deterministic->time};
        r->deterministic = &to->deterministic;
    }
}

int sn_wire_read_request(sn_wire_request *out, const void *data, size_t bytes, sn_error *err) {
    static const sn_request none = SN_REQUEST_INIT;
    sn_error ignored;
    err = err ? err : &ignored;
    Shannon__V1__ExecuteRequest *message =
        sn_message_unpack(&shannon__v1__execute_request__descriptor, data, bytes, FIELDS_MOST, err);
    if (!message)
        return err->code;
    *out = (sn_wire_request){.request = none, .message = message};
    if (take_text(&out->session_id, &message->session_id) &&
        take_text(&out->filename, &message->filename) && take_args(out, message) &&
        take_files(out, message)) {
        take_rest(out, message);
        return 0;
    }
    sn_wire_request_clear(out);
    return sn_fail(err, SN_EINVALID_ARGUMENT,
                   "session_id, filename, args and paths of files must not contain a NUL");
}

void sn_wire_request_clear(sn_wire_request *request) {
    for (size_t i = 0; i < request->request.args_count; i++)
        free(request->args[i]);
    for (size_t i = 0; i < request->request.files_count; i++)
        free((char *)request->files[i].path);
    free(request->args);
    free(request->files);
    free(request->session_id);
    free(request->filename);
    if (request->message)
        shannon__v1__execute_request__free_unpacked(request->message, NULL);
    *request = (sn_wire_request){0};
}

/* ---- results ---- */

static ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)text};
}

/* A bundle and what it refers to, of as many representations as there are. */
typedef struct bundle_room {
    Shannon__V1__Bundle bundle;
    Shannon__V1__Representation *items;
    Shannon__V1__Representation **pointers;
} bundle_room;

static bool make_bundle(bundle_room *out, const sn_bundle *bundle) {
    *out = (bundle_room){.bundle = SHANNON__V1__BUNDLE__INIT,
                         .items = calloc(bundle->count + 1, sizeof *out->items),
                         .pointers = calloc(bundle->count + 1, sizeof *out->pointers)};
    if (!out->items || !out->pointers)
        return false;
    for (size_t i = 0; i < bundle->count; i++) {
        const sn_mime *item = &bundle->items[i];
        shannon__v1__representation__init(&out->items[i]);
        out->items[i].type = text_of(item->type);
        out->items[i].data = (ProtobufCBinaryData){item->data_bytes, (uint8_t *)item->data};
        out->pointers[i] = &out->items[i];
    }
    out->bundle.n_representations = bundle->count;
    out->bundle.representations = out->pointers;
    return true;
}

static void drop_bundle(bundle_room *room) {
    free(room->items);
    free(room->pointers);
}

/* A response and what it refers to, beside the result. */
typedef struct response_room {
    Shannon__V1__ExecuteResponse response;
    Shannon__V1__ExecutionError error;
    Shannon__V1__Usage usage;
    bundle_room value;
    bundle_room *outputs;
    Shannon__V1__Bundle **pointers;
    size_t outputs_count;
} response_room;

static Shannon__V1__Status status_of(enum sn_status status) {
    return (Shannon__V1__Status)(SHANNON__V1__STATUS__STATUS_OK + status);
}
_Static_assert(SHANNON__V1__STATUS__STATUS_CANCELLED - SHANNON__V1__STATUS__STATUS_OK ==
                   SN_STATUS_CANCELLED - SN_STATUS_OK,
               "both count alike");

static bool make_outputs(response_room *room, const sn_result *result) {
    room->outputs = calloc(result->outputs_count + 1, sizeof *room->outputs);
    room->pointers = calloc(result->outputs_count + 1, sizeof *room->pointers);
    if (!room->outputs || !room->pointers)
        return false;
    for (size_t i = 0; i < result->outputs_count; i++) {
        room->outputs_count++;
        if (!make_bundle(&room->outputs[i], &result->outputs[i]))
            return false;
        room->pointers[i] = &room->outputs[i].bundle;
    }
    room->response.n_outputs = result->outputs_count;
    room->response.outputs = room->pointers;
    return true;
}

static void make_parts(response_room *room, const sn_result *result) {
    Shannon__V1__ExecuteResponse *r = &room->response;
    r->status = status_of(result->status);
    r->exit_code = result->exit_code;
    r->stdout = (ProtobufCBinaryData){result->stdout_bytes, (uint8_t *)result->stdout_text};
    r->stderr = (ProtobufCBinaryData){result->stderr_bytes, (uint8_t *)result->stderr_text};
    r->stdout_truncated = result->stdout_truncated;
    r->stderr_truncated = result->stderr_truncated;
    r->session_id = text_of(result->session_id);
    r->step = result->step;
    r->unsaved = text_of(result->unsaved);
    room->usage.wall_ms = result->usage.wall_ms;
    room->usage.cpu_ms = result->usage.cpu_ms;
    room->usage.startup_ms = result->usage.startup_ms;
    room->usage.peak_memory_bytes = result->usage.peak_memory_bytes;
    room->usage.output_bytes = result->usage.output_bytes;
    r->usage = &room->usage;
    if (!result->error_name)
        return;
    room->error.name = text_of(result->error_name);
    room->error.value = text_of(result->error_value);
    room->error.traceback = text_of(result->error_traceback);
    r->error = &room->error;
}

static bool make_response(response_room *room, const sn_result *result) {
    *room = (response_room){.response = SHANNON__V1__EXECUTE_RESPONSE__INIT,
                            .error = SHANNON__V1__EXECUTION_ERROR__INIT,
                            .usage = SHANNON__V1__USAGE__INIT};
    make_parts(room, result);
    if (result->value.count > 0) {
        if (!make_bundle(&room->value, &result->value))
            return false;
        room->response.result = &room->value.bundle;
    }
    return make_outputs(room, result);
}

static void drop_response(response_room *room) {
    for (size_t i = 0; i < room->outputs_count; i++)
        drop_bundle(&room->outputs[i]);
    drop_bundle(&room->value);
    free(room->outputs);
    free(room->pointers);
}

/* ---- packing ---- */

void *sn_wire_response(size_t *bytes, const sn_result *result) {
    response_room room;
    void *data = make_response(&room, result) ? sn_wire_pack(bytes, &room.response.base) : NULL;
    drop_response(&room);
    return data;
}

void *sn_wire_done(size_t *bytes, const sn_result *result) {
    response_room room;
    Shannon__V1__ExecuteEvent event = SHANNON__V1__EXECUTE_EVENT__INIT;
    event.event_case = SHANNON__V1__EXECUTE_EVENT__EVENT_DONE;
    event.done = &room.response;
    void *data = make_response(&room, result) ? sn_wire_pack(bytes, &event.base) : NULL;
    drop_response(&room);
    return data;
}

void *sn_wire_event(size_t *bytes, const sn_event *event) {
    Shannon__V1__ExecuteEvent out = SHANNON__V1__EXECUTE_EVENT__INIT;
    ProtobufCBinaryData data = {event->data_bytes, (uint8_t *)event->data};
    bundle_room room = {0};
    switch (event->kind) {
    case SN_EVENT_STDOUT:
        out.event_case = SHANNON__V1__EXECUTE_EVENT__EVENT_STDOUT;
        out.stdout = data;
        break;
    case SN_EVENT_STDERR:
        out.event_case = SHANNON__V1__EXECUTE_EVENT__EVENT_STDERR;
        out.stderr = data;
        break;
    case SN_EVENT_DISPLAY:
    case SN_EVENT_RESULT:
        if (!make_bundle(&room, event->bundle)) {
            drop_bundle(&room);
            return NULL;
        }
        out.event_case = event->kind == SN_EVENT_DISPLAY ? SHANNON__V1__EXECUTE_EVENT__EVENT_DISPLAY
                                                         : SHANNON__V1__EXECUTE_EVENT__EVENT_RESULT;
        if (event->kind == SN_EVENT_DISPLAY)
            out.display = &room.bundle;
        else
            out.result = &room.bundle;
        break;
    case SN_EVENT_ERROR: /* in the result that follows */
        break;
    }
    void *made = sn_wire_pack(bytes, &out.base);
    drop_bundle(&room);
    return made;
}
