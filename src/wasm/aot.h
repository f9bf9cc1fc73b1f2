/*
 * aot.h - ahead-of-time compilation: a WebAssembly module becomes a shared object of native code.
 *
 *     module.wasm -> inspected (module.h) -> C (wasm2c) -> split -> objects (clang, in parallel) ->
 * one .so
 *
 * The compiler sees only what module.h has let through: names in the module end up in the generated
 * C, and wasm2c 1.0.32 does not escape them.
 */
#ifndef SN_WASM_AOT_H
#define SN_WASM_AOT_H

#include "shannon.h"
#include "wasm/module.h"

/* What happens now, for a person: "compile", 7 of 16. `total` 0: not countable. */
typedef void (*sn_aot_progress_fn)(void *user, const char *stage, unsigned done, unsigned total);

typedef struct sn_aot_options {
    const char *home; /* cache folder of the user (cache.h) */
    sn_module_limits limits;
    unsigned jobs; /* compilers at once; 0: one a processor */
    bool force;    /* also when the cache has it */
    sn_aot_progress_fn progress;
    void *user;
} sn_aot_options;

#define SN_AOT_OPTIONS_INIT {.limits = SN_MODULE_LIMITS_INIT}

/*
 * Makes sure that the cache holds native code for the module at `wasm_path`; `*out_path` (free()
 * it) names it. Blocks, for a minute with a module as large as CPython. A build that fails or is
 * interrupted leaves nothing behind. Two builds of the same module at once: the second waits for
 * the first.
 */
SN_WARN_UNUSED int sn_aot_build(char **out_path, const char *wasm_path,
                                const sn_aot_options *options, sn_error *err);

#endif
