/*
 * deterministic.h - time and chance that are the same in every run.
 *
 * The clock starts where it is told to and moves by sleeping, and by one microsecond whenever it is
 * looked at, so that code which waits for it to move does not wait for ever. Random bytes come from
 * xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64: good enough for simulations,
 * and no secret at all.
 */
#ifndef SN_WASI_DETERMINISTIC_H
#define SN_WASI_DETERMINISTIC_H

#include "wasi/wasi.h"

typedef struct sn_deterministic_sources {
    uint64_t now_ns;   /* of real time */
    uint64_t begin_ns; /* the other clocks count from here */
    uint64_t random[4];
} sn_deterministic_sources;

/* The returned functions refer to `state`, which must outlive them. */
sn_wasi_sources sn_wasi_deterministic(sn_deterministic_sources *state, uint64_t seed,
                                      uint64_t time_ns);

#endif
