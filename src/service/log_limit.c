/* log_limit.c - see log_limit.h. */
#include "service/log_limit.h"

#include "service/log.h"

#include <stdio.h>
#include <string.h>

enum { SECOND_NS = 1000000000 };

/* The event's place; a new one, or the last, if it has none. A name too long to be kept is known by
 * its beginning. */
static sn_log_repeats *place_of(sn_log_limit *limit, const char *event) {
    for (size_t i = 0; i < limit->count; i++)
        if (strncmp(limit->places[i].event, event, SN_LOG_EVENT_MAX_BYTES - 1) == 0)
            return &limit->places[i];
    if (limit->count < SN_LOG_EVENTS) {
        sn_log_repeats *place = &limit->places[limit->count++];
        snprintf(place->event, sizeof place->event, "%s", event);
        return place;
    }
    return &limit->places[SN_LOG_EVENTS];
}

bool sn_log_limit_allows(sn_log_limit *limit, const char *event, uint64_t now_ns) {
    pthread_mutex_lock(&limit->mutex);
    sn_log_repeats *place = place_of(limit, event);
    /* A thread may bring a time from before the place's second. */
    if (place->told == 0 || (now_ns > place->since_ns && now_ns - place->since_ns >= SECOND_NS)) {
        place->since_ns = now_ns;
        place->told = 0;
    }
    bool allowed = place->told < SN_LOG_REPEATS;
    if (allowed)
        place->told++;
    else if (place->left_out++ == 0)
        atomic_fetch_add(&limit->waiting, 1);
    pthread_mutex_unlock(&limit->mutex);
    return allowed;
}

bool sn_log_limit_take(char event[SN_LOG_EVENT_MAX_BYTES], uint64_t *left_out, sn_log_limit *limit,
                       uint64_t now_ns) {
    bool found = false;
    if (atomic_load(&limit->waiting) == 0)
        return false;
    pthread_mutex_lock(&limit->mutex);
    for (size_t i = 0; i <= SN_LOG_EVENTS && !found; i++) {
        sn_log_repeats *place = &limit->places[i];
        if (place->left_out == 0 || now_ns < place->since_ns ||
            now_ns - place->since_ns < SECOND_NS)
            continue;
        snprintf(event, SN_LOG_EVENT_MAX_BYTES, "%s", i < SN_LOG_EVENTS ? place->event : "other");
        *left_out = place->left_out;
        place->left_out = 0;
        atomic_fetch_sub(&limit->waiting, 1);
        found = true;
    }
    pthread_mutex_unlock(&limit->mutex);
    return found;
}
