/*
 * worker.h - the guest's world, built once in the zygote; and the worker's side of one execution:
 * takes a request, runs it, reports, exits.
 */
#ifndef SN_SANDBOX_WORKER_H
#define SN_SANDBOX_WORKER_H

#include "sandbox/interpreter.h"
#include "sandbox/jail.h"
#include "sandbox/warmup.h"

typedef struct sn_worker sn_worker;

/* Builds file system, WASI and instance: all that does not depend on the request. Runs no code of a
 * guest. It is never released: the process that has it ends. */
SN_WARN_UNUSED int sn_worker_new(sn_worker **out, const sn_interpreter *interpreter, sn_error *err);

/* How large `touched` below is: a byte for each page of 4096 bytes of linear memory. */
size_t sn_worker_pages(const sn_worker *worker);

/* For the worker that is forked next: notes which pages its execution touches (warmup.h). NULL: it
 * does not. */
void sn_worker_watch(sn_worker *worker, uint8_t *touched);

/* For all workers forked from now on; copied, but for the ranges. */
void sn_worker_set_warmup(sn_worker *worker, const sn_warmup *warmup);

/*
 * Called in a process forked from the one that built the world, with its end of the socket pair on
 * which the request will come. `jail`: NULL, no jail, and then `profile_path` is NULL or where the
 * counts of an instrumented object go.
 */
_Noreturn void sn_worker_main(sn_worker *worker, int fd, const sn_jail *jail,
                              const char *profile_path);

#endif
