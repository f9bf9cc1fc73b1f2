/*
 * stages.h - the stages of one build, for aot.c: from the module to an object, in a folder that is
 * there and will be removed.
 */
#ifndef SN_WASM_STAGES_H
#define SN_WASM_STAGES_H

#include "wasm/aot.h"
#include "wasm/digest.h"
#include "wasm/split.h"

typedef struct sn_build {
    const sn_aot_options *options;
    const char *wasm_path;
    const char *folder; /* set before sn_build_run() */
    char *wasm; /* the module, read once: what is hashed, checked and compiled is the same */
    size_t wasm_bytes;
    char module_sha256[SN_DIGEST_TEXT_BYTES];
    sn_module module;
    sn_split split;
    const char *stage; /* for progress */
} sn_build;

/* Reads the module and refuses it if it may not be compiled: malformed, over a limit, importing
 * what is not offered. */
SN_WARN_UNUSED int sn_build_read(sn_build *build, sn_error *err);

/* Translates, splits, compiles and links; leaves `module.so` in the folder. */
SN_WARN_UNUSED int sn_build_run(sn_build *build, sn_error *err);

/* Also after an error. */
void sn_build_free(sn_build *build);

/*
 * A hash (hexadecimal) of all that an object depends on beside the module: our version, compiler
 * and translator, flags, fixed sources. Not the profile: with one or without, it is the same code,
 * and the new object takes the old one's place. `*compiler` is the compiler's own words. Both are
 * the caller's to free; also after an error.
 */
SN_WARN_UNUSED int sn_build_identify(char **out, char **compiler, sn_error *err);

#endif
