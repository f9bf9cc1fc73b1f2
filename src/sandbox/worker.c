/* worker.c - see worker.h. */
#include "sandbox/worker.h"

#include "sandbox/frame.h"
#include "sandbox/image.h"
#include "sandbox/imports.h"
#include "sandbox/pagemap.h"
#include "sandbox/request.h"
#include "sandbox/stopper.h"
#include "util/auto.h"
#include "util/error.h"
#include "wasi/deterministic.h"
#include "wasi/snapshot.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* WASI errnos (witx, `errno`) that the functions below answer. */
enum {
    ERRNO_SUCCESS = 0,
    ERRNO_BADF = 8,
    ERRNO_FAULT = 21,
    ERRNO_INTR = 27,
    ERRNO_INVAL = 28,
    ERRNO_IO = 29,
    ERRNO_NOSPC = 51,
};

enum { GUEST_ABI = 2 };

typedef struct sn_worker {
    int fd;
    const sn_interpreter *interpreter;
    sn_received request;
    sn_vfs *vfs;
    sn_wasi *wasi;
    sn_instance *instance;
    sn_memory *memory;
    sn_deterministic_sources deterministic;
    uint64_t started_ns;
    sn_warmup warmup;
    sn_before before;
    int pagemap;      /* its own, -1: not to be had */
    uint8_t *touched; /* NULL, or what sn_worker_watch() said */
    bool input_asked; /* and not answered yet */
    uint8_t *input;   /* what came and the guest did not read yet */
    size_t input_at;
    size_t input_bytes;
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

/* The answer to what was asked for; it may come after the guest was asked to stop. */
static int receive_input(worker *w) {
    uint32_t have;
    size_t got = 0;
    while (got < sizeof have) {
        if (got == 0 && sn_stopper_is_pending())
            return ERRNO_INTR;
        ssize_t n = read(w->fd, (char *)&have + got, sizeof have - got);
        if (n == 0 || (n < 0 && errno != EINTR))
            return ERRNO_IO;
        got += n > 0 ? (size_t)n : 0;
    }
    if (have > SN_FRAME_INPUT_MOST_BYTES || sn_read_full(w->fd, w->input, have) != (ssize_t)have)
        return ERRNO_IO;
    w->input_asked = false;
    w->input_at = 0;
    w->input_bytes = have;
    return ERRNO_SUCCESS;
}

static int ask_input(worker *w, size_t bytes) {
    uint32_t want = bytes < SN_FRAME_INPUT_MOST_BYTES ? (uint32_t)bytes : SN_FRAME_INPUT_MOST_BYTES;
    if (!w->input && !(w->input = malloc(SN_FRAME_INPUT_MOST_BYTES)))
        return ERRNO_IO;
    if (!w->input_asked && sn_frame_send(w->fd, SN_FRAME_INPUT, &want, sizeof want) < 0)
        return ERRNO_IO;
    w->input_asked = true;
    return receive_input(w);
}

static int64_t give_input(void *user, void *data, size_t bytes) {
    worker *w = user;
    if (w->input_at == w->input_bytes) {
        int failed = ask_input(w, bytes);
        if (failed)
            return -failed;
    }
    size_t left = w->input_bytes - w->input_at;
    size_t count = bytes < left ? bytes : left;
    memcpy(data, w->input + w->input_at, count);
    w->input_at += count;
    return (int64_t)count;
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
    return rc;
}

static int build_wasi(worker *w, sn_error *err) {
    static const char *const args[] = {"python"};
    sn_wasi_options options = SN_WASI_OPTIONS_INIT;
    options.args = args;
    options.args_count = SN_COUNT(args);
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
    options.memory_limit_bytes = UINT64_MAX; /* until there is a request */
    options.saved = w->interpreter->image ? &w->interpreter->image->saved : NULL;
    int rc = sn_instance_new(&w->instance, w->interpreter->native, &options, err);
    if (rc < 0)
        return rc;
    w->memory = sn_instance_memory(w->instance);
    w->memory->on_grow = tell_memory;
    w->memory->on_grow_user = w;
    sn_wasi_set_memory(w->wasi, w->memory);
    return 0;
}

int sn_worker_new(sn_worker **out, const sn_interpreter *interpreter, sn_error *err) {
    worker *w = calloc(1, sizeof *w);
    if (!w)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a worker");
    w->interpreter = interpreter;
    w->before.image = interpreter->image;
    w->fd = -1;
    int rc = build_files(w, err);
    if (rc == 0)
        rc = build_wasi(w, err);
    if (rc == 0)
        rc = sn_wasi_mark_ground(w->wasi, err);
    if (rc == 0)
        rc = build_instance(w, err);
    if (rc == 0)
        *out = w;
    return rc;
}

size_t sn_worker_pages(const sn_worker *w) {
    return w->memory->size_bytes / 4096;
}

void sn_worker_watch(sn_worker *w, uint8_t *touched) {
    w->touched = touched;
}

void sn_worker_set_warmup(sn_worker *w, const sn_warmup *warmup) {
    w->warmup = *warmup;
    sn_warmup_inherit(warmup, w->memory, &w->interpreter->image->saved);
}

/* ---- a guest ---- */

/* One call that must return `expected`. */
static int call_expecting(sn_call *call, worker *w, const char *name, uint32_t expected,
                          sn_error *err) {
    int rc = sn_instance_call(call, w->instance, name, NULL, 0, err);
    if (rc < 0)
        return rc;
    if (call->outcome != SN_RETURNED)
        return sn_fail(err, SN_EUNAVAILABLE, "the interpreter does not start: its %s ended by %s",
                       name, call->outcome == SN_EXITED ? "proc_exit" : sn_trap_text(call->trap));
    if (call->value != expected)
        return sn_fail(err, SN_EUNAVAILABLE, "the interpreter's %s answered %u instead of %u", name,
                       call->value, expected);
    return 0;
}

static int start_guest(worker *w, sn_error *err) {
    sn_call call;
    int rc = call_expecting(&call, w, "_initialize", 0, err);
    if (rc == 0)
        rc = call_expecting(&call, w, "guest_abi", GUEST_ABI, err);
    if (rc == 0)
        rc = call_expecting(&call, w, "guest_init", 0, err);
    return rc;
}

static int put_image(void *user, const void *data, size_t bytes) {
    const worker *w = user;
    const char *at = data;
    while (bytes > 0) {
        size_t chunk = bytes < SN_FRAME_CHUNK_BYTES ? bytes : SN_FRAME_CHUNK_BYTES;
        if (sn_frame_send(w->fd, SN_FRAME_IMAGE, at, chunk) < 0)
            return SN_EINTERNAL;
        at += chunk;
        bytes -= chunk;
    }
    return 0;
}

/* The time that an image was made at is one time for all; its randomness is no secret. */
static int make_image(worker *w, sn_error *err) {
    const uint64_t epoch_ns = 315532800ull * 1000000000u; /* 1980, as the archive's files */
    sn_wasi_sources sources = sn_wasi_deterministic(&w->deterministic, 0, epoch_ns);
    sn_wasi_set_sources(w->wasi, &sources);
    int rc = start_guest(w, err);
    if (rc == 0 && !sn_wasi_is_pristine(w->wasi))
        rc = sn_fail(err, SN_EUNAVAILABLE, "the interpreter keeps files open: it cannot be saved");
    return rc < 0 ? rc : sn_image_write(put_image, w, w->instance, w->memory, err);
}

static int run_guest(sn_call *call, worker *w, sn_error *err) {
    size_t bytes = w->request.records_bytes;
    uint32_t params[2] = {(uint32_t)bytes};
    int rc = sn_instance_call(call, w->instance, "guest_alloc", params, 1, err);
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

/* ---- one execution ---- */

static int add_files(worker *w, sn_error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->request.files_count; i++) {
        const sn_input_file *file = &w->request.files[i];
        sn_auto_free char *path =
            sn_format("%s%s", strncmp(file->path, "/tmp/", 5) == 0 ? "" : "/tmp/", file->path);
        rc = sn_vfs_put_file(w->vfs, path, file->content, file->content_bytes, err);
    }
    return rc;
}

/* Before there is a request: what is the same for all of them. */
static int get_ready(worker *w, sn_error *err) {
    if (!w->interpreter->image)
        return 0;
    if (w->touched)
        return sn_instance_watch(w->instance, w->touched, err);
    sn_warmup_apply(&w->warmup, w->memory);
    return sn_stopper_arm(w->instance, w->wasi, err);
}

static int take_request(worker *w, sn_error *err) {
    sn_received *r = &w->request;
    int rc = sn_request_receive(r, w->fd, err);
    w->started_ns = sn_now_ns();
    if (rc == 0 && !r->keep && w->pagemap >= 0)
        close(SN_STEAL_FD(w->pagemap)); /* of use in a session only */
    if (rc == 0 && !r->make_image)
        rc = sn_instance_set_memory_limit(w->instance, r->memory_limit_bytes, err);
    if (rc == 0 && r->state_fd >= 0) {
        w->before.runs = r->runs;
        w->before.runs_count = r->runs_count;
        rc = sn_state_load(&w->before, w->instance, w->wasi, r->state_fd, r->state_memory_bytes,
                           r->blob, r->blob_bytes, err);
        close(SN_STEAL_FD(r->state_fd));
    }
    if (rc == 0)
        rc = add_files(w, err);
    if (rc == 0 && r->workspace_bytes)
        rc = sn_vfs_set_workspace(w->vfs, "/workspace", r->workspace_bytes, err);
    if (rc == 0 && !r->records)
        rc = sn_wasi_set_args(w->wasi, r->args, r->args_count, err);
    if (rc == 0 && r->deterministic) {
        sn_wasi_sources sources = sn_wasi_deterministic(&w->deterministic, r->seed, r->time_ns);
        sn_wasi_set_sources(w->wasi, &sources);
    }
    return rc;
}

static int run_job(sn_call *call, worker *w, sn_error *err) {
    int rc = get_ready(w, err);
    if (rc == 0)
        rc = take_request(w, err);
    if (rc < 0)
        return rc;
    if (w->request.make_image)
        return make_image(w, err);
    if (!w->interpreter->is_guest)
        return sn_instance_call(call, w->instance, "_start", NULL, 0, err);
    if (!w->interpreter->image)
        rc = start_guest(w, err);
    if (rc < 0)
        return rc;
    sn_stopper_start_clock(w->request.timeout_ns);
    return run_guest(call, w, err);
}

/* Of the one thread there is: where a limit of CPU time is set, Linux gives that of the process as
 * it was at the last tick. */
static uint64_t cpu_ns(void) {
    struct timespec used = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* An interpreter that was left in the middle of a call is in no state to go on from. */
static int keep_state(worker *w, const sn_call *call, sn_error *err) {
    sn_error why = SN_ERROR_INIT;
    if (call->outcome == SN_TRAPPED)
        return 0;
    if (call->outcome == SN_EXITED)
        sn_fail(&why, SN_EINVALID_ARGUMENT, "os._exit() ended the interpreter");
    else if (sn_state_send(w->fd, w->request.outbox_fd, w->instance, w->wasi, w->pagemap,
                           &w->before, &why) == 0)
        return 0;
    int sent = sn_frame_send(w->fd, SN_FRAME_UNSAVED, &why, sizeof why);
    return sent < 0 ? sn_fail_errno(err, SN_EUNAVAILABLE, -sent, "the supervisor is gone") : 0;
}

_Noreturn void sn_worker_main(sn_worker *w, int fd, const sn_jail *jail, const char *profile_path) {
    sn_error err = SN_ERROR_INIT;
    sn_call call = {0};
    w->fd = fd;
    w->pagemap = sn_pagemap_open();
    int rc = jail ? sn_jail_enter(jail, (int[]){fd, w->pagemap}, 2, &err) : 0;
    if (rc == 0)
        rc = run_job(&call, w, &err);
    if (rc == 0 && w->request.keep) {
        sn_stopper_disarm();
        rc = keep_state(w, &call, &err);
    }
    if (rc == 0 && profile_path)
        rc = sn_native_write_profile(w->interpreter->native, profile_path, &err);
    if (rc < 0) {
        (void)!sn_frame_send(fd, SN_FRAME_FAULT, &err, sizeof err);
        _exit(1);
    }
    sn_frame_done done = {
        .outcome = call.outcome,
        .exit_code = call.exit_code,
        .trap = call.trap,
        .grow_refused = w->memory->grow_refused,
        .stop = (uint32_t)sn_stopper_why(),
        .started_ns = w->started_ns,
        .cpu_ns = cpu_ns(),
        .memory_bytes = w->memory->size_bytes,
    };
    (void)!sn_frame_send(fd, SN_FRAME_DONE, &done, sizeof done);
    _exit(0); /* no destructor, no atexit handler: they belong to the program that was forked */
}
