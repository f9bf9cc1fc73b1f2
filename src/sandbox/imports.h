/*
 * imports.h - all that a module in the sandbox may import: WASI preview 1 and the guest ABI's own
 * module.
 */
#ifndef SN_SANDBOX_IMPORTS_H
#define SN_SANDBOX_IMPORTS_H

#include "wasm/host.h"

enum { SN_IMPORT_WASI, SN_IMPORT_SHANNON, SN_IMPORT_TABLES };

extern const sn_host_func *const sn_import_tables[SN_IMPORT_TABLES];

/* The module "shannon" (docs/design/guest-abi.md); their context is the worker. In worker.c. */
extern const sn_host_func sn_shannon_funcs[];

#endif
