/*
 * supervisor.h - the caller's side of one execution, once it has a worker.
 */
#ifndef SN_SANDBOX_SUPERVISOR_H
#define SN_SANDBOX_SUPERVISOR_H

#include "sandbox/job.h"

/*
 * Sends the request and takes what comes back, until the worker is done, lost or killed; `*out`
 * must be zero but for what is known of its memory. The time limit counts from `start_ns`. Whatever
 * the worker does ends within the limit and the grace period, and a second or two: it is believed
 * nothing, and killed through worker->life if it does not end by itself. Errors as sn_job_run().
 */
SN_WARN_UNUSED int sn_supervise(sn_job_end *out, const sn_ready *worker, const sn_job *job,
                                bool is_guest, uint64_t start_ns, sn_error *err);

#endif
