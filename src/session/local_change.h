/*
 * local_change.h - inside the store on this machine's disk: how it is changed. A change holds
 * LMDB's lock of writers, of all processes, from begin to end; what it appends to the log counts
 * once the index has it, and is reported as done once it is on disk.
 */
#ifndef SN_SESSION_LOCAL_CHANGE_H
#define SN_SESSION_LOCAL_CHANGE_H

#include "session/index.h"
#include "session/store.h"

typedef struct sn_local_store {
    sn_store base;
    char *folder; /* its real path */
    int users_fd; /* locked: shared by all that have the index open */
    sn_index index;
    struct sn_local_store *next;
    unsigned openings;
} sn_local_store;

typedef struct sn_local_change {
    sn_local_store *store;
    MDB_txn *txn;
    sn_index_meta meta;
    int fd; /* of a segment that was appended to, or -1 */
    sn_log_place appended;
} sn_local_change;

/* What LMDB says, as an error of ours. */
static inline int sn_local_fail(sn_error *err, int rc) {
    return sn_index_fail(err, rc, "the sessions' index");
}

/* 0, or what LMDB says. */
SN_WARN_UNUSED int sn_local_begin(sn_local_change *change, sn_local_store *store);

/* Ends the change, as a failure if `rc` is one, of ours or LMDB's; other writers need not wait for
 * the disk. 0, or one of our errors. */
SN_WARN_UNUSED int sn_local_end(sn_local_change *change, int rc, sn_error *err);

/* The operations of a store (store.h). */
SN_WARN_UNUSED int sn_local_put(sn_store *store, sn_record *record, const sn_new_node *node,
                                sn_error *err);
SN_WARN_UNUSED int sn_local_remove(sn_store *store, const char *id, sn_error *err);
SN_WARN_UNUSED int sn_local_tidy(sn_store *store, sn_error *err);

/* Makes sure that a session can be deleted also on a disk that is full. */
void sn_local_make_reserve(const sn_local_store *store);

#endif
