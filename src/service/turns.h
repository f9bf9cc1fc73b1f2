/*
 * turns.h - whose turn it is: the tenants, what waits for each of them, and the rule by which the
 * slots are shared. Only the order; it has no threads, no locks and no clock.
 *
 * Tenants that wait take turns, one ticket each; a tenant's own tickets go in the order in which
 * they came. Turns alone would not do, since executions last: a flood that comes while nobody else
 * is there would take all slots, and the next tenant would wait for one of its executions to end.
 * So a tenant may start another one only while
 *
 *     running of this tenant  <  SHARE * free slots
 *
 * which are the dynamic thresholds of A. K. Choudhury and E. L. Hahne, "Dynamic Queue Length
 * Thresholds for Shared-Memory Packet Switches" (IEEE/ACM Transactions on Networking 6(2), 1998),
 * with slots for buffers. The limit moves with the load and nobody has to be counted or known
 * beforehand. Of R slots, with SHARE 3, one tenant alone gets about 3R/4; n that flood get about
 * 3R/(3n + 1) each, and R/(3n + 1) slots stay free for whoever comes next. The price is these. Of
 * three slots or fewer one tenant may have all.
 *
 * Tickets may have a lane: of those in one lane, whoever's they are, only one runs at a time, and
 * the others do not hold slots while they wait for it.
 *
 * A tenant is forgotten when nothing of it waits or runs, so there are never more than running_most
 * + waiting_most of them, and all memory is taken at the beginning.
 */
#ifndef SN_SERVICE_TURNS_H
#define SN_SERVICE_TURNS_H

#include "service/admission.h"

typedef struct sn_tenant sn_tenant;

typedef struct sn_turns {
    unsigned running_most;
    unsigned waiting_most;
    unsigned waiting_per_tenant_most;
    unsigned running;
    unsigned waiting;
    unsigned tenants;
    sn_tenant *first, *last; /* those who wait; the first is asked first */
    sn_tenant *memory;       /* `made` of them have been used at some time */
    sn_tenant *unused;
    unsigned made;
    uint64_t *lanes; /* of those that run; `lanes_count` of them */
    unsigned lanes_count;
    unsigned buckets_mask;
    sn_tenant **buckets; /* by the hash of the name */
} sn_turns;

/* `turns` is all zeros but for the three bounds. SN_ERESOURCE_EXHAUSTED: no memory. */
SN_WARN_UNUSED int sn_turns_open(sn_turns *turns, sn_error *err);
void sn_turns_close(sn_turns *turns);

/* Puts a ticket in the queue. A full one refuses it (SN_ERESOURCE_EXHAUSTED) unless it may start at
 * once, so sn_turns_start() is to follow until it has nothing more. */
SN_WARN_UNUSED int sn_turns_add(sn_turns *turns, sn_ticket *ticket, sn_error *err);

/* Takes the ticket whose turn it is out of the queue; its tenant has one more running. NULL: nobody
 * waits who may start. */
sn_ticket *sn_turns_start(sn_turns *turns);

/* One of this tenant's, in this lane, has ended. */
void sn_turns_end(sn_turns *turns, sn_tenant *tenant, uint64_t lane);

/* Takes a waiting ticket out of the queue. */
void sn_turns_remove(sn_turns *turns, sn_ticket *ticket);

/* Any that waits; NULL: none. */
sn_ticket *sn_turns_waiting(const sn_turns *turns);

#endif
