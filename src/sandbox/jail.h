/*
 * jail.h - what a worker gives up before the first instruction of the guest. The sandbox of the
 * module (wasm/) is the first wall; this is the second, for whoever breaks through the first.
 *
 * Today: no new privileges, resource limits, no descriptors but its own, death with its supervisor.
 * The system call filter and the namespaces belong here too (SECURITY.md says that they are
 * missing).
 */
#ifndef SN_SANDBOX_JAIL_H
#define SN_SANDBOX_JAIL_H

#include "shannon.h"
#include <sys/types.h>

/* Closes the jail around this process; `keep_fd` stays open, everything else is closed.
 * `supervisor` is the parent it must not outlive; `cpu_seconds` a backstop behind the supervisor's
 * clock. */
SN_WARN_UNUSED int sn_jail_enter(int keep_fd, pid_t supervisor, uint64_t cpu_seconds,
                                 sn_error *err);

#endif
