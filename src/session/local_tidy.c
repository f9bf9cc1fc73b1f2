/* local_tidy.c - gives the space of entries that nothing needs back (local_change.h). */
#include "session/local_change.h"

#include "session/record.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <string.h>

enum { SMALL_SEGMENT_BYTES = 4 << 20 }; /* not worth to be given back */

typedef struct tidier {
    sn_local_change change;
    uint32_t segment;
    bool is_oldest;
    bool is_damaged;
    int rc;
    sn_error *err;
} tidier;

/* What still needs this entry: bit 0 the index as a node, bit 1 as a record, bit 2 that it tells of
 * an end while older entries of the session may be there. Those lie before it: what is moved to
 * behind it does not count as a record any more (SN_LOG_OLD). */
static unsigned needed(tidier *t, const sn_log_head *head, const sn_log_place *place,
                       const sn_record *record) {
    const sn_index *index = &t->change.store->index;
    sn_index_node node;
    sn_index_session session;
    unsigned bits = 0;
    if (head->node && sn_index_get_node(&node, index, t->change.txn, head->node) == 0 &&
        node.place.segment == place->segment && node.place.offset == place->offset)
        bits |= 1;
    if (sn_index_get_session(&session, NULL, index, t->change.txn, record->id) == 0 &&
        session.number == head->number)
        bits |= 2;
    if (head->flags & SN_LOG_ENDED && !t->is_oldest)
        bits |= 4;
    return bits;
}

static int move_to(tidier *t, unsigned bits, const sn_log_head *head, const sn_log_place *place,
                   const sn_record *record) {
    sn_local_change *c = &t->change;
    const sn_index *index = &c->store->index;
    sn_index_node node;
    sn_index_session session;
    MDB_val key = {strlen(record->id), (void *)record->id}, value;
    int rc = 0;
    if (bits & 1 && (rc = sn_index_get_node(&node, index, c->txn, head->node)) == 0) {
        node.place = *place;
        rc = sn_index_put_node(index, c->txn, head->node, &node);
    }
    if (rc || !(bits & 2) || (rc = mdb_get(c->txn, index->sessions, &key, &value)))
        return rc;
    sn_buffer copy = {0};
    if (!sn_buffer_add(&copy, value.mv_data, value.mv_size))
        return ENOMEM;
    memcpy(&session, copy.data, sizeof session);
    session.place = *place;
    memcpy(copy.data, &session, sizeof session);
    value.mv_data = copy.data;
    rc = mdb_put(c->txn, index->sessions, &key, &value, 0);
    sn_buffer_free(&copy);
    return rc;
}

static int keep_entry(void *user, const sn_log_head *head, const sn_log_place *place,
                      const sn_buffer *bytes) {
    tidier *t = user;
    sn_local_change *c = &t->change;
    sn_record record;
    if (head->flags & SN_LOG_VOID)
        return 0;
    if (sn_record_read(&record, bytes->data, bytes->bytes, NULL) < 0) {
        t->is_damaged = true;
        return SN_EUNAVAILABLE;
    }
    unsigned bits = needed(t, head, place, &record);
    sn_buffer payload = {0};
    sn_log_head again;
    int rc = 0;
    if (bits) {
        sn_log_place to;
        rc = sn_log_read(&again, &payload, c->store->folder, place, t->err);
        t->is_damaged = rc == SN_EUNAVAILABLE;
        if (rc == 0)
            rc = sn_log_copy(&to, c->store->folder, c->meta.segment, c->meta.tail,
                             head->flags | (bits == 1 ? SN_LOG_OLD : 0), head, &payload, t->err);
        if (rc == 0) {
            c->meta.tail = to.offset + to.bytes;
            t->rc = sn_index_count(&c->store->index, c->txn, &c->meta, to.segment,
                                   (int64_t)to.bytes, bits == 4 ? (int64_t)to.bytes : 0);
            if (t->rc == 0)
                t->rc = move_to(t, bits, head, &to, &record);
        }
    }
    sn_buffer_free(&payload);
    sn_record_clear(&record);
    return rc < 0 ? rc : t->rc ? SN_EUNAVAILABLE : 0;
}

static int forget_segment(sn_local_change *c, uint32_t segment, uint64_t bytes) {
    MDB_val key = {sizeof segment, &segment};
    c->meta.disk_bytes -= bytes;
    return mdb_del(c->txn, c->store->index.segments, &key, NULL);
}

/* The segment with the largest share of dead bytes, if that is more than half; the oldest one, too.
 */
static int choose(uint32_t *out, uint32_t *oldest, sn_index_segment *counts,
                  const sn_local_change *c) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(c->txn, c->store->index.segments, &cursor);
    if (rc)
        return rc;
    double worst = 0.5;
    *out = *oldest = 0;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        sn_index_segment each;
        uint32_t segment;
        memcpy(&segment, key.mv_data, sizeof segment);
        memcpy(&each, value.mv_data, sizeof each);
        if (!*oldest)
            *oldest = segment;
        double share = each.bytes ? (double)each.dead / (double)each.bytes : 1;
        bool active = segment == c->meta.segment;
        if (share <= worst || each.damaged || (active && each.bytes < SMALL_SEGMENT_BYTES))
            continue;
        worst = share;
        *out = segment;
        *counts = each;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What a process that died did not remove any more after the index had forgotten it. */
static void remove_forgotten(sn_local_change *c) {
    const sn_local_store *s = c->store;
    sn_auto_free uint32_t *segments = NULL;
    size_t count = 0;
    if (sn_log_segments(&segments, &count, s->folder, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        sn_index_segment counts;
        if (segments[i] != c->meta.segment &&
            sn_index_get_segment(&counts, &s->index, c->txn, segments[i]) == MDB_NOTFOUND)
            sn_log_remove(s->folder, segments[i]);
    }
}

/* Copies lie where the next writer cuts off what does not count, so what is appended to is to be
 * another segment before any is made. */
static int close_segment(sn_local_change *c, sn_error *err) {
    sn_log_cut(c->store->folder, c->meta.segment, c->meta.tail);
    c->meta.segment++;
    c->meta.tail = 0;
    return sn_local_end(c, 0, err);
}

/* The change has begun unless there is nothing to do. */
static int begin_tidying(tidier *t, sn_index_segment *counts, sn_local_store *s, sn_error *err) {
    sn_local_change *c = &t->change;
    uint32_t oldest;
    for (;;) {
        int rc = sn_local_begin(c, s);
        if (rc)
            return sn_local_fail(err, rc);
        remove_forgotten(c);
        rc = choose(&t->segment, &oldest, counts, c);
        if (rc || !t->segment) {
            mdb_txn_abort(c->txn);
            return rc ? sn_local_fail(err, rc) : 0;
        }
        t->is_oldest = t->segment == oldest;
        if (t->segment != c->meta.segment)
            return 0;
        rc = close_segment(c, err);
        if (rc < 0)
            return rc;
    }
}

/* One that is damaged stays with all that can still be read of it. */
static int leave_segment(tidier *t) {
    sn_local_store *s = t->change.store;
    sn_local_change c;
    mdb_txn_abort(t->change.txn);
    int rc = sn_local_begin(&c, s);
    if (rc)
        return sn_local_fail(t->err, rc);
    rc = sn_index_leave_segment(&s->index, c.txn, t->segment);
    return sn_local_end(&c, rc == MDB_NOTFOUND ? 0 : rc, t->err);
}

int sn_local_tidy(sn_store *store, sn_error *err) {
    sn_local_store *s = (sn_local_store *)store;
    tidier t = {.err = err};
    sn_index_segment counts = {0};
    sn_log_end end_of_it;
    int rc = begin_tidying(&t, &counts, s, err);
    if (rc < 0 || !t.segment)
        return rc;
    sn_local_change *c = &t.change;
    rc = sn_log_walk(&end_of_it, s->folder, t.segment, keep_entry, &t, err);
    if (t.is_damaged || (rc == 0 && end_of_it.is_damaged)) {
        rc = leave_segment(&t);
        return rc == 0 ? sn_local_tidy(store, err) : rc;
    }
    if (rc < 0 && t.rc)
        rc = t.rc;
    if (rc == 0 && c->meta.tail > 0) /* also what made entries dead may not be on disk yet */
        rc = sn_log_sync(s->folder, c->meta.segment, err);
    if (rc == 0)
        rc = forget_segment(c, t.segment, counts.bytes);
    rc = sn_local_end(c, rc, err);
    if (rc == 0) {
        sn_log_remove(s->folder, t.segment);
        sn_local_make_reserve(s);
    }
    return rc;
}
