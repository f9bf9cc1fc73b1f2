/*
 * state.h - what an instance consists of, for the files of this layer: instance.c makes it, call.c
 * runs it.
 */
#ifndef SN_WASM_STATE_H
#define SN_WASM_STATE_H

#include "wasm/object.h"
#include "wasm/stack.h"

struct sn_instance {
    sn_native *native;
    sn_memory memories[SN_NATIVE_MEMORIES_MOST]; /* the first has the state below it */
    uint32_t memories_count;     /* at least 1; a module without any gets an empty one */
    uint64_t memory_limit_bytes; /* of all memories together */
    sn_state *state;
    sn_state_import *imports;
    sn_place *tables[SN_NATIVE_TABLES_MOST]; /* NULL: the object's constant one */
    size_t table_bytes[SN_NATIVE_TABLES_MOST];
    sn_stack stack;
    bool started; /* the start function was run */
    bool ended;   /* by a trap or an exit: not to be called again */

    /* of the call under way */
    sn_code func;
    uint32_t params[2];
    void *resume; /* where sn_stack_leave() goes */
    sn_call result;
};

/* The functions that generated code calls; see abi.h. */
extern const sn_native_host sn_host_functions;

/* Runs `func` with the instance's params on its stack; how it ended is in instance->result. */
void sn_call_run(sn_instance *instance, sn_code func);

#endif
