/* wire_transfer.c - see wire_transfer.h. Both messages have bytes in field 2, or 1; what is
 * unpacked is as large as what has come, and what has come is bounded before. */
#include "executor/wire_transfer.h"

#include "executor.pb-c.h"
#include "executor/wire_unpack.h"
#include "util/error.h"

#include <string.h>

enum { SLACK_BYTES = 1024 }; /* of a message around its data */

void *sn_wire_export_piece(size_t *bytes, const void *data, size_t data_bytes) {
    Shannon__V1__SessionPiece m = SHANNON__V1__SESSION_PIECE__INIT;
    m.data = (ProtobufCBinaryData){data_bytes, (uint8_t *)data};
    return sn_wire_pack(bytes, &m.base);
}

void *sn_wire_import_piece(size_t *bytes, const char *id, const void *data, size_t data_bytes) {
    Shannon__V1__ImportSessionRequest m = SHANNON__V1__IMPORT_SESSION_REQUEST__INIT;
    if (id)
        m.id = (ProtobufCBinaryData){strlen(id), (uint8_t *)id};
    m.data = (ProtobufCBinaryData){data_bytes, (uint8_t *)data};
    return sn_wire_pack(bytes, &m.base);
}

int sn_wire_read_export(sn_wire_piece *out, const void *data, size_t bytes, sn_error *err) {
    *out = (sn_wire_piece){0};
    Shannon__V1__SessionPiece *m = NULL;
    if (bytes <= SN_WIRE_PIECE_MOST_BYTES + SLACK_BYTES)
        m = sn_wire_unpack(&shannon__v1__session_piece__descriptor, data, bytes);
    if (!m)
        return sn_wire_nonsense(err, "it is no shannon.v1.SessionPiece of at most 1 MiB");
    *out = (sn_wire_piece){.data = m->data.data, .bytes = m->data.len, .message = m};
    return 0;
}

static int take_id(char out[SN_SESSION_ID_MAX_BYTES + 1], const ProtobufCBinaryData *id,
                   sn_error *err) {
    if (id->len > SN_SESSION_ID_MAX_BYTES || (id->len && memchr(id->data, '\0', id->len)))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "id is no session's name: 1 to %d of A-Za-z0-9._:-",
                       SN_SESSION_ID_MAX_BYTES);
    if (id->len)
        memcpy(out, id->data, id->len);
    return 0;
}

int sn_wire_read_import(sn_wire_piece *out, const void *data, size_t bytes, sn_error *err) {
    *out = (sn_wire_piece){0};
    Shannon__V1__ImportSessionRequest *m = NULL;
    if (bytes > SN_WIRE_PIECE_MOST_BYTES + SLACK_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "a piece of a session has more than 1 MiB");
    m = sn_wire_unpack(&shannon__v1__import_session_request__descriptor, data, bytes);
    if (!m)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the message is not a request of this method");
    *out = (sn_wire_piece){.data = m->data.data, .bytes = m->data.len, .message = m};
    int rc = take_id(out->id, &m->id, err);
    if (rc < 0)
        sn_wire_piece_clear(out);
    return rc;
}

void sn_wire_piece_clear(sn_wire_piece *piece) {
    if (piece->message)
        protobuf_c_message_free_unpacked(piece->message, NULL);
    *piece = (sn_wire_piece){0};
}
