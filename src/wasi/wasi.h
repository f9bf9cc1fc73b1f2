/*
 * wasi.h - WASI preview 1 (wasi_snapshot_preview1) for one guest, over a virtual file system
 * (vfs.h).
 *
 * Source: the witx definitions of wasi_snapshot_preview1. No call reaches a path, a socket or a
 * process of the host: the only ways out are the two output functions, the input, the clocks and
 * the random source below.
 */
#ifndef SN_WASI_WASI_H
#define SN_WASI_WASI_H

#include "wasi/vfs.h"
#include "wasm/host.h"
#include "wasm/memory.h"

typedef struct sn_wasi sn_wasi;

/* Takes what the guest wrote to fd 1 or 2. 0, or a WASI errno that the guest then sees. */
typedef int (*sn_wasi_output_fn)(void *user, int fd, const void *data, size_t bytes);

/* Waits until input is there and reads up to `bytes` of it. The number read, 0 at the end, or minus
 * a WASI errno. */
typedef int64_t (*sn_wasi_input_fn)(void *user, void *data, size_t bytes);

typedef struct sn_wasi_options {
    const char *const *args; /* argv; borrowed, must outlive the sn_wasi, like all pointers here */
    size_t args_count;
    const char *const *env; /* "NAME=value" */
    size_t env_count;
    sn_vfs *vfs;            /* preopened as fd 3, "/" */
    sn_wasi_input_fn input; /* NULL: stdin is empty */
    sn_wasi_output_fn output;
    void *user;
} sn_wasi_options;

#define SN_WASI_OPTIONS_INIT {0}

SN_WARN_UNUSED int sn_wasi_new(sn_wasi **out, const sn_wasi_options *options, sn_error *err);
void sn_wasi_free(sn_wasi *wasi);

/* Must be called before the guest runs. */
void sn_wasi_set_memory(sn_wasi *wasi, sn_memory *memory);

/* The host functions, ended by a name of NULL. Their context is the sn_wasi. proc_exit calls
 * sn_instance_exit(). */
extern const sn_host_func sn_wasi_funcs[];

#endif
