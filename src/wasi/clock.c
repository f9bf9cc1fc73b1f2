/*
 * clock.c - time and chance: the clocks, random bytes, yielding.
 *
 * All of it goes through sn_wasi_sources, so that a deterministic run replaces one struct. The
 * host's sources are below. Their sleep is cut into slices, because a signal that arrives just
 * before the kernel is entered would otherwise be noticed only at the end.
 */
#include "wasi/calls.h"
#include "wasi/state.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

enum {
    SLICE_NS = 50000000,
    SECOND_NS = 1000000000,
    RANDOM_PIECE_BYTES = 1 << 20,
};

/* A guest is one thread, and the thread's clock is exact where Linux keeps the process's by ticks
 * (once RLIMIT_CPU is set). */
static int host_clock(void *user, uint32_t id, uint64_t *ns) {
    static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID,
                                    CLOCK_THREAD_CPUTIME_ID};
    const sn_wasi *wasi = user;
    struct timespec now;
    if (clock_gettime(ids[id], &now))
        return SN_WASI_IO;
    *ns = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
    if (id == 1)
        *ns += wasi->monotonic_offset_ns;
    return 0;
}

static int host_random(void *user, void *data, size_t bytes) {
    (void)user;
    uint8_t *at = data;
    while (bytes) {
        size_t piece = bytes < RANDOM_PIECE_BYTES ? bytes : RANDOM_PIECE_BYTES;
        ssize_t n = getrandom(at, piece, 0);
        if (n < 0 && errno != EINTR)
            return SN_WASI_IO;
        if (n > 0) {
            at += n;
            bytes -= (size_t)n;
        }
    }
    return 0;
}

static int host_sleep(void *user, uint64_t ns) {
    sn_wasi *wasi = user;
    uint64_t now, end;
    int e = host_clock(user, 1, &now);
    if (e)
        return e;
    if (__builtin_add_overflow(now, ns, &end))
        end = UINT64_MAX;
    while (now < end) {
        if (wasi->interrupted) {
            wasi->interrupted = 0;
            return SN_WASI_INTR;
        }
        uint64_t until = end - now > SLICE_NS ? now + SLICE_NS : end;
        uint64_t host = until - wasi->monotonic_offset_ns;
        struct timespec at = {(time_t)(host / SECOND_NS), (long)(host % SECOND_NS)};
        int failed = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        if (failed && failed != EINTR)
            return SN_WASI_IO;
        e = host_clock(user, 1, &now);
        if (e)
            return e;
    }
    return 0;
}

const sn_wasi_sources sn_wasi_host_sources = {host_clock, host_random, host_sleep, NULL};

uint64_t sn_wasi_now(const sn_wasi *wasi) {
    uint64_t now;
    return wasi->sources.clock(wasi->sources.user, 0, &now) ? 0 : now;
}

/* One nanosecond for all: what Linux says of its clocks, and the same on every machine. */
uint32_t sn_wasi_clock_res_get(void *context, uint32_t id, uint32_t result) {
    const sn_wasi *wasi = context;
    void *to = sn_guest(wasi, result, 8);
    if (!to)
        return SN_WASI_FAULT;
    if (id > SN_CLOCK_ID_MAX)
        return SN_WASI_INVAL;
    sn_put64(to, 1);
    return SN_WASI_OK;
}

uint32_t sn_wasi_clock_time_get(void *context, uint32_t id, uint64_t precision, uint32_t result) {
    const sn_wasi *wasi = context;
    (void)precision;
    void *to = sn_guest(wasi, result, 8);
    if (!to)
        return SN_WASI_FAULT;
    if (id > SN_CLOCK_ID_MAX)
        return SN_WASI_INVAL;
    uint64_t now;
    int e = wasi->sources.clock(wasi->sources.user, id, &now);
    if (e)
        return (uint32_t)e;
    sn_put64(to, now);
    return SN_WASI_OK;
}

uint32_t sn_wasi_random_get(void *context, uint32_t buf, uint32_t buf_len) {
    const sn_wasi *wasi = context;
    void *to = sn_guest(wasi, buf, buf_len);
    if (!to)
        return SN_WASI_FAULT;
    return (uint32_t)wasi->sources.random(wasi->sources.user, to, buf_len);
}

/* A guest has one thread and a process to itself, so there is nobody to yield to. */
uint32_t sn_wasi_sched_yield(void *context) {
    (void)context;
    return SN_WASI_OK;
}
