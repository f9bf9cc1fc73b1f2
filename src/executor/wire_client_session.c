/* wire_client_session.c - sessions as a client sees them. See wire_client.h. */
#include "executor/wire_client.h"

#include "executor.pb-c.h"
#include "executor/wire_unpack.h"
#include "session/sessions.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- requests ---- */

static ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

static void *pack_list(size_t *bytes, const sn_wire_session_request *r) {
    Shannon__V1__ListSessionsRequest m = SHANNON__V1__LIST_SESSIONS_REQUEST__INIT;
    m.after = text_of(r->id);
    m.limit = r->limit;
    return sn_wire_pack(bytes, &m.base);
}

static void *pack_fork(size_t *bytes, const sn_wire_session_request *r) {
    Shannon__V1__ForkSessionRequest m = SHANNON__V1__FORK_SESSION_REQUEST__INIT;
    m.id = text_of(r->id);
    m.new_id = text_of(r->new_id);
    if (r->step != SN_STEP_LAST) {
        m.at_case = SHANNON__V1__FORK_SESSION_REQUEST__AT_STEP;
        m.step = r->step;
    }
    return sn_wire_pack(bytes, &m.base);
}

static void *pack_rewind(size_t *bytes, const sn_wire_session_request *r) {
    Shannon__V1__RewindSessionRequest m = SHANNON__V1__REWIND_SESSION_REQUEST__INIT;
    m.id = text_of(r->id);
    m.step = r->step;
    return sn_wire_pack(bytes, &m.base);
}

/* DeleteSessionRequest and ExportSessionRequest are, on the wire, GetSessionRequests without more.
 */
static void *pack_name(size_t *bytes, const sn_wire_session_request *r) {
    Shannon__V1__GetSessionRequest m = SHANNON__V1__GET_SESSION_REQUEST__INIT;
    m.id = text_of(r->id);
    m.without_steps = r->without_steps;
    return sn_wire_pack(bytes, &m.base);
}

void *sn_wire_session_pack(size_t *bytes, sn_wire_session_kind kind,
                           const sn_wire_session_request *request) {
    switch (kind) {
    case SN_WIRE_LIST:
        return pack_list(bytes, request);
    case SN_WIRE_FORK:
        return pack_fork(bytes, request);
    case SN_WIRE_REWIND:
        return pack_rewind(bytes, request);
    default:
        return pack_name(bytes, request);
    }
}

/* ---- answers ---- */

/* False: no memory, or it makes no sense. */
static bool take_step(sn_session_step *out, const Shannon__V1__Step *from) {
    *out = (sn_session_step){.step = from->step,
                             .time = sn_wire_number(from->time),
                             .stored_bytes = from->stored_bytes,
                             .memory_bytes = from->memory_bytes};
    out->code = sn_wire_text(&from->code);
    return sn_wire_status(&out->status, from->status) && out->code;
}

static bool take_info(sn_session_info *out, const Shannon__V1__Session *from) {
    *out = (sn_session_info){.created = sn_wire_number(from->created),
                             .used = sn_wire_number(from->used),
                             .step = from->step,
                             .stored_bytes = from->stored_bytes,
                             .memory_bytes = from->memory_bytes,
                             .usable = from->usable};
    out->id = sn_wire_text(&from->id);
    out->steps = calloc(from->n_steps + 1, sizeof *out->steps);
    if (!out->id || !sn_session_id_is_valid(out->id) || !out->steps)
        return false;
    for (size_t i = 0; i < from->n_steps; i++) {
        out->steps_count++;
        if (!take_step(&out->steps[i], from->steps[i]))
            return false;
    }
    return true;
}

static int take_infos(sn_session_info **out, Shannon__V1__Session *const *from, size_t count,
                      sn_error *err) {
    sn_session_info *infos = calloc(count + 1, sizeof *infos);
    for (size_t i = 0; i < count; i++)
        if (!infos || !take_info(&infos[i], from[i])) {
            sn_session_info_free(infos, infos ? i + 1 : 0);
            return sn_wire_nonsense(err, "a session is without a name or a step's status");
        }
    *out = infos;
    return infos ? 0 : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for sessions");
}

int sn_wire_read_info(sn_session_info **out, const void *data, size_t bytes, sn_error *err) {
    Shannon__V1__Session *m = sn_wire_unpack(&shannon__v1__session__descriptor, data, bytes);
    if (!m)
        return sn_wire_nonsense(err, "it is no shannon.v1.Session");
    int rc = take_infos(out, &m, 1, err);
    shannon__v1__session__free_unpacked(m, NULL);
    return rc;
}

int sn_wire_read_infos(sn_session_info **out, size_t *count, char next[SN_SESSION_ID_MAX_BYTES + 1],
                       const void *data, size_t bytes, sn_error *err) {
    Shannon__V1__ListSessionsResponse *m =
        sn_wire_unpack(&shannon__v1__list_sessions_response__descriptor, data, bytes);
    if (!m)
        return sn_wire_nonsense(err, "it is no shannon.v1.ListSessionsResponse");
    int rc = 0;
    if (m->next.len > SN_SESSION_ID_MAX_BYTES ||
        (m->next.len && memchr(m->next.data, 0, m->next.len)))
        rc = sn_wire_nonsense(err, "what comes next is no session's name");
    if (rc == 0)
        rc = take_infos(out, m->sessions, m->n_sessions, err);
    if (rc == 0) {
        *count = m->n_sessions;
        memset(next, 0, SN_SESSION_ID_MAX_BYTES + 1);
        if (m->next.len)
            memcpy(next, m->next.data, m->next.len);
    }
    shannon__v1__list_sessions_response__free_unpacked(m, NULL);
    return rc;
}
