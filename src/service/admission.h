/*
 * admission.h - who may execute when: so many executions at once as the machine carries, a bounded
 * queue for the others, and turns between tenants, so that one that floods does not starve the
 * rest.
 *
 * Each execution is asked for with a ticket, which lies in the caller's own object, so nothing is
 * allocated on the way. A ticket that was taken is called exactly once: on a thread of the
 * admission's when its turn has come, or to be told that it will not come.
 *
 *     static void execute(void *user, sn_admission_outcome outcome) { ... }
 *
 *     call->ticket = (sn_ticket){.tenant = "alice", .fn = execute, .user = call};
 *     if (sn_admission_submit(admission, &call->ticket, &err) < 0)
 *         refuse(call, &err);
 *
 * Whose turn it is, and how many slots one tenant may have, says turns.h.
 *
 * Threads: all functions may be called from several at once, but for sn_admission_free(); only it
 * and sn_admission_shut_down() block. All may be called from a ticket's function, too, but for
 * these two.
 */
#ifndef SN_SERVICE_ADMISSION_H
#define SN_SERVICE_ADMISSION_H

#include "shannon.h"

typedef struct sn_admission sn_admission;

enum {
    SN_TENANT_MAX_BYTES = 128,
    SN_RUNNING_MOST = 1024,
    SN_QUEUE_MOST = 1 << 20,
};

typedef struct sn_admission_options {
    unsigned running_most;          /* executions at once, and threads; 1 to SN_RUNNING_MOST */
    unsigned queue_most;            /* waiting in all, at most SN_QUEUE_MOST; 0: nobody waits */
    unsigned queue_per_tenant_most; /* 0: a quarter of queue_most */
    uint64_t wait_most_ns;          /* in the queue; at least 1 */
} sn_admission_options;

#define SN_ADMISSION_OPTIONS_INIT {.queue_most = 256, .wait_most_ns = UINT64_C(30000000000)}

typedef enum sn_admission_outcome {
    SN_ADMITTED,  /* it is this ticket's turn: the execution is what the function does now */
    SN_TOO_LATE,  /* its deadline, or wait_most_ns, passed before its turn came */
    SN_SHUT_DOWN, /* it waited when sn_admission_shut_down() was called */
} sn_admission_outcome;

/* SN_ADMITTED: may block, and holds the slot until it returns. Otherwise it is called on a thread
 * that others wait for, so it must not block. The ticket may be released or used again in it. All
 * signals are blocked, and the stack has SN_ADMISSION_STACK_BYTES. */
typedef void sn_admission_fn(void *user, sn_admission_outcome outcome);

enum { SN_ADMISSION_STACK_BYTES = 256 << 10 };

/* The caller fills in the first five, and keeps the ticket where it is until it was called or
 * withdrawn. What ends in _ is not the caller's, and zero in a fresh ticket. */
typedef struct sn_ticket {
    const char *tenant;   /* at most SN_TENANT_MAX_BYTES; read only during the submit */
    uint64_t lane;        /* 0, or: of those with the same number one at a time */
    uint64_t deadline_ns; /* to begin, on the clock of sn_now_ns(); 0: none but wait_most_ns */
    sn_admission_fn *fn;
    void *user;

    struct sn_tenant *tenant_;
    struct sn_ticket *before_, *after_; /* in the tenant's queue */
    uint64_t expires_ns_;
    size_t place_; /* in the heap of deadlines; 0: not in it */
    bool waiting_;
} sn_ticket;

/* SN_EINVALID_ARGUMENT: an option is out of range; SN_ERESOURCE_EXHAUSTED: no memory or threads. */
SN_WARN_UNUSED int sn_admission_new(sn_admission **out, const sn_admission_options *options,
                                    sn_error *err);

/*
 * Asks for an execution. 0: the ticket will be called once, unless it is withdrawn; it may have
 * been already. SN_ERESOURCE_EXHAUSTED: it would have to wait, and the queue or its tenant's part
 * of it is full; SN_EUNAVAILABLE: it is being shut down; SN_EINVALID_ARGUMENT: the tenant's name is
 * too long.
 */
SN_WARN_UNUSED int sn_admission_submit(sn_admission *admission, sn_ticket *ticket, sn_error *err);

/* True: the ticket waited, and will not be called. False: it was, is or is about to be called. */
bool sn_admission_withdraw(sn_admission *admission, sn_ticket *ticket);

/*
 * Takes no more tickets, tells the waiting ones (on this thread, before it waits), and waits for
 * those that run until `deadline_ns` (on the clock of sn_now_ns(); UINT64_MAX: for ever). True: all
 * calls have returned. False: some go on; end them by their own means and call this again.
 */
bool sn_admission_shut_down(sn_admission *admission, uint64_t deadline_ns);

/* Shuts down, waits for what runs, however long, and ends the threads. NULL is fine. */
void sn_admission_free(sn_admission *admission);

typedef struct sn_admission_figures {
    unsigned running;
    unsigned waiting;
    unsigned tenants; /* that have anything running or waiting */
    uint64_t refused; /* since the beginning: for want of room */
    uint64_t expired; /* since the beginning: told that it is too late */
} sn_admission_figures;

void sn_admission_get_figures(sn_admission_figures *out, sn_admission *admission);

#endif
