/* methods.h - a list of methods that several services add to. */
#ifndef SN_RPC_METHODS_H
#define SN_RPC_METHODS_H

#include "rpc/rpc.h"

#include <assert.h>

enum { SN_RPC_METHODS_MOST = 31 };

/* Begins as all zeros, and so always ends with a path of NULL. */
typedef struct sn_rpc_methods {
    sn_rpc_method list[SN_RPC_METHODS_MOST + 1];
    size_t count;
} sn_rpc_methods;

static inline void sn_rpc_methods_add(sn_rpc_methods *methods, sn_rpc_method method) {
    assert(methods->count < SN_RPC_METHODS_MOST);
    methods->list[methods->count++] = method;
}

#endif
