/* guests.c - see guests.h. */
#include "guests.h"

#include "wasm/tools.h"

#include <string.h>
#include <sys/stat.h>

static char folder[] = "/tmp/shannon-test-XXXXXX";
static bool folder_made;

static void remove_folder(void) {
    sn_remove_tree(folder);
}

const char *guests_folder(void) {
    if (!folder_made) {
        assert_non_null(mkdtemp(folder));
        folder_made = true;
        atexit(remove_folder);
    }
    return folder;
}

char *guests_path(const char *name) {
    return sn_format("%s/%s", guests_folder(), name);
}

void guests_write(const char *name, const void *data, size_t bytes) {
    sn_auto_free char *path = guests_path(name);
    sn_error err = SN_ERROR_INIT;
    if (sn_replace_file(path, data, bytes, &err) < 0)
        fail_msg("%s", err.message);
}

char *guests_wasm(const char *name, const char *wat) {
    sn_auto_free char *text = sn_format("%s.wat", name);
    sn_auto_free char *binary = sn_format("%s.wasm", name);
    guests_write(text, wat, strlen(wat));
    const char *const argv[] = {"wat2wasm", "--enable-all", "--no-check", text, "-o", binary, NULL};
    sn_tool tool = {argv, "wat2wasm.log"};
    sn_tools_options options = {.folder = guests_folder(), .jobs = 1};
    sn_error err = SN_ERROR_INIT;
    if (sn_tools_run(&tool, 1, &options, &err) < 0)
        fail_msg("%s", err.message);
    return guests_path(binary);
}

uint8_t *guests_binary(size_t *bytes, const char *wat) {
    sn_auto_free char *path = guests_wasm("binary", wat);
    char *data = NULL;
    sn_error err = SN_ERROR_INIT;
    if (sn_read_file(&data, bytes, path, 1 << 20, &err) < 0)
        fail_msg("%s", err.message);
    return (uint8_t *)data;
}

/* ---- host functions ---- */

static void host_exit(void *context, uint32_t code) {
    (void)context;
    sn_instance_exit(code);
}

static void host_trap(void *context, uint32_t trap) {
    (void)context;
    sn_instance_trap((enum sn_trap)trap);
}

static uint32_t host_add(void *context, uint32_t a, uint32_t b) {
    return a + b + *(uint32_t *)context;
}

static double host_mix(void *context, uint32_t a, uint64_t b, float c, double d) {
    (void)context;
    return a + (double)b + (double)c + d;
}

/* Recursion that no compiler turns into a loop, a KiB a step. */
static uint32_t host_deep(void *context, uint32_t kilobytes) {
    volatile uint8_t used[1024];
    used[kilobytes % sizeof used] = 1;
    uint32_t below = kilobytes ? host_deep(context, kilobytes - 1) : 0;
    return below + used[kilobytes % sizeof used];
}

void (*guests_fault)(void);

static void host_fault(void *context) {
    (void)context;
    guests_fault();
}

static const sn_host_func host_funcs[] = {
    {"host", "exit", "i:", (void (*)(void))host_exit},
    {"host", "trap", "i:", (void (*)(void))host_trap},
    {"host", "add", "ii:i", (void (*)(void))host_add},
    {"host", "mix", "iIfF:F", (void (*)(void))host_mix},
    {"host", "deep", "i:i", (void (*)(void))host_deep},
    {"host", "fault", ":", (void (*)(void))host_fault},
    {0},
};

const sn_host_func *const guests_tables[1] = {host_funcs};

/* ---- building and running ---- */

int guests_build(char **native_path, const char *wasm_path, sn_error *err) {
    sn_aot_options options = SN_AOT_OPTIONS_INIT;
    options.home = guests_folder();
    options.host_tables = guests_tables;
    options.host_tables_count = 1;
    bool built;
    return sn_aot_build(native_path, &built, wasm_path, &options, err);
}

sn_native *guests_native(const char *name, const char *wat) {
    sn_auto_free char *wasm = guests_wasm(name, wat);
    sn_auto_free char *path = NULL;
    sn_native *native = NULL;
    sn_error err = SN_ERROR_INIT;
    if (guests_build(&path, wasm, &err) < 0 || sn_native_open(&native, path, &err) < 0)
        fail_msg("%s (%s)", err.message, err.hint);
    return native;
}

sn_instance *guests_instance(sn_native *native, uint32_t limit_pages) {
    static uint32_t added = 1000;
    void *contexts[] = {&added};
    sn_instance_options options = SN_INSTANCE_OPTIONS_INIT;
    options.host_tables = guests_tables;
    options.host_contexts = contexts;
    options.host_tables_count = 1;
    options.memory_limit_bytes = (uint64_t)limit_pages * SN_WASM_PAGE_BYTES;
    options.stack_bytes = 4 << 20;
    sn_instance *instance = NULL;
    sn_error err = SN_ERROR_INIT;
    if (sn_instance_new(&instance, native, &options, &err) < 0)
        fail_msg("%s", err.message);
    return instance;
}

sn_call guests_call(sn_instance *instance, const char *name, size_t count, ...) {
    uint32_t params[2] = {0};
    va_list ap;
    va_start(ap, count);
    for (size_t i = 0; i < count; i++)
        params[i] = va_arg(ap, uint32_t);
    va_end(ap);
    sn_call call;
    sn_error err = SN_ERROR_INIT;
    if (sn_instance_call(&call, instance, name, params, count, &err) < 0)
        fail_msg("%s", err.message);
    return call;
}

void guests_chmod(const char *path, unsigned mode) {
    assert_int_equal(chmod(path, mode), 0);
}
