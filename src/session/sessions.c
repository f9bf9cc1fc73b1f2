/* sessions.c - operations on sessions that lie here and that need no execution. See local.h and
 * shannon.h. */
#include "session/sessions.h"

#include "sandbox/interpreter.h"
#include "session/limits.h"
#include "session/local.h"
#include "session/local_store.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>

/* ---- opening ---- */

int sn_local_sessions_open(sn_sessions **out, const sn_sessions_options *options, sn_error *err) {
    sn_sessions *s = calloc(1, sizeof *s);
    if (!s)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for sessions");
    if (options)
        s->options = *options;
    pthread_mutex_init(&s->mutex, NULL);
    int rc = sn_limits_settle(&s->options, err);
    if (rc == 0)
        rc = sn_home_find(&s->home, s->options.home, err);
    sn_auto_free char *folder = s->home ? sn_format("%s/sessions", s->home) : NULL;
    if (rc == 0)
        rc = sn_local_store_open(&s->store, folder, err);
    if (rc == 0)
        rc = sn_locks_open(&s->locks, folder, err);
    if (rc == 0)
        sn_limits_expire(s);
    if (rc < 0) {
        sn_local_sessions_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void sn_local_sessions_close(sn_sessions *s) {
    if (!s)
        return;
    for (size_t i = 0; i < SN_WARM_STATES; i++)
        sn_state_free(s->warm[i].state);
    sn_store_close(s->store);
    sn_locks_close(s->locks);
    pthread_mutex_destroy(&s->mutex);
    free(s->home);
    free(s);
}

int sn_local_sessions_get_totals(sn_sessions_totals *out, sn_sessions *s, sn_error *err) {
    sn_store_totals totals;
    int rc = sn_store_get_totals(&totals, s->store, err);
    if (rc == 0)
        *out = (sn_sessions_totals){totals.sessions, totals.disk_bytes};
    return rc;
}

void sn_local_sessions_tidy(sn_sessions *s) {
    const uint64_t warm_ns = 10ull * 1000000000u;
    pthread_mutex_lock(&s->mutex);
    uint64_t now = sn_now_ns();
    for (size_t i = 0; i < SN_WARM_STATES; i++)
        if (s->warm[i].state && now - s->warm[i].used_ns > warm_ns)
            sn_state_free(SN_STEAL(s->warm[i].state));
    pthread_mutex_unlock(&s->mutex);
    sn_limits_expire(s);
    (void)!sn_store_tidy(s->store, NULL);
}

/* ---- telling of them ---- */

static bool describe(sn_session_info *out, const sn_sessions *s, const sn_record *record) {
    const sn_record_step *last = sn_record_last(record);
    *out = (sn_session_info){
        .id = strdup(record->id),
        .created = (double)record->created_ms / 1e3,
        .used = (double)record->used_ms / 1e3,
        .step = last ? last->step : 0,
        .memory_bytes = last ? last->memory_bytes : 0,
        .usable =
            !last || (s->image && memcmp(record->base, s->image->checksum, SN_BASE_BYTES) == 0),
    };
    for (size_t i = 0; i < SN_BASE_BYTES; i++)
        snprintf(out->base + 2 * i, 3, "%02x", record->base[i]);
    for (size_t i = 0; i < record->steps_count; i++)
        out->stored_bytes += record->steps[i].stored_bytes;
    return out->id != NULL;
}

typedef struct lister {
    const sn_sessions *sessions;
    sn_buffer infos;
} lister;

static int list_one(void *user, const sn_record *record) {
    lister *l = user;
    sn_session_info info;
    if (!describe(&info, l->sessions, record))
        return SN_ERESOURCE_EXHAUSTED;
    if (!sn_buffer_add(&l->infos, &info, sizeof info)) {
        free(info.id);
        return SN_ERESOURCE_EXHAUSTED;
    }
    return 0;
}

int sn_local_session_list(sn_session_info **out, size_t *count, sn_sessions *s, sn_error *err) {
    lister l = {.sessions = s};
    int rc = sn_store_each(s->store, false, list_one, &l, err);
    *count = l.infos.bytes / sizeof **out;
    *out = (sn_session_info *)l.infos.data;
    if (rc == 0)
        return 0;
    sn_session_info_free(*out, *count);
    return rc == SN_ERESOURCE_EXHAUSTED ? sn_fail(err, rc, "no memory for the list of sessions")
                                        : rc;
}

static int show_steps(sn_session_info *info, sn_sessions *s, const sn_record *record,
                      sn_error *err) {
    info->steps = calloc(record->steps_count + 1, sizeof *info->steps);
    if (!info->steps)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session's steps");
    for (size_t i = 0; i < record->steps_count; i++) {
        const sn_record_step *from = &record->steps[i];
        sn_stored_node node;
        int rc = sn_store_read(&node, s->store, from->node, err);
        if (rc < 0)
            return rc;
        info->steps[info->steps_count++] = (sn_session_step){
            .step = from->step,
            .time = (double)from->time_ms / 1e3,
            .stored_bytes = from->stored_bytes,
            .memory_bytes = from->memory_bytes,
            .status = (enum sn_status)from->status,
            .code = strndup(node.code, node.code_bytes),
        };
        sn_stored_node_clear(&node);
    }
    return 0;
}

static int check_id(const char *id, sn_error *err) {
    if (id && sn_session_id_is_valid(id))
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT,
                   "a session's id must have 1 to %d characters of A-Za-z0-9._:-",
                   SN_SESSION_ID_MAX_BYTES);
}

static int look(sn_session_info **out, sn_sessions *s, const char *id, bool with_steps,
                sn_error *err) {
    sn_record record;
    int rc = check_id(id, err);
    if (rc == 0)
        rc = sn_store_get(&record, s->store, id, err);
    if (rc < 0)
        return rc;
    sn_session_info *info = calloc(1, sizeof *info);
    if (!info || !describe(info, s, &record))
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    if (rc == 0 && with_steps)
        rc = show_steps(info, s, &record, err);
    sn_record_clear(&record);
    if (rc < 0)
        sn_session_info_free(info, info ? 1 : 0);
    else
        *out = info;
    return rc;
}

int sn_local_session_show(sn_session_info **out, sn_sessions *s, const char *id, sn_error *err) {
    return look(out, s, id, true, err);
}

int sn_local_session_describe(sn_session_info **out, sn_sessions *s, const char *id,
                              sn_error *err) {
    return look(out, s, id, false, err);
}

/* ---- changing them ---- */

static int lock(sn_sessions *s, const char *id, sn_error *err) {
    return sn_lock_take(s->locks, id, (uint64_t)(s->options.wait_seconds * 1e9), -1, err);
}

/* Cuts the record off behind a step. */
static int cut(sn_record *record, uint64_t step, sn_error *err) {
    if (step == SN_STEP_LAST)
        return 0;
    if (step != 0 && !sn_record_find(record, step)) {
        const sn_record_step *last = sn_record_last(record);
        bool thinned = last && step < last->step;
        sn_fail(err, SN_ENOT_FOUND, "session '%s' has no step %llu%s", record->id,
                (unsigned long long)step, thinned ? " any more" : "");
        return sn_hint(err, "`shannon session show %s` lists the steps there are", record->id);
    }
    while (record->steps_count && record->steps[record->steps_count - 1].step > step)
        record->steps_count--;
    return 0;
}

static int fork_locked(sn_sessions *s, const char *id, uint64_t step, const char *new_id,
                       sn_error *err) {
    sn_record record = {0}, other = {0};
    int rc = sn_store_get(&other, s->store, new_id, NULL);
    sn_record_clear(&other);
    if (rc != SN_ENOT_FOUND)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "there is a session '%s' already", new_id);
    rc = sn_store_get(&record, s->store, id, err);
    if (rc == 0)
        rc = cut(&record, step, err);
    if (rc == 0)
        rc = sn_limits_make_room(s, true, id, err);
    if (rc == 0) {
        snprintf(record.id, sizeof record.id, "%s", new_id);
        record.created_ms = record.used_ms = sn_now_ms();
        rc = sn_store_put(s->store, &record, NULL, err);
    }
    sn_record_clear(&record);
    return rc;
}

int sn_local_session_fork(sn_sessions *s, const char *id, uint64_t step, const char *new_id,
                          sn_error *err) {
    int rc = check_id(id, err);
    if (rc == 0)
        rc = check_id(new_id, err);
    if (rc == 0)
        rc = lock(s, new_id, err);
    if (rc < 0)
        return rc;
    rc = fork_locked(s, id, step, new_id, err);
    sn_lock_release(s->locks, new_id);
    return rc;
}

int sn_local_session_rewind(sn_sessions *s, const char *id, uint64_t step, sn_error *err) {
    sn_record record = {0};
    int rc = check_id(id, err);
    if (rc == 0)
        rc = lock(s, id, err);
    if (rc < 0)
        return rc;
    rc = sn_store_get(&record, s->store, id, err);
    if (rc == 0)
        rc = cut(&record, step, err);
    if (rc == 0) {
        record.used_ms = sn_now_ms();
        rc = sn_store_put(s->store, &record, NULL, err);
    }
    sn_record_clear(
        &record); /* what is kept in memory goes when the next turn sees that it is old */
    sn_lock_release(s->locks, id);
    return rc;
}

int sn_local_session_delete(sn_sessions *s, const char *id, sn_error *err) {
    int rc = check_id(id, err);
    if (rc == 0)
        rc = lock(s, id, err);
    if (rc < 0)
        return rc;
    rc = sn_store_remove(s->store, id, err);
    sn_sessions_cool(s, id);
    sn_lock_release(s->locks, id);
    if (rc == 0)
        (void)!sn_store_tidy(s->store, NULL);
    return rc;
}

/* ---- verifying ---- */

typedef struct checker {
    sn_sessions *sessions;
    void (*report)(void *user, const char *line);
    void *user;
    int faults;
} checker;

/* That the newest state can be put together from its nodes. */
static int check_state(void *user, const sn_record *record) {
    checker *c = user;
    const sn_record_step *last = sn_record_last(record);
    sn_state *state = NULL;
    sn_error why = SN_ERROR_INIT;
    if (last && sn_state_read(&state, c->sessions->store, NULL, last->node, &why) < 0) {
        sn_auto_free char *line = sn_format("session %s, step %llu: %s", record->id,
                                            (unsigned long long)last->step, why.message);
        c->faults++;
        if (c->report)
            c->report(c->user, line);
    }
    sn_state_free(state);
    return 0;
}

int sn_local_session_verify(sn_sessions *s, void (*report)(void *user, const char *line),
                            void *user, sn_error *err) {
    checker c = {s, report, user, 0};
    int faults = sn_store_verify(s->store, report, user, err);
    if (faults != 0)
        return faults;
    int rc = sn_store_each(s->store, false, check_state, &c, err);
    return rc < 0 ? rc : c.faults;
}
