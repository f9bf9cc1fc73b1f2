/*
 * keep.h - the worker's side of a state (state.h): takes a fresh guest to it, and sends what a
 * guest has become.
 */
#ifndef SN_SANDBOX_KEEP_H
#define SN_SANDBOX_KEEP_H

#include "sandbox/state.h"
#include "wasm/instance.h"

/* Pages of linear memory that lie together in the state. */
typedef struct sn_state_run {
    uint32_t first;
    uint32_t count;
} sn_state_run;

/*
 * Puts a state into an instance and a world that are as the base image has them. `fd` stays the
 * caller's. Large runs are mapped and read when they are touched, so this does not take longer the
 * more a session holds. SN_EUNAVAILABLE: damaged, or of another interpreter; SN_EINVALID_ARGUMENT:
 * the memory limit is too low for it.
 */
SN_WARN_UNUSED int sn_state_load(sn_instance *instance, sn_wasi *wasi, int fd,
                                 uint64_t memory_bytes, const sn_state_run *runs, size_t runs_count,
                                 const void *blob, size_t blob_bytes, sn_error *err);

/* Sends what a guest is now, as frames. `pagemap`: pagemap.h. Errors: what sn_wasi_save() says, or
 * SN_EUNAVAILABLE: the supervisor is gone. */
SN_WARN_UNUSED int sn_state_send(int fd, sn_instance *instance, sn_wasi *wasi, int pagemap,
                                 sn_error *err);

#endif
