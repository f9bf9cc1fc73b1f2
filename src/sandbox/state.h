/*
 * state.h - a guest between two requests: what an execution goes on from, and what it leaves
 * (docs/design/sessions.md).
 *
 * A state is *pages* of 4096 bytes and a *blob*. Pages 0 to 2^20 - 1 are linear memory, only those
 * that differ from the base image; from SN_STATE_FILES on they are the contents of files. The blob
 * is globals and snapshot (wasi/snapshot.h); only workers look into it, inside their jail.
 */
#ifndef SN_SANDBOX_STATE_H
#define SN_SANDBOX_STATE_H

#include "wasi/snapshot.h"

enum {
    SN_STATE_PAGE_BYTES = 4096,
    SN_STATE_FILES = 1 << 20, /* the first page of files */
    SN_STATE_PAGES_MOST = SN_STATE_FILES + SN_SNAPSHOT_PAGES_MOST,
    SN_STATE_BLOB_MOST_BYTES = 16 << 20,
};

/* What to go on from. Everything is the caller's, and must not change while the execution runs. */
typedef struct sn_job_state {
    int fd; /* page n at n * 4096, others are holes; the worker gets a descriptor that only reads */
    uint64_t memory_bytes;
    const uint32_t *pages; /* those that there are, rising */
    size_t pages_count;
    const void *blob;
    size_t blob_bytes;
} sn_job_state;

/*
 * What comes back, if it is asked for: SN_FRAME_PAGES, the numbers of pages that have changed,
 * rising over all frames, whose contents the worker has put one behind the other into the outbox;
 * then one SN_FRAME_STATE. So however much it is, nobody waits for the other to take some of it.
 */
typedef struct sn_frame_state {
    uint64_t memory_bytes;
    uint32_t extents_count;
    uint32_t blob_bytes;
    /* sn_extent extents[extents_count], in pages of files: all others hold nothing any more; then
       the blob */
} sn_frame_state;

enum { SN_FRAME_PAGES_MOST = 16384 };

#endif
