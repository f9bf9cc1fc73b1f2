/*
 * live.h - a task between its submission and its end: what its runner and those who ask about it
 * share.
 *
 * While it waits, its query is on disk only: so many may wait. Its task belongs to its runner, but
 * what others look at (progress, calls, plan, usage, events) is changed under the lock of all
 * tasks, by the functions below.
 */
#ifndef SN_ORCHESTRATOR_LIVE_H
#define SN_ORCHESTRATOR_LIVE_H

#include "orchestrator/route.h"
#include "orchestrator/store.h"
#include "orchestrator/tasks.h"

#include <pthread.h>

typedef struct sn_live {
    sn_tasks *tasks;
    struct sn_live *next; /* in the list of all */
    unsigned uses;        /* the list's, and of those who hold it */
    sn_task task;
    int given; /* the mode that was asked for; 0: none */
    sn_route route;
    sn_task_events events;
    uint64_t visible; /* the last event that may be told */
    int cancel_fd;    /* readable when it is to end */
    bool is_cancelled, is_late, is_stopped;
    char reason[256];
    uint64_t began_ns, deadline_ns; /* 0: it waits */
    sn_ticket ticket;
} sn_live;

typedef struct sn_tasks_metrics {
    sn_metric *ended;   /* by state; NULL: none are kept */
    sn_metric *seconds; /* by mode */
    sn_series *wait_seconds;
} sn_tasks_metrics;

struct sn_tasks {
    sn_tasks_options options;
    sn_task_store *store;
    sn_admission *tasks, *others;
    sn_tasks_metrics metrics;
    pthread_mutex_t lock; /* of all that follows, and of the tasks under way */
    pthread_cond_t changed, clock_changed;
    uint64_t generation;
    sn_live *live;
    bool is_stopping, clock_ends;
    pthread_t clock;
    bool has_clock;
};

/* Adds an event and tells it; takes over `data`. */
void sn_live_tell(sn_live *live, sn_task_event_type type, json_t *data);

/* Takes over `call`. */
void sn_live_add_call(sn_live *live, json_t *call);
void sn_live_add_usage(sn_live *live, const sn_model_usage *usage, const char *model);
void sn_live_set_progress(sn_live *live, double progress);

/* Whether it is to end before it is done. */
bool sn_live_is_over(sn_live *live);

/* Carries it out; its result is in the task then. What kept it from being completed: an error, and
 * SN_EDEADLINE_EXCEEDED means that time was up. */
SN_WARN_UNUSED int sn_live_run(sn_live *live, sn_error *err);          /* run.c */
SN_WARN_UNUSED int sn_live_run_standard(sn_live *live, sn_error *err); /* run.c */
SN_WARN_UNUSED int sn_live_run_plan(sn_live *live, sn_error *err);     /* steps.c */

/* Removes what a task that was interrupted left among the sessions, or finishes it. steps.c */
void sn_live_clear_forks(sn_sessions *sessions, const sn_task_head *head);

SN_WARN_UNUSED int sn_tasks_metrics_add(sn_tasks *tasks, sn_error *err); /* tasks_metrics.c */

#endif
