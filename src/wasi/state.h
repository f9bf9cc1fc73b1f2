/*
 * state.h - the inside of sn_wasi: the table of descriptors, and how host functions reach the
 * guest's memory. For src/wasi only.
 *
 * The state of a guest is the tree (tree.h) and the descriptors here: plain structs that refer to
 * nodes by index, so both can be written out between two calls. All else in sn_wasi is what the
 * host gave it.
 *
 * Rules of every host function: the guest's structs are copied before they are looked at, all
 * ranges of memory (those of the results too) are checked before anything is done, and a result is
 * written last, so that pointers which overlap in silly ways spoil only the guest's own memory.
 */
#ifndef SN_WASI_STATE_H
#define SN_WASI_STATE_H

#include "wasi/abi.h"
#include "wasi/tree.h"
#include "wasi/wasi.h"

#include <signal.h>
#include <string.h>

enum {
    SN_FDS_MAX = 1024,
    SN_IOVECS_MAX = 1024,
    SN_PREOPEN_FD = 3,
    SN_DEVICE_STREAMS = 1, /* st_dev of the standard streams */
    SN_DEVICE_TREE = 2,    /* and of files */
};

enum sn_fd_kind {
    SN_FD_FREE,
    SN_FD_STREAM, /* standard input, output or error */
    SN_FD_FILE,
    SN_FD_DIR,
};

typedef struct sn_fd {
    uint8_t kind;
    bool preopen; /* the folder that fd_prestat_get() tells of */
    uint16_t flags;
    uint32_t node; /* of the tree; SN_FD_STREAM: 0 input, 1 output, 2 error */
    uint64_t offset;
    uint64_t rights;
    uint64_t inheriting;
    uint32_t hint; /* SN_FD_DIR: the entry given last by readdir, if it is still that one; derived,
                      may be 0 */
} sn_fd;

struct sn_wasi {
    sn_memory *memory;
    sn_vfs *vfs;
    sn_fd *fds;
    uint32_t fds_count;  /* slots; those that are free are zero */
    uint32_t fds_lowest; /* no slot below is free */
    sn_wasi_options options;
    sn_wasi_sources sources;
    uint64_t monotonic_offset_ns; /* what the host's clock is behind the guest's (snapshot.h) */
    volatile sig_atomic_t interrupted;
};

/* The descriptor `fd` with at least these rights: BADF, NOTCAPABLE. */
static inline int sn_fd_get(sn_fd **out, sn_wasi *wasi, uint32_t fd, uint64_t rights) {
    if (fd >= wasi->fds_count || wasi->fds[fd].kind == SN_FD_FREE)
        return SN_WASI_BADF;
    *out = &wasi->fds[fd];
    return (rights & ~wasi->fds[fd].rights) ? SN_WASI_NOTCAPABLE : SN_WASI_OK;
}

/* As sn_fd_get() for a folder; also NOTDIR. */
SN_WARN_UNUSED int sn_fd_get_dir(sn_fd **out, sn_wasi *wasi, uint32_t fd, uint64_t rights);

/* A free number, the lowest: MFILE, NOMEM. It is taken once its `kind` is set. Moves the table. */
SN_WARN_UNUSED int sn_fd_find_free(uint32_t *out, sn_wasi *wasi);

/* Frees the number and lets go of the node. */
void sn_fd_close(sn_wasi *wasi, uint32_t fd);

static inline void *sn_guest(const sn_wasi *wasi, sn_gaddr at, uint64_t bytes) {
    return sn_memory_range(wasi->memory, at, bytes);
}

static inline void sn_put32(void *at, uint32_t value) {
    memcpy(at, &value, sizeof value);
}

static inline void sn_put64(void *at, uint64_t value) {
    memcpy(at, &value, sizeof value);
}

/* Real time, for the tree's timestamps. */
uint64_t sn_wasi_now(const sn_wasi *wasi);

/* The host's own sources; `user` is the sn_wasi. */
extern const sn_wasi_sources sn_wasi_host_sources;

#endif
