/*
 * syscalls.h - the system calls that a worker, and its zygote, may make: seccomp filters, as
 * allow-lists. Whatever they do not name kills the process.
 *
 * They are compiled once, before the zygote is forked. Its own filter, which its workers inherit,
 * also makes theirs cheaper to install: the kernel looks only at calls that are still allowed.
 */
#ifndef SN_SANDBOX_SYSCALLS_H
#define SN_SANDBOX_SYSCALLS_H

#include "shannon.h"

typedef struct sn_filter sn_filter;

enum sn_filter_kind { SN_FILTER_WORKER, SN_FILTER_ZYGOTE };

/* Compiles the filter. SN_EUNAVAILABLE: this kernel has no seccomp filters. */
SN_WARN_UNUSED int sn_filter_new(sn_filter **out, enum sn_filter_kind whose, sn_error *err);
void sn_filter_free(sn_filter *filter);

/* Whether this kernel, and whoever filters us, lets filters be installed. */
bool sn_filter_available(void);

/* Installs it in the calling thread, for good. Needs no_new_privs. */
SN_WARN_UNUSED int sn_filter_install(const sn_filter *filter, sn_error *err);

#endif
