/* local_change.c - see local_change.h. */
#include "session/local_change.h"

#include "session/record.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

enum { RESERVE_BYTES = 64 << 10 };

/* ---- a change ---- */

/* One writer at a time, of all processes. */
int sn_local_begin(sn_local_change *c, sn_local_store *s) {
    *c = (sn_local_change){.store = s, .fd = -1};
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
static void take_back(sn_local_store *s) {
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
static int commit(sn_local_change *c) {
    enum { NEXT_TO_NOTHING_BYTES = 1 << 20 };
    struct statvfs fs;
    int rc = mdb_txn_commit(c->txn);
    if (rc == EIO && statvfs(c->store->folder, &fs) == 0 &&
        (uint64_t)fs.f_bavail * fs.f_frsize < NEXT_TO_NOTHING_BYTES)
        rc = ENOSPC;
    return rc;
}

/* Ends the change, as a failure if `rc` is one; other writers need not wait for the disk. */
int sn_local_end(sn_local_change *c, int rc, sn_error *err) {
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
    return rc < 0 && rc >= SN_EINTERNAL ? rc : sn_local_fail(err, rc);
}

/* The entry counts once the transaction is through. */
static int append(sn_log_place *place, sn_local_change *c, sn_log_entry *entry, bool is_dead,
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

static void number_node(sn_record *record, sn_local_change *c, const sn_new_node *node) {
    sn_record_step *last = &record->steps[record->steps_count - 1];
    last->node = ++c->meta.node;
    last->stored_bytes = node->code_bytes + node->delta_bytes;
}

static int put_node(sn_local_change *c, const sn_new_node *node, uint64_t number,
                    const sn_log_place *place) {
    const sn_index *index = &c->store->index;
    sn_index_node value = {*place, node->below, 0};
    int rc = sn_index_put_node(index, c->txn, number, &value);
    return rc == 0 && node->below ? sn_index_use(index, c->txn, node->below) : rc;
}

int sn_local_put(sn_store *store, sn_record *record, const sn_new_node *node, sn_error *err) {
    sn_local_store *s = (sn_local_store *)store;
    sn_local_change c;
    sn_buffer bytes = {0};
    sn_log_place place = {0};
    int rc = sn_local_begin(&c, s);
    if (rc)
        return sn_local_fail(err, rc);
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
    return sn_local_end(&c, rc, err);
}

/* Some room that deleting has on a disk that is full. */
static char *reserve_path(const sn_local_store *s) {
    return sn_format("%s/reserve", s->folder);
}

void sn_local_make_reserve(const sn_local_store *s) {
    sn_auto_free char *path = reserve_path(s);
    sn_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) != 0)
        (void)!unlink(path);
}

static bool give_reserve(const sn_local_store *s) {
    sn_auto_free char *path = reserve_path(s);
    return unlink(path) == 0;
}

/* Its end is an entry, too, that the log alone tells it. */
static int remove_once(sn_local_store *s, const char *id, sn_error *err) {
    sn_local_change c;
    sn_buffer bytes = {0};
    sn_log_place place = {0};
    sn_record ended = {0};
    sn_index_session old;
    int rc = sn_local_begin(&c, s);
    if (rc)
        return sn_local_fail(err, rc);
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
    return sn_local_end(&c, rc, err);
}

int sn_local_remove(sn_store *store, const char *id, sn_error *err) {
    sn_local_store *s = (sn_local_store *)store;
    int rc = remove_once(s, id, err);
    if (rc == SN_ERESOURCE_EXHAUSTED && give_reserve(s))
        rc = remove_once(s, id, err);
    return rc;
}
