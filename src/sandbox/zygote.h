/*
 * zygote.h - the process that workers are forked from (docs/design/zygote.md).
 *
 * A zygote has one thread, the interpreter mapped, and nothing else. It forks workers ahead of
 * need: each is jailed and waits for its request, so that an execution pays for neither fork nor
 * jail. A worker is handed out once.
 */
#ifndef SN_SANDBOX_ZYGOTE_H
#define SN_SANDBOX_ZYGOTE_H

#include "sandbox/interpreter.h"

#include <sys/resource.h>

typedef struct sn_zygote sn_zygote;

/* A worker that waits for its request. Both descriptors are the taker's to close. */
typedef struct sn_ready {
    int fd;   /* its socket: request.h in, frame.h out */
    int life; /* to the zygote: one byte kills the worker, as does closing it; an sn_exit_report
                 comes when it ended */
} sn_ready;

typedef struct sn_exit_report {
    int wait_status; /* wait(2) */
    struct rusage usage;
} sn_exit_report;

/*
 * Starts one, which keeps `spare` workers ready. `interpreter` must outlive it. Best called before
 * the program has threads or secrets: the zygote is a fork of it. SN_ERESOURCE_EXHAUSTED.
 */
SN_WARN_UNUSED int sn_zygote_start(sn_zygote **out, const sn_interpreter *interpreter,
                                   unsigned spare, sn_error *err);

/* Ends it, with all its workers. NULL is allowed. */
void sn_zygote_stop(sn_zygote *zygote);

/* Takes a worker; from any thread. Starts a new zygote if the old one is gone. SN_EUNAVAILABLE,
 * SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_zygote_take(sn_ready *out, sn_zygote *zygote, sn_error *err);

/* The taker found that a worker was gone before it began: those that stand ready may be gone too.
 */
void sn_zygote_distrust(sn_zygote *zygote);

#endif
