/* transfer.h - what those who carry a session's file from one machine to another have to know of
 * it; transfer.c reads and writes it. */
#ifndef SN_SESSION_TRANSFER_H
#define SN_SESSION_TRANSFER_H

#include "session/sessions.h"

enum { SN_TRANSFER_BEGINNING_BYTES = 4096 }; /* has all that a file says of itself, or is it all */

typedef struct sn_transfer {
    char id[SN_SESSION_ID_MAX_BYTES + 1];
    uint64_t bytes; /* of the file */
} sn_transfer;

/* What the beginning of a file says; nothing else of it is looked at. SN_EINVALID_ARGUMENT. */
SN_WARN_UNUSED int sn_transfer_begin(sn_transfer *out, const void *data, size_t bytes,
                                     sn_error *err);

/* The largest file that is taken in. */
uint64_t sn_transfer_most_bytes(const sn_sessions *sessions);

/* A file without a name where the sessions lie, which is gone when it is closed; or an error. */
SN_WARN_UNUSED int sn_transfer_file(const sn_sessions *sessions, sn_error *err);

#endif
