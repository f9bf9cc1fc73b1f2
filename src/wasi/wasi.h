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

/*
 * Takes what the guest wrote to fd 1 or 2, all of it. 0, or a WASI errno that the guest then sees;
 * a write of many large pieces is handed over piece by piece, and ends with the first refusal. It
 * may leave through sn_instance_exit(): nothing is held meanwhile.
 */
typedef int (*sn_wasi_output_fn)(void *user, int fd, const void *data, size_t bytes);

/* Waits until input is there and reads up to `bytes` of it. The number read, 0 at the end, or minus
 * a WASI errno. */
typedef int64_t (*sn_wasi_input_fn)(void *user, void *data, size_t bytes);

/* Waits at most `timeout_ns` (UINT64_MAX: for ever) until input, or its end, is there. 1: it is, 0:
 * not yet, or minus a WASI errno. */
typedef int (*sn_wasi_input_ready_fn)(void *user, uint64_t timeout_ns);

/*
 * Where time and chance come from, to be replaced as a whole (a deterministic run: fixed seed,
 * clock that moves only by sleeping). Each function gives 0 or a WASI errno.
 */
typedef struct sn_wasi_sources {
    /* Nanoseconds of a WASI clock: 0 real time, 1 monotonic, 2 process CPU, 3 thread CPU. */
    int (*clock)(void *user, uint32_t id, uint64_t *ns);
    int (*random)(void *user, void *data, size_t bytes);
    /* Lets so much time pass; 27 (intr) if something interrupted it. */
    int (*sleep)(void *user, uint64_t ns);
    void *user;
} sn_wasi_sources;

typedef struct sn_wasi_options {
    const char *const *args; /* argv; borrowed, must outlive the sn_wasi, like all pointers here */
    size_t args_count;
    const char *const *env; /* "NAME=value" */
    size_t env_count;
    sn_vfs *vfs;                        /* preopened as fd 3, "/"; NULL: no files */
    sn_wasi_input_fn input;             /* NULL: stdin is empty */
    sn_wasi_input_ready_fn input_ready; /* NULL: poll takes stdin for readable at any time */
    sn_wasi_output_fn output;           /* NULL: output vanishes */
    void *user;
    const sn_wasi_sources *sources; /* NULL: the host's clocks and getrandom(); copied */
} sn_wasi_options;

#define SN_WASI_OPTIONS_INIT {0}

/* Errors: SN_ERESOURCE_EXHAUSTED no memory, SN_EINVALID_ARGUMENT arguments or environment over
 * 16 MiB. */
SN_WARN_UNUSED int sn_wasi_new(sn_wasi **out, const sn_wasi_options *options, sn_error *err);
void sn_wasi_free(sn_wasi *wasi);

/* Must be called before the guest runs. */
void sn_wasi_set_memory(sn_wasi *wasi, sn_memory *memory);

/* Other arguments from now on; borrowed. SN_EINVALID_ARGUMENT: over 16 MiB. */
SN_WARN_UNUSED int sn_wasi_set_args(sn_wasi *wasi, const char *const *args, size_t count,
                                    sn_error *err);

/* Other clocks and randomness from now on. */
void sn_wasi_set_sources(sn_wasi *wasi, const sn_wasi_sources *sources);

/* Whether the guest's descriptors are what they were at the start: nothing opened, moved or closed,
 * so that a new sn_wasi may take this one's place. */
bool sn_wasi_is_pristine(const sn_wasi *wasi);

/* Ends the sleep (poll_oneoff) under way, or else the next one, as if it had passed: at once if
 * called from a signal handler (without SA_RESTART) of the sleeping thread, otherwise within 50 ms.
 * Of use only with the host's sleep. Async-signal-safe. */
void sn_wasi_interrupt(sn_wasi *wasi);

/* The host functions, ended by a name of NULL. Their context is the sn_wasi. proc_exit calls
 * sn_instance_exit(). */
extern const sn_host_func sn_wasi_funcs[];

#endif
