/*
 * admission.c - see admission.h.
 *
 * One mutex guards everything. Whoever changes something under it, a submit or an execution that
 * has ended, also hands out what may start by then to idle threads; so whenever the mutex is free,
 * nobody waits who could start. A thread has a semaphore of its own: it need not take the mutex to
 * begin, and the thread that was busy last, whose stack is still in the caches, is woken first.
 *
 * Expiry needs none of these threads, which may all be busy. One more, the timekeeper, sleeps until
 * the earliest deadline. It is woken only for one that is earlier than it knew, so in steady load
 * hardly ever: that a ticket has left the queue, it finds out at its time.
 */
#include "service/admission.h"

#include "service/deadlines.h"
#include "service/turns.h"
#include "util/error.h"
#include "util/io.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct worker {
    sn_admission *admission;
    struct worker *next; /* among the idle, or among those to be woken */
    sn_ticket *ticket;   /* what it is woken for; NULL: to end */
    sem_t wake;
    pthread_t thread;
} worker;

struct sn_admission {
    uint64_t wait_most_ns;
    pthread_mutex_t mutex;
    sn_turns turns;
    sn_deadlines deadlines;
    worker *idle;
    bool closed;      /* takes no more */
    unsigned telling; /* threads that tell tickets that their turn will not come */
    pthread_cond_t quiet;
    uint64_t refused;
    uint64_t expired;

    pthread_t timekeeper;
    pthread_cond_t earlier; /* or over */
    uint64_t wakes_ns;      /* when the timekeeper will look again by itself */
    bool over;

    unsigned workers_count;
    worker workers[];
};

/* ---- handing out ---- */

/* Gives tickets to idle threads, as far as it is somebody's turn. The threads are to be woken when
 * the mutex has been released: else they would run on a processor that its holder may need. */
static worker *hand_out(sn_admission *admission) {
    worker *chain = NULL;
    sn_ticket *ticket;
    while ((ticket = sn_turns_start(&admission->turns))) {
        sn_deadlines_remove(&admission->deadlines, ticket);
        ticket->waiting_ = false;
        worker *chosen = admission->idle;
        admission->idle = chosen->next;
        chosen->ticket = ticket;
        chosen->next = chain;
        chain = chosen;
    }
    return chain;
}

static void wake(worker *chain) {
    while (chain) {
        worker *chosen = chain;
        chain = chosen->next; /* before it is its own again */
        sem_post(&chosen->wake);
    }
}

static bool is_quiet(const sn_admission *admission) {
    return admission->turns.running == 0 && admission->telling == 0;
}

static void execute(worker *me) {
    sn_admission *admission = me->admission;
    sn_ticket *ticket = me->ticket;
    sn_tenant *tenant = ticket->tenant_; /* the ticket may be gone after its call */
    uint64_t lane = ticket->lane;
    bool late = ticket->expires_ns_ <= sn_now_ns();
    ticket->fn(ticket->user, late ? SN_TOO_LATE : SN_ADMITTED);

    pthread_mutex_lock(&admission->mutex);
    admission->expired += late;
    sn_turns_end(&admission->turns, tenant, lane);
    me->ticket = NULL;
    me->next = admission->idle;
    admission->idle = me;
    worker *chain = hand_out(admission);
    if (admission->closed && is_quiet(admission))
        pthread_cond_broadcast(&admission->quiet);
    pthread_mutex_unlock(&admission->mutex);
    wake(chain);
}

static void *work(void *arg) {
    worker *me = arg;
    for (;;) {
        while (sem_wait(&me->wake) < 0)
            ; /* EINTR */
        if (!me->ticket)
            return NULL;
        execute(me);
    }
}

/* ---- those whose turn does not come ---- */

static void stop_waiting(sn_admission *admission, sn_ticket *ticket) {
    sn_turns_remove(&admission->turns, ticket);
    sn_deadlines_remove(&admission->deadlines, ticket);
    ticket->waiting_ = false;
}

/* Takes those that have expired by now; a chain by after_. */
static sn_ticket *take_late(sn_admission *admission) {
    uint64_t now_ns = sn_now_ns();
    sn_ticket *chain = NULL, *ticket;
    while ((ticket = sn_deadlines_first(&admission->deadlines)) && ticket->expires_ns_ <= now_ns) {
        stop_waiting(admission, ticket);
        ticket->after_ = chain;
        chain = ticket;
        admission->expired++;
    }
    return chain;
}

static sn_ticket *take_all(sn_admission *admission) {
    sn_ticket *chain = NULL, *ticket;
    while ((ticket = sn_turns_waiting(&admission->turns))) {
        stop_waiting(admission, ticket);
        ticket->after_ = chain;
        chain = ticket;
    }
    return chain;
}

/* Releases the mutex for the calls. */
static void tell(sn_admission *admission, sn_ticket *chain, sn_admission_outcome outcome) {
    admission->telling++;
    pthread_mutex_unlock(&admission->mutex);
    while (chain) {
        sn_ticket *ticket = chain;
        chain = ticket->after_; /* the ticket may be gone after its call */
        ticket->fn(ticket->user, outcome);
    }
    pthread_mutex_lock(&admission->mutex);
    admission->telling--;
    if (admission->closed && is_quiet(admission))
        pthread_cond_broadcast(&admission->quiet);
}

/* False: the time has come. */
static bool wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t time_ns) {
    struct timespec time = {(time_t)(time_ns / 1000000000u), (long)(time_ns % 1000000000u)};
    return pthread_cond_timedwait(cond, mutex, &time) == 0;
}

static void *keep_time(void *arg) {
    sn_admission *admission = arg;
    pthread_mutex_lock(&admission->mutex);
    while (!admission->over) {
        sn_ticket *late = take_late(admission);
        if (late) {
            tell(admission, late, SN_TOO_LATE);
            continue;
        }
        const sn_ticket *first = sn_deadlines_first(&admission->deadlines);
        admission->wakes_ns = first ? first->expires_ns_ : UINT64_MAX;
        (void)wait_until(&admission->earlier, &admission->mutex, admission->wakes_ns);
    }
    pthread_mutex_unlock(&admission->mutex);
    return NULL;
}

/* ---- making and ending it ---- */

static int start_thread(pthread_t *out, const char *name, void *(*run)(void *), void *arg,
                        sn_error *err) {
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SN_ADMISSION_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread has its maker's mask */
    int failed = pthread_create(out, &attributes, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, failed, "cannot start a thread");
    pthread_setname_np(*out, name);
    return 0;
}

static int start_worker(sn_admission *admission, sn_error *err) {
    worker *new = &admission->workers[admission->workers_count];
    char name[16];
    snprintf(name, sizeof name, "exec-%u", admission->workers_count);
    *new = (worker){.admission = admission, .next = admission->idle};
    sem_init(&new->wake, 0, 0);
    int rc = start_thread(&new->thread, name, work, new, err);
    if (rc < 0) {
        sem_destroy(&new->wake);
        return rc;
    }
    admission->idle = new;
    admission->workers_count++;
    return 0;
}

static void end_workers(sn_admission *admission) {
    for (unsigned i = 0; i < admission->workers_count; i++)
        sem_post(&admission->workers[i].wake);
    for (unsigned i = 0; i < admission->workers_count; i++) {
        pthread_join(admission->workers[i].thread, NULL);
        sem_destroy(&admission->workers[i].wake);
    }
}

static void end_timekeeper(sn_admission *admission) {
    pthread_mutex_lock(&admission->mutex);
    admission->over = true;
    pthread_cond_signal(&admission->earlier);
    pthread_mutex_unlock(&admission->mutex);
    pthread_join(admission->timekeeper, NULL);
}

static int start_threads(sn_admission *admission, sn_error *err) {
    int rc = start_thread(&admission->timekeeper, "deadlines", keep_time, admission, err);
    if (rc < 0)
        return rc;
    while (rc == 0 && admission->workers_count < admission->turns.running_most)
        rc = start_worker(admission, err);
    if (rc < 0) {
        end_workers(admission);
        end_timekeeper(admission);
    }
    return rc;
}

static void release(sn_admission *admission) {
    pthread_cond_destroy(&admission->earlier);
    pthread_cond_destroy(&admission->quiet);
    pthread_mutex_destroy(&admission->mutex);
    sn_deadlines_close(&admission->deadlines);
    sn_turns_close(&admission->turns);
    free(admission);
}

static void init_locks(sn_admission *admission) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* sn_now_ns()'s */
    pthread_cond_init(&admission->quiet, &monotonic);
    pthread_cond_init(&admission->earlier, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&admission->mutex, NULL);
}

static int check_options(const sn_admission_options *options, sn_error *err) {
    if (options->running_most < 1 || options->running_most > SN_RUNNING_MOST)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "1 to %d executions can run at once, not %u",
                       SN_RUNNING_MOST, options->running_most);
    if (options->queue_most > SN_QUEUE_MOST)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "at most %d executions can wait, not %u",
                       SN_QUEUE_MOST, options->queue_most);
    if (options->wait_most_ns == 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the longest wait is 0; make the queue's length 0 if nobody is to wait");
    return 0;
}

static unsigned per_tenant(const sn_admission_options *options) {
    return options->queue_per_tenant_most ? options->queue_per_tenant_most
                                          : (options->queue_most + 3) / 4;
}

int sn_admission_new(sn_admission **out, const sn_admission_options *options, sn_error *err) {
    int rc = check_options(options, err);
    if (rc < 0)
        return rc;
    sn_admission *admission =
        calloc(1, sizeof *admission + options->running_most * sizeof *admission->workers);
    if (!admission)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the admission");
    admission->wait_most_ns = options->wait_most_ns;
    admission->turns.running_most = options->running_most;
    admission->turns.waiting_most = options->queue_most;
    admission->turns.waiting_per_tenant_most = per_tenant(options);
    init_locks(admission);
    rc = sn_turns_open(&admission->turns, err);
    if (rc == 0)
        rc = sn_deadlines_open(&admission->deadlines, options->queue_most, err);
    if (rc == 0)
        rc = start_threads(admission, err);
    if (rc < 0)
        release(admission);
    else
        *out = admission;
    return rc;
}

bool sn_admission_shut_down(sn_admission *admission, uint64_t deadline_ns) {
    pthread_mutex_lock(&admission->mutex);
    admission->closed = true;
    tell(admission, take_all(admission), SN_SHUT_DOWN);
    while (!is_quiet(admission) && wait_until(&admission->quiet, &admission->mutex, deadline_ns))
        ;
    bool ended = is_quiet(admission);
    pthread_mutex_unlock(&admission->mutex);
    return ended;
}

void sn_admission_free(sn_admission *admission) {
    if (!admission)
        return;
    while (!sn_admission_shut_down(admission, UINT64_MAX))
        ;
    end_workers(admission);
    end_timekeeper(admission);
    release(admission);
}

/* ---- its use ---- */

static uint64_t expiry(const sn_admission *admission, const sn_ticket *ticket) {
    uint64_t latest_ns;
    if (__builtin_add_overflow(sn_now_ns(), admission->wait_most_ns, &latest_ns))
        latest_ns = UINT64_MAX;
    return ticket->deadline_ns && ticket->deadline_ns < latest_ns ? ticket->deadline_ns : latest_ns;
}

static void keep_deadline(sn_admission *admission, sn_ticket *ticket) {
    sn_deadlines_add(&admission->deadlines, ticket);
    if (ticket->expires_ns_ < admission->wakes_ns) {
        admission->wakes_ns = ticket->expires_ns_;
        pthread_cond_signal(&admission->earlier);
    }
}

int sn_admission_submit(sn_admission *admission, sn_ticket *ticket, sn_error *err) {
    ticket->expires_ns_ = expiry(admission, ticket);
    ticket->place_ = 0;
    worker *chain = NULL;
    pthread_mutex_lock(&admission->mutex);
    int rc = admission->closed ? sn_fail(err, SN_EUNAVAILABLE, "no more executions: shutting down")
                               : sn_turns_add(&admission->turns, ticket, err);
    if (rc == 0) {
        ticket->waiting_ = true;
        chain = hand_out(admission);
        if (ticket->waiting_)
            keep_deadline(admission, ticket);
    }
    admission->refused += rc == SN_ERESOURCE_EXHAUSTED;
    pthread_mutex_unlock(&admission->mutex);
    wake(chain); /* the ticket itself, which may be gone by now */
    return rc;
}

bool sn_admission_withdraw(sn_admission *admission, sn_ticket *ticket) {
    pthread_mutex_lock(&admission->mutex);
    bool waited = ticket->waiting_;
    if (waited)
        stop_waiting(admission, ticket);
    pthread_mutex_unlock(&admission->mutex);
    return waited;
}

void sn_admission_get_figures(sn_admission_figures *out, sn_admission *admission) {
    pthread_mutex_lock(&admission->mutex);
    *out = (sn_admission_figures){
        .running = admission->turns.running,
        .waiting = admission->turns.waiting,
        .tenants = admission->turns.tenants,
        .refused = admission->refused,
        .expired = admission->expired,
    };
    pthread_mutex_unlock(&admission->mutex);
}
