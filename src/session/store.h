/*
 * store.h - where sessions are kept. An interface, so that there can be others; the one that comes
 * with it is local_store.h.
 *
 * A *record* is what is known of a session: its steps, each naming a *node*. A node is what one
 * execution left: its code and a delta (delta.h), which may lie over another node's. Nodes never
 * change, and are shared by all records that name them; one that no record and no node needs any
 * more goes by itself.
 *
 * A record is replaced as a whole; what is reported as done has reached the disk, and a process
 * that dies at any moment leaves the record as it was before or as it is after. Any thread, several
 * processes. Who changes a record holds the session's lock (lock.h).
 */
#ifndef SN_SESSION_STORE_H
#define SN_SESSION_STORE_H

#include "shannon.h"
#include "util/buffer.h"

enum {
    SN_BASE_BYTES = 16,
    SN_STEPS_MOST = 10000,
    SN_NODE_CODE_MOST_BYTES = SN_CODE_MAX_BYTES,
};

typedef struct sn_record_step {
    uint64_t step; /* its number */
    uint64_t node; /* 0 in the last step of a record that is put with a new node */
    int64_t time_ms;
    uint64_t stored_bytes;
    uint64_t memory_bytes;
    uint32_t status; /* enum sn_status */
    uint32_t unused;
} sn_record_step;

typedef struct sn_record {
    char id[SN_SESSION_ID_MAX_BYTES + 1];
    uint8_t base[SN_BASE_BYTES]; /* the image that its nodes are relative to; zeros: no step yet */
    int64_t created_ms;
    int64_t used_ms;
    sn_record_step *steps; /* rising; from malloc */
    size_t steps_count;    /* none: the session is at step 0 */
} sn_record;

void sn_record_clear(sn_record *record);
SN_WARN_UNUSED int sn_record_copy(sn_record *out, const sn_record *record, sn_error *err);

/* Step 0 has no entry. NULL: there is none of that number. */
const sn_record_step *sn_record_find(const sn_record *record, uint64_t step);
const sn_record_step *sn_record_last(const sn_record *record); /* NULL: step 0 */

typedef struct sn_new_node {
    uint64_t below; /* the node that its delta lies over; 0: none */
    const void *code;
    size_t code_bytes;
    const void *delta;
    size_t delta_bytes;
} sn_new_node;

typedef struct sn_stored_node {
    uint64_t below;
    sn_buffer bytes; /* holds what the next two point to */
    const char *code;
    size_t code_bytes;
    const void *delta;
    size_t delta_bytes;
} sn_stored_node;

typedef struct sn_store_totals {
    uint64_t sessions;
    uint64_t disk_bytes;
} sn_store_totals;

typedef struct sn_store sn_store;

/* Non-zero ends the walk. `bytes`: what its nodes take, shared or not. */
typedef int (*sn_store_record_fn)(void *user, const sn_record *record);

typedef struct sn_store_operations {
    void (*close)(sn_store *store);
    int (*get)(sn_record *out, sn_store *store, const char *id, sn_error *err);
    int (*put)(sn_store *store, sn_record *record, const sn_new_node *node, sn_error *err);
    int (*remove)(sn_store *store, const char *id, sn_error *err);
    int (*read)(sn_stored_node *out, sn_store *store, uint64_t node, sn_error *err);
    int (*each)(sn_store *store, bool longest_idle_first, sn_store_record_fn fn, void *user,
                sn_error *err);
    int (*totals)(sn_store_totals *out, sn_store *store, sn_error *err);
    int (*verify)(sn_store *store, void (*report)(void *user, const char *line), void *user,
                  sn_error *err);
    int (*tidy)(sn_store *store, sn_error *err);
} sn_store_operations;

struct sn_store {
    const sn_store_operations *operations;
};

static inline void sn_store_close(sn_store *store) {
    if (store)
        store->operations->close(store);
}

/* SN_ENOT_FOUND. Release with sn_record_clear(). */
SN_WARN_UNUSED static inline int sn_store_get(sn_record *out, sn_store *store, const char *id,
                                              sn_error *err) {
    return store->operations->get(out, store, id, err);
}

/* Makes or replaces a record, and adds a node, which its last step then names.
 * SN_ERESOURCE_EXHAUSTED: the disk is full; nothing has changed then. */
SN_WARN_UNUSED static inline int sn_store_put(sn_store *store, sn_record *record,
                                              const sn_new_node *node, sn_error *err) {
    return store->operations->put(store, record, node, err);
}

/* SN_ENOT_FOUND. */
SN_WARN_UNUSED static inline int sn_store_remove(sn_store *store, const char *id, sn_error *err) {
    return store->operations->remove(store, id, err);
}

/* SN_EUNAVAILABLE: damaged. Release with sn_stored_node_clear(). */
SN_WARN_UNUSED static inline int sn_store_read(sn_stored_node *out, sn_store *store, uint64_t node,
                                               sn_error *err) {
    return store->operations->read(out, store, node, err);
}

void sn_stored_node_clear(sn_stored_node *node);

/* All records as they are at one moment, by id, or those first that were used longest ago. */
SN_WARN_UNUSED static inline int sn_store_each(sn_store *store, bool longest_idle_first,
                                               sn_store_record_fn fn, void *user, sn_error *err) {
    return store->operations->each(store, longest_idle_first, fn, user, err);
}

SN_WARN_UNUSED static inline int sn_store_get_totals(sn_store_totals *out, sn_store *store,
                                                     sn_error *err) {
    return store->operations->totals(out, store, err);
}

/* Compares every checksum and reference. The number of faults. */
SN_WARN_UNUSED static inline int sn_store_verify(sn_store *store,
                                                 void (*report)(void *user, const char *line),
                                                 void *user, sn_error *err) {
    return store->operations->verify(store, report, user, err);
}

/* Gives back space that nothing needs. A call does a bounded amount of it. */
SN_WARN_UNUSED static inline int sn_store_tidy(sn_store *store, sn_error *err) {
    return store->operations->tidy(store, err);
}

#endif
