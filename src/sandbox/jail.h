/*
 * jail.h - what a worker gives up before the first instruction of the guest, beside what it
 * inherits from its zygote (walls.h). The sandbox of the module (wasm/) is the first wall; this is
 * the second, for whoever breaks through the first.
 */
#ifndef SN_SANDBOX_JAIL_H
#define SN_SANDBOX_JAIL_H

#include "sandbox/syscalls.h"

#include <sys/types.h>

/* In the zygote, once: resource limits and signals that its workers inherit. */
SN_WARN_UNUSED int sn_jail_prepare(sn_error *err);

typedef struct sn_jail {
    pid_t zygote;            /* the parent that the worker must not outlive */
    uint32_t cpu_seconds;    /* 0: none. Then SIGXCPU, and SIGKILL a second later */
    const sn_filter *filter; /* NULL: none is to be had, and that was accepted */
} sn_jail;

/* Closes the jail around this process, for good. All descriptors but those in `keep` are closed.
 */
SN_WARN_UNUSED int sn_jail_enter(const sn_jail *jail, const int *keep, size_t keep_count,
                                 sn_error *err);

#endif
