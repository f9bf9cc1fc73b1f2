/*
 * store.h - where tasks are kept: an LMDB environment in <folder>, which one process at a time may
 * have open. What is reported as done has reached the disk.
 *
 * Five databases, by a task's id: `heads` (record.h), which are all that a list reads; `inputs`
 * (query and context), `outputs` (result, calls and plan) and `events`, as JSON; and `keys`, by
 * what a caller named its request (Idempotency-Key), with what became of it.
 *
 * Bounds: so many tasks, so long after they have ended, and so many bytes; when there is no more
 * room, those go first that came first of all that have ended. A record that is damaged is
 * reported in the log and passed over, and counts as one that has ended.
 *
 * Threads: any. Everything blocks on the disk.
 */
#ifndef SN_ORCHESTRATOR_STORE_H
#define SN_ORCHESTRATOR_STORE_H

#include "orchestrator/events.h"

typedef struct sn_task_store sn_task_store;

typedef struct sn_task_store_options {
    const char *folder;
    uint64_t tasks_most;
    double keep_seconds; /* after a task has ended */
    double key_seconds;  /* that an Idempotency-Key is remembered, and no longer than its task */
    uint64_t bytes_most;
    /* NULL, or told of each task that the last process did not end; the store has it as failed. */
    void (*on_interrupted)(void *user, const sn_task_head *head);
    void *user;
} sn_task_store_options;

#define SN_TASK_STORE_OPTIONS_INIT                                                                 \
    {.tasks_most = 10000,                                                                          \
     .keep_seconds = 86400,                                                                        \
     .key_seconds = 86400,                                                                         \
     .bytes_most = UINT64_C(2) << 30}

#define SN_TASK_INTERRUPTED "interrupted: the service was restarted while the task was under way"

/* Tasks that wait or are under way are made failed. SN_EUNAVAILABLE: another process has it open,
 * or it cannot be read. */
SN_WARN_UNUSED int sn_task_store_open(sn_task_store **out, const sn_task_store_options *options,
                                      sn_error *err);
void sn_task_store_close(sn_task_store *store); /* NULL is allowed */

/*
 * Adds a task. With a key in its head: 1 if the same request was there before, and `existing` is
 * its task's id; SN_EINVALID_ARGUMENT if the key was another request's. `fingerprint` is what tells
 * requests apart. SN_ERESOURCE_EXHAUSTED: there is no room, as all that are kept go on, or the disk
 * is full.
 */
SN_WARN_UNUSED int sn_task_store_add(char existing[SN_TASK_ID_BYTES], sn_task_store *store,
                                     const sn_task *task, const uint8_t fingerprint[16],
                                     sn_error *err);

/* Its state, or anything else in its head. */
SN_WARN_UNUSED int sn_task_store_update(sn_task_store *store, const sn_task_head *head,
                                        sn_error *err);

/* Its end: head, output and events at once. */
SN_WARN_UNUSED int sn_task_store_finish(sn_task_store *store, const sn_task *task,
                                        const sn_task_events *events, sn_error *err);

/* As though it had never been added. */
SN_WARN_UNUSED int sn_task_store_remove(sn_task_store *store, const char *id, sn_error *err);

/* SN_ENOT_FOUND; SN_EUNAVAILABLE: it is damaged. sn_task_clear() it. */
SN_WARN_UNUSED int sn_task_store_get(sn_task *out, sn_task_store *store, const char *id,
                                     sn_error *err);
/* As they were at its end; empty while it goes on. sn_task_events_clear() them. */
SN_WARN_UNUSED int sn_task_store_events(sn_task_events *out, sn_task_store *store, const char *id,
                                        sn_error *err);

/* All heads, the newest first; non-zero ends it. */
typedef int sn_task_store_fn(void *user, const sn_task_head *head);
SN_WARN_UNUSED int sn_task_store_each(sn_task_store *store, sn_task_store_fn *fn, void *user,
                                      sn_error *err);

/* Removes what has been kept for long enough by that time; how many, or an error. */
SN_WARN_UNUSED int sn_task_store_tidy(sn_task_store *store, int64_t now_ms, sn_error *err);

uint64_t sn_task_store_count(sn_task_store *store);
uint64_t sn_task_store_bytes(sn_task_store *store);

#endif
