/*
 * abi.h - what a native object and the program that loads it agree on.
 *
 * Read by both sides: by instance.c, and by the compiler of each module (it is embedded into the
 * library together with native.h and support.c). So it includes nothing and uses the compiler's own
 * names for types.
 *
 * A native object is free-standing: it resolves no symbol against anybody, and exports one, the
 * sn_native_module. What it needs it finds through the GS base, which points at byte 0 of the
 * guest's linear memory while guest code runs:
 *
 *      -- header_bytes --    SN_STATE_BYTES
 *     | the module's own  | sn_state          | linear memory 0 ... reserved, 8 GiB and a guard
 *                                             ^ GS base
 *
 * Generated code forms addresses from 0 upwards only, so that the guest has no way to the bytes
 * below. They belong to the instance, not to the object: the object is never written to.
 */
#ifndef SN_WASM_NATIVE_ABI_H
#define SN_WASM_NATIVE_ABI_H

/* Changes whenever the layouts below do; older objects are then built anew. */
#define SN_NATIVE_VERSION 1
#define SN_NATIVE_MAGIC 0x4e414e53u /* "SNAN" */
#define SN_NATIVE_SYMBOL "sn_native_module"

#define SN_NATIVE_TABLES_MOST 64
#define SN_NATIVE_MEMORIES_MOST 16
#define SN_STATE_BYTES 4096

typedef __UINT8_TYPE__ sn_u8;
typedef __UINT32_TYPE__ sn_u32;
typedef __UINT64_TYPE__ sn_u64;
typedef void (*sn_code)(void);

/* One place of a table of functions. `type` 0: null. Types are numbered per module, from 1, equal
 * types alike. */
typedef struct sn_funcref {
    sn_u32 type;
    sn_code func;
} sn_funcref;

/* A place of any table: a function, or a host's pointer (externref, always null here). */
typedef union sn_place {
    sn_funcref function;
    void *external;
} sn_place;

typedef struct sn_state_memory {
    sn_u8 *data;
    sn_u32 pages;
} sn_state_memory;

typedef struct sn_state_table {
    sn_place *data;
    sn_u32 size;
    sn_u32 max;
} sn_state_table;

typedef struct sn_state_import {
    sn_code code;
    void *context;
} sn_state_import;

/* What generated code asks of the host. The calls run on the guest's stack. */
typedef struct sn_native_host {
    void (*trap)(sn_u32 trap); /* an enum sn_trap; does not return */
    sn_u32 (*grow_memory)(sn_u32 memory, sn_u32 pages);
    void *(*move)(void *to, const void *from, __SIZE_TYPE__ bytes);
    void *(*set)(void *at, int value, __SIZE_TYPE__ bytes);
} sn_native_host;

/* The last SN_STATE_BYTES before linear memory. */
typedef struct sn_state {
    const sn_native_host *host;
    const sn_state_import *imports;
    sn_u64 host_stack_limit; /* below this stack address no host function is entered */
    sn_state_memory memories[SN_NATIVE_MEMORIES_MOST];
    sn_state_table tables[SN_NATIVE_TABLES_MOST];
} sn_state;

_Static_assert(sizeof(sn_state) <= SN_STATE_BYTES, "the state must fit below linear memory");

/* ---- the module's description ---- */

typedef struct sn_native_import {
    const char *module;
    const char *name;
    const char *type; /* as in host.h */
} sn_native_import;

enum sn_native_kind { SN_NATIVE_FUNCTION, SN_NATIVE_GLOBAL, SN_NATIVE_MEMORY, SN_NATIVE_TABLE };

typedef struct sn_native_export {
    const char *name;
    const char
        *type; /* functions: as in host.h; globals: one letter, with "m" after it if mutable */
    sn_u32 kind;
    sn_u32 at; /* globals: offset of its value in the header; memories: its number */
    sn_code code;
} sn_native_export;

typedef struct sn_native_memory {
    sn_u32 min_pages;
    sn_u32 max_pages;
} sn_native_memory;

typedef struct sn_native_table {
    sn_u32 min;
    sn_u32 max;
    const sn_place *data; /* a table that never changes; NULL: the instance has its own */
} sn_native_table;

typedef struct sn_native_segment {
    sn_u32 memory;
    sn_u32 at;
    sn_u64 bytes;
    const sn_u8 *data;
} sn_native_segment;

typedef struct sn_native_descriptor {
    sn_u32 magic;
    sn_u32 version;
    sn_u32 bytes;        /* of this struct */
    sn_u32 header_bytes; /* of sn_state and the module's own, whole pages */
    sn_u32 cpu_level;    /* x86-64-v<n> */
    sn_u32 imports_count;
    sn_u32 exports_count;
    sn_u32 memories_count;
    sn_u32 tables_count;
    sn_u32 segments_count;
    const sn_native_import *imports;
    const sn_native_export *exports;
    const sn_native_memory *memories;
    const sn_native_table *tables;
    const sn_native_segment *segments;
    void (*init)(void);  /* globals and tables; as guest code, once per instance */
    void (*start)(void); /* the module's start function, or NULL */
    int (*write_profile)(const char *path); /* instrumented objects only, else NULL */
} sn_native_descriptor;

#endif
