/*
 * aot.h - ahead-of-time compilation: a WebAssembly module becomes a shared object of native code.
 *
 *     module.wasm -> checked (module.h) -> without names (canonical.h) -> C (wasm2c) -> parts
 * (split.h)
 *       -> objects (clang, several at once) -> one .so in the cache (cache.h)
 */
#ifndef SN_WASM_AOT_H
#define SN_WASM_AOT_H

#include "wasm/host.h"
#include "wasm/module.h"

#include <signal.h>

/* What happens now, for a person: "compiling", 7 of 16. `total` 0: not countable. */
typedef void (*sn_aot_progress_fn)(void *user, const char *stage, unsigned done, unsigned total);

typedef struct sn_aot_options {
    const char *home; /* cache folder of the user (cache.h) */
    sn_module_limits limits;
    const sn_host_func *const
        *host_tables; /* what the module may import; each ends with a name of NULL */
    size_t host_tables_count;
    unsigned jobs;   /* compilers at once; 0: one a processor */
    bool check_only; /* build nothing: `*built` tells whether there is something to do, and if not
                        `*out_path` is set */
    bool force;      /* also when the cache has it */
    const volatile sig_atomic_t *cancel; /* NULL, or becomes non-zero to stop */
    const char *profile; /* NULL, or a merged profile (llvm-profdata) to optimise by */
    const char
        *instrumented; /* NULL, or where to put an object that counts instead of into the cache */
    sn_aot_progress_fn progress;
    void *user;
} sn_aot_options;

#define SN_AOT_OPTIONS_INIT {.limits = SN_MODULE_LIMITS_INIT}

/*
 * Makes sure that the cache holds native code for the module at `wasm_path`; `*out_path` (free()
 * it) names it, `*built` tells whether it had to be made. Blocks, for a minute with a module as
 * large as CPython. A build that fails or is cancelled leaves nothing behind. Two builds at once:
 * the second waits for the first. Errors: SN_ENOT_FOUND, SN_EINVALID_ARGUMENT the module is
 * refused, SN_EUNAVAILABLE a tool is missing or fails, SN_ERESOURCE_EXHAUSTED no memory or disk,
 * SN_EINTERNAL cancelled.
 */
SN_WARN_UNUSED int sn_aot_build(char **out_path, bool *built, const char *wasm_path,
                                const sn_aot_options *options, sn_error *err);

#endif
