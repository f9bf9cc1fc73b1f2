/*
 * instance_test.c - guest code runs, and every way out of it: returns, exits, traps, faults.
 *
 * Each module is compiled once; an instance costs little, so every trap has a fresh one.
 */
#include "guests.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static sn_native *guest;

static const char guest_wat[] =
    "(module"
    " (import \"host\" \"exit\" (func $exit (param i32)))"
    " (import \"host\" \"trap\" (func $trap (param i32)))"
    " (import \"host\" \"add\" (func $add (param i32 i32) (result i32)))"
    " (import \"host\" \"mix\" (func $mix (param i32 i64 f32 f64) (result f64)))"
    " (import \"host\" \"deep\" (func $deep (param i32) (result i32)))"
    " (type $i_i (func (param i32) (result i32)))"
    " (type $i_i_again (func (param i32) (result i32)))"
    " (memory (export \"memory\") 2 20)"
    " (global $sp (export \"__stack_pointer\") (mut i32) (i32.const 65536))"
    " (global $other (mut i64) (i64.const 0x1122334455667788))"
    " (table 4 4 funcref)"
    " (elem (i32.const 1) $double $exit)"
    " (data (i32.const 16) \"placed\") (data (i32.const 131071) \"z\")"
    " (func $double (type $i_i_again) (i32.mul (local.get 0) (i32.const 2)))"
    " (func (export \"double\") (param i32) (result i32) (call $double (local.get 0)))"
    " (func (export \"sum\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))"
    " (func (export \"nothing\"))"
    " (func (export \"load\") (param i32) (result i32) (i32.load (local.get 0)))"
    " (func (export \"load_far\") (param i32) (result i32) (i32.load offset=0xffffffff (local.get 0)))"
    " (func (export \"load_wide\") (param i32) (result i32)"
    "   (i32.wrap_i64 (i64.load offset=0xffffffff (local.get 0))))"
    " (func (export \"store\") (param i32 i32) (i32.store (local.get 0) (local.get 1)))"
    " (func (export \"store_far\") (param i32) (i64.store offset=0xfffffff0 (local.get 0) (i64.const 1)))"
    " (func (export \"divide\") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))"
    " (func (export \"remain\") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get 1)))"
    " (func (export \"divide_wide\") (param i32) (result i32)"
    "   (i32.wrap_i64 (i64.div_u (i64.const 7) (i64.extend_i32_u (local.get 0)))))"
    " (func (export \"to_int\") (param i32) (result i32)"
    "   (i32.trunc_f32_s (f32.reinterpret_i32 (local.get 0))))"
    " (func (export \"to_int_sat\") (param i32) (result i32)"
    "   (i32.trunc_sat_f32_s (f32.reinterpret_i32 (local.get 0))))"
    " (func (export \"unreachable\") unreachable)"
    " (func (export \"indirect\") (param i32 i32) (result i32)"
    "   (call_indirect (type $i_i) (local.get 1) (local.get 0)))"
    " (func $recurse (export \"recurse\") (param i32) (result i32)"
    "   (i32.add (i32.const 1) (call $recurse (i32.add (local.get 0) (i32.const 1)))))"
    " (func $to_host (export \"to_host\") (param i32) (result i32)"
    "   (i32.add (call $add (local.get 0) (i32.const 1)) (call $to_host (local.get 0))))"
    " (func $nested (export \"nested\") (param i32) (result i32)"
    "   (if (i32.eqz (local.get 0)) (then (call $exit (i32.const 42))))"
    "   (i32.add (i32.const 1) (call $nested (i32.sub (local.get 0) (i32.const 1)))))"
    " (func (export \"host_exit\") (param i32) (call $exit (local.get 0)))"
    " (func (export \"host_trap\") (param i32) (call $trap (local.get 0)))"
    " (func (export \"host_add\") (param i32 i32) (result i32) (call $add (local.get 0) (local.get 1)))"
    " (func (export \"host_mix\") (param i32) (result i32) (i32.trunc_f64_s"
    "   (call $mix (local.get 0) (i64.const 0x100000000) (f32.const 0.5) (f64.const -4294967296.5))))"
    " (func (export \"host_deep\") (param i32) (result i32) (call $deep (local.get 0)))"
    " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
    " (func (export \"size\") (result i32) (memory.size))"
    " (func (export \"fill\") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1)))"
    " (func (export \"copy\") (param i32 i32) (memory.copy (i32.const 0) (local.get 0) (local.get 1)))"
    " (func (export \"move_sp\") (param i32) (global.set $sp (local.get 0)))"
    " (func (export \"get_other\") (result i32)"
    "   (i32.wrap_i64 (i64.shr_u (global.get $other) (i64.const 32))))"
    " (func (export \"wide\") (param i64) (result i64) (local.get 0))"
    " (func (export \"two\") (result i32 i32) (i32.const 1) (i32.const 2)))";

static int make_guest(void **state) {
    (void)state;
    guest = guests_native("guest", guest_wat);
    return 0;
}

static int drop_guest(void **state) {
    (void)state;
    sn_native_close(guest);
    return 0;
}

/* One call of a fresh instance. */
static sn_call once(const char *name, size_t count, uint32_t a, uint32_t b) {
    sn_instance *instance = guests_instance(guest, 100);
    sn_call call = guests_call(instance, name, count, a, b);
    sn_instance_free(instance);
    return call;
}

static void expect_value(sn_call call, uint32_t value) {
    if (call.outcome == SN_TRAPPED)
        fail_msg("trapped: %s", sn_trap_text(call.trap));
    assert_int_equal(call.outcome, SN_RETURNED);
    assert_int_equal(call.value, value);
}

static void expect_trap(sn_call call, enum sn_trap trap) {
    assert_int_equal(call.outcome, SN_TRAPPED);
    assert_string_equal(sn_trap_text(call.trap), sn_trap_text(trap));
}

static void functions_return(void **state) {
    (void)state;
    expect_value(once("double", 1, 21, 0), 42);
    expect_value(once("sum", 2, 0xffffffff, 2), 1);
    expect_value(once("nothing", 0, 0, 0), 0);
    expect_value(once("get_other", 0, 0, 0), 0x11223344);
    expect_value(once("host_add", 2, 1, 2), 1003);
    expect_value(once("host_mix", 1, 3, 0), 3);
}

static void calls_must_fit(void **state) {
    (void)state;
    sn_instance *instance = guests_instance(guest, 100);
    sn_error err = SN_ERROR_INIT;
    sn_call call;
    const uint32_t params[2] = {0};
    assert_int_equal(sn_instance_call(&call, instance, "absent", NULL, 0, &err),
                     SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "no function absent"));
    assert_int_equal(sn_instance_call(&call, instance, "memory", NULL, 0, &err),
                     SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_instance_call(&call, instance, "double", params, 2, &err),
                     SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_instance_call(&call, instance, "wide", params, 1, &err),
                     SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "I:I"));
    assert_int_equal(sn_instance_call(&call, instance, "two", NULL, 0, &err), SN_EINVALID_ARGUMENT);
    sn_instance_free(instance);
    assert_true(sn_native_has_function(guest, "wide"));
    assert_false(sn_native_has_function(guest, "memory"));
}

static void memory_has_its_segments(void **state) {
    (void)state;
    sn_instance *instance = guests_instance(guest, 100);
    sn_memory *memory = sn_instance_memory(instance);
    assert_int_equal(memory->size_bytes, 2 * SN_WASM_PAGE_BYTES);
    assert_memory_equal(sn_memory_range(memory, 16, 6), "placed", 6);
    assert_memory_equal(sn_memory_range(memory, 131071, 1), "z", 1);
    assert_null(sn_memory_range(memory, 131071, 2));
    assert_null(sn_memory_range(memory, 0xffffffff, 0xffffffff));
    expect_value(guests_call(instance, "load", 1, 16), 0x63616c70);
    guests_call(instance, "store", 2, 0, 0x12345678);
    assert_memory_equal(memory->base, "\x78\x56\x34\x12", 4);
    expect_value(guests_call(instance, "load", 1, 0), 0x12345678);
    sn_instance_free(instance);
}

static void accesses_beyond_the_memory_trap(void **state) {
    (void)state;
    expect_value(once("load", 1, 131068, 0), 0x7a000000);
    expect_trap(once("load", 1, 131072, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("load", 1, 131069, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("load", 1, 0x7fffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("load", 1, 0x80000000, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("load", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("load_far", 1, 0, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("load_far", 1, 1, 0), SN_TRAP_OUT_OF_BOUNDS); /* does not wrap to 0 */
    expect_trap(once("load_far", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("load_wide", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("store", 2, 131070, 1), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("store_far", 1, 0x10, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("store_far", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
}

static void whole_memory_operations_are_checked(void **state) {
    (void)state;
    sn_instance *instance = guests_instance(guest, 100);
    uint8_t *bytes = sn_instance_memory(instance)->base;
    guests_call(instance, "fill", 2, 131000, 72);
    assert_int_equal(bytes[131071], 7);
    assert_int_equal(bytes[130999], 0);
    guests_call(instance, "copy", 2, 131064, 8);
    assert_int_equal(bytes[7], 7);
    assert_int_equal(bytes[8], 0);
    guests_call(instance, "fill", 2, 131072, 0);
    sn_instance_free(instance);
    expect_trap(once("fill", 2, 131000, 73), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("fill", 2, 131073, 0), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("fill", 2, 0xffffffff, 0xffffffff), SN_TRAP_OUT_OF_BOUNDS);
    expect_trap(once("copy", 2, 131065, 8), SN_TRAP_OUT_OF_BOUNDS);
}

static void arithmetic_traps(void **state) {
    (void)state;
    expect_value(once("divide", 2, (uint32_t)-7, 2), (uint32_t)-3);
    expect_trap(once("divide", 2, 1, 0), SN_TRAP_DIVIDE_BY_ZERO);
    expect_trap(once("divide", 2, 0x80000000, 0xffffffff), SN_TRAP_INTEGER_OVERFLOW);
    expect_value(once("remain", 2, 0x80000000, 0xffffffff), 0);
    expect_value(once("remain", 2, (uint32_t)-7, 4), (uint32_t)-3);
    expect_trap(once("remain", 2, 1, 0), SN_TRAP_DIVIDE_BY_ZERO);
    expect_value(once("divide_wide", 1, 2, 0), 3);
    expect_trap(once("divide_wide", 1, 0, 0), SN_TRAP_DIVIDE_BY_ZERO);
    expect_value(once("to_int", 1, 0xc0200000, 0), (uint32_t)-2); /* -2.5 */
    expect_value(once("to_int", 1, 0xcf000000, 0), 0x80000000);   /* -2^31 */
    expect_trap(once("to_int", 1, 0x4f000000, 0), SN_TRAP_INTEGER_OVERFLOW);
    expect_trap(once("to_int", 1, 0x7fc00000, 0), SN_TRAP_INVALID_CONVERSION);
    expect_value(once("to_int_sat", 1, 0x4f000000, 0), 0x7fffffff);
    expect_value(once("to_int_sat", 1, 0xff800000, 0), 0x80000000);
    expect_value(once("to_int_sat", 1, 0x7fc00000, 0), 0);
    expect_trap(once("unreachable", 0, 0, 0), SN_TRAP_UNREACHABLE);
}

static void indirect_calls_are_checked(void **state) {
    (void)state;
    expect_value(once("indirect", 2, 1, 21), 42);
    expect_trap(once("indirect", 2, 0, 1), SN_TRAP_INDIRECT_CALL); /* null */
    expect_trap(once("indirect", 2, 2, 1), SN_TRAP_INDIRECT_CALL); /* another type */
    expect_trap(once("indirect", 2, 4, 1), SN_TRAP_INDIRECT_CALL);
    expect_trap(once("indirect", 2, 0xffffffff, 1), SN_TRAP_INDIRECT_CALL);
}

static void endless_recursion_ends(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        expect_trap(once("recurse", 1, 0, 0), SN_TRAP_STACK_EXHAUSTED);
    /* ... also when the last step would be into the host */
    expect_trap(once("to_host", 1, 0, 0), SN_TRAP_STACK_EXHAUSTED);
}

static void host_functions_may_use_the_stack_up(void **state) {
    (void)state;
    expect_value(once("host_deep", 1, 100, 0), 101);
    expect_trap(once("host_deep", 1, 1 << 20, 0), SN_TRAP_STACK_EXHAUSTED);
    expect_value(once("host_deep", 1, 100, 0), 101);
}

static void host_functions_end_calls(void **state) {
    (void)state;
    sn_call call = once("host_exit", 1, 7, 0);
    assert_int_equal(call.outcome, SN_EXITED);
    assert_int_equal(call.exit_code, 7);
    call = once("nested", 1, 1000, 0);
    assert_int_equal(call.outcome, SN_EXITED);
    assert_int_equal(call.exit_code, 42);
    expect_trap(once("host_trap", 1, SN_TRAP_UNREACHABLE, 0), SN_TRAP_UNREACHABLE);
}

static void growth_is_limited(void **state) {
    (void)state;
    sn_instance *instance = guests_instance(guest, 10);
    sn_memory *memory = sn_instance_memory(instance);
    expect_value(guests_call(instance, "size", 0), 2);
    expect_value(guests_call(instance, "grow", 1, 0), 2);
    expect_value(guests_call(instance, "grow", 1, 3), 2);
    expect_value(guests_call(instance, "size", 0), 5);
    assert_int_equal(memory->size_bytes, 5 * SN_WASM_PAGE_BYTES);
    expect_value(guests_call(instance, "load", 1, 5 * SN_WASM_PAGE_BYTES - 4), 0);
    assert_false(memory->grow_refused);
    expect_value(guests_call(instance, "grow", 1, 6), UINT32_MAX);
    assert_true(memory->grow_refused);
    expect_value(guests_call(instance, "grow", 1, 5), 5);
    assert_int_equal(memory->peak_bytes, 10 * SN_WASM_PAGE_BYTES);
    expect_value(guests_call(instance, "grow", 1, 0xffffffff), UINT32_MAX);
    expect_value(guests_call(instance, "size", 0), 10);
    expect_trap(guests_call(instance, "load", 1, 10 * SN_WASM_PAGE_BYTES), SN_TRAP_OUT_OF_BOUNDS);
    sn_instance_free(instance);

    instance = guests_instance(guest, 100); /* the module's own maximum */
    expect_value(guests_call(instance, "grow", 1, 19), UINT32_MAX);
    assert_false(sn_instance_memory(instance)->grow_refused);
    expect_value(guests_call(instance, "grow", 1, 18), 2);
    sn_instance_free(instance);
}

static int new_fails(sn_native *native, const sn_instance_options *options, const char *part) {
    sn_instance *instance;
    sn_error err = SN_ERROR_INIT;
    int rc = sn_instance_new(&instance, native, options, &err);
    if (rc == 0)
        fail_msg("an instance was made");
    if (!strstr(err.message, part))
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    return rc;
}

static void instances_need_their_imports_and_memory(void **state) {
    (void)state;
    static const sn_host_func other[] = {{"host", "exit", "I:", NULL}, {0}};
    const sn_host_func *tables[] = {other};
    void *contexts[] = {NULL};
    sn_instance_options options = SN_INSTANCE_OPTIONS_INIT;
    options.memory_limit_bytes = 1 << 20;
    assert_int_equal(new_fails(guest, &options, "host.exit"), SN_EINVALID_ARGUMENT);
    options.host_tables = tables;
    options.host_contexts = contexts;
    options.host_tables_count = 1;
    assert_int_equal(new_fails(guest, &options, "as i:, but it is I:"), SN_EINVALID_ARGUMENT);
    options.host_tables = guests_tables;
    options.memory_limit_bytes = SN_WASM_PAGE_BYTES;
    assert_int_equal(new_fails(guest, &options, "131072 bytes exceeds memory limits (65536)"),
                     SN_EINVALID_ARGUMENT);
    sn_module_limits limits = SN_MODULE_LIMITS_INIT;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_native_check_limits(guest, &limits, &err), 0);
    limits.table_elements = 3;
    assert_int_equal(sn_native_check_limits(guest, &limits, &err), SN_EINVALID_ARGUMENT);
    assert_string_equal(err.message, "table minimum size of 4 elements exceeds table limits (3)");
}

static void instances_are_separate(void **state) {
    (void)state;
    sn_instance *a = guests_instance(guest, 100), *b = guests_instance(guest, 100);
    guests_call(a, "store", 2, 64, 1);
    guests_call(b, "store", 2, 64, 2);
    guests_call(a, "move_sp", 1, 1024);
    expect_value(guests_call(a, "load", 1, 64), 1);
    expect_value(guests_call(b, "load", 1, 64), 2);
    assert_int_equal(*sn_instance_stack_pointer(a), 1024);
    assert_int_equal(*sn_instance_stack_pointer(b), 65536);
    *sn_instance_stack_pointer(b) = 5;
    expect_trap(guests_call(a, "unreachable", 0), SN_TRAP_UNREACHABLE);
    sn_instance_free(a);
    expect_value(guests_call(b, "load", 1, 64), 2);
    sn_instance_free(b);
}

/* Faults that are not the guest's must end the process, whether or not a guest is running. */
static volatile int *nowhere;

static void host_fault(void *context) {
    (void)context;
    *nowhere = 1;
}

static void host_fault_in_memory(void *context) {
    *(volatile uint8_t *)context = 1; /* a host function that forgot to ask sn_memory_range() */
}

static int signal_of(void (*fault)(void *), bool in_memory, sn_native *native) {
    pid_t pid = fork();
    if (pid == 0) {
        sn_host_func funcs[] = {{"host", "fault", ":", (void (*)(void))fault}, {0}};
        const sn_host_func *tables[] = {funcs};
        void *contexts[] = {NULL};
        sn_instance_options options = SN_INSTANCE_OPTIONS_INIT;
        options.host_tables = tables;
        options.host_contexts = contexts;
        options.host_tables_count = 1;
        options.memory_limit_bytes = 1 << 20;
        sn_instance *instance;
        sn_error err;
        signal(SIGSEGV, SIG_DFL); /* not the sanitizer's */
        signal(SIGBUS, SIG_DFL);
        sn_call call;
        if (sn_instance_new(&instance, native, &options, &err) < 0)
            _exit(1);
        sn_memory *memory = sn_instance_memory(instance);
        if (in_memory)
            contexts[0] = memory->base + memory->size_bytes;
        sn_instance_free(instance);
        if (in_memory && sn_instance_new(&instance, native, &options, &err) < 0)
            _exit(1);
        if (!in_memory && sn_instance_new(&instance, native, &options, &err) < 0)
            _exit(1);
        int rc = sn_instance_call(&call, instance, "run", NULL, 0, &err);
        _exit(rc == 0 ? 2 : 3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

