/*
 * lifecycle.h - how a task comes to its turn and to its end.
 */
#ifndef SN_ORCHESTRATOR_LIFECYCLE_H
#define SN_ORCHESTRATOR_LIFECYCLE_H

#include "orchestrator/live.h"

/* Sessions that a task makes for its steps: "task:ID:N". */
#define SN_TASK_FORK_PREFIX "task:"

/* One that nobody else knows of; the caller releases it. */
SN_WARN_UNUSED int sn_live_new(sn_live **out, sn_tasks *tasks, sn_error *err);
void sn_live_release(sn_live *live);

/* Queues a task that is in the store. If there is no room, it is removed from the store. */
SN_WARN_UNUSED int sn_live_queue(sn_live *live, sn_error *err);

/* The lock is held. NULL: it is not under way. */
sn_live *sn_live_find(sn_tasks *tasks, const char *id);

/* Ends it soon: at once if it waits. Its flags say why. */
void sn_live_cancel(sn_live *live);

#endif
