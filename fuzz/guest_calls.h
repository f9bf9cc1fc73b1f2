/*
 * guest_calls.h - a hostile guest for fuzz targets: the input is a program of host calls with
 * parameters that are mostly plausible and sometimes anything. What the host's functions answer
 * comes from the input, too.
 */
#ifndef SN_FUZZ_GUEST_CALLS_H
#define SN_FUZZ_GUEST_CALLS_H

#include "wasi/wasi.h"

enum { GUEST_MEMORY_BYTES = 65536 };

/* What is left of the input. */
typedef struct guest_calls {
    const uint8_t *at;
    size_t left;
} guest_calls;

/* The next byte, or 0. */
uint8_t guest_calls_next(guest_calls *in);

/* Fills GUEST_MEMORY_BYTES with paths and pieces of memory. */
void guest_calls_fill(uint8_t *memory, guest_calls *in);

/* For one sn_wasi_new(). */
sn_wasi_options guest_calls_options(sn_vfs *vfs, guest_calls *in);

/* Makes one call; false: the program has ended. */
bool guest_calls_make(guest_calls *in, sn_wasi *w);

/* Aborts unless nodes know how many descriptors are open on them. */
void guest_calls_check(const sn_wasi *w);

#endif
