/*
 * request.h - a job's way into its worker, over the worker's socket: a head, then for a guest the
 * records of docs/design/guest-abi.md, for a command its arguments; then the input files; then the
 * state to go on from, whose pages come as a descriptor.
 *
 * Both ends are the same program, so integers are in host order; and the supervisor is trusted by
 * the worker. Sizes are checked all the same: a slip must end in an error, not in a wild read.
 */
#ifndef SN_SANDBOX_REQUEST_H
#define SN_SANDBOX_REQUEST_H

#include "sandbox/job.h"
#include "sandbox/keep.h"

/* What a worker received. `data` holds everything the rest points into. */
typedef struct sn_received {
    uint64_t memory_limit_bytes;
    uint64_t timeout_ns;
    bool make_image; /* nothing else is in it then */
    bool deterministic;
    uint64_t seed;
    uint64_t time_ns;
    uint64_t workspace_bytes;
    const uint8_t *records; /* for guest_run(); NULL: a command */
    size_t records_bytes;
    const char **args; /* a command's argv */
    size_t args_count;
    sn_input_file *files;
    size_t files_count;
    bool keep;     /* send what the guest has become */
    int outbox_fd; /* -1, or where its pages go; the receiver's to close */
    int state_fd;  /* -1: go on from the image; else from this, which is the receiver's to close */
    uint64_t state_memory_bytes;
    const sn_state_run *runs;
    size_t runs_count;
    const void *blob;
    size_t blob_bytes;
    uint8_t *data;
} sn_received;

/* Blocks until all was sent. `is_guest`: the module speaks the guest ABI. SN_ERESOURCE_EXHAUSTED,
 * or SN_EUNAVAILABLE: the worker is gone. */
SN_WARN_UNUSED int sn_request_send(int fd, const sn_job *job, bool is_guest, sn_error *err);

/* Blocks until all has come. SN_EUNAVAILABLE: the other end is gone (also before it sent anything),
 * SN_EINTERNAL: it is malformed. */
SN_WARN_UNUSED int sn_request_receive(sn_received *out, int fd, sn_error *err);
void sn_received_free(sn_received *received);

#endif
