/*
 * wasi.c - an sn_wasi is made and freed here, and does what concerns the program as a whole:
 * arguments, environment, its end. The descriptors are in fds.c, io.c and readdir.c, paths in
 * paths.c and open.c, time and chance in clock.c and poll.c, what has no use here in sock.c.
 */
#include "wasi/wasi.h"

#include "util/error.h"
#include "wasi/calls.h"
#include "wasi/state.h"
#include "wasm/instance.h"

#include <stdlib.h>

enum {
    STRINGS_MAX_BYTES = 16 << 20, /* all arguments, or all of the environment */
};

/* Strings as a C program expects them: an array of addresses and a block that they point into. */
static uint64_t strings_bytes(const char *const *strings, size_t count) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(strings[i]) + 1;
    return bytes;
}

static int check_strings(const char *const *strings, size_t count, const char *what,
                         sn_error *err) {
    if (count > STRINGS_MAX_BYTES || strings_bytes(strings, count) > STRINGS_MAX_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s of more than %d bytes", what,
                       STRINGS_MAX_BYTES);
    return 0;
}

static uint32_t put_sizes(const sn_wasi *wasi, const char *const *strings, size_t count,
                          sn_gaddr count_at, sn_gaddr bytes_at) {
    void *to_count = sn_guest(wasi, count_at, 4);
    void *to_bytes = sn_guest(wasi, bytes_at, 4);
    if (!to_count || !to_bytes)
        return SN_WASI_FAULT;
    sn_put32(to_count, (uint32_t)count);
    sn_put32(to_bytes, (uint32_t)strings_bytes(strings, count));
    return SN_WASI_OK;
}

static uint32_t put_strings(const sn_wasi *wasi, const char *const *strings, size_t count,
                            sn_gaddr array_at, sn_gaddr block_at) {
    uint8_t *array = sn_guest(wasi, array_at, count * 4);
    uint8_t *block = sn_guest(wasi, block_at, strings_bytes(strings, count));
    if (!array || !block)
        return SN_WASI_FAULT;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(strings[i]) + 1;
        sn_put32(array + i * 4, block_at);
        memcpy(block, strings[i], bytes);
        block += bytes;
        block_at += (uint32_t)bytes;
    }
    return SN_WASI_OK;
}

static void open_first(sn_wasi *wasi) {
    for (uint32_t i = 0; i < 3; i++)
        wasi->fds[i] = (sn_fd){
            .kind = SN_FD_STREAM,
            .node = i,
            .rights = SN_RIGHTS_STREAM | (i == 0 ? SN_RIGHT_FD_READ : SN_RIGHT_FD_WRITE),
        };
    wasi->fds_lowest = SN_PREOPEN_FD;
    if (!wasi->vfs)
        return;
    wasi->fds[SN_PREOPEN_FD] = (sn_fd){
        .kind = SN_FD_DIR,
        .preopen = true,
        .node = SN_TREE_ROOT,
        .rights = SN_RIGHTS_DIR,
        .inheriting = SN_RIGHTS_DIR | SN_RIGHTS_FILE,
    };
    wasi->vfs->nodes[SN_TREE_ROOT].opens++;
    wasi->fds_lowest = SN_PREOPEN_FD + 1;
}

int sn_wasi_new(sn_wasi **out, const sn_wasi_options *options, sn_error *err) {
    int e = check_strings(options->args, options->args_count, "arguments", err);
    if (!e)
        e = check_strings(options->env, options->env_count, "an environment", err);
    if (e)
        return e;
    sn_wasi *wasi = calloc(1, sizeof *wasi);
    enum { FIRST_COUNT = 16 };
    if (wasi)
        wasi->fds = calloc(FIRST_COUNT, sizeof *wasi->fds);
    if (!wasi || !wasi->fds) {
        free(wasi);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the guest's descriptors");
    }
    wasi->fds_count = FIRST_COUNT;
    wasi->vfs = options->vfs;
    wasi->options = *options;
    if (options->sources) {
        wasi->sources = *options->sources;
    } else {
        wasi->sources = sn_wasi_host_sources;
        wasi->sources.user = wasi;
    }
    open_first(wasi);
    *out = wasi;
    return 0;
}

void sn_wasi_free(sn_wasi *wasi) {
    if (!wasi)
        return;
    for (uint32_t fd = 0; fd < wasi->fds_count; fd++)
        if (wasi->fds[fd].kind != SN_FD_FREE)
            sn_fd_close(wasi, fd);
    free(wasi->fds);
    free(wasi);
}

void sn_wasi_set_memory(sn_wasi *wasi, sn_memory *memory) {
    wasi->memory = memory;
}

int sn_wasi_set_args(sn_wasi *wasi, const char *const *args, size_t count, sn_error *err) {
    int e = check_strings(args, count, "arguments", err);
    if (e)
        return e;
    wasi->options.args = args;
    wasi->options.args_count = count;
    return 0;
}

void sn_wasi_set_sources(sn_wasi *wasi, const sn_wasi_sources *sources) {
    wasi->sources = *sources;
}

bool sn_wasi_is_pristine(const sn_wasi *wasi) {
    for (uint32_t i = 0; i < wasi->fds_count; i++) {
        const sn_fd *fd = &wasi->fds[i];
        enum sn_fd_kind first = i < SN_PREOPEN_FD                 ? SN_FD_STREAM
                                : i == SN_PREOPEN_FD && wasi->vfs ? SN_FD_DIR
                                                                  : SN_FD_FREE;
        if (fd->kind != first || fd->offset || fd->flags || (i < SN_PREOPEN_FD && fd->node != i))
            return false;
    }
    return true;
}

void sn_wasi_interrupt(sn_wasi *wasi) {
    wasi->interrupted = 1;
}

uint32_t sn_wasi_args_sizes_get(void *context, uint32_t count, uint32_t bytes) {
    const sn_wasi *wasi = context;
    return put_sizes(wasi, wasi->options.args, wasi->options.args_count, count, bytes);
}

uint32_t sn_wasi_args_get(void *context, uint32_t argv, uint32_t buf) {
    const sn_wasi *wasi = context;
    return put_strings(wasi, wasi->options.args, wasi->options.args_count, argv, buf);
}

uint32_t sn_wasi_environ_sizes_get(void *context, uint32_t count, uint32_t bytes) {
    const sn_wasi *wasi = context;
    return put_sizes(wasi, wasi->options.env, wasi->options.env_count, count, bytes);
}

uint32_t sn_wasi_environ_get(void *context, uint32_t array, uint32_t buf) {
    const sn_wasi *wasi = context;
    return put_strings(wasi, wasi->options.env, wasi->options.env_count, array, buf);
}

void sn_wasi_proc_exit(void *context, uint32_t code) {
    (void)context;
    sn_instance_exit(code);
}

/* Signals need a process to receive them. abort() of wasi-libc traps and does not come here. */
uint32_t sn_wasi_proc_raise(void *context, uint32_t sig) {
    (void)context;
    return sig > SN_SIGNAL_MAX ? SN_WASI_INVAL : SN_WASI_NOTSUP;
}
