/*
 * log_limit.h - how often an event may be told: SN_LOG_REPEATS times in a second that begins with
 * its first. What is left out is counted, and no count is lost. The events that are kept in mind
 * are bounded; those that come after share one place.
 *
 * Threads: may be used from several at once. The clock is the caller's.
 */
#ifndef SN_SERVICE_LOG_LIMIT_H
#define SN_SERVICE_LOG_LIMIT_H

#include "shannon.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SN_LOG_EVENTS = 64, SN_LOG_EVENT_MAX_BYTES = 64 };

typedef struct sn_log_repeats {
    char event[SN_LOG_EVENT_MAX_BYTES];
    uint64_t since_ns; /* when its second began */
    uint32_t told;     /* in that second */
    uint64_t left_out; /* and not yet said */
} sn_log_repeats;

typedef struct sn_log_limit {
    pthread_mutex_t mutex;
    atomic_uint waiting; /* places with something left out: usually none, and nobody locks */
    size_t count;
    sn_log_repeats places[SN_LOG_EVENTS + 1]; /* the last is of all others */
} sn_log_limit;

#define SN_LOG_LIMIT_INIT {.mutex = PTHREAD_MUTEX_INITIALIZER}

/* Whether the event may be told now; if not, it is counted. */
bool sn_log_limit_allows(sn_log_limit *limit, const char *event, uint64_t now_ns);

/*
 * Takes one count of what was left out, if there is one whose second is over. `event` becomes the
 * event's name, "other" for those that share a place. False: nothing to say.
 */
bool sn_log_limit_take(char event[SN_LOG_EVENT_MAX_BYTES], uint64_t *left_out, sn_log_limit *limit,
                       uint64_t now_ns);

#endif
