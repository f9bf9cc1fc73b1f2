/*
 * worker.h - the child's side of one execution: builds the guest's world, runs it, reports, exits.
 */
#ifndef SN_SANDBOX_WORKER_H
#define SN_SANDBOX_WORKER_H

#include "sandbox/job.h"

/* Called in the forked child with its end of the socket pair, on which the request will come.
 * `profile_path`: NULL, or as in sn_job: then there is no jail. */
_Noreturn void sn_worker_main(int fd, pid_t supervisor, const sn_interpreter *interpreter,
                              const char *profile_path);

#endif
