/*
 * warmup.h - spares executions the page faults that each of them would have: a fault costs a
 * microsecond or two, and the smallest program has hundreds, of always the same pages.
 *
 * The zygote lets a worker, the *scout*, run a small program and notes which pages of linear memory
 * it touches. Later workers are given these pages at once while they stand ready: what the scout
 * wrote to as copies of their own, what it only read as mappings.
 */
#ifndef SN_SANDBOX_WARMUP_H
#define SN_SANDBOX_WARMUP_H

#include "wasm/instance.h"

typedef struct sn_warm_range {
    uint64_t at; /* in linear memory */
    uint64_t bytes;
    bool write;
} sn_warm_range;

typedef struct sn_warmup {
    sn_warm_range *ranges; /* the owner's to free() */
    size_t count;
} sn_warmup;

/* Makes ranges of what sn_instance_watch() noted of `pages_count` pages. No memory: fewer ranges.
 */
void sn_warmup_from(sn_warmup *out, const uint8_t *pages, size_t pages_count);

/* In the zygote: puts the native code into memory of its own. fork() hands pages of that kind on as
 * they are, while those of a file would be looked up by each worker anew. */
void sn_warmup_own_code(const sn_native *native);

/* In the zygote: maps the pages, as they were saved, so that workers inherit the mappings. Makes
 * one page of each run its own, of those that every worker writes to. */
void sn_warmup_inherit(const sn_warmup *warmup, const sn_memory *memory, const sn_saved *saved);

/* In a worker: copies what will be written to. What fails is left to be faulted in. */
void sn_warmup_apply(const sn_warmup *warmup, const sn_memory *memory);

#endif
