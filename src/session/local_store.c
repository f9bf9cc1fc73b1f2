/* local_store.c - see local_store.h. */
#include "session/local_store.h"

#include "session/rebuild.h"
#include "session/record.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>

enum {
    SMALL_SEGMENT_BYTES = 4 << 20, /* not worth to be given back */
    RESERVE_BYTES = 64 << 10,
};

typedef struct local_store {
    sn_store base;
    char *folder; /* its real path */
    int users_fd; /* locked: shared by all that have the index open */
    sn_index index;
    struct local_store *next;
    unsigned openings;
} local_store;

/* A process may open an LMDB environment only once. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static local_store *open_stores;

static int failed(sn_error *err, int rc) {
    return sn_index_fail(err, rc, "the sessions' index");
}

/* ---- reading ---- */

static int store_get(sn_record *out, sn_store *store, const char *id, sn_error *err) {
    local_store *s = (local_store *)store;
    MDB_txn *txn;
    MDB_val bytes;
    sn_index_session value;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return failed(err, rc);
    rc = sn_index_get_session(&value, &bytes, &s->index, txn, id);
    int result = 0;
    if (rc == MDB_NOTFOUND)
        result = sn_fail(err, SN_ENOT_FOUND, "there is no session '%s'", id);
    else if (rc)
        result = failed(err, rc);
    else
        result = sn_record_read(out, bytes.mv_data, bytes.mv_size, err);
    mdb_txn_abort(txn);
    return result;
}

static int find_node(sn_index_node *out, local_store *s, uint64_t node, sn_error *err) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return failed(err, rc);
    rc = sn_index_get_node(out, &s->index, txn, node);
    mdb_txn_abort(txn);
    if (rc == MDB_NOTFOUND)
        return sn_fail(err, SN_EUNAVAILABLE, "a part of the session is missing (node %llu)",
                       (unsigned long long)node);
    return rc ? failed(err, rc) : 0;
}

/* Between looking it up and reading it, tidying may have moved it. */
static int store_read(sn_stored_node *out, sn_store *store, uint64_t node, sn_error *err) {
    enum { TRIES = 3 };
    local_store *s = (local_store *)store;
    sn_stored_node made = {0};
    sn_log_head head;
    int rc = SN_ENOT_FOUND;
    for (int i = 0; i < TRIES && rc == SN_ENOT_FOUND; i++) {
        sn_index_node place;
        rc = find_node(&place, s, node, err);
        if (rc == 0)
            rc = sn_log_read(&head, &made.bytes, s->folder, &place.place, err);
    }
    if (rc == 0 && head.node != node)
        rc = sn_fail(err, SN_EUNAVAILABLE, "the sessions' index does not fit their files");
    if (rc < 0) {
        sn_stored_node_clear(&made);
        return rc == SN_ENOT_FOUND ? (err ? (err->code = SN_EUNAVAILABLE) : SN_EUNAVAILABLE) : rc;
    }
    made.below = head.below;
    made.code = made.bytes.data + head.record_bytes;
    made.code_bytes = head.code_bytes;
    made.delta = made.code + head.code_bytes;
    made.delta_bytes = head.node_bytes - head.code_bytes;
    *out = made;
    return 0;
}

static int call_with(sn_store_record_fn fn, void *user, const MDB_val *value) {
    sn_record record;
    if (value->mv_size < sizeof(sn_index_session) ||
        sn_record_read(&record, (const char *)value->mv_data + sizeof(sn_index_session),
                       value->mv_size - sizeof(sn_index_session), NULL) < 0)
        return 0;
    int rc = fn(user, &record);
    sn_record_clear(&record);
    return rc;
}

static int store_each(sn_store *store, bool longest_idle_first, sn_store_record_fn fn, void *user,
                      sn_error *err) {
    enum { TIME_BYTES = 8 };
    local_store *s = (local_store *)store;
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return failed(err, rc);
    rc = mdb_cursor_open(txn, longest_idle_first ? s->index.used : s->index.sessions, &cursor);
    int result = 0;
    while (rc == 0 && result == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (longest_idle_first) {
            MDB_val id = {key.mv_size - TIME_BYTES, (char *)key.mv_data + TIME_BYTES};
            if (mdb_get(txn, s->index.sessions, &id, &value))
                continue;
        }
        result = call_with(fn, user, &value);
    }
    if (rc == 0 || rc == MDB_NOTFOUND)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return rc && rc != MDB_NOTFOUND ? failed(err, rc) : result;
}

static int store_totals(sn_store_totals *out, sn_store *store, sn_error *err) {
    local_store *s = (local_store *)store;
    MDB_txn *txn;
    sn_index_meta meta;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return failed(err, rc);
    rc = sn_index_get_meta(&meta, &s->index, txn);
    mdb_txn_abort(txn);
    if (rc)
        return failed(err, rc);
    *out = (sn_store_totals){meta.sessions, meta.disk_bytes};
    return 0;
}

/* ---- writing ---- */

typedef struct change {
    local_store *store;
    MDB_txn *txn;
    sn_index_meta meta;
    int fd; /* of a segment that was appended to, or -1 */
    sn_log_place appended;
} change;

/* One writer at a time, of all processes. */
static int begin(change *c, local_store *s) {
    *c = (change){.store = s, .fd = -1};
    int rc = mdb_txn_begin(s->index.env, NULL, 0, &c->txn);
    if (rc)
        return rc;
    rc = sn_index_get_meta(&c->meta, &s->index, c->txn);
    if (rc) {
        mdb_txn_abort(c->txn);
        return rc;
    }
    if (c->meta.tail >= SN_SEGMENT_BYTES) {
        c->meta.segment++;
        c->meta.tail = 0;
    }
    c->meta.number++;
    return 0;
}

/* What the index did not take is not to be found in the log, either. */
static void take_back(local_store *s) {
    MDB_txn *txn; /* for its lock */
    sn_index_meta meta;
    if (mdb_txn_begin(s->index.env, NULL, 0, &txn) != 0)
        return;
    if (sn_index_get_meta(&meta, &s->index, txn) == 0)
        sn_log_cut(s->folder, meta.segment, meta.tail);
    mdb_txn_abort(txn);
}

/* LMDB calls it an I/O error if a write is cut short, as the last one is before the disk is full.
 */
static int commit(change *c) {
    enum { NEXT_TO_NOTHING_BYTES = 1 << 20 };
    struct statvfs fs;
    int rc = mdb_txn_commit(c->txn);
    if (rc == EIO && statvfs(c->store->folder, &fs) == 0 &&
        (uint64_t)fs.f_bavail * fs.f_frsize < NEXT_TO_NOTHING_BYTES)
        rc = ENOSPC;
    return rc;
}

/* Ends the change, as a failure if `rc` is one; other writers need not wait for the disk. */
static int end(change *c, int rc, sn_error *err) {
    bool committing = rc == 0;
    if (rc == 0 && (rc = sn_index_put_meta(&c->store->index, c->txn, &c->meta)) != 0)
        committing = false;
    if (committing)
        rc = commit(c);
    if (rc == 0)
        return c->fd < 0 ? 0 : sn_log_finish(c->fd, c->store->folder, err);
    if (c->fd >= 0)
        close(c->fd);
    if (committing) {
        take_back(c->store);
    } else {
        if (c->fd >= 0)
            sn_log_cut(c->store->folder, c->appended.segment, c->appended.offset);
        mdb_txn_abort(c->txn);
    }
    return rc < 0 && rc >= SN_EINTERNAL ? rc : failed(err, rc);
}

/* The entry counts once the transaction is through. */
static int append(sn_log_place *place, change *c, sn_log_entry *entry, bool is_dead,
                  sn_error *err) {
    const sn_index *index = &c->store->index;
    entry->head.number = c->meta.number;
    int rc =
        sn_log_append(place, &c->fd, c->store->folder, c->meta.segment, c->meta.tail, entry, err);
    if (rc < 0)
        return rc;
    c->appended = *place;
    c->meta.tail = place->offset + place->bytes;
    return sn_index_count(index, c->txn, &c->meta, place->segment, (int64_t)place->bytes,
                          is_dead ? (int64_t)place->bytes : 0);
}

static void number_node(sn_record *record, change *c, const sn_new_node *node) {
    sn_record_step *last = &record->steps[record->steps_count - 1];
    last->node = ++c->meta.node;
    last->stored_bytes = node->code_bytes + node->delta_bytes;
}

static int put_node(change *c, const sn_new_node *node, uint64_t number,
                    const sn_log_place *place) {
    const sn_index *index = &c->store->index;
    sn_index_node value = {*place, node->below, 0};
    int rc = sn_index_put_node(index, c->txn, number, &value);
    return rc == 0 && node->below ? sn_index_use(index, c->txn, node->below) : rc;
}

static int store_put(sn_store *store, sn_record *record, const sn_new_node *node, sn_error *err) {
    local_store *s = (local_store *)store;
    change c;
    sn_buffer bytes = {0};
    sn_log_place place = {0};
    int rc = begin(&c, s);
    if (rc)
        return failed(err, rc);
    if (node)
        number_node(record, &c, node);
    sn_log_entry entry = {0};
    if (!sn_record_write(&bytes, record))
        rc = ENOMEM;
    entry.record = bytes.data;
    entry.record_bytes = bytes.bytes;
    if (node) {
        entry.head.node = c.meta.node;
        entry.head.below = node->below;
        entry.code = node->code;
        entry.code_bytes = node->code_bytes;
        entry.delta = node->delta;
        entry.delta_bytes = node->delta_bytes;
    }
    if (rc == 0)
        rc = append(&place, &c, &entry, false, err);
    if (rc == 0 && node)
        rc = put_node(&c, node, c.meta.node, &place);
    sn_index_session value = {c.meta.number, place, node == NULL};
    if (rc == 0)
        rc = sn_index_put_session(&s->index, c.txn, &c.meta, record, &value, &bytes);
    sn_buffer_free(&bytes);
    return end(&c, rc, err);
}

/* Some room that deleting has on a disk that is full. */
static char *reserve_path(const local_store *s) {
    return sn_format("%s/reserve", s->folder);
}

static void make_reserve(const local_store *s) {
    sn_auto_free char *path = reserve_path(s);
    sn_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) != 0)
        (void)!unlink(path);
}

static bool give_reserve(const local_store *s) {
    sn_auto_free char *path = reserve_path(s);
    return unlink(path) == 0;
}

/* Its end is an entry, too, that the log alone tells it. */
static int remove_once(local_store *s, const char *id, sn_error *err) {
    change c;
    sn_buffer bytes = {0};
    sn_log_place place = {0};
    sn_record ended = {0};
    sn_index_session old;
    int rc = begin(&c, s);
    if (rc)
        return failed(err, rc);
    rc = sn_index_get_session(&old, NULL, &s->index, c.txn, id);
    if (rc == MDB_NOTFOUND)
        rc = sn_fail(err, SN_ENOT_FOUND, "there is no session '%s'", id);
    snprintf(ended.id, sizeof ended.id, "%s", id);
    if (rc == 0 && !sn_record_write(&bytes, &ended))
        rc = ENOMEM;
    sn_log_entry entry = {
        .head.flags = SN_LOG_ENDED, .record = bytes.data, .record_bytes = bytes.bytes};
    if (rc == 0)
        rc = append(&place, &c, &entry, true, err);
    if (rc == 0)
        rc = sn_index_remove_session(&s->index, c.txn, &c.meta, id);
    sn_buffer_free(&bytes);
    return end(&c, rc, err);
}

static int store_remove(sn_store *store, const char *id, sn_error *err) {
    local_store *s = (local_store *)store;
    int rc = remove_once(s, id, err);
    if (rc == SN_ERESOURCE_EXHAUSTED && give_reserve(s))
        rc = remove_once(s, id, err);
    return rc;
}

/* ---- giving space back ---- */

typedef struct tidier {
    change change;
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
    change *c = &t->change;
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
    change *c = &t->change;
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

static int forget_segment(change *c, uint32_t segment, uint64_t bytes) {
    MDB_val key = {sizeof segment, &segment};
    c->meta.disk_bytes -= bytes;
    return mdb_del(c->txn, c->store->index.segments, &key, NULL);
}

/* The segment with the largest share of dead bytes, if that is more than half; the oldest one, too.
 */
static int choose(uint32_t *out, uint32_t *oldest, sn_index_segment *counts, const change *c) {
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
static void remove_forgotten(change *c) {
    const local_store *s = c->store;
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
static int close_segment(change *c, sn_error *err) {
    sn_log_cut(c->store->folder, c->meta.segment, c->meta.tail);
    c->meta.segment++;
    c->meta.tail = 0;
    return end(c, 0, err);
}

/* The change has begun unless there is nothing to do. */
static int begin_tidying(tidier *t, sn_index_segment *counts, local_store *s, sn_error *err) {
    change *c = &t->change;
    uint32_t oldest;
    for (;;) {
        int rc = begin(c, s);
        if (rc)
            return failed(err, rc);
        remove_forgotten(c);
        rc = choose(&t->segment, &oldest, counts, c);
        if (rc || !t->segment) {
            mdb_txn_abort(c->txn);
            return rc ? failed(err, rc) : 0;
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
    local_store *s = t->change.store;
    change c;
    mdb_txn_abort(t->change.txn);
    int rc = begin(&c, s);
    if (rc)
        return failed(t->err, rc);
    rc = sn_index_leave_segment(&s->index, c.txn, t->segment);
    return end(&c, rc == MDB_NOTFOUND ? 0 : rc, t->err);
}

static int store_tidy(sn_store *store, sn_error *err) {
    local_store *s = (local_store *)store;
    tidier t = {.err = err};
    sn_index_segment counts = {0};
    sn_log_end end_of_it;
    int rc = begin_tidying(&t, &counts, s, err);
    if (rc < 0 || !t.segment)
        return rc;
    change *c = &t.change;
    rc = sn_log_walk(&end_of_it, s->folder, t.segment, keep_entry, &t, err);
    if (t.is_damaged || (rc == 0 && end_of_it.is_damaged)) {
        rc = leave_segment(&t);
        return rc == 0 ? store_tidy(store, err) : rc;
    }
    if (rc < 0 && t.rc)
        rc = t.rc;
    if (rc == 0 && c->meta.tail > 0) /* also what made entries dead may not be on disk yet */
        rc = sn_log_sync(s->folder, c->meta.segment, err);
    if (rc == 0)
        rc = forget_segment(c, t.segment, counts.bytes);
    rc = end(c, rc, err);
    if (rc == 0) {
        sn_log_remove(s->folder, t.segment);
        make_reserve(s);
    }
    return rc;
}

/* ---- verifying ---- */

typedef struct verifier {
    local_store *store;
    void (*report)(void *user, const char *line);
    void *user;
    int faults;
} verifier;

static void fault(verifier *v, const char *id, uint64_t step, const char *what) {
    sn_auto_free char *line =
        sn_format("session %s, step %llu: %s", id, (unsigned long long)step, what);
    v->faults++;
    if (v->report)
        v->report(v->user, line);
}

/* The chain of nodes below a step. */
static int verify_record(void *user, const sn_record *record) {
    verifier *v = user;
    for (size_t i = 0; i < record->steps_count; i++) {
        uint64_t node = record->steps[i].node;
        while (node) {
            sn_stored_node stored;
            sn_error why = SN_ERROR_INIT;
            if (store_read(&stored, &v->store->base, node, &why) < 0) {
                fault(v, record->id, record->steps[i].step, why.message);
                break;
            }
            node = stored.below;
            sn_stored_node_clear(&stored);
        }
    }
    return 0;
}

static int store_verify(sn_store *store, void (*report)(void *user, const char *line), void *user,
                        sn_error *err) {
    verifier v = {(local_store *)store, report, user, 0};
    int rc = store_each(store, false, verify_record, &v, err);
    return rc < 0 ? rc : v.faults;
}

/* ---- opening ---- */

static void release(local_store *s) {
    sn_index_close(&s->index);
    if (s->users_fd >= 0)
        close(s->users_fd);
    free(s->folder);
    free(s);
}

static void store_close(sn_store *store) {
    local_store *s = (local_store *)store;
    pthread_mutex_lock(&open_lock);
    if (--s->openings == 0) {
        local_store **at = &open_stores;
        while (*at != s)
            at = &(*at)->next;
        *at = s->next;
        release(s);
    }
    pthread_mutex_unlock(&open_lock);
}

static const sn_store_operations operations = {
    .close = store_close,
    .get = store_get,
    .put = store_put,
    .remove = store_remove,
    .read = store_read,
    .each = store_each,
    .totals = store_totals,
    .verify = store_verify,
    .tidy = store_tidy,
};

/* Which start of the machine this is; "" where that cannot be told. */
static void this_boot(char out[64]) {
    sn_auto_fd int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, 63);
    out[n > 0 ? n : 0] = '\0';
}

/* The index was written by this start of the machine, so that all of it is there. */
static bool index_is_current(const char *folder) {
    char boot[64];
    sn_auto_free char *path = sn_format("%s/boot", folder);
    sn_auto_free char *database = sn_format("%s/index/data.mdb", folder);
    sn_auto_free char *kept = NULL;
    size_t bytes;
    this_boot(boot);
    return *boot && access(database, F_OK) == 0 &&
           sn_read_file(&kept, &bytes, path, 64, NULL) == 0 && strcmp(kept, boot) == 0;
}

/* Nobody else has it open: what they have open would be another one afterwards. */
static int have_alone(const local_store *s, sn_error *err) {
    if (flock(s->users_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    sn_fail(err, SN_EUNAVAILABLE,
            "the index of the sessions in %s is damaged, and other processes have it open",
            s->folder);
    return sn_hint(err, "end them; the next one to open it makes it anew from the sessions' files");
}

static int open_anew(local_store *s, sn_error *err) {
    char boot[64];
    int alone = have_alone(s, err);
    if (alone < 0)
        return alone;
    sn_auto_free char *index = sn_format("%s/index", s->folder);
    sn_auto_free char *path = sn_format("%s/boot", s->folder);
    (void)!unlink(path);
    sn_remove_tree(index);
    int rc = sn_index_open(&s->index, s->folder, true);
    if (rc)
        return failed(err, rc);
    rc = sn_index_rebuild(&s->index, s->folder, err);
    if (rc < 0)
        return rc;
    this_boot(boot);
    return sn_replace_file(path, boot, strlen(boot), err);
}

static int open_index(local_store *s, sn_error *err) {
    sn_auto_free char *path = sn_format("%s/lock", s->folder);
    sn_auto_free char *users = sn_format("%s/users", s->folder);
    sn_auto_fd int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot lock %s", path);
    s->users_fd = open(users, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->users_fd < 0 || flock(s->users_fd, LOCK_SH) < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot lock %s", users);
    if (index_is_current(s->folder)) {
        int rc = sn_index_open(&s->index, s->folder, false);
        if (rc != MDB_INVALID && rc != MDB_CORRUPTED && rc != MDB_VERSION_MISMATCH)
            return rc ? failed(err, rc) : 0;
    }
    int rc = open_anew(s, err);
    if (rc == 0 && flock(s->users_fd, LOCK_SH) < 0)
        rc = sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot lock %s", users);
    return rc;
}

static int open_first(local_store **out, const char *folder, sn_error *err) {
    local_store *s = calloc(1, sizeof *s);
    if (!s)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the store of sessions");
    s->base.operations = &operations;
    s->users_fd = -1;
    s->openings = 1;
    s->folder = sn_format("%s", folder);
    int rc = open_index(s, err);
    if (rc < 0) {
        release(s);
        return rc;
    }
    make_reserve(s);
    s->next = open_stores;
    open_stores = s;
    *out = s;
    return 0;
}

int sn_local_store_open(sn_store **out, const char *folder, sn_error *err) {
    int rc = sn_make_dirs(folder, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *real = realpath(folder, NULL);
    if (!real)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot open %s", folder);
    pthread_mutex_lock(&open_lock);
    local_store *s = open_stores;
    while (s && strcmp(s->folder, real) != 0)
        s = s->next;
    if (s)
        s->openings++;
    else
        rc = open_first(&s, real, err);
    pthread_mutex_unlock(&open_lock);
    if (rc == 0)
        *out = &s->base;
    return rc;
}
