/*
 * zygote.h - the process that workers are forked from (docs/design/zygote.md), and its supervisor's
 * stock of workers that stand ready.
 *
 * A zygote has one thread, the interpreter and its image mapped, the guest's world built, and
 * nothing else; it has given up what it can (walls.h). It forks workers ahead of need: each is
 * jailed and waits for its request, so that an execution pays for neither fork nor jail. A worker
 * is handed out once. A zygote that died is replaced by the next taker.
 */
#ifndef SN_SANDBOX_ZYGOTE_H
#define SN_SANDBOX_ZYGOTE_H

#include "sandbox/interpreter.h"
#include "sandbox/walls.h"

typedef struct sn_zygote sn_zygote;

typedef struct sn_zygote_options {
    unsigned ready;           /* workers kept in stock; 0: each is forked when it is wanted */
    uint32_t cpu_seconds;     /* CPU time of one worker; 0: no limit of its own */
    bool allow_weak;          /* run also where there is no system call filter */
    const char *profile_path; /* NULL, or where an instrumented object's counts go: no jail at all
                                 (build.h) */
} sn_zygote_options;

#define SN_ZYGOTE_OPTIONS_INIT {0}

/* A worker that waits for its request. Both descriptors are the taker's to close. */
typedef struct sn_ready {
    int fd;   /* its socket: request.h in, frame.h out */
    int life; /* to the zygote: a byte of sn_life stops, demotes or kills the worker, closing it
                 kills; when it has ended, an sn_exit_report comes */
} sn_ready;

enum sn_life {
    SN_LIFE_STOP = 's',   /* the guest is asked to come to its end (stopper.h) */
    SN_LIFE_DEMOTE = 'd', /* it runs when nothing else wants to: nice(2) */
    SN_LIFE_KILL = 'k',
};

typedef struct sn_exit_report {
    int wait_status; /* wait(2) */
    uint32_t unused;
    uint64_t cpu_ns; /* user and system */
} sn_exit_report;

/*
 * Starts one. `interpreter` must outlive it. Best called before the program has threads or secrets,
 * for the zygote is a fork of it (it wipes its copy of the environment). Errors:
 * SN_ERESOURCE_EXHAUSTED; SN_EUNAVAILABLE, no system call filter; what the guest's world cannot be
 * built from.
 */
SN_WARN_UNUSED int sn_zygote_start(sn_zygote **out, const sn_interpreter *interpreter,
                                   const sn_zygote_options *options, sn_error *err);

/* Ends it, with all its workers. No taker may be at work. NULL is allowed. */
void sn_zygote_stop(sn_zygote *zygote);

/* Takes a worker; from any thread. Starts a new zygote if the old one is gone. */
SN_WARN_UNUSED int sn_zygote_take(sn_ready *out, sn_zygote *zygote, sn_error *err);
void sn_ready_release(sn_ready *ready);

/* An execution has ended: fills the stock up again. */
void sn_zygote_replenish(sn_zygote *zygote);

/* The taker found that a worker was gone before it began: those in stock may be gone too. */
void sn_zygote_distrust(sn_zygote *zygote);

/* Which walls stand; those of the zygote that runs now. */
sn_walls sn_zygote_walls(sn_zygote *zygote);

/* How often a zygote had to be replaced. */
unsigned sn_zygote_restarts(sn_zygote *zygote);

const sn_interpreter *sn_zygote_interpreter(const sn_zygote *zygote);
uint32_t sn_zygote_cpu_seconds(const sn_zygote *zygote);

/* Process id of the zygote that runs now, or -1: for those who measure it. */
pid_t sn_zygote_pid(sn_zygote *zygote);

#endif
