/* remote_transfer.h - sessions as files, from and to an agent-core elsewhere. */
#ifndef SN_EXECUTOR_REMOTE_TRANSFER_H
#define SN_EXECUTOR_REMOTE_TRANSFER_H

#include "rpc/channel.h"
#include "session/transfer.h"

/* What comes must be a file that is as long as it says itself; what it holds is checked where it is
 * taken in. */
SN_WARN_UNUSED int sn_remote_export(sn_rpc_channel *channel, const char *id, int fd, sn_error *err);

/* A file that is about to be sent: its beginning has been read. */
typedef struct sn_remote_file {
    int fd;
    size_t bytes;
    char *piece; /* SN_WIRE_PIECE_BYTES */
    sn_transfer transfer;
} sn_remote_file;

/* SN_EINVALID_ARGUMENT: it is no session. Close it in any case. */
SN_WARN_UNUSED int sn_remote_file_open(sn_remote_file *out, int fd, sn_error *err);
void sn_remote_file_close(sn_remote_file *file);

/* `id` NULL: the name it had. `*made_id` is the caller's to free. */
SN_WARN_UNUSED int sn_remote_import(sn_rpc_channel *channel, const char *id, sn_remote_file *file,
                                    char **made_id, sn_error *err);

#endif
