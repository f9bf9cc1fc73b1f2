/* rebuild.c - see rebuild.h. */
#include "session/rebuild.h"

#include "session/record.h"
#include "util/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct builder {
    sn_index *index;
    const char *folder;
    uint32_t unsure; /* from this segment on contents may not have reached the disk */
    MDB_txn *txn;
    sn_index_meta meta;
    int rc; /* of LMDB, or one of ours */
    sn_error *err;
} builder;

/* One that was moved may be there twice. */
static int take_node(builder *b, const sn_log_head *head, const sn_log_place *place) {
    sn_index_node node;
    int rc = sn_index_get_node(&node, b->index, b->txn, head->node);
    if (rc == 0)
        rc = sn_index_count(b->index, b->txn, &b->meta, node.place.segment, 0,
                            (int64_t)node.place.bytes);
    if (rc && rc != MDB_NOTFOUND)
        return rc;
    node = (sn_index_node){*place, head->below, 0};
    return sn_index_put_node(b->index, b->txn, head->node, &node);
}

/* Whether the entry counts; one with a hole in it does not, from now on. */
static int judge(bool *counts, builder *b, const sn_log_head *head, const sn_log_place *place) {
    sn_log_head again;
    sn_buffer payload = {0};
    *counts = !(head->flags & SN_LOG_VOID);
    if (!*counts || place->segment < b->unsure)
        return 0;
    int rc = sn_log_read(&again, &payload, b->folder, place, b->err);
    sn_buffer_free(&payload);
    if (rc != SN_EUNAVAILABLE)
        return rc;
    *counts = false;
    return sn_log_void(b->folder, head, place, b->err);
}

/* First round: every node, without uses; of each session the place of its latest entry. The
 * sessions' entries are kept in the database itself, by number, until all are known. */
static int take_entry(void *user, const sn_log_head *head, const sn_log_place *place,
                      const sn_buffer *bytes) {
    builder *b = user;
    sn_record record;
    bool counts;
    b->rc = judge(&counts, b, head, place);
    if (b->rc == 0)
        b->rc = sn_index_count(b->index, b->txn, &b->meta, place->segment, (int64_t)place->bytes,
                               counts ? 0 : (int64_t)place->bytes);
    if (head->number > b->meta.number)
        b->meta.number = head->number;
    if (head->node > b->meta.node)
        b->meta.node = head->node;
    if (b->rc || !counts)
        return b->rc ? SN_EUNAVAILABLE : 0;
    if (sn_record_read(&record, bytes->data, bytes->bytes, NULL) < 0)
        return 0; /* of another version: left as it is */
    sn_index_session old = {0}, now = {head->number, *place, head->node == 0};
    int rc = 0;
    if (head->node)
        rc = take_node(b, head, place);
    if (rc == 0)
        rc = sn_index_get_session(&old, NULL, b->index, b->txn, record.id);
    if (rc == MDB_NOTFOUND)
        rc = 0;
    if (rc == 0 && head->number >= old.number && !(head->flags & SN_LOG_OLD)) {
        now.alone |= head->flags & SN_LOG_ENDED ? 2 : 0;
        MDB_val key = {strlen(record.id), record.id};
        MDB_val value = {sizeof now + bytes->bytes, NULL};
        rc = mdb_put(b->txn, b->index->sessions, &key, &value, MDB_RESERVE);
        if (rc == 0) {
            memcpy(value.mv_data, &now, sizeof now);
            memcpy((char *)value.mv_data + sizeof now, bytes->data, bytes->bytes);
        }
    }
    sn_record_clear(&record);
    b->rc = rc;
    return rc ? SN_EUNAVAILABLE : 0;
}

typedef struct kept {
    sn_index_session value;
    sn_record record;
    sn_buffer bytes;
} kept;

/* Takes all sessions out again, so that they can be put in as they are whenever one changes. */
static int take_out(sn_buffer *out, builder *b) {
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(b->txn, b->index->sessions, &cursor);
    if (rc)
        return rc;
    MDB_val key, value;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        kept one = {0};
        const char *record = (const char *)value.mv_data + sizeof one.value;
        size_t bytes = value.mv_size - sizeof one.value;
        memcpy(&one.value, value.mv_data, sizeof one.value);
        if (one.value.alone & 2)
            continue;
        if (sn_record_read(&one.record, record, bytes, NULL) < 0 ||
            !sn_buffer_add(&one.bytes, record, bytes) || !sn_buffer_add(out, &one, sizeof one)) {
            rc = ENOMEM;
            break;
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? mdb_drop(b->txn, b->index->sessions, 0) : rc;
}

static bool has_nodes(const builder *b, uint64_t number) {
    sn_index_node node;
    for (; number; number = node.below)
        if (sn_index_get_node(&node, b->index, b->txn, number))
            return false;
    return true;
}

/* A session whose nodes are not all there loses the steps that need them. */
static int put_back(builder *b, kept *one) {
    size_t count = 0;
    for (size_t i = 0; i < one->record.steps_count; i++)
        if (has_nodes(b, one->record.steps[i].node))
            one->record.steps[count++] = one->record.steps[i];
    one->record.steps_count = count;
    sn_buffer_free(&one->bytes);
    if (!sn_record_write(&one->bytes, &one->record))
        return ENOMEM;
    return sn_index_put_session(b->index, b->txn, &b->meta, &one->record, &one->value, &one->bytes);
}

/* Nodes that lie under others are used by them; those that nothing uses are dead. */
static int settle_nodes(builder *b) {
    MDB_cursor *cursor;
    MDB_val key, value;
    sn_buffer below = {0};
    int rc = mdb_cursor_open(b->txn, b->index->nodes, &cursor);
    if (rc)
        return rc;
    while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        sn_index_node node;
        memcpy(&node, value.mv_data, sizeof node);
        if (node.below && !sn_buffer_add(&below, &node.below, sizeof node.below))
            rc = ENOMEM;
    }
    mdb_cursor_close(cursor);
    rc = rc == MDB_NOTFOUND ? 0 : rc;
    for (size_t i = 0; rc == 0 && i < below.bytes / sizeof(uint64_t); i++) {
        rc = sn_index_use(b->index, b->txn, ((const uint64_t *)below.data)[i]);
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    }
    sn_buffer_free(&below);
    return rc;
}

static int drop_unused(builder *b) {
    MDB_cursor *cursor;
    MDB_val key, value;
    sn_buffer unused = {0};
    int rc = mdb_cursor_open(b->txn, b->index->nodes, &cursor);
    if (rc)
        return rc;
    while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        sn_index_node node;
        memcpy(&node, value.mv_data, sizeof node);
        if (node.uses == 0 && !sn_buffer_add(&unused, key.mv_data, sizeof(uint64_t)))
            rc = ENOMEM;
    }
    mdb_cursor_close(cursor);
    rc = rc == MDB_NOTFOUND ? 0 : rc;
    for (size_t i = 0; rc == 0 && i < unused.bytes / sizeof(uint64_t); i++) {
        rc = sn_index_unuse(b->index, b->txn, &b->meta, ((const uint64_t *)unused.data)[i]);
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    }
    sn_buffer_free(&unused);
    return rc;
}

/* Entries without a node whose record is not the latest. */
static int count_dead(void *user, const sn_log_head *head, const sn_log_place *place,
                      const sn_buffer *bytes) {
    builder *b = user;
    sn_record record;
    if (head->node || head->flags & SN_LOG_VOID ||
        sn_record_read(&record, bytes->data, bytes->bytes, NULL) < 0)
        return 0;
    sn_index_session now;
    int rc = sn_index_get_session(&now, NULL, b->index, b->txn, record.id);
    bool current =
        rc == 0 && now.place.segment == place->segment && now.place.offset == place->offset;
    sn_record_clear(&record);
    b->rc = rc == MDB_NOTFOUND ? 0 : rc;
    if (b->rc == 0 && !current)
        b->rc =
            sn_index_count(b->index, b->txn, &b->meta, place->segment, 0, (int64_t)place->bytes);
    return b->rc ? SN_EUNAVAILABLE : 0;
}

static int walk_all(builder *b, const char *folder, const uint32_t *segments, size_t count,
                    sn_log_fn fn) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        sn_log_end end = {0};
        rc = sn_log_walk(&end, folder, segments[i], fn, b, b->err);
        b->meta.segment = segments[i];
        b->meta.tail = end.offset;
        if (!end.is_free) { /* left as it is */
            b->meta.segment++;
            b->meta.tail = 0;
        }
    }
    return rc;
}

static int put_all_back(builder *b) {
    sn_buffer all = {0};
    int rc = take_out(&all, b);
    kept *each = (kept *)all.data;
    for (size_t i = 0; i < all.bytes / sizeof *each; i++) {
        if (rc == 0)
            rc = put_back(b, &each[i]);
        sn_record_clear(&each[i].record);
        sn_buffer_free(&each[i].bytes);
    }
    sn_buffer_free(&all);
    return rc;
}

int sn_index_rebuild(sn_index *index, const char *folder, sn_error *err) {
    builder b = {.index = index,
                 .folder = folder,
                 .meta = {.format = SN_INDEX_FORMAT, .segment = 1},
                 .err = err};
    uint32_t *segments;
    size_t count;
    int rc = sn_log_segments(&segments, &count, folder, err);
    if (rc < 0)
        return rc;
    b.unsure = count > 1 ? segments[count - 2] : 0;
    b.rc = mdb_txn_begin(index->env, NULL, 0, &b.txn);
    if (b.rc == 0 && walk_all(&b, folder, segments, count, take_entry) != 0 && b.rc == 0)
        b.rc = EIO;
    if (b.rc == 0) {
        b.rc = put_all_back(&b);
        if (b.rc == 0)
            b.rc = settle_nodes(&b);
        if (b.rc == 0)
            b.rc = drop_unused(&b);
        if (b.rc == 0)
            (void)walk_all(&b, folder, segments, count, count_dead);
        if (b.rc == 0)
            b.rc = sn_index_put_meta(index, b.txn, &b.meta);
        if (b.rc == 0) {
            b.rc = mdb_txn_commit(b.txn);
            b.txn = NULL;
        }
    }
    if (b.txn)
        mdb_txn_abort(b.txn);
    free(segments);
    if (b.rc < 0 && b.rc >= SN_EINTERNAL)
        return b.rc;
    return b.rc ? sn_index_fail(err, b.rc, "the sessions' index cannot be made") : 0;
}
