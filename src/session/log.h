/*
 * log.h - the files that sessions lie in: segments, to which entries are appended, and in which
 * nothing is ever changed.
 *
 *     <folder>/00000001.seg, ...   magic, format, a random seed; then
 *                                  each entry: sn_log_head, a record (record.h), a node
 *
 * An entry carries a record, a record with a new node, or the end of a session. Everything can be
 * told from the entries alone: of each session the record with the highest number counts. An entry
 * is whole or not there: head and payload have checksums (XXH3 with the segment's seed, so that no
 * payload looks like an entry). Behind the last entry there are zeros, room made ahead of time, or
 * what a writer that died had begun. The caller sees to it that one writer is at work at a time.
 *
 * After a power cut there may be holes in what had not been waited for. That is at the end of the
 * last two segments: one is begun only after all before the one before it is on disk.
 */
#ifndef SN_SESSION_LOG_H
#define SN_SESSION_LOG_H

#include "shannon.h"
#include "util/buffer.h"

/* flags */
enum {
    SN_LOG_ENDED = 1, /* the session is deleted */
    SN_LOG_OLD = 2,   /* only its node counts: the record was replaced before it was moved here */
    SN_LOG_VOID = 4,  /* it was not whole after a power cut: as if it had never been */
};

enum { SN_SEGMENT_BYTES = 64 << 20 }; /* a segment is not added to once it is larger */

typedef struct sn_log_head {
    uint32_t magic;
    uint32_t flags;
    uint64_t number; /* of the record; rises with every change of the store */
    uint64_t node;   /* 0: none in it */
    uint64_t below;  /* the node that this one lies over */
    uint64_t node_bytes;
    uint32_t record_bytes;
    uint32_t code_bytes; /* the node begins with so much code */
    uint8_t payload_check[16];
    uint64_t head_check;
} sn_log_head;

typedef struct sn_log_place {
    uint32_t segment;
    uint32_t unused;
    uint64_t offset;
    uint64_t bytes; /* head and payload */
} sn_log_place;

/* One entry, its payload in parts. */
typedef struct sn_log_entry {
    sn_log_head head; /* flags, number, node, below are the caller's */
    const void *record;
    size_t record_bytes;
    const void *code;
    size_t code_bytes;
    const void *delta;
    size_t delta_bytes;
} sn_log_entry;

/*
 * Appends at `offset` of the segment, which is what its whole entries end at, or 0 for a new
 * segment; where it is then is what `*place` says. It survives the process then; the machine once
 * sn_log_finish() has waited for the disk, which may be done without keeping other writers off. A
 * new segment is begun only when all before it is on disk. `*fd` is for the two calls below.
 * SN_ERESOURCE_EXHAUSTED: the disk is full; then nothing is there.
 */
SN_WARN_UNUSED int sn_log_append(sn_log_place *place, int *fd, const char *folder, uint32_t segment,
                                 uint64_t offset, sn_log_entry *entry, sn_error *err);

/* Waits until what was appended is on disk, and closes `fd`. */
SN_WARN_UNUSED int sn_log_finish(int fd, const char *folder, sn_error *err);

/* Takes back what lies behind `offset`; nobody else may be writing. */
void sn_log_cut(const char *folder, uint32_t segment, uint64_t offset);

/* The head and payload of an entry. SN_ENOT_FOUND: there is no such segment any more.
 * SN_EUNAVAILABLE: damaged. */
SN_WARN_UNUSED int sn_log_read(sn_log_head *head, sn_buffer *payload, const char *folder,
                               const sn_log_place *place, sn_error *err);

/* Copies an entry to another place, with `flags`, and does not wait for the disk. */
SN_WARN_UNUSED int sn_log_copy(sn_log_place *place, const char *folder, uint32_t segment,
                               uint64_t offset, uint32_t flags, const sn_log_head *head,
                               const sn_buffer *payload, sn_error *err);
SN_WARN_UNUSED int sn_log_sync(const char *folder, uint32_t segment, sn_error *err);

/* Makes an entry one that does not count (SN_LOG_VOID); on disk when it returns. */
SN_WARN_UNUSED int sn_log_void(const char *folder, const sn_log_head *head,
                               const sn_log_place *place, sn_error *err);

/* Told of each entry of a segment, whose head and place are as they ought to be; its contents may
 * be damaged. Non-zero ends the walk and is returned. */
typedef int (*sn_log_fn)(void *user, const sn_log_head *head, const sn_log_place *place,
                         const sn_buffer *record);

typedef struct sn_log_end {
    uint64_t offset; /* where the last entry ends */
    bool is_free;    /* nothing but zeros lies behind it: to be appended to */
    bool is_damaged; /* something lay before it that is no entry, and was passed over */
} sn_log_end;

/* Walks all entries of a segment. Reads records, not nodes. */
SN_WARN_UNUSED int sn_log_walk(sn_log_end *end, const char *folder, uint32_t segment, sn_log_fn fn,
                               void *user, sn_error *err);

/* The numbers of the segments that there are, rising; free() it. */
SN_WARN_UNUSED int sn_log_segments(uint32_t **out, size_t *count, const char *folder,
                                   sn_error *err);
/* Is not undone by a power cut while a later one is not. */
void sn_log_remove(const char *folder, uint32_t segment);

#endif
