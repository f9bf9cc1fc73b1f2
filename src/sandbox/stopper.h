/*
 * stopper.h - asks a running guest to stop (docs/design/guest-abi.md, "Stopping"): in the worker,
 * from a signal handler, by writing into the guest's memory. What the guest makes of it, in Python
 * an exception, is its affair; whoever must be sure kills the worker.
 *
 * One guest a process. SIGALRM means time, SIGXCPU CPU time, SIGUSR1 that it is cancelled.
 */
#ifndef SN_SANDBOX_STOPPER_H
#define SN_SANDBOX_STOPPER_H

#include "sandbox/frame.h"
#include "wasi/wasi.h"
#include "wasm/instance.h"

/* Asks the guest where it is to be written, and installs the handlers. SN_EUNAVAILABLE: it gives no
 * sense. Both must live until the process ends. */
SN_WARN_UNUSED int sn_stopper_arm(sn_instance *instance, sn_wasi *wasi, sn_error *err);

/* Asks after so much time, once; needs an armed stopper, else nothing happens. */
void sn_stopper_start_clock(uint64_t timeout_ns);

/* The guest has come to its end: it is not asked any more, and what it was asked and has not seen
 * is forgotten, so that it does not see it the next time. */
void sn_stopper_disarm(void);

/* Why the guest was asked, if it was. */
enum sn_stop sn_stopper_why(void);

/* The guest was asked and has not seen it yet: what it waits for should return. */
bool sn_stopper_is_pending(void);

#endif
