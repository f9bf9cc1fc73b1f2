/*
 * call.c - runs guest code: calls into it, and all the ways out of it.
 *
 * A call sets the GS base to linear memory, makes signal handlers run on a stack of their own,
 * and switches to the guest's stack. It ends when the function returns, when a host function asks
 * for it (sn_instance_exit, sn_instance_trap), when generated code finds a trap, or by a fault:
 *
 *   fault address in a memory's reservation, at an instruction of generated code   out of bounds
 *   fault address in the guard below the guest's stack                             stack exhausted
 *   anything else                                                                  not the guest's
 *
 * The last kind is a fault of ours, or of the program that we are part of: the handler that was
 * there before gets it, and by default the process dies of it. A trap found by a fault doesn't
 * jump out of the handler; the handler changes where the interrupted code goes on, so that signal
 * mask and signal stack are restored by the kernel.
 *
 * No handler is needed for SIGFPE and SIGILL: generated code checks before it divides, so either
 * could only be our own fault.
 */
#include "wasm/instance.h"

#include "util/error.h"
#include "wasm/state.h"

#include <asm/prctl.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SN_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SN_ASAN 1
#endif
#endif
#ifdef SN_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

static _Thread_local sn_instance *current;

/* ---- what AddressSanitizer wants to know about stacks ---- */

#ifdef SN_ASAN
static _Thread_local const void *outer_stack;
static _Thread_local size_t outer_stack_bytes;
static _Thread_local void *outer_frames; /* where it keeps locals, to find their use after return */

static void tell_entering(const sn_instance *instance) {
    __sanitizer_start_switch_fiber(&outer_frames, instance->stack.low,
                                   (size_t)(instance->stack.top - instance->stack.low));
}

static void tell_entered(void) {
    __sanitizer_finish_switch_fiber(NULL, &outer_stack, &outer_stack_bytes);
}

static void tell_leaving(void) { /* for good */
    __sanitizer_start_switch_fiber(NULL, outer_stack, outer_stack_bytes);
}

static void tell_left(const sn_instance *instance) {
    __sanitizer_finish_switch_fiber(outer_frames, NULL, NULL);
    /* Frames that were left without returning would stay forbidden. */
    __asan_unpoison_memory_region(instance->stack.low,
                                  (size_t)(instance->stack.top - instance->stack.low));
}
#else
static void tell_entering(const sn_instance *instance) {
    (void)instance;
}
static void tell_entered(void) {}
static void tell_leaving(void) {}
static void tell_left(const sn_instance *instance) {
    (void)instance;
}
#endif

/* ---- ways out ---- */

static _Noreturn void leave(sn_instance *instance) {
    tell_leaving();
    sn_stack_leave(instance->resume);
}

_Noreturn void sn_instance_exit(uint32_t exit_code) {
    assert(current);
    current->result = (sn_call){.outcome = SN_EXITED, .exit_code = exit_code};
    leave(current);
}

_Noreturn void sn_instance_trap(enum sn_trap trap) {
    assert(current);
    current->result = (sn_call){.outcome = SN_TRAPPED, .trap = trap};
    leave(current);
}

const char *sn_trap_text(enum sn_trap trap) {
    static const char *const texts[] = {
        [SN_TRAP_NONE] = "no trap",
        [SN_TRAP_OUT_OF_BOUNDS] = "out of bounds memory access",
        [SN_TRAP_INTEGER_OVERFLOW] = "integer overflow",
        [SN_TRAP_DIVIDE_BY_ZERO] = "integer divide by zero",
        [SN_TRAP_INVALID_CONVERSION] = "invalid conversion to integer",
        [SN_TRAP_UNREACHABLE] = "unreachable instruction executed",
        [SN_TRAP_INDIRECT_CALL] = "invalid indirect call",
        [SN_TRAP_UNCAUGHT_EXCEPTION] = "uncaught exception",
        [SN_TRAP_STACK_EXHAUSTED] = "call stack exhausted",
    };
    return (size_t)trap < sizeof texts / sizeof texts[0] ? texts[trap] : "unknown trap";
}

/* ---- what generated code calls ---- */

static void host_trap(uint32_t trap) {
    sn_instance_trap((enum sn_trap)trap);
}

static uint32_t host_grow_memory(uint32_t number, uint32_t pages) {
    sn_instance *instance = current;
    sn_memory *memory = &instance->memories[number];
    sn_state_memory *state = &instance->state->memories[number];
    uint32_t old = state->pages, max = instance->native->descriptor->memories[number].max_pages;
    if (pages > max - old)
        return UINT32_MAX;
    if (pages == 0)
        return old;
    uint64_t others = 0;
    for (uint32_t i = 0; i < instance->memories_count; i++)
        if (i != number)
            others += instance->memories[i].size_bytes;
    memory->limit_bytes = instance->memory_limit_bytes - others;
    if (!sn_memory_grow(memory, (uint64_t)pages * SN_WASM_PAGE_BYTES))
        return UINT32_MAX;
    state->pages = old + pages;
    return old;
}

const sn_native_host sn_host_functions = {
    .trap = host_trap,
    .grow_memory = host_grow_memory,
    .move = memmove,
    .set = memset,
};

/* ---- faults ---- */

static const int fault_signals[] = {SIGSEGV, SIGBUS};
static struct sigaction before[sizeof fault_signals / sizeof fault_signals[0]];

/* sn_instance_watch(): also while the host's code touches the memory, between two calls. */
static struct {
    uint8_t *base; /* of linear memory; NULL: nothing is watched */
    uint64_t bytes;
    uint8_t *pages;
} watched;

/* The page gets what was asked for, and the access happens again. */
static bool note_touch(const siginfo_t *info, const ucontext_t *at) {
    enum { PAGE = 4096, ERROR_WRITE = 2 };
    uint64_t offset = (uintptr_t)info->si_addr - (uintptr_t)watched.base;
    if (info->si_code <= 0 || !watched.base || offset >= watched.bytes ||
        watched.pages[offset / PAGE] == SN_PAGE_WRITTEN)
        return false;
    bool write = at->uc_mcontext.gregs[REG_ERR] & ERROR_WRITE;
    watched.pages[offset / PAGE] = write ? SN_PAGE_WRITTEN : SN_PAGE_READ;
    return mprotect(watched.base + offset / PAGE * PAGE, PAGE,
                    write ? PROT_READ | PROT_WRITE : PROT_READ) == 0;
}

static enum sn_trap classify(const sn_instance *instance, const siginfo_t *info,
                             const ucontext_t *at) {
    if (!instance || info->si_code <= 0) /* sent by a process */
        return SN_TRAP_NONE;
    uintptr_t address = (uintptr_t)info->si_addr;
    uintptr_t code = (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
    if (sn_stack_guards(&instance->stack, address))
        return SN_TRAP_STACK_EXHAUSTED;
    if (code < instance->native->code_start || code >= instance->native->code_end)
        return SN_TRAP_NONE;
    for (uint32_t i = 0; i < instance->memories_count; i++)
        if (sn_memory_reserves(&instance->memories[i], address))
            return SN_TRAP_OUT_OF_BOUNDS;
    return SN_TRAP_NONE;
}

static void on_fault(int signal, siginfo_t *info, void *user) {
    ucontext_t *at = user;
    sn_instance *instance = current;
    if (note_touch(info, at))
        return;
    enum sn_trap trap = classify(instance, info, at);
    if (trap == SN_TRAP_NONE) {
        for (size_t i = 0; i < sizeof fault_signals / sizeof fault_signals[0]; i++)
            if (fault_signals[i] == signal)
                sigaction(signal, &before[i], NULL);
        if (info->si_code <= 0)
            raise(signal); /* delivered on return; a true fault happens again by itself */
        return;
    }
    instance->result = (sn_call){.outcome = SN_TRAPPED, .trap = trap};
    tell_leaving();
    at->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)sn_stack_leave;
    at->uc_mcontext.gregs[REG_RDI] = (greg_t)(uintptr_t)instance->resume;
}

/* At each call, as others may have put theirs in the place of ours meanwhile. */
static void install_handlers(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fault_signals / sizeof fault_signals[0]; i++) {
        struct sigaction now;
        sigaction(fault_signals[i], NULL, &now);
        if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
            continue;
        before[i] = now;
        sigaction(fault_signals[i], &action, NULL);
    }
}

int sn_instance_watch(sn_instance *instance, uint8_t *pages, sn_error *err) {
    const sn_memory *memory = &instance->memories[0];
    install_handlers();
    if (mprotect(memory->base, memory->size_bytes, PROT_NONE) < 0)
        return sn_fail_errno(err, SN_EINTERNAL, errno, "cannot watch the guest's memory");
    watched.base = memory->base;
    watched.bytes = memory->size_bytes;
    watched.pages = pages;
    return 0;
}

/* ---- the GS base ---- */

/* Linux from 5.9 lets programs use the instructions (bit 1 of AT_HWCAP2); before, it is a call. */
static bool has_fsgsbase;

static void find_fsgsbase(void) {
    has_fsgsbase = getauxval(AT_HWCAP2) & 2;
}

static uint64_t get_gs(void) {
    uint64_t base;
    if (has_fsgsbase)
        __asm__ volatile("rdgsbase %0" : "=r"(base));
    else
        syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
    return base;
}

static void set_gs(uint64_t base) {
    if (has_fsgsbase)
        __asm__ volatile("wrgsbase %0" : : "r"(base) : "memory");
    else
        syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

/* ---- the way in ---- */

/* On the guest's stack. */
static void run(void *user) {
    tell_entered();
    sn_instance *instance = user;
    uint32_t (*func)(uint32_t, uint32_t) = (uint32_t (*)(uint32_t, uint32_t))instance->func;
    instance->result.value = func(instance->params[0], instance->params[1]);
    tell_leaving();
}

void sn_call_run(sn_instance *instance, sn_code func) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_fsgsbase);
    install_handlers();
    assert(!current);
    stack_t signal_stack = {.ss_sp = instance->stack.signal, .ss_size = SN_STACK_SIGNAL_BYTES};
    stack_t old_signal_stack;
    sigaltstack(&signal_stack, &old_signal_stack);
    uint64_t old_gs = get_gs();

    instance->func = func;
    instance->result = (sn_call){.outcome = SN_RETURNED};
    current = instance;
    tell_entering(instance);
    set_gs((uintptr_t)instance->memories[0].base);
    sn_stack_enter(&instance->resume, instance->stack.top, run, instance);
    set_gs(old_gs);
    tell_left(instance);
    current = NULL;

    sigaltstack(&old_signal_stack, NULL);
    instance->ended = instance->result.outcome != SN_RETURNED;
}

/* "", "i" or "ii" before the colon, as many as there are parameters; "" or "i" after it. */
static bool fits(const char *type, size_t count) {
    return strspn(type, "i") == count && type[count] == ':' &&
           (type[count + 1] == '\0' || strcmp(type + count + 1, "i") == 0);
}

int sn_instance_call(sn_call *out, sn_instance *instance, const char *name, const uint32_t *params,
                     size_t count, sn_error *err) {
    assert(count <= 2 && !instance->ended);
    const sn_native_export *found = sn_native_find(instance->native, name, SN_NATIVE_FUNCTION);
    if (!found)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the module exports no function %s", name);
    if (!fits(found->type, count))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the module's %s has the type %s, not %.*s: or %.*s:i", name, found->type,
                       (int)count, "ii", (int)count, "ii");
    if (!instance->started) {
        instance->started = true;
        sn_call_run(instance, (sn_code)instance->native->descriptor->start);
        *out = instance->result;
        if (instance->ended)
            return 0;
    }
    for (size_t i = 0; i < count; i++)
        instance->params[i] = params[i];
    sn_call_run(instance, found->code);
    *out = instance->result;
    if (!strchr(found->type, ':')[1])
        out->value = 0;
    return 0;
}
