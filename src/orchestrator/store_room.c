/* store_room.c - what is in the tasks' store, and for how long. See store.h. */
#include "orchestrator/store_private.h"

#include "service/log.h"
#include "util/auto.h"
#include "util/error.h"

#include <string.h>

typedef struct key_value {
    int64_t created_ms;
    uint8_t fingerprint[16];
    char id[SN_TASK_ID_BYTES];
} key_value;

/* ---- keys ---- */

typedef struct key_text {
    char text[SN_TASK_NAME_MOST_BYTES + 1 + SN_TASK_KEY_MOST_BYTES + 1];
    size_t bytes;
} key_text;

/* A tenant's keys are its own. */
static MDB_val key_of(key_text *out, const sn_task_head *head) {
    int bytes = snprintf(out->text, sizeof out->text, "%s%c%s", head->tenant, 1, head->key);
    return (MDB_val){(size_t)bytes, out->text};
}

static bool read_key(key_value *out, const MDB_val *value) {
    if (value->mv_size != sizeof *out)
        return false;
    memcpy(out, value->mv_data, sizeof *out);
    return out->id[SN_TASK_ID_BYTES - 1] == '\0' && sn_task_id_is_valid(out->id);
}

int sn_task_store_claim_key(char existing[SN_TASK_ID_BYTES], sn_task_store *s, MDB_txn *txn,
                            const sn_task_head *head, const uint8_t fingerprint[16],
                            sn_error *err) {
    key_text text;
    key_value old, new = {.created_ms = head->created_ms};
    MDB_val key = key_of(&text, head), value;
    int64_t keep_ms = (int64_t)(s->options.key_seconds * 1e3);
    int rc = mdb_get(txn, s->keys, &key, &value);
    if (rc == 0 && read_key(&old, &value) && head->created_ms - old.created_ms < keep_ms) {
        memcpy(existing, old.id, SN_TASK_ID_BYTES);
        if (memcmp(old.fingerprint, fingerprint, sizeof old.fingerprint) == 0)
            return 1;
        sn_fail(err, SN_EINVALID_ARGUMENT,
                "the idempotency key was used for another request, which became task %s", old.id);
        (void)sn_hint(err, "a new request needs a new key");
        return SN_EINVALID_ARGUMENT;
    }
    if (rc && rc != MDB_NOTFOUND)
        return sn_task_store_fail(err, rc, "a key cannot be read");
    memcpy(new.fingerprint, fingerprint, sizeof new.fingerprint);
    memcpy(new.id, head->id, sizeof new.id);
    value = (MDB_val){sizeof new, &new};
    rc = mdb_put(txn, s->keys, &key, &value, 0);
    return rc ? sn_task_store_fail(err, rc, "a key cannot be written") : 0;
}

/* ---- removing ---- */

static int drop(MDB_txn *txn, MDB_dbi dbi, MDB_val key) {
    int rc = mdb_del(txn, dbi, &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int drop_key(sn_task_store *s, MDB_txn *txn, const sn_task_head *head) {
    key_text text;
    key_value value;
    MDB_val key = key_of(&text, head), bytes;
    int rc = mdb_get(txn, s->keys, &key, &bytes);
    if (rc == MDB_NOTFOUND || (rc == 0 && read_key(&value, &bytes) &&
                               strcmp(value.id, head->id) != 0)) /* it is another task's by now */
        return 0;
    return rc ? rc : drop(txn, s->keys, key);
}

/* `head` NULL: it is damaged. `id` is not LMDB's, which may move what it has. */
static int drop_task(sn_task_store *s, MDB_txn *txn, MDB_val id, const sn_task_head *head) {
    int rc = head && head->key[0] ? drop_key(s, txn, head) : 0;
    const MDB_dbi all[] = {s->heads, s->inputs, s->outputs, s->events};
    for (size_t i = 0; rc == 0 && i < SN_COUNT(all); i++)
        rc = drop(txn, all[i], id);
    return rc;
}

int sn_task_store_remove(sn_task_store *s, const char *id, sn_error *err) {
    sn_task_head head;
    MDB_txn *txn;
    MDB_val key = sn_task_store_text(id), value;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc)
        return sn_task_store_fail(err, rc, "it cannot be used");
    if ((rc = mdb_get(txn, s->heads, &key, &value)) == 0) {
        bool is_whole = sn_task_record_read(&head, value.mv_data, value.mv_size, NULL) == 0;
        rc = drop_task(s, txn, key, is_whole ? &head : NULL);
    }
    if (rc)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    return rc == MDB_NOTFOUND ? sn_fail(err, SN_ENOT_FOUND, "there is no task '%.64s'", id)
           : rc               ? sn_task_store_fail(err, rc, "a task cannot be removed")
                              : 0;
}

/* Tells of each task that has ended, the oldest first, whether it is to go: 1, 0, or -1 for no
 * more. The number of those that went. */
static int drop_some(sn_task_store *s, MDB_txn *txn,
                     int (*wanted)(sn_task_store *s, MDB_txn *txn, const sn_task_head *head,
                                   const void *user),
                     const void *user, sn_error *err) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int count = 0, want = 0;
    int rc = mdb_cursor_open(txn, s->heads, &cursor);
    if (rc)
        return sn_task_store_fail(err, rc, "it cannot be read");
    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (rc == 0 && want >= 0) {
        char id[512]; /* more than LMDB allows for a key */
        sn_task_head head;
        bool is_whole = sn_task_record_read(&head, value.mv_data, value.mv_size, NULL) == 0;
        MDB_val copy = {key.mv_size, id};
        memcpy(id, key.mv_data, key.mv_size);
        if (is_whole && !sn_task_has_ended(head.state))
            want = 0;
        else
            want = wanted(s, txn, is_whole ? &head : NULL, user);
        if (want > 0) {
            rc = drop_task(s, txn, copy, is_whole ? &head : NULL);
            key = copy;
            count++;
        }
        if (rc == 0 && want >= 0)
            rc = mdb_cursor_get(cursor, &key, &value, want > 0 ? MDB_SET_RANGE : MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? sn_task_store_fail(err, rc, "it cannot be cleared") : count;
}

/* ---- room ---- */

static uint64_t pages_of(sn_task_store *s, MDB_txn *txn, MDB_dbi dbi) {
    MDB_stat stat;
    (void)s;
    return mdb_stat(txn, dbi, &stat)
               ? 0
               : stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

static uint64_t bytes_of(sn_task_store *s, MDB_txn *txn) {
    const MDB_dbi all[SN_TASK_DATABASES] = {s->heads, s->inputs, s->outputs, s->events, s->keys};
    uint64_t pages = 0;
    for (size_t i = 0; i < SN_TASK_DATABASES; i++)
        pages += pages_of(s, txn, all[i]);
    return pages * s->page_bytes;
}

static uint64_t count_of(sn_task_store *s, MDB_txn *txn) {
    MDB_stat stat;
    return mdb_stat(txn, s->heads, &stat) ? 0 : stat.ms_entries;
}

static bool is_full(sn_task_store *s, MDB_txn *txn, uint64_t bytes) {
    return count_of(s, txn) >= s->options.tasks_most ||
           bytes_of(s, txn) + bytes > s->options.bytes_most;
}

static int wants_room(sn_task_store *s, MDB_txn *txn, const sn_task_head *head, const void *user) {
    (void)head;
    return is_full(s, txn, *(const uint64_t *)user) ? 1 : -1;
}

int sn_task_store_make_room(sn_task_store *s, MDB_txn *txn, size_t bytes, sn_error *err) {
    uint64_t wanted = bytes;
    int rc = is_full(s, txn, wanted) ? drop_some(s, txn, wants_room, &wanted, err) : 0;
    if (rc < 0)
        return rc;
    if (!is_full(s, txn, wanted))
        return 0;
    sn_fail(err, SN_ERESOURCE_EXHAUSTED,
            "%llu tasks are kept, and all of them wait or are under way",
            (unsigned long long)count_of(s, txn));
    (void)sn_hint(err, "try again when some have ended; SHANNON_TASKS sets how many are kept");
    return SN_ERESOURCE_EXHAUSTED;
}

static int is_old(sn_task_store *s, MDB_txn *txn, const sn_task_head *head, const void *user) {
    (void)txn;
    double age_ms = head ? (double)(*(const int64_t *)user - head->ended_ms) : 0;
    return age_ms > s->options.keep_seconds * 1e3;
}

int sn_task_store_tidy(sn_task_store *s, int64_t now_ms, sn_error *err) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc)
        return sn_task_store_fail(err, rc, "it cannot be used");
    int count = drop_some(s, txn, is_old, &now_ms, err);
    if (count <= 0) {
        mdb_txn_abort(txn);
        return count;
    }
    rc = mdb_txn_commit(txn);
    return rc ? sn_task_store_fail(err, rc, "a change cannot be written") : count;
}

uint64_t sn_task_store_count(sn_task_store *s) {
    MDB_txn *txn;
    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn))
        return 0;
    uint64_t count = count_of(s, txn);
    mdb_txn_abort(txn);
    return count;
}

uint64_t sn_task_store_bytes(sn_task_store *s) {
    MDB_txn *txn;
    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn))
        return 0;
    uint64_t bytes = bytes_of(s, txn);
    mdb_txn_abort(txn);
    return bytes;
}

/* ---- at the beginning ---- */

static int end_interrupted(sn_task_store *s, MDB_txn *txn, const sn_task_head *before,
                           sn_error *err) {
    sn_task task = {.head = *before};
    sn_task_events events = {.number = SN_TASK_EVENTS_RESTART};
    task.head.state = SN_TASK_FAILED;
    task.head.is_interrupted = true;
    task.head.ended_ms = sn_task_now_ms();
    task.head.adopted[0] = '\0';
    sn_task_copy_text(task.head.error, sizeof task.head.error, SN_TASK_INTERRUPTED);
    (void)sn_task_events_add(&events, SN_TASK_ERROR, before->id,
                             json_pack("{s:s}", "message", SN_TASK_INTERRUPTED));
    (void)sn_task_events_add(
        &events, SN_TASK_ENDED, before->id,
        json_pack("{s:s, s:s}", "status", "failed", "message", SN_TASK_INTERRUPTED));
    int rc = sn_task_store_put_end(s, txn, &task, &events, err);
    sn_task_events_clear(&events);
    if (rc == 0 && s->options.on_interrupted)
        s->options.on_interrupted(s->options.user, before);
    return rc;
}

/* The heads of those that are to be ended, since a cursor is not to be written under. */
static int find_interrupted(sn_task_head **out, size_t *count, sn_task_store *s, MDB_txn *txn) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(txn, s->heads, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        sn_task_head head;
        sn_error why = SN_ERROR_INIT;
        if (sn_task_record_read(&head, value.mv_data, value.mv_size, &why) < 0) {
            sn_log(SN_LOG_ERROR, "damaged_task",
                   (sn_field[]){SN_STRING_N("task_id", key.mv_data, key.mv_size),
                                SN_STRING("error", why.message),
                                {0}});
            continue;
        }
        if (sn_task_has_ended(head.state))
            continue;
        sn_task_head *more = realloc(*out, (*count + 1) * sizeof **out);
        if (!more) {
            rc = MDB_MAP_FULL;
            break;
        }
        *out = more;
        more[(*count)++] = head;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int sn_task_store_recover(sn_task_store *s, sn_error *err) {
    sn_auto_free sn_task_head *heads = NULL;
    size_t count = 0;
    MDB_txn *txn;
    int dead, rc = mdb_reader_check(s->env, &dead);
    if (rc == 0)
        rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc)
        return sn_task_store_fail(err, rc, "it cannot be used");
    if ((rc = find_interrupted(&heads, &count, s, txn)))
        rc = sn_task_store_fail(err, rc, "it cannot be read");
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = end_interrupted(s, txn, &heads[i], err);
    if (rc < 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = mdb_txn_commit(txn);
    return rc ? sn_task_store_fail(err, rc, "a change cannot be written") : 0;
}
