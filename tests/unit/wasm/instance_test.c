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
    " (func (export \"load_far\") (param i32) (result i32) (i32.load offset=0xffffffff (local.get "
    "0)))"
    " (func (export \"load_wide\") (param i32) (result i32)"
    "   (i32.wrap_i64 (i64.load offset=0xffffffff (local.get 0))))"
    " (func (export \"store\") (param i32 i32) (i32.store (local.get 0) (local.get 1)))"
    " (func (export \"store_far\") (param i32) (i64.store offset=0xfffffff0 (local.get 0) "
    "(i64.const 1)))"
    " (func (export \"divide\") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get "
    "1)))"
    " (func (export \"remain\") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get "
    "1)))"
    " (func (export \"divide_wide\") (param i32) (result i32)"
    "   (i32.wrap_i64 (i64.div_u (i64.const 7) (i64.extend_i32_u (local.get 0)))))"
    " (func (export \"to_int\") (param i32) (result i32)"
    "   (i32.trunc_f32_s (f32.reinterpret_i32 (local.get 0))))"
    " (func (export \"to_int_sat\") (param i32) (result i32)"
    "   (i32.trunc_sat_f32_s (f32.reinterpret_i32 (local.get 0))))"
    " (func (export \"unreachable\") unreachable)"
    " (func (export \"indirect\") (param i32 i32) (result i32)"
    "   (call_indirect (type $i_i) (local.get 1) (local.get 0)))"
    /* rotl, so that no compiler makes a loop of the recursion */
    " (func $recurse (export \"recurse\") (param i32) (result i32)"
    "   (i32.rotl (call $recurse (i32.add (local.get 0) (i32.const 1))) (local.get 0)))"
    " (func $to_host (export \"to_host\") (param i32) (result i32)"
    "   (i32.rotl (call $to_host (call $add (local.get 0) (i32.const 1))) (local.get 0)))"
    " (func $nested (export \"nested\") (param i32) (result i32)"
    "   (if (i32.eqz (local.get 0)) (then (call $exit (i32.const 42))))"
    "   (i32.add (i32.const 1) (call $nested (i32.sub (local.get 0) (i32.const 1)))))"
    " (func (export \"host_exit\") (param i32) (call $exit (local.get 0)))"
    " (func (export \"host_trap\") (param i32) (call $trap (local.get 0)))"
    " (func (export \"host_add\") (param i32 i32) (result i32) (call $add (local.get 0) (local.get "
    "1)))"
    " (func (export \"host_mix\") (param i32) (result i32) (i32.trunc_f64_s"
    "   (call $mix (local.get 0) (i64.const 0x100000000) (f32.const 0.5) (f64.const "
    "-4294967296.5))))"
    " (func (export \"host_deep\") (param i32) (result i32) (call $deep (local.get 0)))"
    " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
    " (func (export \"size\") (result i32) (memory.size))"
    " (func (export \"fill\") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get "
    "1)))"
    " (func (export \"copy\") (param i32 i32) (memory.copy (i32.const 0) (local.get 0) (local.get "
    "1)))"
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

static void returned(sn_call call, uint32_t value) {
    if (call.outcome == SN_TRAPPED)
        fail_msg("trapped: %s", sn_trap_text(call.trap));
    assert_int_equal(call.outcome, SN_RETURNED);
    assert_int_equal(call.value, value);
}

static void trapped(sn_call call, enum sn_trap trap) {
    assert_int_equal(call.outcome, SN_TRAPPED);
    assert_string_equal(sn_trap_text(call.trap), sn_trap_text(trap));
}

static void functions_return(void **state) {
    (void)state;
    returned(once("double", 1, 21, 0), 42);
    returned(once("sum", 2, 0xffffffff, 2), 1);
    returned(once("nothing", 0, 0, 0), 0);
    returned(once("get_other", 0, 0, 0), 0x11223344);
    returned(once("host_add", 2, 1, 2), 1003);
    returned(once("host_mix", 1, 3, 0), 3);
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
    returned(guests_call(instance, "load", 1, 16), 0x63616c70);
    guests_call(instance, "store", 2, 0, 0x12345678);
    assert_memory_equal(memory->base, "\x78\x56\x34\x12", 4);
    returned(guests_call(instance, "load", 1, 0), 0x12345678);
    sn_instance_free(instance);
}

static void accesses_beyond_the_memory_trap(void **state) {
    (void)state;
    returned(once("load", 1, 131068, 0), 0x7a000000);
    trapped(once("load", 1, 131072, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("load", 1, 131069, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("load", 1, 0x7fffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("load", 1, 0x80000000, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("load", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("load_far", 1, 0, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("load_far", 1, 1, 0), SN_TRAP_OUT_OF_BOUNDS); /* does not wrap to 0 */
    trapped(once("load_far", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("load_wide", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("store", 2, 131070, 1), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("store_far", 1, 0x10, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("store_far", 1, 0xffffffff, 0), SN_TRAP_OUT_OF_BOUNDS);
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
    trapped(once("fill", 2, 131000, 73), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("fill", 2, 131073, 0), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("fill", 2, 0xffffffff, 0xffffffff), SN_TRAP_OUT_OF_BOUNDS);
    trapped(once("copy", 2, 131065, 8), SN_TRAP_OUT_OF_BOUNDS);
}

static void arithmetic_traps(void **state) {
    (void)state;
    returned(once("divide", 2, (uint32_t)-7, 2), (uint32_t)-3);
    trapped(once("divide", 2, 1, 0), SN_TRAP_DIVIDE_BY_ZERO);
    trapped(once("divide", 2, 0x80000000, 0xffffffff), SN_TRAP_INTEGER_OVERFLOW);
    returned(once("remain", 2, 0x80000000, 0xffffffff), 0);
    returned(once("remain", 2, (uint32_t)-7, 4), (uint32_t)-3);
    trapped(once("remain", 2, 1, 0), SN_TRAP_DIVIDE_BY_ZERO);
    returned(once("divide_wide", 1, 2, 0), 3);
    trapped(once("divide_wide", 1, 0, 0), SN_TRAP_DIVIDE_BY_ZERO);
    returned(once("to_int", 1, 0xc0200000, 0), (uint32_t)-2); /* -2.5 */
    returned(once("to_int", 1, 0xcf000000, 0), 0x80000000);   /* -2^31 */
    trapped(once("to_int", 1, 0x4f000000, 0), SN_TRAP_INTEGER_OVERFLOW);
    trapped(once("to_int", 1, 0x7fc00000, 0), SN_TRAP_INVALID_CONVERSION);
    returned(once("to_int_sat", 1, 0x4f000000, 0), 0x7fffffff);
    returned(once("to_int_sat", 1, 0xff800000, 0), 0x80000000);
    returned(once("to_int_sat", 1, 0x7fc00000, 0), 0);
    trapped(once("unreachable", 0, 0, 0), SN_TRAP_UNREACHABLE);
}

static void indirect_calls_are_checked(void **state) {
    (void)state;
    returned(once("indirect", 2, 1, 21), 42);
    trapped(once("indirect", 2, 0, 1), SN_TRAP_INDIRECT_CALL); /* null */
    trapped(once("indirect", 2, 2, 1), SN_TRAP_INDIRECT_CALL); /* another type */
    trapped(once("indirect", 2, 4, 1), SN_TRAP_INDIRECT_CALL);
    trapped(once("indirect", 2, 0xffffffff, 1), SN_TRAP_INDIRECT_CALL);
}

static void endless_recursion_ends(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        trapped(once("recurse", 1, 0, 0), SN_TRAP_STACK_EXHAUSTED);
    /* ... also when the last step would be into the host */
    trapped(once("to_host", 1, 0, 0), SN_TRAP_STACK_EXHAUSTED);
}

static void host_functions_may_use_the_stack_up(void **state) {
    (void)state;
    returned(once("host_deep", 1, 100, 0), 101);
    trapped(once("host_deep", 1, 1 << 20, 0), SN_TRAP_STACK_EXHAUSTED);
    returned(once("host_deep", 1, 100, 0), 101);
}

static void host_functions_end_calls(void **state) {
    (void)state;
    sn_call call = once("host_exit", 1, 7, 0);
    assert_int_equal(call.outcome, SN_EXITED);
    assert_int_equal(call.exit_code, 7);
    call = once("nested", 1, 1000, 0);
    assert_int_equal(call.outcome, SN_EXITED);
    assert_int_equal(call.exit_code, 42);
    trapped(once("host_trap", 1, SN_TRAP_UNREACHABLE, 0), SN_TRAP_UNREACHABLE);
}

static void growth_is_limited(void **state) {
    (void)state;
    sn_instance *instance = guests_instance(guest, 10);
    sn_memory *memory = sn_instance_memory(instance);
    returned(guests_call(instance, "size", 0), 2);
    returned(guests_call(instance, "grow", 1, 0), 2);
    returned(guests_call(instance, "grow", 1, 3), 2);
    returned(guests_call(instance, "size", 0), 5);
    assert_int_equal(memory->size_bytes, 5 * SN_WASM_PAGE_BYTES);
    returned(guests_call(instance, "load", 1, 5 * SN_WASM_PAGE_BYTES - 4), 0);
    assert_false(memory->grow_refused);
    returned(guests_call(instance, "grow", 1, 6), UINT32_MAX);
    assert_true(memory->grow_refused);
    returned(guests_call(instance, "grow", 1, 5), 5);
    assert_int_equal(memory->size_bytes, 10 * SN_WASM_PAGE_BYTES);
    returned(guests_call(instance, "grow", 1, 0xffffffff), UINT32_MAX);
    returned(guests_call(instance, "size", 0), 10);
    trapped(guests_call(instance, "load", 1, 10 * SN_WASM_PAGE_BYTES), SN_TRAP_OUT_OF_BOUNDS);
    sn_instance_free(instance);

    instance = guests_instance(guest, 100); /* the module's own maximum */
    returned(guests_call(instance, "grow", 1, 19), UINT32_MAX);
    assert_false(sn_instance_memory(instance)->grow_refused);
    returned(guests_call(instance, "grow", 1, 18), 2);
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
    returned(guests_call(a, "load", 1, 64), 1);
    returned(guests_call(b, "load", 1, 64), 2);
    trapped(guests_call(a, "unreachable", 0), SN_TRAP_UNREACHABLE);
    sn_instance_free(a);
    returned(guests_call(b, "load", 1, 64), 2);
    sn_instance_free(b);
}

/* ---- faults that are ours end the process ---- */

static sn_memory *running_memory;
static volatile int *volatile nowhere; /* NULL, without the compiler knowing */

static void write_nowhere(void) {
    *nowhere = 1;
}

/* A host function that forgot to ask sn_memory_range(). */
static void overrun(void) {
    *(volatile uint8_t *)(running_memory->base + running_memory->size_bytes) = 1;
}

static void send_signal(void) {
    raise(SIGSEGV);
}

/* What the process died of, 0 if it did not. */
static int signal_of(sn_native *native, void (*fault)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); /* not the test library's, not a sanitizer's */
        sn_instance *instance = guests_instance(native, 10);
        running_memory = sn_instance_memory(instance);
        guests_fault = fault;
        guests_call(instance, "run", 0);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void faults_of_the_host_are_no_traps(void **state) {
    (void)state;
    sn_native *native = guests_native("faulty", "(module (import \"host\" \"fault\" (func $f)) "
                                                "(memory 1) (func (export \"run\") call $f))");
    assert_int_equal(signal_of(native, write_nowhere), SIGSEGV);
    assert_int_equal(signal_of(native, overrun), SIGSEGV);
    assert_int_equal(signal_of(native, send_signal), SIGSEGV);
    sn_native_close(native);
}

/* ---- other kinds of modules ---- */

static void start_functions_run_first(void **state) {
    (void)state;
    sn_native *native = guests_native(
        "start", "(module (memory 1) (func $s (i32.store (i32.const 0) (i32.add (i32.const 1)"
                 " (i32.load (i32.const 0))))) (start $s)"
                 " (func (export \"count\") (result i32) (i32.load (i32.const 0))))");
    sn_instance *instance = guests_instance(native, 1);
    assert_int_equal(sn_instance_memory(instance)->base[0], 0);
    returned(guests_call(instance, "count", 0), 1);
    returned(guests_call(instance, "count", 0), 1);
    sn_instance_free(instance);
    sn_native_close(native);
    native = guests_native("start_trap", "(module (func $s unreachable) (start $s)"
                                         " (func (export \"f\") (result i32) (i32.const 1)))");
    instance = guests_instance(native, 1);
    trapped(guests_call(instance, "f", 0), SN_TRAP_UNREACHABLE);
    sn_instance_free(instance);
    sn_native_close(native);
}

static void modules_need_no_memory(void **state) {
    (void)state;
    sn_native *native =
        guests_native("bare", "(module (func (export \"f\") (result i32) (i32.const 9)))");
    sn_instance *instance = guests_instance(native, 0);
    assert_int_equal(sn_instance_memory(instance)->size_bytes, 0);
    size_t bytes;
    assert_null(sn_instance_globals(instance, &bytes));
    returned(guests_call(instance, "f", 0), 9);
    sn_instance_free(instance);
    sn_native_close(native);
}

static void memories_are_told_apart(void **state) {
    (void)state;
    sn_native *native = guests_native(
        "memories",
        "(module (memory $a 1 4) (memory $b 1 4) (data (memory $b) (i32.const 8) \"bbbb\")"
        " (func (export \"a\") (param i32) (result i32) (i32.load $a (local.get 0)))"
        " (func (export \"b\") (param i32) (result i32) (i32.load $b (local.get 0)))"
        " (func (export \"copy\") (memory.copy $a $b (i32.const 0) (i32.const 8) (i32.const 4)))"
        " (func (export \"grow\") (param i32) (result i32) (memory.grow $b (local.get 0)))"
        " (func (export \"far\") (result i32) (i32.load8_u $b offset=0xffffffff (i32.const -1))))");
    sn_instance *instance = guests_instance(native, 4);
    returned(guests_call(instance, "a", 1, 8), 0);
    returned(guests_call(instance, "b", 1, 8), 0x62626262);
    guests_call(instance, "copy", 0);
    returned(guests_call(instance, "a", 1, 0), 0x62626262);
    returned(guests_call(instance, "grow", 1, 3), UINT32_MAX); /* together they'd be 5 pages */
    returned(guests_call(instance, "grow", 1, 2), 1);
    returned(guests_call(instance, "b", 1, 3 * SN_WASM_PAGE_BYTES - 4), 0);
    trapped(guests_call(instance, "b", 1, 3 * SN_WASM_PAGE_BYTES), SN_TRAP_OUT_OF_BOUNDS);
    sn_instance_free(instance);
    instance = guests_instance(native, 4);
    trapped(guests_call(instance, "far", 0), SN_TRAP_OUT_OF_BOUNDS);
    sn_instance_free(instance);
    sn_native_close(native);
}

static const char tables_wat[] =
    "(module (type $t (func (result i32)))"
    " (table $a 3 6 funcref) (table $b 2 externref) (elem (i32.const 0) $one)"
    " (elem $more funcref (ref.func $two) (ref.null func)) (data $bytes \"abcdef\") (memory 1)"
    " (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))"
    " (func (export \"call\") (param i32) (result i32) (call_indirect $a (type $t) (local.get 0)))"
    " (func (export \"set\") (param i32) (table.set $a (local.get 0) (ref.func $two)))"
    " (func (export \"clear\") (param i32) (table.set $a (local.get 0) (ref.null func)))"
    " (func (export \"is_null\") (param i32) (result i32)"
    "   (ref.is_null (table.get $a (local.get 0))))"
    " (func (export \"grow\") (param i32) (result i32)"
    "   (table.grow $a (ref.func $one) (local.get 0)))"
    " (func (export \"size\") (result i32) (table.size $a))"
    " (func (export \"fill\") (param i32 i32) (table.fill $a (local.get 0) (ref.func $two) "
    "(local.get 1)))"
    " (func (export \"copy\") (param i32 i32) (table.copy $a $a (local.get 0) (i32.const 0) "
    "(local.get 1)))"
    " (func (export \"init\") (param i32 i32) (table.init $a $more (local.get 0) (i32.const 0) "
    "(local.get 1)))"
    " (func (export \"drop\") (elem.drop $more))"
    " (func (export \"data\") (param i32 i32) (result i32)"
    "   (memory.init $bytes (i32.const 0) (local.get 0) (local.get 1)) (i32.load (i32.const 0)))"
    " (func (export \"drop_data\") (data.drop $bytes))"
    " (func (export \"outer\") (param i32) (result i32) (ref.is_null (table.get $b (local.get "
    "0)))))";

static void tables_can_change(void **state) {
    (void)state;
    sn_native *native = guests_native("tables", tables_wat);
    sn_instance *instance = guests_instance(native, 1);
    returned(guests_call(instance, "call", 1, 0), 1);
    returned(guests_call(instance, "is_null", 1, 1), 1);
    guests_call(instance, "set", 1, 1);
    returned(guests_call(instance, "call", 1, 1), 2);
    returned(guests_call(instance, "is_null", 1, 1), 0);
    guests_call(instance, "clear", 1, 1);
    returned(guests_call(instance, "is_null", 1, 1), 1);
    returned(guests_call(instance, "grow", 1, 4), UINT32_MAX);
    returned(guests_call(instance, "grow", 1, 2), 3);
    returned(guests_call(instance, "size", 0), 5);
    returned(guests_call(instance, "call", 1, 4), 1);
    guests_call(instance, "fill", 2, 3, 2);
    returned(guests_call(instance, "call", 1, 4), 2);
    guests_call(instance, "copy", 2, 2, 2);
    returned(guests_call(instance, "call", 1, 2), 1);
    guests_call(instance, "init", 2, 0, 2);
    returned(guests_call(instance, "call", 1, 0), 2);
    returned(guests_call(instance, "is_null", 1, 1), 1);
    guests_call(instance, "drop", 0);
    guests_call(instance, "init", 2, 0, 0);
    returned(guests_call(instance, "outer", 1, 1), 1);
    returned(guests_call(instance, "data", 2, 2, 4), 0x66656463);
    guests_call(instance, "drop_data", 0);
    trapped(guests_call(instance, "data", 2, 0, 1), SN_TRAP_OUT_OF_BOUNDS);
    sn_instance_free(instance);

    static const struct {
        const char *name;
        size_t count;
        uint32_t a, b;
    } beyond[] = {{"set", 1, 3, 0},         {"is_null", 1, 3, 0}, {"fill", 2, 2, 2},
                  {"copy", 2, 2, 2},        {"init", 2, 2, 2},    {"init", 2, 0, 3},
                  {"data", 2, 3, 4},        {"outer", 1, 2, 0},   {"fill", 2, 4, 0},
                  {"set", 1, 0xffffffff, 0}};
    for (size_t i = 0; i < SN_COUNT(beyond); i++) {
        instance = guests_instance(native, 1);
        trapped(guests_call(instance, beyond[i].name, beyond[i].count, beyond[i].a, beyond[i].b),
                SN_TRAP_OUT_OF_BOUNDS);
        sn_instance_free(instance);
    }
    instance = guests_instance(native, 1);
    trapped(guests_call(instance, "call", 1, 1), SN_TRAP_INDIRECT_CALL);
    sn_instance_free(instance);
    sn_native_close(native);
}

static void segments_must_fit(void **state) {
    (void)state;
    sn_instance_options options = SN_INSTANCE_OPTIONS_INIT;
    options.memory_limit_bytes = 1 << 20;
    sn_native *native =
        guests_native("wide_data", "(module (memory 1) (data (i32.const 65535) \"ab\"))");
    assert_int_equal(new_fails(native, &options, "data segment 0 (2 bytes at 65535)"),
                     SN_EINVALID_ARGUMENT);
    sn_native_close(native);
    native =
        guests_native("wide_table", "(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))");
    assert_int_equal(new_fails(native, &options, "tables cannot be filled"), SN_EINVALID_ARGUMENT);
    sn_native_close(native);
}

/* Results are the specification's, bit for bit. */
static void numbers_with_a_point_behave(void **state) {
    (void)state;
    sn_native *native = guests_native(
        "floats",
        "(module"
        " (func (export \"min\") (param i32 i32) (result i32) (i32.reinterpret_f32 (f32.min"
        "   (f32.reinterpret_i32 (local.get 0)) (f32.reinterpret_i32 (local.get 1)))))"
        " (func (export \"max\") (param i32 i32) (result i32) (i32.reinterpret_f32 (f32.max"
        "   (f32.reinterpret_i32 (local.get 0)) (f32.reinterpret_i32 (local.get 1)))))"
        " (func (export \"nearest\") (param i32) (result i32)"
        "   (i32.reinterpret_f32 (f32.nearest (f32.reinterpret_i32 (local.get 0)))))"
        " (func (export \"sqrt\") (param i32) (result i32)"
        "   (i32.reinterpret_f32 (f32.sqrt (f32.reinterpret_i32 (local.get 0)))))"
        " (func (export \"abs\") (param i32) (result i32)"
        "   (i32.reinterpret_f32 (f32.abs (f32.reinterpret_i32 (local.get 0)))))"
        " (func (export \"bits\") (param i32) (result i32) (i32.add (i32.add (i32.clz (local.get "
        "0))"
        "   (i32.mul (i32.const 100) (i32.ctz (local.get 0))))"
        "   (i32.mul (i32.const 10000) (i32.popcnt (local.get 0)))))"
        " (func (export \"rotl\") (param i32 i32) (result i32) (i32.rotl (local.get 0) (local.get "
        "1)))"
        " (func (export \"rotr\") (param i32 i32) (result i32) (i32.rotr (local.get 0) (local.get "
        "1)))"
        " (func (export \"shr\") (param i32 i32) (result i32) (i32.shr_s (local.get 0) (local.get "
        "1))))");
    sn_instance *instance = guests_instance(native, 1);
    enum { ZERO = 0, MINUS_ZERO = INT32_MIN, ONE = 0x3f800000, NOT = 0x7fc00000 };
    returned(guests_call(instance, "min", 2, ZERO, MINUS_ZERO), (uint32_t)MINUS_ZERO);
    returned(guests_call(instance, "min", 2, MINUS_ZERO, ZERO), (uint32_t)MINUS_ZERO);
    returned(guests_call(instance, "max", 2, MINUS_ZERO, ZERO), ZERO);
    returned(guests_call(instance, "max", 2, ZERO, MINUS_ZERO), ZERO);
    returned(guests_call(instance, "min", 2, ONE, NOT), NOT);
    returned(guests_call(instance, "max", 2, NOT, ONE), NOT);
    returned(guests_call(instance, "max", 2, ONE, ZERO), ONE);
    returned(guests_call(instance, "nearest", 1, 0x3f000000), 0);          /* 0.5 -> 0 */
    returned(guests_call(instance, "nearest", 1, 0x3fc00000), 0x40000000); /* 1.5 -> 2 */
    returned(guests_call(instance, "nearest", 1, 0xbf000000), (uint32_t)MINUS_ZERO);
    returned(guests_call(instance, "sqrt", 1, 0x40800000), 0x40000000); /* 4 -> 2 */
    returned(guests_call(instance, "abs", 1, 0xffa00001), 0x7fa00001);  /* NaN's bits are kept */
    returned(guests_call(instance, "bits", 1, 0), 32 + 3200);
    returned(guests_call(instance, "bits", 1, 0x00f0), 24 + 400 + 40000);
    returned(guests_call(instance, "rotl", 2, 0x80000001, 1), 3);
    returned(guests_call(instance, "rotl", 2, 0x80000001, 32), 0x80000001);
    returned(guests_call(instance, "rotr", 2, 0x80000001, 33), 0xc0000000);
    returned(guests_call(instance, "shr", 2, 0x80000000, 33), 0xc0000000);
    sn_instance_free(instance);
    sn_native_close(native);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_return),
        cmocka_unit_test(calls_must_fit),
        cmocka_unit_test(memory_has_its_segments),
        cmocka_unit_test(accesses_beyond_the_memory_trap),
        cmocka_unit_test(whole_memory_operations_are_checked),
        cmocka_unit_test(arithmetic_traps),
        cmocka_unit_test(indirect_calls_are_checked),
        cmocka_unit_test(endless_recursion_ends),
        cmocka_unit_test(host_functions_may_use_the_stack_up),
        cmocka_unit_test(host_functions_end_calls),
        cmocka_unit_test(growth_is_limited),
        cmocka_unit_test(instances_need_their_imports_and_memory),
        cmocka_unit_test(instances_are_separate),
        cmocka_unit_test(faults_of_the_host_are_no_traps),
        cmocka_unit_test(start_functions_run_first),
        cmocka_unit_test(modules_need_no_memory),
        cmocka_unit_test(memories_are_told_apart),
        cmocka_unit_test(tables_can_change),
        cmocka_unit_test(segments_must_fit),
        cmocka_unit_test(numbers_with_a_point_behave),
    };
    return cmocka_run_group_tests(tests, make_guest, drop_guest);
}
