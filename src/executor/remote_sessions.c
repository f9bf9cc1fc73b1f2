/* remote_sessions.c - sessions on another machine. See remote.h and session/sessions.h. */
#include "executor/remote.h"
#include "executor/remote_transfer.h"
#include "executor/wire_client.h"
#include "session/sessions.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdio.h>
#include <string.h>

typedef struct remote_sessions {
    sn_sessions base;
    sn_rpc_channel *channel;
    bool owns_channel;
} remote_sessions;

/* ---- calls ---- */

static int take_id(char out[SN_SESSION_ID_MAX_BYTES + 1], const char *id, sn_error *err) {
    if (!id || !sn_session_id_is_valid(id))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "a session's id must have 1 to %d characters of A-Za-z0-9._:-",
                       SN_SESSION_ID_MAX_BYTES);
    snprintf(out, SN_SESSION_ID_MAX_BYTES + 1, "%s", id);
    return 0;
}

static int ask(sn_sessions *base, sn_wire_session_kind kind, const sn_wire_session_request *request,
               sn_answer_fn *read, void *out, sn_error *err) {
    static const char *const paths[] = {
        [SN_WIRE_LIST] = "/shannon.v1.Executor/ListSessions",
        [SN_WIRE_GET] = "/shannon.v1.Executor/GetSession",
        [SN_WIRE_FORK] = "/shannon.v1.Executor/ForkSession",
        [SN_WIRE_REWIND] = "/shannon.v1.Executor/RewindSession",
        [SN_WIRE_DELETE] = "/shannon.v1.Executor/DeleteSession",
    };
    sn_rpc_invocation call = SN_RPC_INVOCATION_INIT;
    sn_auto_free void *packed = sn_wire_session_pack(&call.request_bytes, kind, request);
    call.path = paths[kind];
    call.request = packed;
    call.deadline_ns = sn_now_ns() + SN_REMOTE_WAIT_SECONDS * UINT64_C(1000000000);
    return sn_remote_ask(((remote_sessions *)base)->channel, &call, read, out, err);
}

static int read_info(void *out, const void *message, size_t bytes, sn_error *err) {
    return sn_wire_read_info(out, message, bytes, err);
}

static int read_nothing(void *out, const void *message, size_t bytes, sn_error *err) {
    (void)out, (void)message, (void)bytes, (void)err;
    return 0;
}

/* ---- lists ---- */

typedef struct page {
    sn_session_info *infos;
    size_t count;
    char next[SN_SESSION_ID_MAX_BYTES + 1];
} page;

static int read_page(void *out, const void *message, size_t bytes, sn_error *err) {
    page *p = out;
    return sn_wire_read_infos(&p->infos, &p->count, p->next, message, bytes, err);
}

/* Takes what is in the page; false: no memory. */
static bool append(sn_session_info **infos, size_t *count, page *p) {
    sn_session_info *grown = realloc(*infos, (*count + p->count + 1) * sizeof *grown);
    if (!grown)
        return false;
    memcpy(grown + *count, p->infos, p->count * sizeof *grown);
    *infos = grown;
    *count += p->count;
    free(SN_STEAL(p->infos));
    p->count = 0;
    return true;
}

enum { SESSIONS_MOST = 1 << 20 };

/* A server that goes round in circles would never come to an end: names must rise. */
static int list_page(sn_session_info **infos, size_t *count, sn_wire_session_request *from,
                     sn_sessions *base, sn_error *err) {
    page p = {0};
    int rc = ask(base, SN_WIRE_LIST, from, read_page, &p, err);
    if (rc != 0)
        return rc;
    if ((*p.next && strcmp(p.next, from->id) <= 0) || *count + p.count > SESSIONS_MOST)
        rc = sn_fail(err, SN_EINTERNAL, "agent-core's list of sessions has no end");
    else if (!append(infos, count, &p))
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the list of sessions");
    snprintf(from->id, sizeof from->id, "%s", p.next);
    sn_session_info_free(p.infos, p.count);
    return rc;
}

static int list(sn_session_info **out, size_t *count, sn_sessions *base, sn_error *err) {
    sn_wire_session_request from = {0};
    sn_session_info *infos = NULL;
    int rc;
    *count = 0;
    do
        rc = list_page(&infos, count, &from, base, err);
    while (rc == 0 && *from.id);
    if (rc < 0)
        sn_session_info_free(infos, *count);
    else
        *out = infos;
    return rc;
}

/* ---- one of them ---- */

static int show(sn_session_info **out, sn_sessions *base, const char *id, sn_error *err) {
    sn_wire_session_request request = {0};
    int rc = take_id(request.id, id, err);
    return rc < 0 ? rc : ask(base, SN_WIRE_GET, &request, read_info, out, err);
}

static int describe(sn_session_info **out, sn_sessions *base, const char *id, sn_error *err) {
    sn_wire_session_request request = {.without_steps = true};
    int rc = take_id(request.id, id, err);
    return rc < 0 ? rc : ask(base, SN_WIRE_GET, &request, read_info, out, err);
}

static int fork_session(sn_sessions *base, const char *id, uint64_t step, const char *new_id,
                        sn_error *err) {
    sn_wire_session_request request = {.step = step};
    int rc = take_id(request.id, id, err);
    if (rc == 0)
        rc = take_id(request.new_id, new_id, err);
    return rc < 0 ? rc : ask(base, SN_WIRE_FORK, &request, read_nothing, NULL, err);
}

static int rewind_session(sn_sessions *base, const char *id, uint64_t step, sn_error *err) {
    sn_wire_session_request request = {.step = step};
    int rc = take_id(request.id, id, err);
    return rc < 0 ? rc : ask(base, SN_WIRE_REWIND, &request, read_nothing, NULL, err);
}

static int delete_session(sn_sessions *base, const char *id, sn_error *err) {
    sn_wire_session_request request = {0};
    int rc = take_id(request.id, id, err);
    return rc < 0 ? rc : ask(base, SN_WIRE_DELETE, &request, read_nothing, NULL, err);
}

static int export_session(sn_sessions *base, const char *id, int fd, sn_error *err) {
    sn_wire_session_request request = {0};
    int rc = take_id(request.id, id, err);
    return rc < 0 ? rc : sn_remote_export(((remote_sessions *)base)->channel, id, fd, err);
}

static int import_session(sn_sessions *base, const char *id, int fd, char **made_id,
                          sn_error *err) {
    sn_wire_session_request request = {0};
    sn_remote_file file = {.fd = -1};
    int rc = id ? take_id(request.id, id, err) : 0;
    if (rc == 0)
        rc = sn_remote_file_open(&file, fd, err);
    if (rc == 0)
        rc = sn_remote_import(((remote_sessions *)base)->channel, id, &file, made_id, err);
    sn_remote_file_close(&file);
    return rc;
}

/* ---- life ---- */

static void close_sessions(sn_sessions *base) {
    remote_sessions *s = (remote_sessions *)base;
    if (s->owns_channel)
        sn_rpc_channel_close(s->channel);
    free(s);
}

sn_sessions *sn_remote_sessions_on(sn_rpc_channel *channel, sn_error *err) {
    static const sn_sessions_elsewhere elsewhere = {
        .close = close_sessions,
        .list = list,
        .show = show,
        .describe = describe,
        .fork = fork_session,
        .rewind = rewind_session,
        .remove = delete_session,
        .export_to = export_session,
        .import_from = import_session,
    };
    remote_sessions *s = calloc(1, sizeof *s);
    if (!s) {
        sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for sessions");
        return NULL;
    }
    s->base.elsewhere = &elsewhere;
    s->channel = channel;
    return &s->base;
}

int sn_remote_sessions_open(sn_sessions **out, const sn_place *place, sn_error *err) {
    sn_rpc_channel *channel;
    int rc = sn_place_connect(&channel, place, err);
    if (rc < 0)
        return rc;
    *out = sn_remote_sessions_on(channel, err);
    if (!*out) {
        sn_rpc_channel_close(channel);
        return SN_ERESOURCE_EXHAUSTED;
    }
    ((remote_sessions *)*out)->owns_channel = true;
    return 0;
}
