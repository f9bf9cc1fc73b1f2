/*
 * whereabouts.h - on which of several machines a session lies.
 *
 * The rule: a session is made on its home, the machine that its id is hashed to (addresses.h), and
 * lies there. It may lie elsewhere in two cases. A fork lies on the machine of the session that it
 * was made from, as it shares its memory on disk; so that nobody takes its name for a new one, an
 * empty session of that name (at step 0) is made at its home first. And when addresses are added or
 * removed, some sessions get another home than where they are.
 *
 * So a session is looked for at its home; where that has none, or an empty one, the other machines
 * are asked, one after the other:
 *
 * - home has it, with steps: it is that one;
 * - another machine has it: it is that one;
 * - nobody has it: it is not there, and an execution makes it at home. Machines that cannot be
 *   asked are passed by, or else a machine that is down would keep all others from making
 *   sessions;
 * - home has an empty one, and not all others can be asked: nobody knows, which is an error.
 *
 * Nothing is ever made on another machine because home is down: that is an error that names it.
 *
 * The cost: one short call to home before the first execution in a session that a client has not
 * used yet; as many as there are machines if it is a new one. Where a session was found is
 * remembered, for some thousand sessions. Executions rely on what is remembered of those at home,
 * whatever other clients do with them; all else asks anew.
 */
#ifndef SN_EXECUTOR_WHEREABOUTS_H
#define SN_EXECUTOR_WHEREABOUTS_H

#include "executor/machines.h"

enum { SN_REMEMBERED = 4096 };

typedef struct sn_remembered {
    char id[SN_SESSION_ID_MAX_BYTES + 1]; /* "": nothing */
    uint8_t machine;
} sn_remembered;

typedef struct sn_whereabouts {
    pthread_mutex_t lock;
    sn_remembered *table; /* a session has one place there; the one that came last has it */
} sn_whereabouts;

SN_WARN_UNUSED int sn_whereabouts_open(sn_whereabouts *out, sn_error *err);
void sn_whereabouts_close(sn_whereabouts *whereabouts);

typedef struct sn_found {
    size_t machine; /* where it lies, or is to be made */
    bool is_there;
    bool is_home;     /* the machine is its home */
    sn_error unasked; /* code 0, or who could not be asked, where it is not there */
} sn_found;

/* `id` must be one. `afresh`: what is remembered of those at home is not enough. */
SN_WARN_UNUSED int sn_whereabouts_find(sn_found *out, sn_whereabouts *whereabouts,
                                       sn_machines *machines, const char *id, bool afresh,
                                       sn_error *err);

void sn_whereabouts_keep(sn_whereabouts *whereabouts, const char *id, size_t machine);
void sn_whereabouts_forget(sn_whereabouts *whereabouts, const char *id);

#endif
