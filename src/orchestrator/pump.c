/*
 * pump.c - see pump.h.
 *
 * One round: each follower is handed what has happened since its last one; those whose task has
 * ended, whose client is gone or does not read are let go. When a round finds nothing more the pump
 * waits for a change in any task, and for PAUSE_NS before that, so that a burst of events is one
 * round.
 */
#include "orchestrator/pump.h"

#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_NS 2000000
#define SEND_NS 20000000 /* that one follower may hold up the others, once: it is cut off then */
#define LOOK_NS UINT64_C(5000000000) /* for clients that are gone, at least this often */

typedef struct follower {
    struct follower *next;
    sn_http_request *request;
    char id[SN_TASK_ID_BYTES];
    uint64_t after;
} follower;

struct sn_pump {
    sn_tasks *tasks;
    pthread_mutex_t lock;
    follower *added; /* not yet the thread's */
    size_t count;
    bool ends;
    pthread_t thread;
    bool has_thread;
};

/* ---- one follower ---- */

static int send_events(follower *f, const sn_task_events *events) {
    uint64_t until_ns = sn_now_ns() + SEND_NS;
    int rc = 0;
    for (const sn_task_event *e = events->first; rc == 0 && e; e = e->next) {
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)e->number);
        rc = sn_http_sse_event(f->request, sn_task_event_name(e->type), number, e->data, e->bytes,
                               until_ns, NULL);
        f->after = e->number;
    }
    return rc;
}

static bool is_gone(follower *f) {
    struct pollfd gone = {sn_http_cancel_fd(f->request), POLLIN, 0};
    return gone.fd >= 0 && poll(&gone, 1, 0) == 1;
}

/* False: that was all of it. `*more`: there may be more at once. */
static bool serve(bool *more, sn_pump *p, follower *f) {
    sn_task_events events;
    bool ended;
    if (is_gone(f) || sn_tasks_events(&events, &ended, p->tasks, f->id, f->after, NULL) < 0)
        return false;
    *more |= events.count > 0;
    int rc = send_events(f, &events);
    sn_task_events_clear(&events);
    return rc == 0 && !ended;
}

static void let_go(sn_pump *p, follower *f) {
    sn_http_stream_end(f->request);
    free(f);
    pthread_mutex_lock(&p->lock);
    p->count--;
    pthread_mutex_unlock(&p->lock);
}

/* ---- all of them ---- */

static bool take_added(sn_pump *p, follower **all) {
    pthread_mutex_lock(&p->lock);
    follower *added = p->added;
    p->added = NULL;
    bool ends = p->ends;
    pthread_mutex_unlock(&p->lock);
    while (added) {
        follower *next = added->next;
        added->next = *all;
        *all = added;
        added = next;
    }
    return !ends;
}

/* Whether there may be more at once. */
static bool serve_all(sn_pump *p, follower **at) {
    bool more = false;
    while (*at) {
        follower *f = *at;
        if (serve(&more, p, f)) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        let_go(p, f);
    }
    return more;
}

static void *run(void *user) {
    sn_pump *p = user;
    follower *all = NULL;
    uint64_t seen = 0;
    while (take_added(p, &all)) {
        static const struct timespec pause = {0, PAUSE_NS};
        if (serve_all(p, &all))
            continue;
        nanosleep(&pause, NULL);
        seen = sn_tasks_wait(p->tasks, seen, sn_now_ns() + LOOK_NS);
    }
    while (all) {
        follower *f = all;
        all = f->next;
        let_go(p, f);
    }
    return NULL;
}

/* ---- life ---- */

int sn_pump_open(sn_pump **out, sn_tasks *tasks, sn_error *err) {
    sn_pump *p = calloc(1, sizeof *p);
    sigset_t signals, before;
    if (!p)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for followers");
    p->tasks = tasks;
    pthread_mutex_init(&p->lock, NULL);
    sigfillset(&signals);
    pthread_sigmask(SIG_SETMASK, &signals, &before);
    p->has_thread = pthread_create(&p->thread, NULL, run, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (p->has_thread) {
        *out = p;
        return 0;
    }
    sn_pump_close(p);
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no thread for followers");
}

void sn_pump_close(sn_pump *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ends = true;
    pthread_mutex_unlock(&p->lock);
    if (p->has_thread) {
        sn_tasks_wake(p->tasks);
        pthread_join(p->thread, NULL);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- following ---- */

static int add(sn_pump *p, follower *f, sn_error *err) {
    pthread_mutex_lock(&p->lock);
    int rc =
        p->ends ? sn_fail(err, SN_EUNAVAILABLE, "the server is shutting down")
        : p->count >= SN_TASK_FOLLOWERS_MOST
            ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "%zu clients follow tasks already", p->count)
            : 0;
    if (rc == 0) {
        sn_http_sse_begin(f->request);
        f->next = p->added;
        p->added = f;
        p->count++;
    }
    pthread_mutex_unlock(&p->lock);
    if (rc == 0)
        sn_tasks_wake(p->tasks);
    return rc;
}

void sn_pump_follow(sn_pump *p, sn_http_request *request, const char *id, uint64_t after) {
    sn_error err = SN_ERROR_INIT;
    sn_task_events events;
    bool ended, has_seen_all = false;
    follower *f = calloc(1, sizeof *f);
    int rc = f ? sn_tasks_events(&events, &ended, p->tasks, id, after, &err)
               : sn_fail(&err, SN_ERESOURCE_EXHAUSTED, "no memory for a follower");
    if (rc == 0) { /* it is there */
        has_seen_all = ended && events.count == 0;
        sn_task_events_clear(&events);
    }
    if (rc == 0 && !has_seen_all) {
        *f = (follower){.request = request, .after = after};
        snprintf(f->id, sizeof f->id, "%s", id);
        rc = add(p, f, &err);
    }
    if (rc == 0 && !has_seen_all)
        return;
    if (rc == 0)
        sn_http_reply(request, 204, "text/event-stream", "", 0);
    else
        sn_http_reply_error(request, &err);
    free(f);
}
