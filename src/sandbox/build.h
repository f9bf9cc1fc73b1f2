/*
 * build.h - compiles an interpreter to native code, with or without training, and makes its image.
 *
 * Training: the module is compiled once with counters, runs a folder of programs, and is compiled
 * again by what was counted. It takes twice as long and makes CPython about a sixth faster. The
 * programs are ours, so they run outside the jail (the counters have to get into a file); in all
 * else they run as any request does.
 */
#ifndef SN_SANDBOX_BUILD_H
#define SN_SANDBOX_BUILD_H

#include "sandbox/interpreter.h"
#include "wasm/aot.h"

typedef struct sn_build_options {
    unsigned jobs;                       /* compilers at once; 0: one a processor */
    bool force;                          /* also when the cache has it */
    const char *training;                /* NULL, or a folder of Python programs (*.py) */
    const volatile sig_atomic_t *cancel; /* NULL, or becomes non-zero to stop */
    sn_aot_progress_fn progress;
    sn_notice_fn notice; /* NULL, or told of the image */
    void *user;
} sn_build_options;

/*
 * Compiles the module that sn_interpreter_find() finds for `path`, within the limits of the
 * environment.
 * `*native_path` is the caller's to free; `*built` tells whether there was anything to do: native
 * code that was made without training is made again if there is to be some. Errors: as
 * sn_aot_build(), and SN_EINVALID_ARGUMENT for a folder without programs or a module that is no
 * Python guest.
 */
SN_WARN_UNUSED int sn_interpreter_build(char **native_path, bool *built, const char *path,
                                        const sn_build_options *options, sn_error *err);

#endif
