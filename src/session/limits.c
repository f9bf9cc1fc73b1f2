/* limits.c - see limits.h. */
#include "session/limits.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/parse.h"

#include <stdlib.h>
#include <string.h>

enum {
    SESSION_MB = 1024,
    SESSION_MB_MOST = 6144,
    SESSIONS = 100000,
    STEPS = 100,
    STEPS_LEAST = 2,
    STEPS_MOST = 1000,
    DISK_MB = 10240,
    WAIT_SECONDS = 30,
    PUTS_BETWEEN_TIDYING = 256,
};

/* ---- settings ---- */

static int settle_number(uint32_t *value, const char *name, uint32_t least, uint32_t most,
                         uint32_t usual, sn_error *err) {
    const char *text = getenv(name);
    uint64_t number = *value;
    if (number == 0 && text && *text && !sn_parse_u64(&number, text, least, most))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is '%s', not a number from %u to %u", name,
                       text, least, most);
    if (number == 0)
        number = usual;
    else if (number < least || number > most)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%llu is no number from %u to %u (%s)",
                       (unsigned long long)number, least, most, name);
    *value = (uint32_t)number;
    return 0;
}

static int settle_wait(double *value, sn_error *err) {
    const char *text = getenv("SHANNON_SESSION_WAIT_SECONDS");
    if (*value == 0 && text && *text) {
        if (!sn_parse_double(value, text) || !(*value >= 0 && *value <= 3600))
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "SHANNON_SESSION_WAIT_SECONDS is '%s', not a number from 0 to 3600",
                           text);
        return 0;
    }
    if (*value == 0)
        *value = WAIT_SECONDS;
    return 0;
}

static int settle_full(bool *refuse, sn_error *err) {
    const char *text = getenv("SHANNON_SESSIONS_FULL");
    if (!text || !*text)
        return 0;
    if (strcmp(text, "refuse") != 0 && strcmp(text, "delete") != 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "SHANNON_SESSIONS_FULL is '%s'; it is 'refuse' or 'delete'", text);
    *refuse = *refuse || strcmp(text, "refuse") == 0;
    return 0;
}

int sn_limits_settle(sn_sessions_options *o, sn_error *err) {
    int rc =
        settle_number(&o->session_mb, "SHANNON_SESSION_MB", 1, SESSION_MB_MOST, SESSION_MB, err);
    if (rc == 0)
        rc = settle_number(&o->sessions_most, "SHANNON_SESSIONS", 1, UINT32_MAX, SESSIONS, err);
    if (rc == 0)
        rc = settle_number(&o->steps_most, "SHANNON_SESSION_STEPS", STEPS_LEAST, STEPS_MOST, STEPS,
                           err);
    if (rc == 0)
        rc = settle_number(&o->idle_seconds, "SHANNON_SESSION_IDLE_SECONDS", 1, UINT32_MAX, 0, err);
    if (rc == 0)
        rc = settle_number(&o->disk_mb, "SHANNON_SESSIONS_DISK_MB", 1, UINT32_MAX, DISK_MB, err);
    if (rc == 0)
        rc = settle_wait(&o->wait_seconds, err);
    return rc < 0 ? rc : settle_full(&o->refuse_when_full, err);
}

/* ---- history ---- */

/* The step in the older half that is missed least: whose neighbours are close to each other, for
 * how long ago they are. */
static size_t least_missed(const sn_record *record) {
    const sn_record_step *steps = record->steps;
    uint64_t now = steps[record->steps_count - 1].step;
    size_t found = 0;
    double least = 0;
    for (size_t i = 0; i < record->steps_count / 2; i++) {
        uint64_t before = i ? steps[i - 1].step : 0;
        double gap = (double)(steps[i + 1].step - before) / (double)(now - steps[i].step);
        if (i == 0 || gap < least) {
            least = gap;
            found = i;
        }
    }
    return found;
}

void sn_limits_thin(sn_record *record, size_t most) {
    while (record->steps_count > most) {
        size_t i = least_missed(record);
        record->steps_count--;
        memmove(&record->steps[i], &record->steps[i + 1],
                (record->steps_count - i) * sizeof *record->steps);
    }
}

/* ---- room ---- */

enum { BATCH = 64 };

typedef struct idlers {
    const char *but;
    int64_t before_ms; /* used earlier than that */
    size_t count;
    char ids[BATCH][SN_SESSION_ID_MAX_BYTES + 1];
} idlers;

static int note_idler(void *user, const sn_record *record) {
    idlers *list = user;
    if (record->used_ms >= list->before_ms || list->count == BATCH)
        return 1;
    if (!list->but || strcmp(record->id, list->but) != 0)
        snprintf(list->ids[list->count++], sizeof *list->ids, "%s", record->id);
    return 0;
}

/* Deletes a session that is not in use right now. */
static bool delete_idler(sn_sessions *s, const char *id) {
    sn_error ignored = SN_ERROR_INIT;
    if (sn_lock_take(s->locks, id, 0, -1, &ignored) < 0)
        return false;
    bool gone = sn_store_remove(s->store, id, &ignored) == 0;
    sn_sessions_cool(s, id);
    sn_lock_release(s->locks, id);
    return gone;
}

static bool is_over(const sn_sessions *s, const sn_store_totals *totals, bool is_new) {
    return totals->disk_bytes > (uint64_t)s->options.disk_mb << 20 ||
           totals->sessions + is_new > s->options.sessions_most;
}

static int refuse(const sn_sessions *s, const sn_store_totals *totals, sn_error *err) {
    if (totals->disk_bytes > (uint64_t)s->options.disk_mb << 20)
        sn_fail(
            err, SN_ERESOURCE_EXHAUSTED,
            "sessions take %llu MB of disk, more than the limit of %u (SHANNON_SESSIONS_DISK_MB)",
            (unsigned long long)(totals->disk_bytes >> 20), s->options.disk_mb);
    else
        sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                "there are %llu sessions, as many as there may be (SHANNON_SESSIONS)",
                (unsigned long long)totals->sessions);
    return sn_hint(err, "delete sessions with `shannon session delete ID`");
}

int sn_limits_make_room(sn_sessions *s, bool is_new, const char *id, sn_error *err) {
    sn_store_totals totals;
    int rc = sn_store_get_totals(&totals, s->store, err);
    if (rc < 0 || !is_over(s, &totals, is_new))
        return rc;
    sn_auto_free idlers *list = malloc(sizeof *list);
    if (!list)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for sessions");
    for (;;) {
        for (uint64_t before = 0; rc == 0 && totals.disk_bytes != before;) {
            before = totals.disk_bytes;
            rc = sn_store_tidy(s->store, err);
            if (rc == 0)
                rc = sn_store_get_totals(&totals, s->store, err);
        }
        if (rc < 0 || !is_over(s, &totals, is_new))
            return rc;
        *list = (idlers){.but = id, .before_ms = INT64_MAX};
        if (s->options.refuse_when_full)
            return refuse(s, &totals, err);
        rc = sn_store_each(s->store, true, note_idler, list, err);
        size_t deleted = 0;
        for (size_t i = 0; rc >= 0 && i < list->count; i++) {
            deleted += delete_idler(s, list->ids[i]);
            rc = sn_store_get_totals(&totals, s->store, err);
            if (rc < 0 || totals.sessions + is_new <= s->options.sessions_most)
                break; /* of the disk, tidying has to tell what it gave */
        }
        if (rc < 0)
            return rc;
        if (deleted == 0)
            return refuse(s, &totals, err);
    }
}

void sn_limits_expire(sn_sessions *s) {
    if (!s->options.idle_seconds)
        return;
    sn_auto_free idlers *list = malloc(sizeof *list);
    size_t deleted;
    do {
        deleted = 0;
        if (!list)
            return;
        *list = (idlers){.before_ms = sn_now_ms() - (int64_t)s->options.idle_seconds * 1000};
        if (sn_store_each(s->store, true, note_idler, list, NULL) < 0)
            return;
        for (size_t i = 0; i < list->count; i++)
            deleted += delete_idler(s, list->ids[i]);
    } while (deleted > 0);
}

void sn_limits_after_put(sn_sessions *s) {
    pthread_mutex_lock(&s->mutex);
    bool due = ++s->puts % PUTS_BETWEEN_TIDYING == 0;
    pthread_mutex_unlock(&s->mutex);
    if (due)
        (void)!sn_store_tidy(s->store, NULL);
}
