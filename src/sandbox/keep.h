/*
 * keep.h - the worker's side of a state (state.h): takes a fresh guest to it, and sends what a
 * guest has become.
 */
#ifndef SN_SANDBOX_KEEP_H
#define SN_SANDBOX_KEEP_H

#include "sandbox/image.h"
#include "sandbox/state.h"
#include "wasm/instance.h"

/* Pages of linear memory, or of files, that lie together in the state. */
typedef struct sn_state_run {
    uint32_t first;
    uint32_t count;
} sn_state_run;

/* What a guest's memory was before it ran: the image, and over it a state. */
typedef struct sn_before {
    const sn_image *image;
    const uint8_t *map; /* the state's pages, at their own addresses; NULL: no state */
    const sn_state_run *runs;
    size_t runs_count;
} sn_before;

/*
 * Puts a state into an instance and a world that are as the base image has them, and completes
 * `before`, whose runs say what there is. `fd` stays the caller's. Large runs are mapped and read
 * when they are touched, so this does not take longer the more a session holds. SN_EUNAVAILABLE:
 * damaged, or of another interpreter; SN_EINVALID_ARGUMENT: the memory limit is too low for it.
 */
SN_WARN_UNUSED int sn_state_load(sn_before *before, sn_instance *instance, sn_wasi *wasi, int fd,
                                 uint64_t memory_bytes, const void *blob, size_t blob_bytes,
                                 sn_error *err);

/* Sends what a guest is now, as frames: of its memory what is not as before. `pagemap`: pagemap.h.
 * Errors: what sn_wasi_save() says, or SN_EUNAVAILABLE: the supervisor is gone. */
SN_WARN_UNUSED int sn_state_send(int fd, int outbox, sn_instance *instance, sn_wasi *wasi,
                                 int pagemap, const sn_before *before, sn_error *err);

#endif
