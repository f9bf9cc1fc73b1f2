/* doors.c - see doors.h. */
#include "llm_service/doors.h"

#include "util/io.h"

#include <errno.h>
#include <time.h>

void sn_doors_init(sn_doors *doors) {
    pthread_condattr_t monotonic;
    pthread_mutex_init(&doors->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&doors->quiet, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void sn_doors_destroy(sn_doors *doors) {
    pthread_cond_destroy(&doors->quiet);
    pthread_mutex_destroy(&doors->lock);
    json_decref(doors->openapi);
}

bool sn_doors_enter(sn_doors *doors) {
    pthread_mutex_lock(&doors->lock);
    bool is_let_in = !doors->is_closed;
    doors->inside += is_let_in;
    pthread_mutex_unlock(&doors->lock);
    return is_let_in;
}

void sn_doors_leave(sn_doors *doors) {
    pthread_mutex_lock(&doors->lock);
    if (--doors->inside == 0)
        pthread_cond_broadcast(&doors->quiet);
    pthread_mutex_unlock(&doors->lock);
}

void sn_doors_close(sn_doors *doors) {
    pthread_mutex_lock(&doors->lock);
    doors->is_closed = true;
    pthread_mutex_unlock(&doors->lock);
}

bool sn_doors_are_closed(sn_doors *doors) {
    pthread_mutex_lock(&doors->lock);
    bool is_closed = doors->is_closed;
    pthread_mutex_unlock(&doors->lock);
    return is_closed;
}

void sn_doors_wait(sn_doors *doors, uint64_t until_ns) {
    struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int waited = 0;
    pthread_mutex_lock(&doors->lock);
    while (doors->inside > 0 && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&doors->quiet, &doors->lock, &until);
    pthread_mutex_unlock(&doors->lock);
}
