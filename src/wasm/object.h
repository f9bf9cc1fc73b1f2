/*
 * object.h - a loaded native object, for the files of this layer.
 */
#ifndef SN_WASM_OBJECT_H
#define SN_WASM_OBJECT_H

#include "wasm/instance.h"
#include "wasm/native/abi.h"

struct sn_native {
    void *handle;
    const sn_native_descriptor *descriptor;
    uintptr_t code_start; /* the generated code's instructions */
    uintptr_t code_end;
};

/* NULL: none of that name and kind. */
const sn_native_export *sn_native_find(const sn_native *native, const char *name,
                                       enum sn_native_kind kind);

#endif
