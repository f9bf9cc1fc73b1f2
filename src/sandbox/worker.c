/* worker.c - see worker.h. */
#include "sandbox/worker.h"

#include "sandbox/imports.h"
#include "sandbox/jail.h"
#include "sandbox/request.h"
#include "util/auto.h"
#include "util/error.h"
#include "wasi/wasi.h"

#include <string.h>
#include <unistd.h>

/* WASI errnos (witx, `errno`) that the emit import answers. */
enum {
    ERRNO_SUCCESS = 0,
    ERRNO_BADF = 8,
    ERRNO_FAULT = 21,
    ERRNO_NOSPC = 27,
    ERRNO_INVAL = 28,
    ERRNO_IO = 29
};

typedef struct worker {
    int fd;
    const sn_interpreter *interpreter;
    sn_received request;
    sn_vfs *vfs;
    sn_wasi *wasi;
    sn_instance *instance;
    sn_memory *memory;
} worker;

/* ---- what the guest's world is connected to ---- */

static int take_output(void *user, int fd, const void *data, size_t bytes) {
    worker *w = user;
    enum sn_frame_kind kind = fd == 1 ? SN_FRAME_STDOUT : SN_FRAME_STDERR;
    const char *at = data;
    while (bytes > 0) {
        size_t chunk = bytes < SN_FRAME_CHUNK_BYTES ? bytes : SN_FRAME_CHUNK_BYTES;
        if (sn_frame_send(w->fd, kind, at, chunk) < 0)
            return ERRNO_IO;
        at += chunk;
        bytes -= chunk;
    }
    return ERRNO_SUCCESS;
}

static int64_t give_input(void *user, void *data, size_t bytes) {
    worker *w = user;
    uint32_t want = bytes < SN_FRAME_INPUT_MOST_BYTES ? (uint32_t)bytes : SN_FRAME_INPUT_MOST_BYTES;
    uint32_t have;
    if (sn_frame_send(w->fd, SN_FRAME_INPUT, &want, sizeof want) < 0 ||
        sn_read_full(w->fd, &have, sizeof have) != sizeof have || have > want ||
        sn_read_full(w->fd, data, have) != (ssize_t)have)
        return -ERRNO_IO;
    return have;
}

/* The import shannon.emit of the guest ABI. */
static uint32_t emit(void *context, uint32_t kind, uint32_t at, uint32_t bytes) {
    static const enum sn_frame_kind kinds[] = {0, SN_FRAME_RESULT, SN_FRAME_DISPLAY,
                                               SN_FRAME_ERROR};
    worker *w = context;
    if (kind == 0 || kind >= SN_COUNT(kinds))
        return ERRNO_BADF;
    const void *data = sn_memory_range(w->memory, at, bytes);
    if (!data)
        return ERRNO_FAULT;
    if (bytes > SN_FRAME_EVENT_MOST_BYTES)
        return ERRNO_NOSPC;
    int strings = sn_frame_strings(data, bytes);
    bool fits = kinds[kind] == SN_FRAME_ERROR ? strings == 3 : strings >= 2 && strings % 2 == 0;
    if (!fits)
        return ERRNO_INVAL;
    return sn_frame_send(w->fd, kinds[kind], data, bytes) < 0 ? ERRNO_IO : ERRNO_SUCCESS;
}

const sn_host_func sn_shannon_funcs[] = {
    {"shannon", "emit", "iii:i", (void (*)(void))emit},
    {0},
};

/* At once and not at the end: a worker that is killed has used memory, too. */
static void tell_memory(void *user, uint64_t size_bytes) {
    const worker *w = user;
    (void)!sn_frame_send(w->fd, SN_FRAME_MEMORY, &size_bytes, sizeof size_bytes);
}

/* ---- building the guest's world ---- */

static int build_files(worker *w, sn_error *err) {
    int rc = sn_vfs_new(&w->vfs, err);
    if (rc == 0 && w->interpreter->archive.bytes > 0)
        rc = sn_vfs_mount_archive(w->vfs, w->interpreter->archive.data,
                                  w->interpreter->archive.bytes, err);
    if (rc == 0)
        rc = sn_vfs_add_dir(w->vfs, "/tmp", err);
    for (size_t i = 0; rc == 0 && i < w->request.files_count; i++) {
        const sn_input_file *file = &w->request.files[i];
        sn_auto_free char *path =
            sn_format("%s%s", strncmp(file->path, "/tmp/", 5) == 0 ? "" : "/tmp/", file->path);
        rc = sn_vfs_add_file(w->vfs, path, file->content, file->content_bytes, err);
    }
    return rc;
}

static int build_wasi(worker *w, const char *const *args, size_t args_count, sn_error *err) {
    sn_wasi_options options = SN_WASI_OPTIONS_INIT;
    options.args = args;
    options.args_count = args_count;
    options.vfs = w->vfs;
    options.input = give_input;
    options.output = take_output;
    options.user = w;
    return sn_wasi_new(&w->wasi, &options, err);
}

static int build_instance(worker *w, sn_error *err) {
    void *contexts[SN_IMPORT_TABLES] = {[SN_IMPORT_WASI] = w->wasi, [SN_IMPORT_SHANNON] = w};
    sn_instance_options options = SN_INSTANCE_OPTIONS_INIT;
    options.host_tables = sn_import_tables;
    options.host_contexts = contexts;
    options.host_tables_count = SN_IMPORT_TABLES;
    options.memory_limit_bytes = w->request.memory_limit_bytes;
    int rc = sn_instance_new(&w->instance, w->interpreter->native, &options, err);
    if (rc < 0)
        return rc;
    w->memory = sn_instance_memory(w->instance);
    w->memory->on_grow = tell_memory;
    w->memory->on_grow_user = w;
    tell_memory(w, w->memory->size_bytes);
    sn_wasi_set_memory(w->wasi, w->memory);
    return 0;
}

/* ---- running it ---- */

/* One call that must return `expected`; true if the guest may be called again. */
static int call_expecting(sn_call *call, worker *w, const char *name, uint32_t expected,
                          sn_error *err) {
    int rc = sn_instance_call(call, w->instance, name, NULL, 0, err);
    if (rc == 0 && call->outcome == SN_RETURNED && call->value != expected)
        rc = sn_fail(err, SN_EUNAVAILABLE, "the interpreter's %s answered %u instead of %u", name,
                     call->value, expected);
    return rc;
}

static int run_guest(sn_call *call, worker *w, sn_error *err) {
    size_t bytes = w->request.records_bytes;
    int rc = sn_instance_call(call, w->instance, "_initialize", NULL, 0, err);
    if (rc == 0 && call->outcome == SN_RETURNED)
        rc = call_expecting(call, w, "guest_abi", 1, err);
    if (rc == 0 && call->outcome == SN_RETURNED)
        rc = call_expecting(call, w, "guest_init", 0, err);
    if (rc < 0 || call->outcome != SN_RETURNED)
        return rc;

    if (sn_frame_send(w->fd, SN_FRAME_STARTED, NULL, 0) < 0)
        return sn_fail(err, SN_EINTERNAL, "the supervisor is gone");
    uint32_t params[2] = {(uint32_t)bytes};
    rc = sn_instance_call(call, w->instance, "guest_alloc", params, 1, err);
    if (rc < 0 || call->outcome != SN_RETURNED)
        return rc;
    uint8_t *buffer = sn_memory_range(w->memory, call->value, bytes);
    if (call->value == 0 || !buffer)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                       "the memory limit leaves no room for a request of %zu bytes", bytes);
    memcpy(buffer, w->request.records, bytes);
    params[0] = call->value;
    params[1] = (uint32_t)bytes;
    rc = sn_instance_call(call, w->instance, "guest_run", params, 2, err);
    if (rc == 0 && call->outcome == SN_RETURNED && call->value > 255)
        return sn_fail(err, SN_EINTERNAL, "the interpreter could not read the request");
    if (rc == 0 && call->outcome == SN_RETURNED)
        call->exit_code = call->value;
    return rc;
}

static int run_command(sn_call *call, worker *w, sn_error *err) {
    if (sn_frame_send(w->fd, SN_FRAME_STARTED, NULL, 0) < 0)
        return sn_fail(err, SN_EINTERNAL, "the supervisor is gone");
    return sn_instance_call(call, w->instance, "_start", NULL, 0, err);
}

static int run_job(sn_call *call, worker *w, sn_error *err) {
    static const char *const guest_args[] = {"python"};
    bool is_guest = w->interpreter->is_guest;
    int rc = sn_request_receive(&w->request, w->fd, err);
    if (rc == 0)
        rc = build_files(w, err);
    if (rc == 0)
        rc = build_wasi(w, is_guest ? guest_args : w->request.args,
                        is_guest ? SN_COUNT(guest_args) : w->request.args_count, err);
    if (rc == 0)
        rc = build_instance(w, err);
    if (rc < 0)
        return rc;
    return is_guest ? run_guest(call, w, err) : run_command(call, w, err);
}

_Noreturn void sn_worker_main(int fd, pid_t supervisor, const sn_interpreter *interpreter,
                              const char *profile_path) {
    worker w = {.fd = fd, .interpreter = interpreter};
    sn_error err = SN_ERROR_INIT;
    sn_call call = {0};
    sn_jail jail = {fd, supervisor, interpreter->filter};
    int rc = profile_path ? 0 : sn_jail_enter(&jail, &err);
    if (rc == 0)
        rc = run_job(&call, &w, &err);
    if (rc == 0 && profile_path)
        rc = sn_native_write_profile(interpreter->native, profile_path, &err);
    if (rc < 0) {
        (void)!sn_frame_send(fd, SN_FRAME_FAULT, &err, sizeof err);
        _exit(1);
    }
    sn_frame_done done = {
        .outcome = call.outcome,
        .exit_code = call.exit_code,
        .trap = call.trap,
        .grow_refused = w.memory->grow_refused,
    };
    (void)!sn_frame_send(fd, SN_FRAME_DONE, &done, sizeof done);
    _exit(0); /* no destructor, no atexit handler: they belong to the program that was forked */
}
