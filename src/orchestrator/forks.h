/*
 * forks.h - the sessions of a complex task's steps, and what becomes of the task's own.
 *
 * Each step has a session of its own, "task:ID:N": a fork of the first step that it comes after, as
 * that left it, or else of the task's session as it was when the task began. Where there is nothing
 * to fork yet, it is a fresh one. All of them are deleted when the task ends.
 *
 * When the task has been completed its session goes on from the fork of the plan's last step: it
 * has the variables that this step saw and made. What steps beside it made is in their results
 * only. The session stays as it was when the last step failed or executed nothing, when somebody
 * else has used the session meanwhile, and when the task was not completed.
 *
 * A session cannot be renamed, so the old one is deleted and the fork forked to its name. The
 * task's record names the fork before that is begun; a service that died in between does the rest
 * when it starts.
 */
#ifndef SN_ORCHESTRATOR_FORKS_H
#define SN_ORCHESTRATOR_FORKS_H

#include "orchestrator/live.h"
#include "orchestrator/plan.h"

typedef struct sn_forks {
    sn_live *live;
    sn_sessions *sessions;  /* NULL: they are not here, and steps have no sessions */
    const char *session_id; /* NULL: the task has none */
    uint64_t step;          /* of the session when the task began; 0 if it was not there */
    char names[SN_PLAN_STEPS_MOST][SN_SESSION_ID_MAX_BYTES + 1]; /* empty: not made */
    bool is_fork[SN_PLAN_STEPS_MOST];
} sn_forks;

void sn_forks_begin(sn_forks *forks, sn_live *live);

/* The session of a step, before it runs. `first`: the step it goes on from, or -1. NULL: none; the
 * answer function makes one for the step alone. */
const char *sn_forks_make(sn_forks *forks, size_t place, int first);

/* The task's session goes on from this step's. */
void sn_forks_adopt(sn_forks *forks, size_t place);

/* Deletes all that were made. */
void sn_forks_end(sn_forks *forks, size_t count);

#endif
