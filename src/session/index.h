/*
 * index.h - what the log (log.h) says, looked up: an LMDB environment in <folder>/index.
 *
 * It is not what is relied on. Writing it does not wait for the disk, so it survives a process that
 * dies, but not a machine that does; it is made anew from the log when the machine was started
 * since
 * (<folder>/boot), or when it is not there.
 *
 * All values are the structs below, as they are. Functions return 0, or LMDB's or errno's number,
 * which sn_index_fail() puts into words.
 */
#ifndef SN_SESSION_INDEX_H
#define SN_SESSION_INDEX_H

#include "session/log.h"
#include "session/store.h"

#include <lmdb.h>

enum { SN_INDEX_FORMAT = 2 };

typedef struct sn_index {
    MDB_env *env;
    MDB_dbi meta, sessions, nodes, segments, used;
} sn_index;

/* One, under the key "". */
typedef struct sn_index_meta {
    uint32_t format;
    uint32_t segment; /* that is appended to */
    uint64_t tail;    /* where its whole entries end */
    uint64_t number;  /* the highest that an entry has */
    uint64_t node;    /* the highest that there was */
    uint64_t sessions;
    uint64_t disk_bytes; /* of all segments */
} sn_index_meta;

/* By id; the record (record.h) follows. */
typedef struct sn_index_session {
    uint64_t number;
    sn_log_place place; /* of the entry that it came with */
    uint64_t alone; /* 1: there was no node in it, so that it is dead when the record is replaced */
} sn_index_session;

/* By number. */
typedef struct sn_index_node {
    sn_log_place place;
    uint64_t below;
    uint64_t uses; /* records that name it, and nodes that lie over it */
} sn_index_node;

/* By number (u32). */
typedef struct sn_index_segment {
    uint64_t bytes;
    uint64_t dead;    /* of entries that nothing needs */
    uint64_t damaged; /* 1: it is left as it is, for what can still be read of it */
} sn_index_segment;

/* The environment. `make`: it is empty, and gets what there is before the first entry; else one
 * that is empty or of another format is MDB_INVALID. */
int sn_index_open(sn_index *out, const char *folder, bool make);
void sn_index_close(sn_index *index);

int sn_index_fail(sn_error *err, int rc, const char *what);

/* ---- one value; MDB_NOTFOUND ---- */

int sn_index_get_meta(sn_index_meta *out, const sn_index *index, MDB_txn *txn);
int sn_index_put_meta(const sn_index *index, MDB_txn *txn, const sn_index_meta *meta);
/* `record`, if not NULL: its bytes, valid until the next change. */
int sn_index_get_session(sn_index_session *out, MDB_val *record, const sn_index *index,
                         MDB_txn *txn, const char *id);
int sn_index_get_node(sn_index_node *out, const sn_index *index, MDB_txn *txn, uint64_t node);
int sn_index_put_node(const sn_index *index, MDB_txn *txn, uint64_t node,
                      const sn_index_node *value);
int sn_index_get_segment(sn_index_segment *out, const sn_index *index, MDB_txn *txn,
                         uint32_t segment);

/* ---- changes, within a transaction ---- */

/* Counts an entry's bytes to its segment, as living and as dead. */
int sn_index_count(const sn_index *index, MDB_txn *txn, sn_index_meta *meta, uint32_t segment,
                   int64_t bytes, int64_t dead);

/* It has turned out to be damaged. */
int sn_index_leave_segment(const sn_index *index, MDB_txn *txn, uint32_t segment);

/* One use more of a node. */
int sn_index_use(const sn_index *index, MDB_txn *txn, uint64_t node);

/* One use less; it goes with its last, and lets go of the one below it. */
int sn_index_unuse(const sn_index *index, MDB_txn *txn, sn_index_meta *meta, uint64_t node);

/* Replaces a session's record by what came with the entry at `place`, and sees to the uses of
 * nodes; those that it names and does not name any more. */
int sn_index_put_session(const sn_index *index, MDB_txn *txn, sn_index_meta *meta,
                         const sn_record *record, const sn_index_session *value,
                         const sn_buffer *bytes);

int sn_index_remove_session(const sn_index *index, MDB_txn *txn, sn_index_meta *meta,
                            const char *id);

#endif
