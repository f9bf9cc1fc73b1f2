/* store_private.h - what store.c and store_room.c share. */
#ifndef SN_ORCHESTRATOR_STORE_PRIVATE_H
#define SN_ORCHESTRATOR_STORE_PRIVATE_H

#include "orchestrator/record.h"
#include "orchestrator/store.h"

#include <lmdb.h>

enum { SN_TASK_DATABASES = 5 };

struct sn_task_store {
    sn_task_store_options options;
    MDB_env *env;
    MDB_dbi heads, inputs, outputs, events, keys;
    size_t page_bytes;
    int lock_fd;
};

/* An error from LMDB's or errno's number. */
int sn_task_store_fail(sn_error *err, int rc, const char *what);

MDB_val sn_task_store_text(const char *text);
int sn_task_store_put(MDB_txn *txn, MDB_dbi dbi, MDB_val key, const sn_buffer *value);
SN_WARN_UNUSED int sn_task_store_put_head(sn_task_store *store, MDB_txn *txn,
                                          const sn_task_head *head, sn_error *err);
SN_WARN_UNUSED int sn_task_store_put_end(sn_task_store *store, MDB_txn *txn, const sn_task *task,
                                         const sn_task_events *events, sn_error *err);

/* ---- store_room.c ---- */

/* Looks at all there is when the store is opened. */
SN_WARN_UNUSED int sn_task_store_recover(sn_task_store *store, sn_error *err);

/* As sn_task_store_add() says: 0, and the key is this task's; 1; or an error. */
SN_WARN_UNUSED int sn_task_store_claim_key(char existing[SN_TASK_ID_BYTES], sn_task_store *store,
                                           MDB_txn *txn, const sn_task_head *head,
                                           const uint8_t fingerprint[16], sn_error *err);

/* Removes what has ended, the oldest first, until there is room for one more. */
SN_WARN_UNUSED int sn_task_store_make_room(sn_task_store *store, MDB_txn *txn, size_t bytes,
                                           sn_error *err);

#endif
