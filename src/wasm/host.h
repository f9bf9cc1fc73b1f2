/*
 * host.h - functions the host offers to a module: a const table of names, types and pointers. The
 * layer above (wasi, sandbox) owns the table; instantiating a module looks up each of its imports
 * in it.
 */
#ifndef SN_WASM_HOST_H
#define SN_WASM_HOST_H

#include <stddef.h>

/*
 * `type` is the parameters, ':' and the results, one letter each: i = i32, I = i64, f = f32, F =
 * f64. The function's C type follows from it: first `void *context`, then the parameters as
 * uint32_t, uint64_t, float, double.
 */
typedef struct sn_host_func {
    const char *module;
    const char *name;
    const char *type;
    void (*func)(void);
} sn_host_func;

#endif
