/*
 * origin.h - the process that zygotes are forked from. It is forked itself when an executor is
 * opened, before the program has threads and secrets, and never has any: so a zygote that replaces
 * one that died has none either, however late that is and whatever the program has loaded since.
 */
#ifndef SN_SANDBOX_ORIGIN_H
#define SN_SANDBOX_ORIGIN_H

#include "sandbox/zygote.h"

typedef struct sn_origin {
    pid_t pid;
    int control; /* -1: there is none */
} sn_origin;

#define SN_ORIGIN_NONE {-1, -1}

/* `interpreter` and `options` must outlive it. */
SN_WARN_UNUSED int sn_origin_start(sn_origin *out, const sn_interpreter *interpreter,
                                   const sn_zygote_options *options, sn_error *err);
void sn_origin_stop(sn_origin *origin);

/* Starts a zygote whose control socket is `control`, which stays the caller's. SN_EUNAVAILABLE: the
 * origin is gone; SN_ERESOURCE_EXHAUSTED: no process. */
SN_WARN_UNUSED int sn_origin_fork(sn_origin *origin, int control, sn_error *err);

/* Kills its zygote, 0: one that did not say who it is and has ended, and waits until it is gone.
 * Nothing happens where the origin is gone: its zygote ends with its control socket. */
void sn_origin_kill(sn_origin *origin, pid_t zygote);

#endif
