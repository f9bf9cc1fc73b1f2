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

#include "sandbox/image.h"
#include "sandbox/syscalls.h"
#include "util/io.h"
#include "wasm/instance.h"

#define SN_INTERPRETER_NAME "python-3.11.2" /* the one that scripts/setup_python_wasi.sh builds */

typedef struct sn_interpreter {
    char *path; /* of the module */
    sn_native *native;
    sn_mapping archive;
    sn_filter *worker_filter; /* compiled before the first process is forked; NULL: not to be had */
    sn_filter *zygote_filter;
    bool is_guest;
    sn_image_origin origin; /* a guest's; empty if it was opened without its image */
    sn_image *image;        /* NULL: none */
} sn_interpreter;

/* Told what was done unasked: an image that was damaged was made anew. One line, without a newline.
 */
typedef void (*sn_notice_fn)(void *user, const char *text);

/* The user's cache folder: `home`, else SHANNON_HOME, else <XDG_DATA_HOME or
 * ~/.local/share>/shannon. free() it. */
SN_WARN_UNUSED int sn_home_find(char **out, const char *home, sn_error *err);

/*
 * The module to run: `path`, else PYTHON_WASI_WASM_PATH, else the built one: wasm-interpreters/
 * beside the folder of this program, or where `make install` puts it. free() it. SN_ENOT_FOUND says
 * how to build one.
 */
SN_WARN_UNUSED int sn_interpreter_find(char **out, const char *path, sn_error *err);

/*
 * Compares module and archive with the manifest (<name>.json) that was written when they were
 * built, if there is one. SN_EUNAVAILABLE: damaged. Unchanged files are not read again
 * (wasm/cache.h).
 */
SN_WARN_UNUSED int sn_interpreter_check(const char *home, const char *wasm_path, sn_error *err);

/*
 * Opens what sn_interpreter_find() found; checks the native code (wasm/cache.h) and loads it; opens
 * a guest's image, or makes it. `notice` may be NULL.
 */
SN_WARN_UNUSED int sn_interpreter_open(sn_interpreter *out, const char *home, const char *path,
                                       sn_notice_fn notice, void *user, sn_error *err);

/* The same with a given native object, which the caller has checked, and without an image. */
SN_WARN_UNUSED int sn_interpreter_open_native(sn_interpreter *out, const char *path,
                                              const char *native, sn_error *err);

void sn_interpreter_close(sn_interpreter *interpreter);

#endif
