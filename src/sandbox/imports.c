/* imports.c - see imports.h. */
#include "sandbox/imports.h"

#include "wasi/wasi.h"

const sn_host_func *const sn_import_tables[SN_IMPORT_TABLES] = {
    [SN_IMPORT_WASI] = sn_wasi_funcs,
    [SN_IMPORT_SHANNON] = sn_shannon_funcs,
};
