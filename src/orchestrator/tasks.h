/*
 * tasks.h - the orchestrator itself: takes tasks, has each carried out when it is its turn, keeps
 * what came of them, and tells what happens in them while it happens.
 *
 *     submit ──► store.h ──► an sn_admission of its own ──► run.h   code: sn_execute()
 *        │        on disk       turns between tenants,               a question: the answer
 * function ▼                      one at a time in a session           several steps: plan.h the id
 *
 * A task is on disk before its id is answered, and so is each change of its state, before anybody
 * is told. What happens in a task (events.h) is kept in memory while it goes on, and its last part
 * in the store when it has ended. Those who follow a task ask for events after a number and wait
 * for more (sn_tasks_wait()); nobody waits for them.
 *
 * Threads: all functions may be called from any thread, but for opening and closing. Those that
 * block on the disk say so.
 */
#ifndef SN_ORCHESTRATOR_TASKS_H
#define SN_ORCHESTRATOR_TASKS_H

#include "orchestrator/events.h"
#include "service/admission.h"
#include "service/metrics.h"

typedef struct sn_tasks sn_tasks;

/* sn_agent_answer(), or what stands for it; `agent` is the options'. */
typedef int sn_orchestrator_answer_fn(sn_agent_reply *out, const sn_agent *agent,
                                      const sn_query *query, sn_agent_event_fn on_event, void *user,
                                      sn_error *err);

typedef struct sn_tasks_options {
    const char *folder; /* of the store */
    /* Code is executed by agent->executor, without the answer function; NULL there: it is not. */
    const sn_agent *agent;
    sn_orchestrator_answer_fn *answer;
    bool has_model;        /* whether it can answer what is no code */
    sn_sessions *sessions; /* that the answer function's executions lie in; NULL: not here */
    sn_metrics *metrics;   /* NULL: none */
    unsigned running_most;
    unsigned queue_most;
    uint64_t timeout_ns; /* of a task, from its beginning */
    uint64_t tasks_most; /* that are kept */
    double keep_seconds; /* after they have ended */
} sn_tasks_options;

#define SN_TASKS_OPTIONS_INIT                                                                      \
    {.running_most = 16,                                                                           \
     .queue_most = 1024,                                                                           \
     .timeout_ns = UINT64_C(600000000000),                                                         \
     .tasks_most = 10000,                                                                          \
     .keep_seconds = 86400}

/* Texts are copied. Errors are the store's (store.h). */
SN_WARN_UNUSED int sn_tasks_open(sn_tasks **out, const sn_tasks_options *options, sn_error *err);

/* Takes no more tasks; those that wait, and those that are still under way after `patience_ns`,
 * fail as interrupted. Waits for them. */
void sn_tasks_stop(sn_tasks *tasks, uint64_t patience_ns);
void sn_tasks_close(sn_tasks *tasks); /* stops; NULL is allowed */

/* For short calls that block on the disk. */
sn_admission *sn_tasks_others(sn_tasks *tasks);

/* ---- tasks ---- */

typedef struct sn_task_request {
    const char *query;
    const json_t *context;  /* NULL, or an object */
    int mode;               /* sn_query_mode; 0: to be judged */
    const char *session_id; /* NULL: none, and so the others */
    const char *user_id;
    const char *tenant;
    const char *key; /* Idempotency-Key: the same key and request give the same task for a day */
} sn_task_request;

/*
 * Blocks on the disk. 0, or 1 if it is a task that was there: `id` is told. SN_EINVALID_ARGUMENT:
 * something in the request is wrong; SN_EUNAVAILABLE: it needs a model, and there is none;
 * SN_ERESOURCE_EXHAUSTED: the queue or the store is full.
 */
SN_WARN_UNUSED int sn_tasks_submit(char id[SN_TASK_ID_BYTES], sn_tasks *tasks,
                                   const sn_task_request *request, sn_error *err);

/* Blocks on the disk. As it is now; sn_task_clear() it. SN_ENOT_FOUND, SN_EUNAVAILABLE. */
SN_WARN_UNUSED int sn_tasks_get(sn_task *out, sn_tasks *tasks, const char *id, sn_error *err);

typedef struct sn_task_filter {
    int state;              /* 0: any */
    const char *session_id; /* NULL: any, and so the others */
    const char *user_id;
    size_t offset;
    size_t limit; /* 0: SN_TASKS_PAGE; at most SN_TASKS_PAGE_MOST */
} sn_task_filter;

enum { SN_TASKS_PAGE = 50, SN_TASKS_PAGE_MOST = 500 };

/* Blocks on the disk. The newest first; free() them. `*total`: how many pass the filter. */
SN_WARN_UNUSED int sn_tasks_list(sn_task_head **out, size_t *count, size_t *total, sn_tasks *tasks,
                                 const sn_task_filter *filter, sn_error *err);

/* Blocks on the disk. 0: it is cancelled, or will be at once; 1: it had ended, and `*state` says
 * how. SN_ENOT_FOUND. `reason` may be NULL. */
SN_WARN_UNUSED int sn_tasks_cancel(sn_task_state *state, sn_tasks *tasks, const char *id,
                                   const char *reason, sn_error *err);

/* ---- what happens in them ---- */

/* Copies the events after that number, as many as SN_TASKS_BATCH_BYTES hold and one at least, if
 * there are any. `*ended`: no more will come. Blocks on the disk only for a task that has ended.
 * sn_task_events_clear() them. SN_ENOT_FOUND. */
SN_WARN_UNUSED int sn_tasks_events(sn_task_events *out, bool *ended, sn_tasks *tasks,
                                   const char *id, uint64_t after, sn_error *err);

enum { SN_TASKS_BATCH_BYTES = 256 << 10 };

/* Waits until something has happened in any task since the last call returned `seen`, or until
 * then on the clock of sn_now_ns(); what to give the next call. */
uint64_t sn_tasks_wait(sn_tasks *tasks, uint64_t seen, uint64_t until_ns);

/* Ends the waiting of all. */
void sn_tasks_wake(sn_tasks *tasks);

/* To be done every minute or so. Blocks on the disk. */
void sn_tasks_tidy(sn_tasks *tasks);

#endif
