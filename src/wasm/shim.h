/*
 * shim.h - the C around the functions of one module: what all parts share, and the description of
 * the module that the runtime reads (abi.h).
 *
 * Names of imports and exports get into the C as string literals; module.h has let only harmless
 * characters through.
 */
#ifndef SN_WASM_SHIM_H
#define SN_WASM_SHIM_H

#include "util/buffer.h"
#include "wasm/module.h"
#include "wasm/split.h"

typedef struct sn_shim_options {
    unsigned cpu_level; /* of x86-64 that the compiler is told to assume */
    bool profile;       /* the object counts, and can write the counts to a file */
} sn_shim_options;

/* The header of all parts. SN_ERESOURCE_EXHAUSTED: no memory. */
SN_WARN_UNUSED int sn_shim_common(sn_buffer *out, const sn_module *module, const sn_split *split,
                                  sn_error *err);

/* The file that is compiled beside the parts: tables, imports, exports, initialisers. */
SN_WARN_UNUSED int sn_shim_source(sn_buffer *out, const sn_module *module, const sn_split *split,
                                  const sn_shim_options *options, sn_error *err);

/* Assembler that includes the file `segments.bin`, and what that file has to contain: all data that
 * is placed in memory at instantiation, one segment after another. */
SN_WARN_UNUSED int sn_shim_segments(sn_buffer *assembler, sn_buffer *bytes, const sn_module *module,
                                    sn_error *err);

#endif
