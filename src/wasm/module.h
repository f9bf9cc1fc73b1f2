/*
 * module.h - reads a WebAssembly binary (core specification, chapter 5) as far as is needed to
 * decide whether it may be compiled: its types, imports, exports, tables, memories and segments.
 * Function bodies are left to wasm2c, which validates them.
 *
 * What is refused here, because no later stage could be trusted with it or could do it: names
 * outside a small set of characters, anything over a limit, imports other than functions, 64-bit
 * and shared memories, vectors, exceptions. The message says what and where.
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

/* The defaults, changed by the variables named above. A value that is not a number in range is
 * SN_EINVALID_ARGUMENT and named. */
SN_WARN_UNUSED int sn_module_limits_from_env(sn_module_limits *out, sn_error *err);

/* ---- what a module consists of ---- */

enum sn_section {
    SN_SECTION_CUSTOM,
    SN_SECTION_TYPE,
    SN_SECTION_IMPORT,
    SN_SECTION_FUNCTION,
    SN_SECTION_TABLE,
    SN_SECTION_MEMORY,
    SN_SECTION_GLOBAL,
    SN_SECTION_EXPORT,
    SN_SECTION_START,
    SN_SECTION_ELEMENT,
    SN_SECTION_CODE,
    SN_SECTION_DATA,
    SN_SECTION_DATA_COUNT,
    SN_SECTIONS,
};

enum sn_extern { SN_EXTERN_FUNCTION, SN_EXTERN_TABLE, SN_EXTERN_MEMORY, SN_EXTERN_GLOBAL };

enum { SN_NO_MAXIMUM = 0xffffffffu };

/* The content of a section, without its id and length. `data` NULL: the module has none. */
typedef struct sn_module_section {
    const uint8_t *data;
    size_t bytes;
} sn_module_section;

/* "ii:i" as in host.h; besides its letters r = funcref, e = externref. */
typedef char *sn_module_type;

typedef struct sn_module_import {
    char *module;
    char *name;
    uint32_t type;
} sn_module_import;

typedef struct sn_module_export {
    char *name;
    enum sn_extern kind;
    uint32_t index;
} sn_module_export;

typedef struct sn_module_table {
    char element; /* r or e */
    uint32_t min;
    uint32_t max; /* SN_NO_MAXIMUM: none */
} sn_module_table;

typedef struct sn_module_memory {
    uint32_t min_pages;
    uint32_t max_pages; /* at most 65536 */
} sn_module_memory;

typedef struct sn_module_global {
    char type; /* one of iIfFre */
    bool is_mutable;
} sn_module_global;

typedef struct sn_module_segment {
    bool passive;
    uint32_t memory;
    uint32_t at;         /* where it goes in the memory */
    const uint8_t *data; /* in the module's bytes */
    size_t bytes;
} sn_module_segment;

/* Elements that are plain function numbers, placed in a table at instantiation. Other kinds are
 * counted in sn_module.other_elements and left to wasm2c's own code. */
typedef struct sn_module_element {
    uint32_t table;
    uint32_t at;
    uint32_t *functions;
    uint32_t count;
} sn_module_element;

typedef struct sn_module {
    const uint8_t *data; /* borrowed; must outlive the sn_module */
    size_t bytes;
    sn_module_section sections[SN_SECTIONS];
    sn_module_type *types;
    uint32_t types_count;
    sn_module_import *imports; /* functions only */
    uint32_t imports_count;
    uint32_t *functions; /* type of each function, imported ones first */
    uint32_t functions_count;
    sn_module_table *tables;
    uint32_t tables_count;
    sn_module_memory *memories;
    uint32_t memories_count;
    sn_module_global *globals;
    uint32_t globals_count;
    sn_module_export *exports;
    uint32_t exports_count;
    bool has_start;
    uint32_t start;
    sn_module_element *elements;
    uint32_t elements_count;
    uint32_t other_elements;
    sn_module_segment *segments;
    uint32_t segments_count;
} sn_module;

/*
 * Reads the `bytes` bytes at `data`. SN_EINVALID_ARGUMENT: not a module, a malformed one, or one
 * that needs what this build does not support. Release with sn_module_free(), also after an error.
 */
SN_WARN_UNUSED int sn_module_parse(sn_module *out, const void *data, size_t bytes, sn_error *err);
void sn_module_free(sn_module *module);

/* Refuses a module over a limit, by name and number; the hint names the variable. */
SN_WARN_UNUSED int sn_module_check_limits(const sn_module *module, const sn_module_limits *limits,
                                          sn_error *err);

/* Whether a name consists of characters that are harmless wherever a name may be written to. */
bool sn_module_name_is_safe(const char *name, size_t bytes);

#endif
