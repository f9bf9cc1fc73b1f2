/* stack.c - see stack.h. */
#include "wasm/stack.h"

#include "util/error.h"

#include <errno.h>
#include <sys/mman.h>

/*
 * sn_stack_enter(rdi saved, rsi top, rdx func, rcx argument), sn_stack_leave(rdi saved). Kept: the
 * callee-saved registers and the control words of both floating-point units.
 */
__asm__(".text\n"
        ".globl sn_stack_enter\n"
        ".hidden sn_stack_enter\n"
        ".type sn_stack_enter, @function\n"
        "sn_stack_enter:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    sub $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rdi, %rbx\n"
        "    mov %rsi, %rsp\n"
        "    xor %ebp, %ebp\n" /* a debugger's walk ends here */
        "    mov %rcx, %rdi\n"
        "    call *%rdx\n"
        "    mov (%rbx), %rdi\n"
        ".globl sn_stack_leave\n"
        ".hidden sn_stack_leave\n"
        ".type sn_stack_leave, @function\n"
        "sn_stack_leave:\n"
        "    mov %rdi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    add $8, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size sn_stack_leave, .-sn_stack_leave\n");

int sn_stack_open(sn_stack *out, size_t bytes, sn_error *err) {
    if (bytes == 0)
        bytes = SN_STACK_DEFAULT_BYTES;
    if (bytes < SN_STACK_LEAST_BYTES || bytes > (size_t)8 << 30)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "a stack of %zu bytes is not from 1 MiB to 8 GiB",
                       bytes);
    bytes = (bytes + 4095) & ~(size_t)4095;
    size_t all = SN_STACK_GUARD_BYTES + bytes + SN_STACK_SIGNAL_BYTES;
    uint8_t *start = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED || mprotect(start + SN_STACK_GUARD_BYTES, all - SN_STACK_GUARD_BYTES,
                                        PROT_READ | PROT_WRITE) < 0) {
        int failed = errno;
        if (start != MAP_FAILED)
            munmap(start, all);
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, failed,
                             "cannot make a stack of %zu bytes for the guest", bytes);
    }
    /* A huge page would be cleared whole at the first touch. */
    madvise(start, all, MADV_NOHUGEPAGE);
    *out = (sn_stack){
        .start = start,
        .low = start + SN_STACK_GUARD_BYTES,
        .top = start + SN_STACK_GUARD_BYTES + bytes,
        .signal = start + SN_STACK_GUARD_BYTES + bytes,
    };
    return 0;
}

void sn_stack_close(sn_stack *stack) {
    if (stack->start)
        munmap(stack->start, (size_t)(stack->signal - stack->start) + SN_STACK_SIGNAL_BYTES);
    *stack = (sn_stack){0};
}
