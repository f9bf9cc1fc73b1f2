/* lifecycle.c - see lifecycle.h; and opening and stopping, which is about the same. */
#include "orchestrator/lifecycle.h"

#include "service/log.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <xxhash.h>

enum { OTHERS_RUNNING = 4, OTHERS_QUEUED = 1024 };

#define SECOND UINT64_C(1000000000)
#define WAIT_MOST_NS (3600 * SECOND)

/* ---- one of them ---- */

int sn_live_new(sn_live **out, sn_tasks *t, sn_error *err) {
    sn_live *l = calloc(1, sizeof *l);
    if (!l)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the task");
    l->tasks = t;
    l->uses = 1;
    l->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->cancel_fd < 0) {
        free(l);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no descriptor left for the task");
    }
    *out = l;
    return 0;
}

void sn_live_release(sn_live *l) {
    sn_tasks *t = l->tasks;
    pthread_mutex_lock(&t->lock);
    bool is_last = --l->uses == 0;
    pthread_mutex_unlock(&t->lock);
    if (!is_last)
        return;
    sn_task_clear(&l->task);
    sn_task_events_clear(&l->events);
    close(l->cancel_fd);
    free(l);
}

sn_live *sn_live_find(sn_tasks *t, const char *id) {
    sn_live *l = t->live;
    while (l && strcmp(l->task.head.id, id) != 0)
        l = l->next;
    return l;
}

static void list(sn_live *l) {
    pthread_mutex_lock(&l->tasks->lock);
    l->uses++;
    l->next = l->tasks->live;
    l->tasks->live = l;
    pthread_mutex_unlock(&l->tasks->lock);
}

static void unlist(sn_live *l) {
    sn_tasks *t = l->tasks;
    pthread_mutex_lock(&t->lock);
    for (sn_live **at = &t->live; *at; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    t->generation++;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    sn_live_release(l);
}

/* ---- what others see ---- */

/* The lock is held. */
static void show(sn_live *l) {
    l->visible = l->events.number;
    l->tasks->generation++;
    pthread_cond_broadcast(&l->tasks->changed);
}

void sn_live_tell(sn_live *l, sn_task_event_type type, json_t *data) {
    pthread_mutex_lock(&l->tasks->lock);
    if (sn_task_events_add(&l->events, type, l->task.head.id, data))
        show(l);
    pthread_mutex_unlock(&l->tasks->lock);
}

void sn_live_add_call(sn_live *l, json_t *call) {
    pthread_mutex_lock(&l->tasks->lock);
    l->task.head.calls++;
    if (!l->task.calls)
        l->task.calls = json_array();
    if (json_array_size(l->task.calls) < SN_TASK_CALLS_MOST)
        json_array_append(l->task.calls, call);
    pthread_mutex_unlock(&l->tasks->lock);
    json_decref(call);
}

void sn_live_add_usage(sn_live *l, const sn_model_usage *usage, const char *model) {
    sn_task_head *head = &l->task.head;
    pthread_mutex_lock(&l->tasks->lock);
    head->usage.input_tokens += usage->input_tokens;
    head->usage.output_tokens += usage->output_tokens;
    if (model)
        sn_task_copy_text(head->model, sizeof head->model, model);
    pthread_mutex_unlock(&l->tasks->lock);
}

void sn_live_set_progress(sn_live *l, double progress) {
    pthread_mutex_lock(&l->tasks->lock);
    l->task.head.progress = progress;
    pthread_mutex_unlock(&l->tasks->lock);
}

bool sn_live_is_over(sn_live *l) {
    pthread_mutex_lock(&l->tasks->lock);
    bool is_over = l->is_cancelled || l->is_late || l->is_stopped;
    pthread_mutex_unlock(&l->tasks->lock);
    return is_over;
}

/* ---- its end ---- */

static void add_last_events(sn_live *l) {
    const sn_task_head *head = &l->task.head;
    if (head->error[0])
        (void)sn_task_events_add(&l->events, SN_TASK_ERROR, head->id,
                                 json_pack("{s:s}", "message", head->error));
    json_t *data =
        json_pack("{s:s, s:s}", "status", sn_task_state_name(head->state), "message", head->error);
    /* An event is smaller than a result may be; a GET has all of it. */
    if (l->task.result && strlen(l->task.result) <= SN_TASK_EVENT_TEXT_MOST_BYTES)
        json_object_set_new(data, "result", json_string(l->task.result));
    else if (l->task.result)
        json_object_set_new(data, "result_left_out", json_true());
    (void)sn_task_events_add(&l->events, SN_TASK_ENDED, head->id, data);
}

/* A full disk must not make a task one that goes on for ever: its result is given up first. */
static void store_end(sn_live *l) {
    sn_error err = SN_ERROR_INIT;
    if (sn_task_store_finish(l->tasks->store, &l->task, &l->events, &err) == 0)
        return;
    sn_log(
        SN_LOG_ERROR, "task_not_stored",
        (sn_field[]){SN_STRING("task_id", l->task.head.id), SN_STRING("error", err.message), {0}});
    pthread_mutex_lock(&l->tasks->lock);
    l->task.head.state = SN_TASK_FAILED;
    sn_task_copy_text(l->task.head.error, sizeof l->task.head.error, err.message);
    pthread_mutex_unlock(&l->tasks->lock);
    if (sn_task_store_update(l->tasks->store, &l->task.head, &err) < 0)
        sn_log(SN_LOG_ERROR, "task_lost",
               (sn_field[]){
                   SN_STRING("task_id", l->task.head.id), SN_STRING("error", err.message), {0}});
}

static void account(const sn_live *l) {
    const sn_task_head *head = &l->task.head;
    const sn_tasks_metrics *m = &l->tasks->metrics;
    double seconds = l->began_ns ? (double)(sn_now_ns() - l->began_ns) / 1e9 : 0;
    if (m->ended) {
        sn_series_add(sn_metric_series(m->ended, (const char *[]){sn_task_state_name(head->state)}),
                      1);
        if (l->began_ns)
            sn_series_observe(
                sn_metric_series(m->seconds, (const char *[]){sn_task_mode_name(head->mode)}),
                seconds);
    }
    sn_log(SN_LOG_INFO, "task",
           (sn_field[]){SN_STRING("task_id", head->id),
                        SN_STRING("state", sn_task_state_name(head->state)),
                        SN_STRING("mode", sn_task_mode_name(head->mode)),
                        SN_STRING("why", head->why),
                        SN_STRING("tenant", head->tenant),
                        SN_INTEGER("calls", head->calls),
                        SN_NUMBER("seconds", seconds),
                        SN_STRING("error", head->error[0] ? head->error : NULL),
                        {0}});
}

/* Whoever has it now ends it; it is on disk before it is told. */
static void finish(sn_live *l, sn_task_state state, const char *error) {
    sn_task_head *head = &l->task.head;
    pthread_mutex_lock(&l->tasks->lock);
    head->state = state;
    head->ended_ms = sn_task_now_ms();
    head->is_interrupted = l->is_stopped && state == SN_TASK_FAILED;
    if (state == SN_TASK_COMPLETED)
        head->progress = 1;
    sn_task_copy_text(head->error, sizeof head->error, error);
    add_last_events(l);
    l->deadline_ns = 0;
    pthread_mutex_unlock(&l->tasks->lock);
    store_end(l);
    account(l);
    pthread_mutex_lock(&l->tasks->lock);
    show(l);
    pthread_mutex_unlock(&l->tasks->lock);
    unlist(l);
}

static void finish_by(sn_live *l, int rc, const sn_error *err) {
    char text[SN_TASK_ERROR_MOST_BYTES];
    pthread_mutex_lock(&l->tasks->lock);
    bool cancelled = l->is_cancelled, late = l->is_late, stopped = l->is_stopped;
    pthread_mutex_unlock(&l->tasks->lock);
    if (rc == 0)
        return finish(l, SN_TASK_COMPLETED, "");
    if (cancelled) {
        snprintf(text, sizeof text, "the task was cancelled%s%s", l->reason[0] ? ": " : "",
                 l->reason);
        return finish(l, SN_TASK_CANCELLED, text);
    }
    if (stopped)
        return finish(l, SN_TASK_FAILED, SN_TASK_INTERRUPTED);
    if (late) {
        snprintf(text, sizeof text,
                 "the task took longer than %g seconds (SHANNON_TASK_TIMEOUT_SECONDS)",
                 (double)l->tasks->options.timeout_ns / 1e9);
        return finish(l, SN_TASK_TIMEOUT, text);
    }
    snprintf(text, sizeof text, "%.700s%s%.300s", err->message, err->hint[0] ? "; " : "",
             err->hint);
    finish(l, rc == SN_EDEADLINE_EXCEEDED ? SN_TASK_TIMEOUT : SN_TASK_FAILED, text);
}

/* ---- its turn ---- */

/* What was left on disk while it waited. */
static int take_input(sn_live *l, sn_error *err) {
    sn_task task;
    int rc = sn_task_store_get(&task, l->tasks->store, l->task.head.id, err);
    if (rc < 0)
        return rc;
    l->task.query = SN_STEAL(task.query);
    l->task.context = SN_STEAL(task.context);
    sn_task_clear(&task);
    l->route = sn_route_task(l->task.query, l->task.context, l->given);
    return 0;
}

static int begin(sn_live *l, sn_error *err) {
    sn_task_head *head = &l->task.head;
    sn_tasks *t = l->tasks;
    pthread_mutex_lock(&t->lock);
    l->began_ns = sn_now_ns();
    l->deadline_ns = l->began_ns + t->options.timeout_ns;
    head->state = SN_TASK_RUNNING;
    head->started_ms = sn_task_now_ms();
    bool is_over = l->is_cancelled || l->is_stopped;
    pthread_cond_signal(&t->clock_changed);
    pthread_mutex_unlock(&t->lock);
    if (t->metrics.wait_seconds)
        sn_series_observe(t->metrics.wait_seconds,
                          (double)(head->started_ms - head->created_ms) / 1e3);
    if (is_over)
        return sn_fail(err, SN_EUNAVAILABLE, "the task was cancelled");
    int rc = sn_task_store_update(t->store, head, err);
    if (rc == 0)
        rc = take_input(l, err);
    if (rc == 0)
        sn_live_tell(l, SN_TASK_STARTED,
                     json_pack("{s:s, s:s, s:s}", "message", "the task has begun", "mode",
                               sn_task_mode_name(head->mode), "why", head->why));
    return rc;
}

static void run(sn_live *l) {
    sn_error err = SN_ERROR_INIT;
    int rc = begin(l, &err);
    if (rc == 0)
        rc = sn_live_run(l, &err);
    finish_by(l, rc, &err);
}

/* On a thread that may wait for the disk. */
static void end_late(void *user, sn_admission_outcome outcome) {
    sn_live *l = user;
    (void)outcome;
    finish(l, SN_TASK_FAILED, "the task waited too long for its turn");
}

static void on_turn(void *user, sn_admission_outcome outcome) {
    sn_live *l = user;
    if (outcome == SN_ADMITTED)
        return run(l);
    if (outcome == SN_SHUT_DOWN) {
        pthread_mutex_lock(&l->tasks->lock);
        l->is_stopped = true;
        pthread_mutex_unlock(&l->tasks->lock);
        return finish(l, SN_TASK_FAILED, SN_TASK_INTERRUPTED);
    }
    l->ticket = (sn_ticket){.tenant = "late", .fn = end_late, .user = l};
    if (sn_admission_submit(l->tasks->others, &l->ticket, NULL) < 0)
        end_late(l, outcome);
}

/* Tasks in one session follow each other. */
static uint64_t lane_of(const sn_task_head *head) {
    return head->session_id[0] ? XXH3_64bits(head->session_id, strlen(head->session_id)) | 1 : 0;
}

int sn_live_queue(sn_live *l, sn_error *err) {
    const sn_task_head *head = &l->task.head;
    l->ticket = (sn_ticket){.tenant = head->tenant[0] ? head->tenant : "?",
                            .lane = lane_of(head),
                            .fn = on_turn,
                            .user = l};
    list(l);
    int rc = sn_admission_submit(l->tasks->tasks, &l->ticket, err);
    if (rc < 0) {
        (void)!sn_task_store_remove(l->tasks->store, head->id, NULL);
        unlist(l);
    }
    return rc;
}

void sn_live_cancel(sn_live *l) {
    uint64_t one = 1;
    (void)!write(l->cancel_fd, &one, sizeof one);
    if (sn_admission_withdraw(l->tasks->tasks, &l->ticket))
        finish_by(l, SN_EUNAVAILABLE, &(sn_error){SN_EUNAVAILABLE, "the task was cancelled", ""});
}

/* ---- the clock ---- */

/* The lock is held. Tells those whose time is up; when the next one's is. */
static uint64_t look_at_clock(sn_tasks *t, uint64_t now_ns) {
    uint64_t next_ns = now_ns + 3600 * SECOND, one = 1;
    for (sn_live *l = t->live; l; l = l->next) {
        if (l->deadline_ns == 0 || l->is_late)
            continue;
        if (l->deadline_ns <= now_ns) {
            l->is_late = true;
            (void)!write(l->cancel_fd, &one, sizeof one);
        } else if (l->deadline_ns < next_ns)
            next_ns = l->deadline_ns;
    }
    return next_ns;
}

static void *run_clock(void *user) {
    sn_tasks *t = user;
    pthread_mutex_lock(&t->lock);
    while (!t->clock_ends) {
        uint64_t next_ns = look_at_clock(t, sn_now_ns());
        struct timespec until = {(time_t)(next_ns / SECOND), (long)(next_ns % SECOND)};
        pthread_cond_timedwait(&t->clock_changed, &t->lock, &until);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static int start_clock(sn_tasks *t, sn_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&t->clock, NULL, run_clock, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->has_clock = !failed;
    return failed ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no thread for the tasks' clock") : 0;
}

/* ---- all of them ---- */

static void on_interrupted(void *user, const sn_task_head *head) {
    sn_tasks *t = user;
    sn_log(SN_LOG_WARN, "task_interrupted", (sn_field[]){SN_STRING("task_id", head->id), {0}});
    if (t->options.sessions && head->mode == SN_MODE_COMPLEX)
        sn_live_clear_forks(t->options.sessions, head);
}

static void init_locks(sn_tasks *t) {
    pthread_condattr_t monotonic;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &monotonic);
    pthread_cond_init(&t->clock_changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static int open_parts(sn_tasks *t, sn_error *err) {
    const sn_tasks_options *o = &t->options;
    sn_task_store_options store = SN_TASK_STORE_OPTIONS_INIT;
    store.folder = o->folder;
    store.tasks_most = o->tasks_most;
    store.keep_seconds = o->keep_seconds;
    store.on_interrupted = on_interrupted;
    store.user = t;
    sn_admission_options tasks = {
        .running_most = o->running_most, .queue_most = o->queue_most, .wait_most_ns = WAIT_MOST_NS};
    sn_admission_options others = {.running_most = OTHERS_RUNNING,
                                   .queue_most = OTHERS_QUEUED,
                                   .queue_per_tenant_most = OTHERS_QUEUED,
                                   .wait_most_ns = 30 * SECOND};
    int rc = sn_task_store_open(&t->store, &store, err);
    if (rc == 0)
        rc = sn_admission_new(&t->others, &others, err);
    if (rc == 0)
        rc = sn_admission_new(&t->tasks, &tasks, err);
    if (rc == 0)
        rc = start_clock(t, err);
    return rc == 0 && o->metrics ? sn_tasks_metrics_add(t, err) : rc;
}

int sn_tasks_open(sn_tasks **out, const sn_tasks_options *options, sn_error *err) {
    sn_tasks *t = calloc(1, sizeof *t);
    if (!t)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the tasks");
    t->options = *options;
    init_locks(t);
    int rc = open_parts(t, err);
    t->options.folder = NULL;
    if (rc < 0)
        sn_tasks_close(t);
    else
        *out = t;
    return rc;
}

static void stop_all(sn_tasks *t) {
    uint64_t one = 1;
    pthread_mutex_lock(&t->lock);
    for (sn_live *l = t->live; l; l = l->next) {
        l->is_stopped = true;
        (void)!write(l->cancel_fd, &one, sizeof one);
    }
    pthread_mutex_unlock(&t->lock);
}

void sn_tasks_stop(sn_tasks *t, uint64_t patience_ns) {
    if (t->tasks && !sn_admission_shut_down(t->tasks, sn_now_ns() + patience_ns)) {
        stop_all(t);
        (void)sn_admission_shut_down(t->tasks, UINT64_MAX);
    }
}

void sn_tasks_close(sn_tasks *t) {
    if (!t)
        return;
    sn_tasks_stop(t, 0);
    sn_admission_free(t->tasks);
    sn_admission_free(t->others);
    pthread_mutex_lock(&t->lock);
    t->clock_ends = true;
    pthread_cond_signal(&t->clock_changed);
    pthread_mutex_unlock(&t->lock);
    if (t->has_clock)
        pthread_join(t->clock, NULL);
    sn_task_store_close(t->store);
    pthread_cond_destroy(&t->clock_changed);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
