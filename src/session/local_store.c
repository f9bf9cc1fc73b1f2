/* local_store.c - see local_store.h. */
#include "session/local_store.h"

#include "session/local_change.h"
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

/* A process may open an LMDB environment only once. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static sn_local_store *open_stores;

/* ---- reading ---- */

static int store_get(sn_record *out, sn_store *store, const char *id, sn_error *err) {
    sn_local_store *s = (sn_local_store *)store;
    MDB_txn *txn;
    MDB_val bytes;
    sn_index_session value;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return sn_local_fail(err, rc);
    rc = sn_index_get_session(&value, &bytes, &s->index, txn, id);
    int result = 0;
    if (rc == MDB_NOTFOUND)
        result = sn_fail(err, SN_ENOT_FOUND, "there is no session '%s'", id);
    else if (rc)
        result = sn_local_fail(err, rc);
    else
        result = sn_record_read(out, bytes.mv_data, bytes.mv_size, err);
    mdb_txn_abort(txn);
    return result;
}

static int find_node(sn_index_node *out, sn_local_store *s, uint64_t node, sn_error *err) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return sn_local_fail(err, rc);
    rc = sn_index_get_node(out, &s->index, txn, node);
    mdb_txn_abort(txn);
    if (rc == MDB_NOTFOUND)
        return sn_fail(err, SN_EUNAVAILABLE, "a part of the session is missing (node %llu)",
                       (unsigned long long)node);
    return rc ? sn_local_fail(err, rc) : 0;
}

/* Between looking it up and reading it, tidying may have moved it. */
static int store_read(sn_stored_node *out, sn_store *store, uint64_t node, sn_error *err) {
    enum { TRIES = 3 };
    sn_local_store *s = (sn_local_store *)store;
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
    sn_local_store *s = (sn_local_store *)store;
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return sn_local_fail(err, rc);
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
    return rc && rc != MDB_NOTFOUND ? sn_local_fail(err, rc) : result;
}

static int store_totals(sn_store_totals *out, sn_store *store, sn_error *err) {
    sn_local_store *s = (sn_local_store *)store;
    MDB_txn *txn;
    sn_index_meta meta;
    int rc = mdb_txn_begin(s->index.env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return sn_local_fail(err, rc);
    rc = sn_index_get_meta(&meta, &s->index, txn);
    mdb_txn_abort(txn);
    if (rc)
        return sn_local_fail(err, rc);
    *out = (sn_store_totals){meta.sessions, meta.disk_bytes};
    return 0;
}

/* ---- verifying ---- */

typedef struct verifier {
    sn_local_store *store;
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
    verifier v = {(sn_local_store *)store, report, user, 0};
    int rc = store_each(store, false, verify_record, &v, err);
    return rc < 0 ? rc : v.faults;
}

/* ---- opening ---- */

static void release(sn_local_store *s) {
    sn_index_close(&s->index);
    if (s->users_fd >= 0)
        close(s->users_fd);
    free(s->folder);
    free(s);
}

static void store_close(sn_store *store) {
    sn_local_store *s = (sn_local_store *)store;
    pthread_mutex_lock(&open_lock);
    if (--s->openings == 0) {
        sn_local_store **at = &open_stores;
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
    .put = sn_local_put,
    .remove = sn_local_remove,
    .read = store_read,
    .each = store_each,
    .totals = store_totals,
    .verify = store_verify,
    .tidy = sn_local_tidy,
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
static int have_alone(const sn_local_store *s, sn_error *err) {
    if (flock(s->users_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    sn_fail(err, SN_EUNAVAILABLE,
            "the index of the sessions in %s is damaged, and other processes have it open",
            s->folder);
    return sn_hint(err, "end them; the next one to open it makes it anew from the sessions' files");
}

static int open_anew(sn_local_store *s, sn_error *err) {
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
        return sn_local_fail(err, rc);
    rc = sn_index_rebuild(&s->index, s->folder, err);
    if (rc < 0)
        return rc;
    this_boot(boot);
    return sn_replace_file(path, boot, strlen(boot), err);
}

static int open_index(sn_local_store *s, sn_error *err) {
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
            return rc ? sn_local_fail(err, rc) : 0;
    }
    int rc = open_anew(s, err);
    if (rc == 0 && flock(s->users_fd, LOCK_SH) < 0)
        rc = sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot lock %s", users);
    return rc;
}

static int open_first(sn_local_store **out, const char *folder, sn_error *err) {
    sn_local_store *s = calloc(1, sizeof *s);
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
    sn_local_make_reserve(s);
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
    sn_local_store *s = open_stores;
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
