/*
 * deadlines.h - the waiting tickets by when they expire: a binary heap, so that the next one is
 * known at once and one in the middle can leave.
 */
#ifndef SN_SERVICE_DEADLINES_H
#define SN_SERVICE_DEADLINES_H

#include "service/admission.h"

typedef struct sn_deadlines {
    sn_ticket **heap; /* from 1 on; heap[1] expires first */
    size_t count;
} sn_deadlines;

/* Room for `most` tickets. SN_ERESOURCE_EXHAUSTED: no memory. */
SN_WARN_UNUSED int sn_deadlines_open(sn_deadlines *deadlines, size_t most, sn_error *err);
void sn_deadlines_close(sn_deadlines *deadlines);

void sn_deadlines_add(sn_deadlines *deadlines, sn_ticket *ticket);

/* Nothing happens to a ticket that is not in it. */
void sn_deadlines_remove(sn_deadlines *deadlines, sn_ticket *ticket);

/* The one that expires first; NULL: there is none. */
sn_ticket *sn_deadlines_first(const sn_deadlines *deadlines);

#endif
