/* tasks.c - see tasks.h: submitting, asking, cancelling. What goes on in a task is run.c's. */
#include "orchestrator/tasks.h"

#include "orchestrator/lifecycle.h"
#include "session/sessions.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/utf8.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* ---- the request ---- */

static int check_name(const char *what, const char *name, size_t most, sn_error *err) {
    if (!name)
        return 0;
    size_t bytes = strlen(name);
    bool ok = bytes > 0 && bytes <= most;
    for (size_t i = 0; ok && i < bytes; i++)
        ok = name[i] >= ' ' && name[i] <= '~';
    return ok ? 0
              : sn_fail(err, SN_EINVALID_ARGUMENT, "%s is not 1 to %zu visible ASCII characters",
                        what, most);
}

static int check_session(const char *id, sn_error *err) {
    if (!id)
        return 0;
    if (!sn_session_id_is_valid(id))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "session_id is not 1 to %d characters of A-Z, a-z, 0-9 and ._:-",
                       SN_SESSION_ID_MAX_BYTES);
    if (strncmp(id, SN_TASK_FORK_PREFIX, strlen(SN_TASK_FORK_PREFIX)) == 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "session_id begins with '" SN_TASK_FORK_PREFIX
                       "', which is for tasks' own sessions");
    return 0;
}

static int check_query(const char *query, sn_error *err) {
    size_t bytes = query ? strlen(query) : 0;
    if (bytes == 0 || query[strspn(query, " \t\r\n")] == '\0')
        return sn_fail(err, SN_EINVALID_ARGUMENT, "query is empty");
    if (bytes > SN_TASK_QUERY_MOST_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "query has %zu bytes, more than the limit of %d",
                       bytes, SN_TASK_QUERY_MOST_BYTES);
    if (sn_utf8_valid_prefix(query, bytes) < bytes)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "query is not valid UTF-8");
    return 0;
}

static int check_context(const json_t *context, sn_error *err) {
    if (!context)
        return 0;
    if (!json_is_object(context))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "context is not an object");
    size_t bytes = json_dumpb(context, NULL, 0, JSON_COMPACT);
    return bytes <= SN_TASK_CONTEXT_MOST_BYTES
               ? 0
               : sn_fail(err, SN_EINVALID_ARGUMENT,
                         "context has %zu bytes as JSON, more than the limit of %d", bytes,
                         SN_TASK_CONTEXT_MOST_BYTES);
}

static int check_model(const sn_tasks *t, const sn_route *route, sn_error *err) {
    if (t->options.has_model || (route->is_code && t->options.agent->executor))
        return 0;
    sn_fail(err, SN_EUNAVAILABLE,
            "the task needs a model, and none is configured: only code is executed here");
    (void)sn_hint(err, "set LLM_BASE_URL and LLM_MODEL, or send code, as ```python ... ```");
    return SN_EUNAVAILABLE;
}

static int check(const sn_task_request *r, sn_error *err) {
    int rc = check_query(r->query, err);
    if (rc == 0)
        rc = check_context(r->context, err);
    if (rc == 0)
        rc = check_session(r->session_id, err);
    if (rc == 0)
        rc = check_name("user_id", r->user_id, SN_TASK_NAME_MOST_BYTES, err);
    if (rc == 0)
        rc = check_name("the tenant", r->tenant, SN_TASK_NAME_MOST_BYTES, err);
    return rc < 0 ? rc : check_name("Idempotency-Key", r->key, SN_TASK_KEY_MOST_BYTES, err);
}

/* What tells one request of a tenant from another. */
static void fingerprint_of(uint8_t out[16], const sn_task_request *r) {
    sn_auto_free char *context =
        r->context ? json_dumps(r->context, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    const char *parts[] = {r->query, context, r->session_id, r->user_id};
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, &r->mode, sizeof r->mode);
    for (size_t i = 0; i < SN_COUNT(parts); i++) {
        uint64_t bytes = parts[i] ? strlen(parts[i]) : UINT64_MAX;
        XXH3_128bits_update(state, &bytes, sizeof bytes);
        if (parts[i])
            XXH3_128bits_update(state, parts[i], bytes);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    memcpy(out, &hash, 16);
}

/* ---- submitting ---- */

static void set(char *to, size_t room, const char *text) {
    snprintf(to, room, "%s", text ? text : "");
}

static int fill(sn_live *l, const sn_task_request *r, sn_error *err) {
    sn_task_head *head = &l->task.head;
    l->task.query = strdup(r->query);
    l->task.context = r->context ? json_deep_copy(r->context) : NULL;
    if (!l->task.query || (r->context && !l->task.context))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the task");
    l->given = r->mode;
    l->route = sn_route_task(l->task.query, l->task.context, r->mode);
    sn_task_make_id(head->id);
    head->state = SN_TASK_QUEUED;
    head->mode = l->route.mode;
    head->created_ms = sn_task_now_ms();
    set(head->why, sizeof head->why, l->route.why);
    set(head->session_id, sizeof head->session_id, r->session_id);
    set(head->user_id, sizeof head->user_id, r->user_id);
    set(head->tenant, sizeof head->tenant, r->tenant);
    set(head->key, sizeof head->key, r->key);
    sn_task_copy_text(head->brief, sizeof head->brief, r->query);
    return check_model(l->tasks, &l->route, err);
}

static int submit(char id[SN_TASK_ID_BYTES], sn_live *l, const sn_task_request *r, sn_error *err) {
    uint8_t fingerprint[16];
    int rc = fill(l, r, err);
    if (rc < 0)
        return rc;
    memcpy(id, l->task.head.id, SN_TASK_ID_BYTES);
    fingerprint_of(fingerprint, r);
    rc = sn_task_store_add(id, l->tasks->store, &l->task, fingerprint, err);
    if (rc != 0)
        return rc;
    sn_task_head head = l->task.head;
    sn_task_clear(&l->task);
    l->task.head = head;
    return sn_live_queue(l, err);
}

int sn_tasks_submit(char id[SN_TASK_ID_BYTES], sn_tasks *t, const sn_task_request *request,
                    sn_error *err) {
    sn_live *l;
    int rc = check(request, err);
    if (rc == 0)
        rc = sn_live_new(&l, t, err);
    if (rc < 0)
        return rc;
    rc = submit(id, l, request, err);
    sn_live_release(l);
    return rc;
}

/* ---- asking ---- */

/* What the store does not have yet. */
static void take_live(sn_task *to, sn_tasks *t) {
    pthread_mutex_lock(&t->lock);
    const sn_live *l = sn_live_find(t, to->head.id);
    if (l && !sn_task_has_ended(to->head.state)) {
        to->head.progress = l->task.head.progress;
        to->head.usage = l->task.head.usage;
        to->head.calls = l->task.head.calls;
        memcpy(to->head.model, l->task.head.model, sizeof to->head.model);
        json_decref(to->calls);
        json_decref(to->plan);
        to->calls = json_deep_copy(l->task.calls);
        to->plan = json_deep_copy(l->task.plan);
    }
    pthread_mutex_unlock(&t->lock);
}

int sn_tasks_get(sn_task *out, sn_tasks *t, const char *id, sn_error *err) {
    int rc = sn_task_store_get(out, t->store, id, err);
    if (rc == 0)
        take_live(out, t);
    return rc;
}

typedef struct listing {
    const sn_task_filter *filter;
    sn_task_head *heads;
    size_t count, limit, passed;
} listing;

static bool differs(const char *wanted, const char *is) {
    return wanted && strcmp(wanted, is) != 0;
}

static int list_one(void *user, const sn_task_head *head) {
    listing *l = user;
    const sn_task_filter *f = l->filter;
    if ((f->state && f->state != (int)head->state) || differs(f->session_id, head->session_id) ||
        differs(f->user_id, head->user_id))
        return 0;
    if (l->passed++ >= f->offset && l->count < l->limit)
        l->heads[l->count++] = *head;
    return 0;
}

int sn_tasks_list(sn_task_head **out, size_t *count, size_t *total, sn_tasks *t,
                  const sn_task_filter *filter, sn_error *err) {
    listing l = {.filter = filter, .limit = filter->limit ? filter->limit : SN_TASKS_PAGE};
    if (l.limit > SN_TASKS_PAGE_MOST)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "limit is %zu; it may be %d at most",
                       filter->limit, SN_TASKS_PAGE_MOST);
    l.heads = calloc(l.limit, sizeof *l.heads);
    if (!l.heads)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a list");
    int rc = sn_task_store_each(t->store, list_one, &l, err);
    if (rc < 0) {
        free(l.heads);
        return rc;
    }
    *out = l.heads;
    *count = l.count;
    *total = l.passed;
    return 0;
}

/* ---- cancelling ---- */

int sn_tasks_cancel(sn_task_state *state, sn_tasks *t, const char *id, const char *reason,
                    sn_error *err) {
    sn_task task;
    int rc = sn_task_store_get(&task, t->store, id, err);
    if (rc < 0)
        return rc;
    *state = task.head.state;
    sn_task_clear(&task);
    pthread_mutex_lock(&t->lock);
    sn_live *l = sn_live_find(t, id);
    if (l) {
        l->uses++;
        l->is_cancelled = true;
        sn_task_copy_text(l->reason, sizeof l->reason, reason ? reason : "");
    }
    pthread_mutex_unlock(&t->lock);
    if (!l)
        return 1; /* it may have ended just now: then `*state` is late, and no more */
    sn_live_cancel(l);
    sn_live_release(l);
    *state = SN_TASK_CANCELLED;
    return 0;
}

/* ---- events ---- */

static bool copy_events(sn_task_events *out, const sn_task_events *from, uint64_t after,
                        uint64_t visible) {
    bool ok = true;
    for (const sn_task_event *event = sn_task_events_after(from, after);
         ok && event && event->number <= visible &&
         (out->count == 0 || out->bytes + event->bytes <= SN_TASKS_BATCH_BYTES);
         event = event->next)
        ok = sn_task_events_copy(out, event);
    return ok;
}

int sn_tasks_events(sn_task_events *out, bool *ended, sn_tasks *t, const char *id, uint64_t after,
                    sn_error *err) {
    *out = (sn_task_events){0};
    bool ok = true;
    pthread_mutex_lock(&t->lock);
    const sn_live *l = sn_live_find(t, id);
    if (l)
        ok = copy_events(out, &l->events, after, l->visible);
    pthread_mutex_unlock(&t->lock);
    *ended = !l;
    if (!l) {
        sn_task_events all;
        int rc = sn_task_store_events(&all, t->store, id, err);
        if (rc < 0)
            return rc;
        ok = copy_events(out, &all, after, UINT64_MAX);
        *ended = !ok || !sn_task_events_after(&all, out->count ? out->number : after);
        sn_task_events_clear(&all);
    }
    if (ok)
        return 0;
    sn_task_events_clear(out);
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for events");
}

uint64_t sn_tasks_wait(sn_tasks *t, uint64_t seen, uint64_t until_ns) {
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    pthread_mutex_lock(&t->lock);
    while (t->generation == seen && pthread_cond_timedwait(&t->changed, &t->lock, &until) == 0)
        continue;
    uint64_t generation = t->generation;
    pthread_mutex_unlock(&t->lock);
    return generation;
}

void sn_tasks_wake(sn_tasks *t) {
    pthread_mutex_lock(&t->lock);
    t->generation++;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

void sn_tasks_tidy(sn_tasks *t) {
    (void)!sn_task_store_tidy(t->store, sn_task_now_ms(), NULL);
}

sn_admission *sn_tasks_others(sn_tasks *t) {
    return t->others;
}
