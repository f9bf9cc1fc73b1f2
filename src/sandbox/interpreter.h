/*
 * interpreter.h - a module that can run, with its native code loaded and its standard library
 * mapped.
 *
 * Two kinds: a *guest* speaks docs/design/guest-abi.md (our Python); a *command* is any other WASI
 * program, run by its _start. The archive `<name>.zip` beside `<name>.wasm`, if there is one,
 * becomes the guest's root folder.
 */
#ifndef SN_SANDBOX_INTERPRETER_H
#define SN_SANDBOX_INTERPRETER_H

#include "sandbox/syscalls.h"
#include "util/io.h"
#include "wasm/aot.h"
#include "wasm/instance.h"

#define SN_INTERPRETER_NAME "python-3.11.2" /* the one that scripts/setup_python_wasi.sh builds */

typedef struct sn_interpreter {
    char *path; /* of the module */
    sn_native *native;
    sn_mapping archive;
    sn_filter *filter; /* for its workers; compiled before the first is forked */
    bool is_guest;
} sn_interpreter;

/* The user's cache folder: `home`, else SHANNON_HOME, else <XDG_DATA_HOME or
 * ~/.local/share>/shannon. free() it. */
SN_WARN_UNUSED int sn_home_find(char **out, const char *home, sn_error *err);

/*
 * The module to run: `path`, else PYTHON_WASI_WASM_PATH, else the built one: wasm-interpreters/
 * beside the folder of this program, or where `make install` puts it. free() it. SN_ENOT_FOUND says
 * how to build one.
 */
SN_WARN_UNUSED int sn_interpreter_find(char **out, const char *path, sn_error *err);

typedef struct sn_interpreter_build_options {
    unsigned jobs;                       /* compilers at once; 0: one a processor */
    bool force;                          /* also when the cache has it */
    const volatile sig_atomic_t *cancel; /* NULL, or becomes non-zero to stop */
    sn_aot_progress_fn progress;
    void *user;
} sn_interpreter_build_options;

/*
 * Compiles the module that sn_interpreter_find() finds for `path`, within the limits of the
 * environment. `*native_path` is the caller's to free; `*built` tells whether there was anything to
 * do. Blocks, see sn_aot_build().
 */
SN_WARN_UNUSED int sn_interpreter_build(char **native_path, bool *built, const char *path,
                                        const sn_interpreter_build_options *options, sn_error *err);

/* Opens what sn_interpreter_find() found; checks the native code (wasm/cache.h) and loads it. */
SN_WARN_UNUSED int sn_interpreter_open(sn_interpreter *out, const char *home, const char *path,
                                       sn_error *err);
void sn_interpreter_close(sn_interpreter *interpreter);

#endif
