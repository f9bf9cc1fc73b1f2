/* store.c - see store.h: opening, adding, changing, reading. */
#include "orchestrator/store_private.h"

#include "service/log.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

enum { READERS = 1024 };

int sn_task_store_fail(sn_error *err, int rc, const char *what) {
    bool full = rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT || rc == ENOMEM;
    sn_fail(err, full ? SN_ERESOURCE_EXHAUSTED : SN_EUNAVAILABLE, "the tasks' store: %s: %s", what,
            mdb_strerror(rc));
    if (rc == MDB_INVALID || rc == MDB_CORRUPTED || rc == MDB_VERSION_MISMATCH)
        sn_hint(err, "move the folder tasks in SHANNON_HOME away to begin with an empty one");
    return full ? SN_ERESOURCE_EXHAUSTED : SN_EUNAVAILABLE;
}

MDB_val sn_task_store_text(const char *text) {
    return (MDB_val){strlen(text), (void *)text};
}

int sn_task_store_put(MDB_txn *txn, MDB_dbi dbi, MDB_val key, const sn_buffer *value) {
    MDB_val bytes = {value->bytes, value->data};
    return mdb_put(txn, dbi, &key, &bytes, 0);
}

/* ---- opening ---- */

static int take_lock(sn_task_store *s, const char *folder, sn_error *err) {
    sn_auto_free char *path = sn_format("%s/lock", folder);
    int rc = sn_make_dirs(folder, err);
    if (rc < 0)
        return rc;
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "%s", path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    sn_fail(err, SN_EUNAVAILABLE, "another process has the tasks in %s open", folder);
    (void)sn_hint(err, "one orchestrator at a time has a SHANNON_HOME; end the other, or give this "
                       "one another");
    return SN_EUNAVAILABLE;
}

static int open_databases(sn_task_store *s) {
    const struct {
        const char *name;
        MDB_dbi *dbi;
    } all[SN_TASK_DATABASES] = {{"heads", &s->heads},
                                {"inputs", &s->inputs},
                                {"outputs", &s->outputs},
                                {"events", &s->events},
                                {"keys", &s->keys}};
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < SN_TASK_DATABASES; i++)
        rc = mdb_dbi_open(txn, all[i].name, MDB_CREATE, all[i].dbi);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* Twice the bytes there may be: what a change replaces is free only after it. */
static int open_environment(sn_task_store *s, const char *folder) {
    MDB_stat stat;
    int rc = mdb_env_create(&s->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(s->env, SN_TASK_DATABASES);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(s->env, READERS);
    if (rc == 0)
        rc = mdb_env_set_mapsize(s->env, 2 * s->options.bytes_most);
    if (rc == 0)
        rc = mdb_env_open(s->env, folder, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (rc == 0)
        rc = mdb_env_stat(s->env, &stat);
    s->page_bytes = rc == 0 ? stat.ms_psize : 0;
    return rc ? rc : open_databases(s);
}

int sn_task_store_open(sn_task_store **out, const sn_task_store_options *options, sn_error *err) {
    sn_task_store *s = calloc(1, sizeof *s);
    if (!s)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the tasks' store");
    s->options = *options;
    s->lock_fd = -1;
    int rc = take_lock(s, options->folder, err);
    if (rc == 0 && (rc = open_environment(s, options->folder)))
        rc = sn_task_store_fail(err, rc, "it cannot be opened");
    if (rc == 0)
        rc = sn_task_store_recover(s, err);
    if (rc < 0)
        sn_task_store_close(s);
    else
        *out = s;
    return rc;
}

void sn_task_store_close(sn_task_store *s) {
    if (!s)
        return;
    if (s->env)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}

/* ---- adding ---- */

static json_t *input_json(const sn_task *task) {
    json_t *json = json_pack("{s:s}", "query", task->query);
    if (json && task->context)
        json_object_set(json, "context", task->context);
    return json;
}

static int put_json(MDB_txn *txn, MDB_dbi dbi, const char *id, json_t *json, sn_error *err) {
    sn_buffer value = {0};
    int rc = json ? sn_task_record_write_json(&value, json, err)
                  : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a task's record");
    json_decref(json);
    if (rc == 0 && (rc = sn_task_store_put(txn, dbi, sn_task_store_text(id), &value)))
        rc = sn_task_store_fail(err, rc, "a task cannot be written");
    sn_buffer_free(&value);
    return rc;
}

int sn_task_store_put_head(sn_task_store *s, MDB_txn *txn, const sn_task_head *head,
                           sn_error *err) {
    sn_buffer value = {0};
    int rc = sn_task_record_write(&value, head, err);
    if (rc == 0 && (rc = sn_task_store_put(txn, s->heads, sn_task_store_text(head->id), &value)))
        rc = sn_task_store_fail(err, rc, "a task cannot be written");
    sn_buffer_free(&value);
    return rc;
}

static int add(char existing[SN_TASK_ID_BYTES], sn_task_store *s, MDB_txn *txn, const sn_task *task,
               const uint8_t fingerprint[16], sn_error *err) {
    int rc = 0;
    if (task->head.key[0])
        rc = sn_task_store_claim_key(existing, s, txn, &task->head, fingerprint, err);
    if (rc == 0)
        rc = sn_task_store_make_room(s, txn, strlen(task->query), err);
    if (rc == 0)
        rc = put_json(txn, s->inputs, task->head.id, input_json(task), err);
    return rc ? rc : sn_task_store_put_head(s, txn, &task->head, err);
}

/* Commits if `rc` is 0, and says so in the error if that fails. */
static int end(MDB_txn *txn, int rc, sn_error *err) {
    if (rc) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = mdb_txn_commit(txn);
    return rc ? sn_task_store_fail(err, rc, "a change cannot be written") : 0;
}

static int begin(MDB_txn **out, sn_task_store *s, unsigned flags, sn_error *err) {
    int rc = mdb_txn_begin(s->env, NULL, flags, out);
    return rc ? sn_task_store_fail(err, rc, "it cannot be used") : 0;
}

int sn_task_store_add(char existing[SN_TASK_ID_BYTES], sn_task_store *s, const sn_task *task,
                      const uint8_t fingerprint[16], sn_error *err) {
    MDB_txn *txn;
    int rc = begin(&txn, s, 0, err);
    return rc < 0 ? rc : end(txn, add(existing, s, txn, task, fingerprint, err), err);
}

/* ---- changing ---- */

int sn_task_store_update(sn_task_store *s, const sn_task_head *head, sn_error *err) {
    MDB_txn *txn;
    int rc = begin(&txn, s, 0, err);
    return rc < 0 ? rc : end(txn, sn_task_store_put_head(s, txn, head, err), err);
}

static json_t *output_json(const sn_task *task) {
    json_t *json = json_object();
    if (task->result)
        json_object_set_new(json, "result", json_string(task->result));
    if (task->calls)
        json_object_set(json, "calls", task->calls);
    if (task->plan)
        json_object_set(json, "plan", task->plan);
    return json;
}

int sn_task_store_put_end(sn_task_store *s, MDB_txn *txn, const sn_task *task,
                          const sn_task_events *events, sn_error *err) {
    int rc = sn_task_store_put_head(s, txn, &task->head, err);
    if (rc == 0)
        rc = put_json(txn, s->outputs, task->head.id, output_json(task), err);
    return rc < 0 ? rc : put_json(txn, s->events, task->head.id, sn_task_events_json(events), err);
}

int sn_task_store_finish(sn_task_store *s, const sn_task *task, const sn_task_events *events,
                         sn_error *err) {
    MDB_txn *txn;
    int rc = begin(&txn, s, 0, err);
    return rc < 0 ? rc : end(txn, sn_task_store_put_end(s, txn, task, events, err), err);
}

/* ---- reading ---- */

/* 0 with `*out` NULL: there is none. */
static int get_json(json_t **out, MDB_txn *txn, MDB_dbi dbi, const char *id, sn_error *err) {
    MDB_val key = sn_task_store_text(id), value;
    int rc = mdb_get(txn, dbi, &key, &value);
    *out = NULL;
    if (rc == MDB_NOTFOUND)
        return 0;
    return rc ? sn_task_store_fail(err, rc, "a task cannot be read")
              : sn_task_record_read_json(out, value.mv_data, value.mv_size, err);
}

static int not_found(const char *id, sn_error *err) {
    return sn_fail(err, SN_ENOT_FOUND, "there is no task '%.64s', or not any more", id);
}

static int get_head(sn_task_head *out, sn_task_store *s, MDB_txn *txn, const char *id,
                    sn_error *err) {
    MDB_val key = sn_task_store_text(id), value;
    int rc = mdb_get(txn, s->heads, &key, &value);
    if (rc == MDB_NOTFOUND)
        return not_found(id, err);
    return rc ? sn_task_store_fail(err, rc, "a task cannot be read")
              : sn_task_record_read(out, value.mv_data, value.mv_size, err);
}

static int take_input(sn_task *out, const json_t *input, sn_error *err) {
    const char *query = json_string_value(json_object_get(input, "query"));
    out->query = strdup(query ? query : "");
    out->context = json_incref(json_object_get(input, "context"));
    return out->query ? 0 : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a task");
}

static int take_output(sn_task *out, const json_t *output, sn_error *err) {
    const char *result = json_string_value(json_object_get(output, "result"));
    out->calls = json_incref(json_object_get(output, "calls"));
    out->plan = json_incref(json_object_get(output, "plan"));
    if (result && !(out->result = strdup(result)))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a task");
    return 0;
}

static int get(sn_task *out, sn_task_store *s, MDB_txn *txn, const char *id, sn_error *err) {
    json_t *input = NULL, *output = NULL;
    int rc = get_head(&out->head, s, txn, id, err);
    if (rc == 0)
        rc = get_json(&input, txn, s->inputs, id, err);
    if (rc == 0)
        rc = get_json(&output, txn, s->outputs, id, err);
    if (rc == 0)
        rc = take_input(out, input, err);
    if (rc == 0)
        rc = take_output(out, output, err);
    json_decref(input);
    json_decref(output);
    return rc;
}

int sn_task_store_get(sn_task *out, sn_task_store *s, const char *id, sn_error *err) {
    MDB_txn *txn;
    *out = (sn_task){0};
    if (!sn_task_id_is_valid(id))
        return not_found(id, err);
    int rc = begin(&txn, s, MDB_RDONLY, err);
    if (rc < 0)
        return rc;
    rc = get(out, s, txn, id, err);
    mdb_txn_abort(txn);
    if (rc < 0)
        sn_task_clear(out);
    return rc;
}

int sn_task_store_events(sn_task_events *out, sn_task_store *s, const char *id, sn_error *err) {
    sn_task_head head;
    json_t *json = NULL;
    MDB_txn *txn;
    *out = (sn_task_events){0};
    if (!sn_task_id_is_valid(id))
        return not_found(id, err);
    int rc = begin(&txn, s, MDB_RDONLY, err);
    if (rc < 0)
        return rc;
    rc = get_head(&head, s, txn, id, err);
    if (rc == 0)
        rc = get_json(&json, txn, s->events, id, err);
    if (rc == 0 && json)
        rc = sn_task_events_of_json(out, json, err);
    json_decref(json);
    mdb_txn_abort(txn);
    return rc;
}

int sn_task_store_each(sn_task_store *s, sn_task_store_fn *fn, void *user, sn_error *err) {
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int rc = begin(&txn, s, MDB_RDONLY, err);
    if (rc < 0)
        return rc;
    rc = mdb_cursor_open(txn, s->heads, &cursor);
    for (bool go_on = rc == 0;
         go_on && (rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV)) == 0;) {
        sn_task_head head;
        if (sn_task_record_read(&head, value.mv_data, value.mv_size, NULL) == 0)
            go_on = fn(user, &head) == 0;
    }
    if (cursor)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return rc && rc != MDB_NOTFOUND ? sn_task_store_fail(err, rc, "it cannot be read") : 0;
}
