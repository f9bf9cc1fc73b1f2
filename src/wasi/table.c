/*
 * table.c - the names and types of all functions of wasi_snapshot_preview1.
 *
 * The types are those of the witx definitions after lowering: integers of up to 32 bits, addresses,
 * lengths and descriptors are i, the 64-bit ones I, every result but those of proc_exit is an
 * errno. The functions are declared by the same table, so that a name and its type are said once:
 * a definition that differs from its line here does not compile.
 */
#include "wasi/calls.h"
#include "wasi/wasi.h"

#define SN_ENTRY(name, type, params)                                                               \
    {"wasi_snapshot_preview1", #name, type, (void (*)(void))sn_wasi_##name},

/* clang-format off */
const sn_host_func sn_wasi_funcs[] = {
    SN_WASI_CALLS(SN_ENTRY)
    {"wasi_snapshot_preview1", "proc_exit", "i:", (void (*)(void))sn_wasi_proc_exit},
    {NULL, NULL, NULL, NULL},
};
/* clang-format on */
