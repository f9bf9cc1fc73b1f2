/*
 * lock.h - one execution at a time in each session: among the threads of this process, and among
 * the processes that share a store.
 *
 * Between processes it is a lock of one byte of <folder>/sessions.lock for each session (fcntl(2),
 * F_OFD_SETLK), whose place is a hash of the id. It goes with the process that has it.
 */
#ifndef SN_SESSION_LOCK_H
#define SN_SESSION_LOCK_H

#include "shannon.h"

typedef struct sn_locks sn_locks;

SN_WARN_UNUSED int sn_locks_open(sn_locks **out, const char *folder, sn_error *err);
void sn_locks_close(sn_locks *locks);

/* Waits its turn. SN_ERESOURCE_EXHAUSTED: it did not come within `wait_ns`; SN_EDEADLINE_EXCEEDED:
 * `cancel_fd` (-1: none) became readable. */
SN_WARN_UNUSED int sn_lock_take(sn_locks *locks, const char *id, uint64_t wait_ns, int cancel_fd,
                                sn_error *err);
void sn_lock_release(sn_locks *locks, const char *id);

#endif
