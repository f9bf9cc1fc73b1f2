/* deterministic.c - see deterministic.h. */
#include "wasi/deterministic.h"

#include <string.h>

enum { LOOK_NS = 1000 };

static int fixed_clock(void *user, uint32_t id, uint64_t *ns) {
    enum { REAL_TIME = 0 };
    sn_deterministic_sources *s = user;
    s->now_ns += LOOK_NS;
    *ns = id == REAL_TIME ? s->now_ns : s->now_ns - s->begin_ns;
    return 0;
}

static int fixed_sleep(void *user, uint64_t ns) {
    sn_deterministic_sources *s = user;
    if (__builtin_add_overflow(s->now_ns, ns, &s->now_ns))
        s->now_ns = UINT64_MAX / 2; /* nobody waits that long; the time limit ends it */
    return 0;
}

static uint64_t rotated(uint64_t x, int by) {
    return (x << by) | (x >> (64 - by));
}

static uint64_t next(uint64_t s[4]) {
    uint64_t result = rotated(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return result;
}

static int fixed_random(void *user, void *data, size_t bytes) {
    sn_deterministic_sources *s = user;
    uint8_t *at = data;
    while (bytes > 0) {
        uint64_t drawn = next(s->random);
        size_t piece = bytes < sizeof drawn ? bytes : sizeof drawn;
        memcpy(at, &drawn, piece);
        at += piece;
        bytes -= piece;
    }
    return 0;
}

static uint64_t splitmix(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

sn_wasi_sources sn_wasi_deterministic(sn_deterministic_sources *state, uint64_t seed,
                                      uint64_t time_ns) {
    *state = (sn_deterministic_sources){.now_ns = time_ns, .begin_ns = time_ns};
    for (int i = 0; i < 4; i++)
        state->random[i] = splitmix(&seed);
    return (sn_wasi_sources){fixed_clock, fixed_random, fixed_sleep, state};
}
