/* wire_transfer.h - pieces of a session's file, as they are in proto/shannon/v1/executor.proto. */
#ifndef SN_EXECUTOR_WIRE_TRANSFER_H
#define SN_EXECUTOR_WIRE_TRANSFER_H

#include "shannon.h"

enum { SN_WIRE_PIECE_BYTES = 256 << 10, SN_WIRE_PIECE_MOST_BYTES = 1 << 20 };

/* A piece that has come; it points into a message. */
typedef struct sn_wire_piece {
    char id[SN_SESSION_ID_MAX_BYTES + 1]; /* of an import; "": none */
    const void *data;
    size_t bytes;
    void *message;
} sn_wire_piece;

/* Packed messages; free() them. NULL: no memory. */
void *sn_wire_export_piece(size_t *bytes, const void *data, size_t data_bytes);
/* `id` NULL: none. */
void *sn_wire_import_piece(size_t *bytes, const char *id, const void *data, size_t data_bytes);

/* Of a server: SN_EINTERNAL, it is none. */
SN_WARN_UNUSED int sn_wire_read_export(sn_wire_piece *out, const void *data, size_t bytes,
                                       sn_error *err);
/* Of a client: SN_EINVALID_ARGUMENT, it is none, or too large. */
SN_WARN_UNUSED int sn_wire_read_import(sn_wire_piece *out, const void *data, size_t bytes,
                                       sn_error *err);
void sn_wire_piece_clear(sn_wire_piece *piece);

#endif
