/* wire_session.c - see wire_session.h. */
#include "executor/wire_session.h"

#include "executor.pb-c.h"
#include "executor/wire_unpack.h"
#include "util/auto.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

static ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)text};
}

static void put_step(Shannon__V1__Step *to, const sn_session_step *from) {
    shannon__v1__step__init(to);
    to->step = from->step;
    to->time = from->time;
    to->stored_bytes = from->stored_bytes;
    to->memory_bytes = from->memory_bytes;
    to->status = (Shannon__V1__Status)(from->status + SHANNON__V1__STATUS__STATUS_OK);
    to->code = text_of(from->code);
}

/* The steps are only pointed to: two arrays that the caller frees. */
static bool put_session(Shannon__V1__Session *to, const sn_session_info *from) {
    shannon__v1__session__init(to);
    to->id = text_of(from->id);
    to->created = from->created;
    to->used = from->used;
    to->step = from->step;
    to->stored_bytes = from->stored_bytes;
    to->memory_bytes = from->memory_bytes;
    to->usable = from->usable;
    if (from->steps_count == 0)
        return true;
    to->steps = calloc(from->steps_count, sizeof(void *) + sizeof **to->steps);
    if (!to->steps)
        return false;
    Shannon__V1__Step *steps = (Shannon__V1__Step *)(void *)(to->steps + from->steps_count);
    for (size_t i = 0; i < from->steps_count; i++) {
        put_step(&steps[i], &from->steps[i]);
        to->steps[i] = &steps[i];
    }
    to->n_steps = from->steps_count;
    return true;
}

void *sn_wire_session(size_t *bytes, const sn_session_info *info) {
    Shannon__V1__Session message;
    void *packed = put_session(&message, info) ? sn_wire_pack(bytes, &message.base) : NULL;
    free(message.steps);
    return packed;
}

void *sn_wire_sessions(size_t *bytes, const sn_session_info *infos, size_t count,
                       const char *next) {
    Shannon__V1__ListSessionsResponse message = SHANNON__V1__LIST_SESSIONS_RESPONSE__INIT;
    sn_auto_free Shannon__V1__Session *sessions = calloc(count + 1, sizeof *sessions);
    sn_auto_free Shannon__V1__Session **list = calloc(count + 1, sizeof(void *));
    if (!sessions || !list)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        sn_session_info info = infos[i];
        info.steps_count = 0;
        list[i] = &sessions[i];
        (void)put_session(&sessions[i], &info);
    }
    message.n_sessions = count;
    message.sessions = list;
    message.next = text_of(next);
    return sn_wire_pack(bytes, &message.base);
}

/* ---- requests ---- */

/* Two names and a few numbers; unpacked, a message can take fifty times its size. */
enum { REQUEST_MOST_BYTES = 4096 };

static int take_id(char out[SN_SESSION_ID_MAX_BYTES + 1], const ProtobufCBinaryData *id,
                   const char *field, sn_error *err) {
    if (id->len == 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is missing", field);
    if (id->len > SN_SESSION_ID_MAX_BYTES || memchr(id->data, '\0', id->len))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "%s is no session's name: 1 to %d of A-Za-z0-9._:-", field,
                       SN_SESSION_ID_MAX_BYTES);
    memcpy(out, id->data, id->len);
    out[id->len] = '\0';
    return 0;
}

static int take_list(sn_wire_session_request *out, const void *data, size_t bytes, sn_error *err) {
    Shannon__V1__ListSessionsRequest *m =
        shannon__v1__list_sessions_request__unpack(NULL, bytes, data);
    if (!m)
        return SN_EINVALID_ARGUMENT;
    out->limit = m->limit;
    int rc = m->after.len ? take_id(out->id, &m->after, "after", err) : 0;
    shannon__v1__list_sessions_request__free_unpacked(m, NULL);
    return rc;
}

static int take_fork(sn_wire_session_request *out, const void *data, size_t bytes, sn_error *err) {
    Shannon__V1__ForkSessionRequest *m =
        shannon__v1__fork_session_request__unpack(NULL, bytes, data);
    if (!m)
        return SN_EINVALID_ARGUMENT;
    bool has_step = m->at_case == SHANNON__V1__FORK_SESSION_REQUEST__AT_STEP;
    out->step = has_step ? m->step : SN_STEP_LAST;
    int rc = take_id(out->id, &m->id, "id", err);
    if (rc == 0)
        rc = take_id(out->new_id, &m->new_id, "new_id", err);
    shannon__v1__fork_session_request__free_unpacked(m, NULL);
    return rc;
}

static int take_rewind(sn_wire_session_request *out, const void *data, size_t bytes,
                       sn_error *err) {
    Shannon__V1__RewindSessionRequest *m =
        shannon__v1__rewind_session_request__unpack(NULL, bytes, data);
    if (!m)
        return SN_EINVALID_ARGUMENT;
    out->step = m->step;
    int rc = take_id(out->id, &m->id, "id", err);
    shannon__v1__rewind_session_request__free_unpacked(m, NULL);
    return rc;
}

/* DeleteSessionRequest and ExportSessionRequest are, on the wire, GetSessionRequests without more.
 */
static int take_name(sn_wire_session_request *out, const void *data, size_t bytes, sn_error *err) {
    Shannon__V1__GetSessionRequest *m = shannon__v1__get_session_request__unpack(NULL, bytes, data);
    if (!m)
        return SN_EINVALID_ARGUMENT;
    out->without_steps = m->without_steps;
    int rc = take_id(out->id, &m->id, "id", err);
    shannon__v1__get_session_request__free_unpacked(m, NULL);
    return rc;
}

int sn_wire_read_session(sn_wire_session_request *out, sn_wire_session_kind kind, const void *data,
                         size_t bytes, sn_error *err) {
    *out = (sn_wire_session_request){.step = SN_STEP_LAST};
    sn_error why = SN_ERROR_INIT;
    if (bytes > REQUEST_MOST_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the message has more than %d bytes",
                       REQUEST_MOST_BYTES);
    int rc = kind == SN_WIRE_LIST     ? take_list(out, data, bytes, &why)
             : kind == SN_WIRE_FORK   ? take_fork(out, data, bytes, &why)
             : kind == SN_WIRE_REWIND ? take_rewind(out, data, bytes, &why)
                                      : take_name(out, data, bytes, &why);
    if (rc < 0 && why.code == 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the message is not a request of this method");
    if (rc < 0 && err)
        *err = why;
    return rc;
}
