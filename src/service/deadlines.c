/* deadlines.c - see deadlines.h. */
#include "service/deadlines.h"

#include "util/error.h"

#include <stdlib.h>

int sn_deadlines_open(sn_deadlines *deadlines, size_t most, sn_error *err) {
    deadlines->count = 0;
    deadlines->heap = calloc(most + 1, sizeof *deadlines->heap);
    return deadlines->heap
               ? 0
               : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for %zu deadlines", most);
}

void sn_deadlines_close(sn_deadlines *deadlines) {
    free(deadlines->heap);
    deadlines->heap = NULL;
}

static void put(sn_deadlines *deadlines, size_t place, sn_ticket *ticket) {
    deadlines->heap[place] = ticket;
    ticket->place_ = place;
}

/* Finds the ticket's place from `place` towards the first. */
static void rise(sn_deadlines *deadlines, size_t place, sn_ticket *ticket) {
    while (place > 1 && deadlines->heap[place / 2]->expires_ns_ > ticket->expires_ns_) {
        put(deadlines, place, deadlines->heap[place / 2]);
        place /= 2;
    }
    put(deadlines, place, ticket);
}

/* And away from it. */
static void sink(sn_deadlines *deadlines, size_t place, sn_ticket *ticket) {
    for (;;) {
        size_t child = place * 2;
        if (child + 1 <= deadlines->count &&
            deadlines->heap[child + 1]->expires_ns_ < deadlines->heap[child]->expires_ns_)
            child++;
        if (child > deadlines->count || deadlines->heap[child]->expires_ns_ >= ticket->expires_ns_)
            break;
        put(deadlines, place, deadlines->heap[child]);
        place = child;
    }
    put(deadlines, place, ticket);
}

void sn_deadlines_add(sn_deadlines *deadlines, sn_ticket *ticket) {
    rise(deadlines, ++deadlines->count, ticket);
}

void sn_deadlines_remove(sn_deadlines *deadlines, sn_ticket *ticket) {
    size_t place = ticket->place_;
    if (place == 0)
        return;
    ticket->place_ = 0;
    sn_ticket *last = deadlines->heap[deadlines->count--];
    if (last == ticket)
        return;
    if (place > 1 && deadlines->heap[place / 2]->expires_ns_ > last->expires_ns_)
        rise(deadlines, place, last);
    else
        sink(deadlines, place, last);
}

sn_ticket *sn_deadlines_first(const sn_deadlines *deadlines) {
    return deadlines->count > 0 ? deadlines->heap[1] : NULL;
}
