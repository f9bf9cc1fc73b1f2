/*
 * syscalls.h - the system calls a jailed worker may make: a seccomp filter, as an allow-list.
 *
 * The filter is compiled once, before any worker is forked, and installed by each worker with one
 * call. Whatever it does not name kills the worker.
 */
#ifndef SN_SANDBOX_SYSCALLS_H
#define SN_SANDBOX_SYSCALLS_H

#include "shannon.h"

typedef struct sn_filter sn_filter;

/* Compiles the filter. SN_EUNAVAILABLE: this kernel has no seccomp filters. */
SN_WARN_UNUSED int sn_filter_new(sn_filter **out, sn_error *err);
void sn_filter_free(sn_filter *filter);

/* Whether this kernel, and whoever filters us, lets filters be installed. */
bool sn_filter_available(void);

/* Installs it in the calling thread, for good. Needs no_new_privs. */
SN_WARN_UNUSED int sn_filter_install(const sn_filter *filter, sn_error *err);

#endif
