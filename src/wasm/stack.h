/*
 * stack.h - the native stack that guest code runs on, and the way there and back.
 *
 *     | guard | ............................ guest's stack | signal stack |
 *       PROT_NONE                         <- grows down
 *
 * The guard is wider than any step that code can take without touching memory: generated code is
 * compiled to probe each page of a large frame (-fstack-clash-protection), and host functions, that
 * are not, are entered only while SN_STACK_HOST_BYTES are left (native/native.h, sn_import).
 */
#ifndef SN_WASM_STACK_H
#define SN_WASM_STACK_H

#include "shannon.h"

enum {
    SN_STACK_DEFAULT_BYTES = 64 << 20,
    SN_STACK_LEAST_BYTES = 1 << 20,
    SN_STACK_GUARD_BYTES = 1 << 20,
    SN_STACK_SIGNAL_BYTES = 64 << 10,
    SN_STACK_HOST_BYTES = 256 << 10,
};

typedef struct sn_stack {
    uint8_t *start; /* of the guard */
    uint8_t *low;   /* of what may be used */
    uint8_t *top;
    uint8_t *signal; /* SN_STACK_SIGNAL_BYTES for signal handlers */
} sn_stack;

SN_WARN_UNUSED int sn_stack_open(sn_stack *out, size_t bytes, sn_error *err);
void sn_stack_close(sn_stack *stack);

static inline bool sn_stack_guards(const sn_stack *stack, uintptr_t address) {
    return address - (uintptr_t)stack->start < SN_STACK_GUARD_BYTES;
}

/*
 * Calls func(argument) with the stack pointer at `top`, and returns when it returns or when
 * sn_stack_leave(*saved) is called below it. Registers that a callee preserves are kept in the
 * caller's frame, so leaving unwinds whatever is in between without looking at it.
 */
void sn_stack_enter(void **saved, void *top, void (*func)(void *), void *argument);
_Noreturn void sn_stack_leave(void *saved);

#endif
