/*
 * machines.h - several agent-cores: a connection to each, which of them answer, and whose turn it
 * is.
 *
 * Theory of operation: nothing runs in the background. A machine is asked for its health
 * (grpc.health.v1) before it is used for the first time, and after it was lost, with a deadline of
 * a second. One that does not answer is passed by for a pause that doubles, from a quarter of a
 * second to eight; then the next call that is looking for a machine asks it again, and goes
 * elsewhere if there is still nobody. So a machine that is gone costs one call in a pause up to a
 * second, and nothing where connections are refused; one that comes back is used within eight
 * seconds.
 *
 * Of the machines that answer the one with the fewest of our calls under way is chosen; among
 * equals they take turns. What other clients do there is not known: it is the machines' own
 * admission that refuses what is too much.
 */
#ifndef SN_EXECUTOR_MACHINES_H
#define SN_EXECUTOR_MACHINES_H

#include "executor/addresses.h"
#include "executor/remote.h"

#include <pthread.h>

typedef enum sn_machine_health {
    SN_MACHINE_UNKNOWN, /* it must be asked first */
    SN_MACHINE_UP,
    SN_MACHINE_DOWN,
} sn_machine_health;

typedef struct sn_machine {
    sn_rpc_channel *channel;
    sn_sessions *sessions; /* on that channel */
    /* The machines' lock: */
    sn_machine_health health;
    unsigned under_way;
    uint64_t pause_ns; /* while it is down: how long it is passed by, */
    uint64_t until_ns; /* and until when */
} sn_machine;

typedef struct sn_machines {
    sn_addresses addresses;
    sn_machine all[SN_ADDRESSES_MOST];
    pthread_mutex_t lock;
    size_t turn;
} sn_machines;

/* Takes what is in `addresses`; `place` has the rest. Connects to nothing yet. Close it in any
 * case. */
SN_WARN_UNUSED int sn_machines_open(sn_machines *out, sn_addresses *addresses,
                                    const sn_place *place, sn_error *err);
void sn_machines_close(sn_machines *machines);

/* A set of machines, by index. */
typedef uint64_t sn_machine_set;
_Static_assert(SN_ADDRESSES_MOST <= 64, "a bit for each machine");

/* Whose turn it is; none of `tried`, which are not all. A call is under way there until
 * sn_machines_leave(). One that is down is chosen only when there is no other. */
size_t sn_machines_choose(sn_machines *machines, sn_machine_set tried);
void sn_machines_enter(sn_machines *machines, size_t machine);
void sn_machines_leave(sn_machines *machines, size_t machine);

/* Asks for its health where it is not known to be up. 0: it answers; SN_RPC_GIVEN_UP: `cancel_fd`
 * (or -1) became readable; SN_EUNAVAILABLE says that there is nobody, or that it is shutting down.
 */
SN_WARN_UNUSED int sn_machines_check(sn_machines *machines, size_t machine, int cancel_fd,
                                     sn_error *err);

/* The same for those who can do without it: one that is down is not asked before its pause is over.
 */
SN_WARN_UNUSED int sn_machines_reach(sn_machines *machines, size_t machine, sn_error *err);

/* How a call there ended. */
void sn_machines_learn(sn_machines *machines, size_t machine, sn_rpc_fate fate);

#endif
