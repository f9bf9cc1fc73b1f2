/*
 * canonical.h - the module as wasm2c gets to see it.
 *
 * wasm2c writes names into C, in comments unescaped. So it gets none of the module's: custom
 * sections are left out, imports are renamed h.i0, h.i1, ... and of the exports only the functions
 * stay, each once and under the name f<number>, which also makes the names in the generated C
 * foreseeable (split.h). The start section is left out (the runtime calls the function), and data
 * that is placed in memory at instantiation becomes empty segments (it goes into the object as
 * bytes, not as C). Code, types, tables and the rest are passed on byte for byte.
 */
#ifndef SN_WASM_CANONICAL_H
#define SN_WASM_CANONICAL_H

#include "util/buffer.h"
#include "wasm/module.h"

/* Appends the rewritten binary to `out`. SN_ERESOURCE_EXHAUSTED: no memory. */
SN_WARN_UNUSED int sn_canonical_write(sn_buffer *out, const sn_module *module, sn_error *err);

#endif
