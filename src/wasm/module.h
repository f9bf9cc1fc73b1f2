/*
 * module.h - reads a WebAssembly binary (core specification 1.0, chapter 5) as far as is needed to
 * decide whether it may be compiled: its imports, exports, tables and memories. Function bodies are
 * left to wasm2c, which validates them.
 */
#ifndef SN_WASM_MODULE_H
#define SN_WASM_MODULE_H

#include "shannon.h"

typedef struct sn_module_limits {
    uint32_t table_elements; /* of each table; WASI_TABLE_ELEMENTS_LIMIT */
    uint32_t tables;         /* WASI_TABLES_LIMIT */
    uint32_t memories;       /* WASI_MEMORIES_LIMIT */
    uint32_t instances;      /* WASI_INSTANCES_LIMIT; a core module is one instance */
    uint64_t memory_bytes;   /* of each memory's initial size; WASI_MEMORY_LIMIT_MB */
    size_t module_bytes;     /* of the file */
} sn_module_limits;

#define SN_MODULE_LIMITS_INIT                                                                      \
    {.table_elements = 10000,                                                                      \
     .tables = 10,                                                                                 \
     .memories = 4,                                                                                \
     .instances = 10,                                                                              \
     .memory_bytes = 256ull << 20,                                                                 \
     .module_bytes = 256u << 20}

#endif
