/*
 * session_transfer.c - see session_transfer.h.
 *
 * A file lies on disk while it travels, without a name, so that it is gone whatever happens; a
 * client that is slow keeps no more than that, and one of the few turns there are for transfers.
 * They are not those of short calls, which therefore never wait for a transfer. A client has 30
 * seconds for each piece and ten minutes for all of them.
 *
 * What comes is taken in only when the client says that it is all: it is checked as any file is
 * (session/transfer.c), so one that is cut off, damaged or too large leaves nothing behind.
 */
#include "agent_core/session_transfer.h"

#include "agent_core/work.h"
#include "executor/wire_session.h"
#include "executor/wire_transfer.h"
#include "session/transfer.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t piece_ns = UINT64_C(30000000000), all_ns = UINT64_C(600000000000);

typedef struct transfer {
    sn_work work;
    sn_wire_session_request request; /* of an export */
    sn_wire_piece piece;             /* of an import: the first */
    uint64_t until_ns;
} transfer;

static void release(sn_work *work) {
    transfer *t = (transfer *)work;
    sn_wire_piece_clear(&t->piece);
    free(t);
}

/* How long the next piece may take. */
static uint64_t patience(const transfer *t) {
    uint64_t now_ns = sn_now_ns();
    uint64_t left_ns = now_ns < t->until_ns ? t->until_ns - now_ns : 0;
    return left_ns < piece_ns ? left_ns : piece_ns;
}

static bool is_gone(const sn_work *work) {
    struct pollfd gone = {sn_rpc_cancel_fd(work->call), POLLIN, 0};
    return poll(&gone, 1, 0) == 1;
}

/* ---- export ---- */

/* The last one ends the call. */
static int send_piece(transfer *t, const void *data, size_t bytes, bool is_last, sn_error *err) {
    size_t message_bytes;
    sn_auto_free void *message = sn_wire_export_piece(&message_bytes, data, bytes);
    if (!message)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a piece of a session");
    if (is_last) {
        sn_work_reply(&t->work, message, message_bytes);
        return 0;
    }
    return sn_rpc_send(t->work.call, message, message_bytes, sn_now_ns() + patience(t), err);
}

static int send_file(transfer *t, int fd, sn_error *err) {
    sn_auto_free char *piece = malloc(SN_WIRE_PIECE_BYTES);
    off_t left = lseek(fd, 0, SEEK_END);
    if (!piece)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a piece of a session");
    if (left <= 0 || lseek(fd, 0, SEEK_SET) < 0)
        return sn_fail(err, SN_EINTERNAL, "the session's file is empty");
    int rc = 0;
    while (rc == 0 && left > 0) {
        ssize_t n = sn_read_full(fd, piece, SN_WIRE_PIECE_BYTES);
        if (n <= 0)
            return sn_fail_errno(err, SN_EUNAVAILABLE, n < 0 ? (int)-n : EIO,
                                 "cannot read the session's file");
        left -= n;
        rc = send_piece(t, piece, (size_t)n, left == 0, err);
    }
    return rc;
}

static int export_session(sn_work *work, sn_error *err) {
    transfer *t = (transfer *)work;
    t->until_ns = sn_now_ns() + all_ns;
    sn_auto_fd int fd = sn_transfer_file(work->core->sessions, err);
    if (fd < 0)
        return fd;
    int rc = sn_session_export(work->core->sessions, t->request.id, fd, err);
    if (rc == 0)
        rc = send_file(t, fd, err);
    if (rc == SN_EUNAVAILABLE && is_gone(work)) {
        sn_work_reply(work, "", 0);
        return 0;
    }
    return rc;
}

static void begin_export(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {
    sn_core *core = service;
    sn_error err = SN_ERROR_INIT;
    transfer *t = calloc(1, sizeof *t);
    if (!t)
        return sn_rpc_fail(rpc, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a call", ""});
    t->work = (sn_work){.core = core,
                        .call = rpc,
                        .method = "ExportSession",
                        .run = export_session,
                        .release = release};
    /* on the wire the same as a GetSessionRequest */
    if (sn_wire_read_session(&t->request, SN_WIRE_GET, request, bytes, &err) < 0)
        return sn_work_refuse(&t->work, &err);
    sn_work_submit(&t->work, core->transfers, NULL);
}

/* ---- import ---- */

/* 1: there was one; 0: that were all. */
static int next_piece(sn_wire_piece *out, const transfer *t, sn_error *err) {
    sn_auto_free void *message = NULL;
    size_t bytes;
    *out = (sn_wire_piece){0};
    int rc = sn_rpc_wait(t->work.call, &message, &bytes, patience(t), err);
    if (rc <= 0)
        return rc;
    rc = sn_wire_read_import(out, message, bytes, err);
    return rc < 0 ? rc : 1;
}

static int keep(int fd, uint64_t *all_bytes, const transfer *t, const sn_wire_piece *piece,
                sn_error *err) {
    *all_bytes += piece->bytes;
    if (*all_bytes > sn_transfer_most_bytes(t->work.core->sessions))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the file is larger than a session may be (SHANNON_SESSION_MB)");
    int rc = sn_write_full(fd, piece->data, piece->bytes);
    return rc < 0 ? sn_fail_errno(err, SN_EUNAVAILABLE, -rc, "cannot keep the session's file") : 0;
}

static int receive_file(int fd, const transfer *t, sn_error *err) {
    uint64_t all_bytes = 0;
    int rc = keep(fd, &all_bytes, t, &t->piece, err);
    while (rc == 0) {
        sn_wire_piece piece;
        rc = next_piece(&piece, t, err);
        if (rc <= 0)
            break;
        rc = keep(fd, &all_bytes, t, &piece, err);
        sn_wire_piece_clear(&piece);
    }
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot read the session's file");
    return rc;
}

static int answer(sn_work *work, const char *id, sn_error *err) {
    sn_session_info *info;
    size_t bytes;
    int rc = sn_session_show(&info, work->core->sessions, id, err);
    if (rc < 0)
        return rc;
    sn_auto_free void *message = sn_wire_session(&bytes, info);
    sn_session_info_free(info, 1);
    sn_work_reply(work, message, bytes);
    return 0;
}

static int import_session(sn_work *work, sn_error *err) {
    transfer *t = (transfer *)work;
    sn_auto_free char *id = NULL;
    t->until_ns = sn_now_ns() + all_ns;
    sn_auto_fd int fd = sn_transfer_file(work->core->sessions, err);
    if (fd < 0)
        return fd;
    int rc = receive_file(fd, t, err);
    if (rc != SN_EDEADLINE_EXCEEDED && is_gone(work)) { /* what has come may look whole */
        sn_work_reply(work, "", 0);
        return 0;
    }
    if (rc == 0)
        rc = sn_session_import(work->core->sessions, *t->piece.id ? t->piece.id : NULL, fd, &id,
                               err);
    if (rc == 0 && !id)
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session's name");
    return rc < 0 ? rc : answer(work, id, err);
}

static void begin_import(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {
    sn_core *core = service;
    sn_error err = SN_ERROR_INIT;
    transfer *t = calloc(1, sizeof *t);
    if (!t)
        return sn_rpc_fail(rpc, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a call", ""});
    t->work = (sn_work){.core = core,
                        .call = rpc,
                        .method = "ImportSession",
                        .bytes = bytes,
                        .run = import_session,
                        .release = release};
    if (sn_wire_read_import(&t->piece, request, bytes, &err) < 0)
        return sn_work_refuse(&t->work, &err);
    sn_work_submit(&t->work, core->transfers, NULL);
}

void sn_session_transfer_add(sn_rpc_methods *methods, sn_core *core) {
    sn_rpc_methods_add(
        methods, (sn_rpc_method){"/shannon.v1.Executor/ExportSession", begin_export, core, false});
    sn_rpc_methods_add(
        methods, (sn_rpc_method){"/shannon.v1.Executor/ImportSession", begin_import, core, false});
}
