/*
 * jail.h - what a worker gives up before the first instruction of the guest. The sandbox of the
 * module (wasm/) is the first wall; this is the second, for whoever breaks through the first.
 *
 * No new privileges, resource limits, no descriptors but its own, death with its supervisor, and a
 * filter of system calls (syscalls.h). Namespaces belong here too; they are not there yet
 * (SECURITY.md).
 */
#ifndef SN_SANDBOX_JAIL_H
#define SN_SANDBOX_JAIL_H

#include "sandbox/syscalls.h"

#include <sys/types.h>

typedef struct sn_jail {
    int keep_fd;      /* stays open, everything else is closed */
    pid_t supervisor; /* the parent that the worker must not outlive */
    const sn_filter *filter;
} sn_jail;

/* Closes the jail around this process, for good. */
SN_WARN_UNUSED int sn_jail_enter(const sn_jail *jail, sn_error *err);

#endif
