/*
 * native_sources.h - the fixed files that are compiled into every native object (native/), as text
 * inside this program, so that an installed one needs no folder of sources. Written by embed.py at
 * build time.
 */
#ifndef SN_WASM_NATIVE_SOURCES_H
#define SN_WASM_NATIVE_SOURCES_H

#include <stddef.h>

typedef struct sn_native_source {
    const char *name;
    const char *text;
    size_t bytes;
} sn_native_source;

enum { SN_NATIVE_SOURCES = 3 };

extern const sn_native_source sn_native_sources[SN_NATIVE_SOURCES];

#endif
