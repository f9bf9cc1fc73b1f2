/* index.c - see index.h. */
#include "session/index.h"

#include "session/record.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { DATABASES = 5, READERS = 1024 };
static const size_t MAP_BYTES = 16ull
                                << 30; /* address space; the file is as large as it has to be */

int sn_index_fail(sn_error *err, int rc, const char *what) {
    bool full = rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT || rc == ENOMEM;
    return sn_fail(err, full ? SN_ERESOURCE_EXHAUSTED : SN_EUNAVAILABLE, "%s: %s", what,
                   mdb_strerror(rc));
}

/* ---- opening ---- */

static int open_databases(sn_index *index, bool make) {
    const struct {
        const char *name;
        MDB_dbi *dbi;
        unsigned flags;
    } databases[DATABASES] = {
        {"meta", &index->meta, 0},
        {"sessions", &index->sessions, 0},
        {"nodes", &index->nodes, MDB_INTEGERKEY},
        {"segments", &index->segments, MDB_INTEGERKEY},
        {"used", &index->used, 0},
    };
    MDB_txn *txn;
    int rc = mdb_txn_begin(index->env, NULL, 0, &txn);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < DATABASES; i++)
        rc =
            mdb_dbi_open(txn, databases[i].name, MDB_CREATE | databases[i].flags, databases[i].dbi);
    sn_index_meta meta;
    if (rc == 0 && make) {
        meta = (sn_index_meta){.format = SN_INDEX_FORMAT, .segment = 1};
        rc = sn_index_put_meta(index, txn, &meta);
    } else if (rc == 0) {
        rc = sn_index_get_meta(&meta, index, txn);
        if (rc == MDB_NOTFOUND || (rc == 0 && meta.format != SN_INDEX_FORMAT))
            rc = MDB_INVALID;
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* A zygote that is forked from this process, and all its workers, are not to have the index. */
static void keep_from_children(const char *folder) {
    sn_auto_file FILE *maps = fopen("/proc/self/maps", "re");
    sn_auto_free char *name = sn_format("%s/data.mdb", folder);
    sn_auto_free char *real = realpath(name, NULL);
    char line[8192];
    while (maps && real && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        if (strstr(line, real) && sscanf(line, "%lx-%lx", &from, &to) == 2)
            (void)!madvise((void *)from, to - from, MADV_DONTFORK);
    }
}

int sn_index_open(sn_index *out, const char *folder, bool make) {
    sn_index index = {0};
    sn_auto_free char *path = sn_format("%s/index", folder);
    if (sn_make_dirs(path, NULL) < 0)
        return errno ? errno : EIO;
    int rc = mdb_env_create(&index.env);
    if (rc)
        return rc;
    rc = mdb_env_set_maxdbs(index.env, DATABASES);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(index.env, READERS);
    if (rc == 0)
        rc = mdb_env_set_mapsize(index.env, MAP_BYTES);
    if (rc == 0)
        rc = mdb_env_open(index.env, path, MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (rc == 0) {
        keep_from_children(path);
        int dead;
        (void)mdb_reader_check(index.env, &dead); /* of processes that were killed */
        rc = open_databases(&index, make);
    }
    if (rc)
        mdb_env_close(index.env);
    else
        *out = index;
    return rc;
}

void sn_index_close(sn_index *index) {
    if (index->env)
        mdb_env_close(index->env);
    *index = (sn_index){0};
}

/* ---- values ---- */

static MDB_val value_of(const void *data, size_t bytes) {
    return (MDB_val){bytes, (void *)data};
}

static int get(void *out, size_t bytes, MDB_txn *txn, MDB_dbi dbi, MDB_val key) {
    MDB_val value;
    int rc = mdb_get(txn, dbi, &key, &value);
    if (rc)
        return rc;
    if (value.mv_size < bytes)
        return MDB_CORRUPTED;
    memcpy(out, value.mv_data, bytes);
    return 0;
}

static int put(MDB_txn *txn, MDB_dbi dbi, MDB_val key, const void *data, size_t bytes) {
    MDB_val value = value_of(data, bytes);
    return mdb_put(txn, dbi, &key, &value, 0);
}

int sn_index_get_meta(sn_index_meta *out, const sn_index *index, MDB_txn *txn) {
    return get(out, sizeof *out, txn, index->meta, value_of("meta", 4));
}

int sn_index_put_meta(const sn_index *index, MDB_txn *txn, const sn_index_meta *meta) {
    return put(txn, index->meta, value_of("meta", 4), meta, sizeof *meta);
}

int sn_index_get_session(sn_index_session *out, MDB_val *record, const sn_index *index,
                         MDB_txn *txn, const char *id) {
    MDB_val key = value_of(id, strlen(id)), value;
    int rc = mdb_get(txn, index->sessions, &key, &value);
    if (rc)
        return rc;
    if (value.mv_size < sizeof *out)
        return MDB_CORRUPTED;
    memcpy(out, value.mv_data, sizeof *out);
    if (record)
        *record = value_of((char *)value.mv_data + sizeof *out, value.mv_size - sizeof *out);
    return 0;
}

int sn_index_get_node(sn_index_node *out, const sn_index *index, MDB_txn *txn, uint64_t node) {
    return get(out, sizeof *out, txn, index->nodes, value_of(&node, sizeof node));
}

int sn_index_put_node(const sn_index *index, MDB_txn *txn, uint64_t node,
                      const sn_index_node *value) {
    return put(txn, index->nodes, value_of(&node, sizeof node), value, sizeof *value);
}

int sn_index_get_segment(sn_index_segment *out, const sn_index *index, MDB_txn *txn,
                         uint32_t segment) {
    return get(out, sizeof *out, txn, index->segments, value_of(&segment, sizeof segment));
}

/* ---- changes ---- */

int sn_index_count(const sn_index *index, MDB_txn *txn, sn_index_meta *meta, uint32_t segment,
                   int64_t bytes, int64_t dead) {
    sn_index_segment counts = {0};
    int rc = sn_index_get_segment(&counts, index, txn, segment);
    if (rc && rc != MDB_NOTFOUND)
        return rc;
    counts.bytes += (uint64_t)bytes;
    counts.dead += (uint64_t)dead;
    meta->disk_bytes += (uint64_t)bytes;
    return put(txn, index->segments, value_of(&segment, sizeof segment), &counts, sizeof counts);
}

int sn_index_leave_segment(const sn_index *index, MDB_txn *txn, uint32_t segment) {
    sn_index_segment counts;
    int rc = sn_index_get_segment(&counts, index, txn, segment);
    counts.damaged = 1;
    return rc ? rc
              : put(txn, index->segments, value_of(&segment, sizeof segment), &counts,
                    sizeof counts);
}

int sn_index_use(const sn_index *index, MDB_txn *txn, uint64_t node) {
    sn_index_node value;
    int rc = sn_index_get_node(&value, index, txn, node);
    if (rc)
        return rc;
    value.uses++;
    return sn_index_put_node(index, txn, node, &value);
}

int sn_index_unuse(const sn_index *index, MDB_txn *txn, sn_index_meta *meta, uint64_t node) {
    while (node) {
        sn_index_node value;
        int rc = sn_index_get_node(&value, index, txn, node);
        if (rc)
            return rc;
        if (value.uses > 1) {
            value.uses--;
            return sn_index_put_node(index, txn, node, &value);
        }
        MDB_val key = value_of(&node, sizeof node);
        rc = mdb_del(txn, index->nodes, &key, NULL);
        if (rc == 0)
            rc = sn_index_count(index, txn, meta, value.place.segment, 0,
                                (int64_t)value.place.bytes);
        if (rc)
            return rc;
        node = value.below;
    }
    return 0;
}

/* Orders sessions by when they were used last; big-endian, as keys are compared by bytes. */
typedef struct used_key {
    uint8_t time[8];
    char id[SN_SESSION_ID_MAX_BYTES + 1];
} used_key;

static MDB_val make_used_key(used_key *key, const sn_record *record) {
    uint64_t time = (uint64_t)record->used_ms;
    for (int i = 0; i < 8; i++)
        key->time[i] = (uint8_t)(time >> (56 - 8 * i));
    size_t bytes = strlen(record->id);
    memcpy(key->id, record->id, bytes);
    return value_of(key, sizeof key->time + bytes);
}

/* Nodes that only one of the two names; both are in order of their steps, which share what lies
 * before the first difference, and may differ in any way behind it. */
static bool names(const sn_record *record, uint64_t node, size_t near) {
    if (near < record->steps_count && record->steps[near].node == node)
        return true;
    for (size_t i = 0; i < record->steps_count; i++)
        if (record->steps[i].node == node)
            return true;
    return false;
}

static int change_uses(const sn_index *index, MDB_txn *txn, sn_index_meta *meta,
                       const sn_record *before, const sn_record *after) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < after->steps_count; i++)
        if (!names(before, after->steps[i].node, i))
            rc = sn_index_use(index, txn, after->steps[i].node);
    for (size_t i = 0; rc == 0 && i < before->steps_count; i++)
        if (!names(after, before->steps[i].node, i))
            rc = sn_index_unuse(index, txn, meta, before->steps[i].node);
    return rc;
}

static int forget_use(const sn_index *index, MDB_txn *txn, const sn_record *before) {
    used_key used;
    MDB_val key = make_used_key(&used, before);
    int rc = *before->id ? mdb_del(txn, index->used, &key, NULL) : 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int note_use(const sn_index *index, MDB_txn *txn, const sn_record *before,
                    const sn_record *record) {
    used_key used;
    int rc = forget_use(index, txn, before);
    return rc ? rc : put(txn, index->used, make_used_key(&used, record), "", 0);
}

/* What was there of the session; an empty record if there was nothing. */
static int take_old(sn_record *before, const sn_index *index, MDB_txn *txn, sn_index_meta *meta,
                    const char *id) {
    sn_index_session old;
    MDB_val bytes;
    int rc = sn_index_get_session(&old, &bytes, index, txn, id);
    if (rc)
        return rc;
    if (sn_record_read(before, bytes.mv_data, bytes.mv_size, NULL) < 0)
        return MDB_CORRUPTED;
    if (old.alone)
        rc = sn_index_count(index, txn, meta, old.place.segment, 0, (int64_t)old.place.bytes);
    return rc;
}

int sn_index_put_session(const sn_index *index, MDB_txn *txn, sn_index_meta *meta,
                         const sn_record *record, const sn_index_session *value,
                         const sn_buffer *bytes) {
    sn_record before = {0};
    int rc = take_old(&before, index, txn, meta, record->id);
    if (rc == MDB_NOTFOUND) {
        meta->sessions++;
        rc = 0;
    }
    if (rc == 0)
        rc = change_uses(index, txn, meta, &before, record);
    if (rc == 0)
        rc = note_use(index, txn, &before, record);
    sn_record_clear(&before);
    MDB_val key = value_of(record->id, strlen(record->id));
    MDB_val place = {sizeof *value + bytes->bytes, NULL};
    if (rc == 0 && (rc = mdb_put(txn, index->sessions, &key, &place, MDB_RESERVE)) == 0) {
        memcpy(place.mv_data, value, sizeof *value);
        memcpy((char *)place.mv_data + sizeof *value, bytes->data, bytes->bytes);
    }
    return rc;
}

int sn_index_remove_session(const sn_index *index, MDB_txn *txn, sn_index_meta *meta,
                            const char *id) {
    sn_record before = {0}, none = {0};
    int rc = take_old(&before, index, txn, meta, id);
    if (rc == 0)
        rc = change_uses(index, txn, meta, &before, &none);
    if (rc == 0)
        rc = forget_use(index, txn, &before);
    sn_record_clear(&before);
    MDB_val key = value_of(id, strlen(id));
    if (rc == 0)
        rc = mdb_del(txn, index->sessions, &key, NULL);
    if (rc == 0)
        meta->sessions--;
    return rc;
}
