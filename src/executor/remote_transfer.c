/* remote_transfer.c - see remote_transfer.h. */
#include "executor/remote_transfer.h"

#include "executor/remote.h"
#include "executor/wire_client.h"
#include "executor/wire_transfer.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRANSFER_SECONDS = 700 }; /* a server's own ten minutes, and its turn */

static uint64_t deadline_ns(void) {
    return sn_now_ns() + TRANSFER_SECONDS * UINT64_C(1000000000);
}

/* ---- export ---- */

typedef struct download {
    int fd;
    sn_transfer transfer; /* bytes 0: nothing has come */
    uint64_t bytes;       /* that have come */
    sn_error broken;
} download;

static int keep(download *x, const sn_wire_piece *piece) {
    if (x->transfer.bytes == 0 &&
        sn_transfer_begin(&x->transfer, piece->data, piece->bytes, NULL) < 0)
        return sn_fail(&x->broken, SN_EINTERNAL, "what agent-core sends is no session");
    x->bytes += piece->bytes;
    if (x->bytes > x->transfer.bytes)
        return sn_fail(&x->broken, SN_EINTERNAL,
                       "agent-core sends more than the session's file has");
    int rc = sn_write_full(x->fd, piece->data, piece->bytes);
    return rc < 0
               ? sn_fail_errno(&x->broken, SN_EUNAVAILABLE, -rc, "cannot write the session's file")
               : 0;
}

static int on_piece(void *user, const void *message, size_t bytes) {
    download *x = user;
    sn_wire_piece piece;
    int rc = sn_wire_read_export(&piece, message, bytes, &x->broken);
    if (rc < 0)
        return rc;
    rc = keep(x, &piece);
    sn_wire_piece_clear(&piece);
    return rc;
}

int sn_remote_export(sn_rpc_channel *channel, const char *id, int fd, sn_error *err) {
    download x = {.fd = fd};
    sn_wire_session_request request = {0};
    sn_rpc_invocation call = SN_RPC_INVOCATION_INIT;
    strncpy(request.id, id, sizeof request.id - 1);
    sn_auto_free void *packed = sn_wire_session_pack(&call.request_bytes, SN_WIRE_GET, &request);
    if (!packed)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a request");
    call.path = "/shannon.v1.Executor/ExportSession";
    call.request = packed;
    call.deadline_ns = deadline_ns();
    call.streams = true;
    int rc = sn_rpc_invoke(channel, &call, on_piece, &x, err);
    if (x.broken.code) {
        if (err)
            *err = x.broken;
        return x.broken.code;
    }
    if (rc == 0 && (x.bytes == 0 || x.bytes != x.transfer.bytes))
        return sn_fail(err, SN_EINTERNAL, "agent-core ended the session's file in the middle");
    return rc;
}

/* ---- import ---- */

int sn_remote_file_open(sn_remote_file *out, int fd, sn_error *err) {
    *out = (sn_remote_file){.fd = fd, .piece = malloc(SN_WIRE_PIECE_BYTES)};
    if (!out->piece)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a piece of a session");
    ssize_t n = sn_read_full(fd, out->piece, SN_WIRE_PIECE_BYTES);
    if (n < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, (int)-n, "cannot read the session's file");
    out->bytes = (size_t)n;
    return sn_transfer_begin(&out->transfer, out->piece, out->bytes, err);
}

void sn_remote_file_close(sn_remote_file *file) {
    free(file->piece);
    *file = (sn_remote_file){.fd = -1};
}

typedef struct upload {
    sn_remote_file *file;
    void *packed;
    char *made_id;
    sn_error broken;
} upload;

/* The pieces behind the first. */
static int next_piece(void *user, const void **message, size_t *bytes) {
    upload *i = user;
    ssize_t n = sn_read_full(i->file->fd, i->file->piece, SN_WIRE_PIECE_BYTES);
    if (n < 0)
        return sn_fail_errno(&i->broken, SN_EUNAVAILABLE, (int)-n,
                             "cannot read the session's file");
    if (n == 0)
        return 0;
    free(i->packed);
    *message = i->packed = sn_wire_import_piece(bytes, NULL, i->file->piece, (size_t)n);
    return i->packed
               ? 1
               : sn_fail(&i->broken, SN_ERESOURCE_EXHAUSTED, "no memory for a piece of a session");
}

static int read_id(void *out, const void *message, size_t bytes, sn_error *err) {
    sn_session_info *info;
    int rc = sn_wire_read_info(&info, message, bytes, err);
    if (rc < 0)
        return rc;
    *(char **)out = SN_STEAL(info->id);
    sn_session_info_free(info, 1);
    return 0;
}

int sn_remote_import(sn_rpc_channel *channel, const char *id, sn_remote_file *file, char **made_id,
                     sn_error *err) {
    upload i = {.file = file};
    sn_rpc_invocation call = SN_RPC_INVOCATION_INIT;
    sn_auto_free void *first =
        sn_wire_import_piece(&call.request_bytes, id, file->piece, file->bytes);
    call.path = "/shannon.v1.Executor/ImportSession";
    call.request = first;
    call.more = next_piece;
    call.more_user = &i;
    call.deadline_ns = deadline_ns();
    int rc = sn_remote_ask(channel, &call, read_id, &i.made_id, err);
    free(i.packed);
    if (i.broken.code) {
        free(i.made_id);
        if (err)
            *err = i.broken;
        return i.broken.code;
    }
    if (rc == 0 && made_id)
        *made_id = SN_STEAL(i.made_id);
    free(i.made_id);
    return rc;
}
