/* turns.c - see turns.h. */
#include "service/turns.h"

#include "util/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { SHARE = 3 };

struct sn_tenant {
    sn_tenant *next;           /* in its bucket, or among the unused */
    sn_tenant *before, *after; /* among those who wait */
    sn_ticket *first, *last;   /* its queue */
    unsigned waiting;
    unsigned running;
    char name[SN_TENANT_MAX_BYTES + 1];
};

int sn_turns_open(sn_turns *turns, sn_error *err) {
    unsigned tenants = turns->running_most + turns->waiting_most, buckets = 1;
    while (buckets < tenants)
        buckets *= 2;
    turns->memory = calloc(tenants, sizeof *turns->memory);
    turns->buckets = calloc(buckets, sizeof *turns->buckets);
    turns->lanes = calloc(turns->running_most, sizeof *turns->lanes);
    turns->buckets_mask = buckets - 1;
    if (turns->memory && turns->buckets && turns->lanes)
        return 0;
    sn_turns_close(turns);
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a queue of %u executions",
                   turns->waiting_most);
}

void sn_turns_close(sn_turns *turns) {
    free(turns->memory);
    free(turns->buckets);
    free(turns->lanes);
    turns->lanes = NULL;
    turns->memory = NULL;
    turns->buckets = NULL;
}

/* ---- tenants ---- */

/* Names made to collide cost no more than a walk through as many tenants as there can be. */
static sn_tenant **bucket_of(const sn_turns *turns, const char *name) {
    return &turns->buckets[XXH3_64bits(name, strlen(name)) & turns->buckets_mask];
}

static sn_tenant *find(const sn_turns *turns, const char *name) {
    sn_tenant *tenant = *bucket_of(turns, name);
    while (tenant && strcmp(tenant->name, name) != 0)
        tenant = tenant->next;
    return tenant;
}

static sn_tenant *make(sn_turns *turns, const char *name) {
    sn_tenant *tenant = turns->unused;
    if (tenant)
        turns->unused = tenant->next;
    else
        tenant = &turns->memory[turns->made++];
    assert(turns->made <= turns->running_most + turns->waiting_most);
    sn_tenant **bucket = bucket_of(turns, name);
    memset(tenant, 0, offsetof(sn_tenant, name));
    strcpy(tenant->name, name);
    tenant->next = *bucket;
    *bucket = tenant;
    turns->tenants++;
    return tenant;
}

static void forget_if_idle(sn_turns *turns, sn_tenant *tenant) {
    if (tenant->waiting > 0 || tenant->running > 0)
        return;
    sn_tenant **at = bucket_of(turns, tenant->name);
    while (*at != tenant)
        at = &(*at)->next;
    *at = tenant->next;
    tenant->next = turns->unused;
    turns->unused = tenant;
    turns->tenants--;
}

/* ---- those who wait ---- */

static void join(sn_turns *turns, sn_tenant *tenant) {
    tenant->before = turns->last;
    tenant->after = NULL;
    *(turns->last ? &turns->last->after : &turns->first) = tenant;
    turns->last = tenant;
}

static void leave(sn_turns *turns, sn_tenant *tenant) {
    *(tenant->before ? &tenant->before->after : &turns->first) = tenant->after;
    *(tenant->after ? &tenant->after->before : &turns->last) = tenant->before;
}

static void enqueue(sn_turns *turns, sn_tenant *tenant, sn_ticket *ticket) {
    ticket->tenant_ = tenant;
    ticket->before_ = tenant->last;
    ticket->after_ = NULL;
    *(tenant->last ? &tenant->last->after_ : &tenant->first) = ticket;
    tenant->last = ticket;
    if (tenant->waiting++ == 0)
        join(turns, tenant);
    turns->waiting++;
}

static void dequeue(sn_turns *turns, sn_tenant *tenant, sn_ticket *ticket) {
    *(ticket->before_ ? &ticket->before_->after_ : &tenant->first) = ticket->after_;
    *(ticket->after_ ? &ticket->after_->before_ : &tenant->last) = ticket->before_;
    if (--tenant->waiting == 0)
        leave(turns, tenant);
    turns->waiting--;
}

/* ---- the order ---- */

static bool may_start(const sn_turns *turns, unsigned running_of_tenant) {
    return running_of_tenant < SHARE * (turns->running_most - turns->running);
}

/* ---- lanes ---- */

static bool is_busy(const sn_turns *turns, uint64_t lane) {
    unsigned i = 0;
    while (lane && i < turns->lanes_count && turns->lanes[i] != lane)
        i++;
    return lane && i < turns->lanes_count;
}

static void occupy(sn_turns *turns, uint64_t lane) {
    if (lane)
        turns->lanes[turns->lanes_count++] = lane;
}

static void vacate(sn_turns *turns, uint64_t lane) {
    unsigned i = 0;
    while (lane && i < turns->lanes_count && turns->lanes[i] != lane)
        i++;
    if (lane && i < turns->lanes_count)
        turns->lanes[i] = turns->lanes[--turns->lanes_count];
}

/* The first of a tenant's whose lane is free; no further than a while, for all others wait. */
static sn_ticket *find_free(const sn_turns *turns, const sn_tenant *tenant) {
    enum { LOOK_MOST = 64 };
    sn_ticket *ticket = tenant->first;
    for (int i = 0; ticket && i < LOOK_MOST; i++, ticket = ticket->after_)
        if (!is_busy(turns, ticket->lane))
            return ticket;
    return NULL;
}

/* Whoever waits already has been asked since anything ended, and may not start. */
static bool starts_at_once(const sn_turns *turns, const sn_tenant *tenant, uint64_t lane) {
    if (is_busy(turns, lane))
        return false;
    if (!tenant)
        return may_start(turns, 0);
    return tenant->waiting == 0 && may_start(turns, tenant->running);
}

static int check_room(const sn_turns *turns, const sn_tenant *tenant, sn_error *err) {
    if (turns->waiting >= turns->waiting_most) {
        sn_fail(err, SN_ERESOURCE_EXHAUSTED, "the queue is full: %u executions wait",
                turns->waiting);
        sn_hint(err, "try again when some have ended");
        return SN_ERESOURCE_EXHAUSTED;
    }
    if (tenant && tenant->waiting >= turns->waiting_per_tenant_most) {
        sn_fail(err, SN_ERESOURCE_EXHAUSTED, "the queue of '%s' is full: %u of its executions wait",
                tenant->name, tenant->waiting);
        sn_hint(err, "try again when some of them have ended");
        return SN_ERESOURCE_EXHAUSTED;
    }
    return 0;
}

int sn_turns_add(sn_turns *turns, sn_ticket *ticket, sn_error *err) {
    if (strnlen(ticket->tenant, SN_TENANT_MAX_BYTES + 1) > SN_TENANT_MAX_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "a tenant's name has at most %d bytes",
                       SN_TENANT_MAX_BYTES);
    sn_tenant *tenant = find(turns, ticket->tenant);
    int rc = starts_at_once(turns, tenant, ticket->lane) ? 0 : check_room(turns, tenant, err);
    if (rc == 0)
        enqueue(turns, tenant ? tenant : make(turns, ticket->tenant), ticket);
    return rc;
}

sn_ticket *sn_turns_start(sn_turns *turns) {
    if (turns->running == turns->running_most)
        return NULL;
    /* Those who may not, with a slot free, have SHARE running or more, or wait for a lane. They
     * keep their place. */
    sn_tenant *tenant = turns->first;
    sn_ticket *ticket = NULL;
    while (tenant && !(may_start(turns, tenant->running) && (ticket = find_free(turns, tenant))))
        tenant = tenant->after;
    if (!tenant)
        return NULL;
    dequeue(turns, tenant, ticket);
    occupy(turns, ticket->lane);
    tenant->running++;
    turns->running++;
    if (tenant->waiting > 0) {
        leave(turns, tenant);
        join(turns, tenant);
    }
    return ticket;
}

void sn_turns_end(sn_turns *turns, sn_tenant *tenant, uint64_t lane) {
    vacate(turns, lane);
    tenant->running--;
    turns->running--;
    forget_if_idle(turns, tenant);
}

void sn_turns_remove(sn_turns *turns, sn_ticket *ticket) {
    dequeue(turns, ticket->tenant_, ticket);
    forget_if_idle(turns, ticket->tenant_);
}

sn_ticket *sn_turns_waiting(const sn_turns *turns) {
    return turns->first ? turns->first->first : NULL;
}
