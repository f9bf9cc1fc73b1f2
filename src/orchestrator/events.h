/*
 * events.h - what has happened in a task: a bounded list, of which the oldest go first, and each
 * with a number, so that a follower can say after which one it wants to go on.
 *
 * Threads: whoever has the list, one at a time.
 */
#ifndef SN_ORCHESTRATOR_EVENTS_H
#define SN_ORCHESTRATOR_EVENTS_H

#include "orchestrator/task.h"

enum {
    SN_TASK_EVENTS_MOST = 1000,
    SN_TASK_EVENTS_MOST_BYTES = 1 << 20,
    SN_TASK_EVENTS_KEPT_BYTES = 256 << 10, /* in the store, when the task has ended */
    SN_TASK_EVENT_TEXT_MOST_BYTES = 32 << 10,
};

/* The numbers of events that are made when a service finds a task that it did not end begin here:
 * a follower may have seen others that were never stored. */
#define SN_TASK_EVENTS_RESTART UINT64_C(1000000000000)

typedef enum sn_task_event_type {
    SN_TASK_STARTED = 1,
    SN_TASK_INVOKED,
    SN_TASK_OBSERVATION,
    SN_TASK_PARTIAL,
    SN_TASK_PROGRESS,
    SN_TASK_ERROR,
    SN_TASK_ENDED,
} sn_task_event_type;

typedef struct sn_task_event {
    struct sn_task_event *next;
    uint64_t number; /* from 1 on */
    sn_task_event_type type;
    size_t bytes;
    char data[]; /* JSON, NUL-terminated */
} sn_task_event;

typedef struct sn_task_events {
    sn_task_event *first, *last;
    size_t count, bytes;
    uint64_t number; /* of the last that was added */
} sn_task_events;

/* "WORKFLOW_STARTED" and so on. */
const char *sn_task_event_name(sn_task_event_type type);

/* Adds one: `data`, an object that this takes over (NULL: nothing more), is given type,
 * workflow_id, timestamp and seq. False: no memory. */
bool sn_task_events_add(sn_task_events *events, sn_task_event_type type, const char *id,
                        json_t *data);

/* Adds a copy of one that is in another list. False: no memory. */
bool sn_task_events_copy(sn_task_events *events, const sn_task_event *event);

/* The first event after that number; NULL: there is none. */
const sn_task_event *sn_task_events_after(const sn_task_events *events, uint64_t number);

void sn_task_events_clear(sn_task_events *events);

/* The last ones, for the store, and back. json_decref(); NULL: no memory. */
json_t *sn_task_events_json(const sn_task_events *events);
/* SN_EUNAVAILABLE: damaged. */
SN_WARN_UNUSED int sn_task_events_of_json(sn_task_events *out, const json_t *json, sn_error *err);

#endif
