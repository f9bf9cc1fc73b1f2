/*
 * fds.c - the table of descriptors: numbers, rights and flags, closing and renumbering, the
 * preopened folder.
 *
 * Numbers are given lowest first, as POSIX programs expect. Rights only ever shrink. The standard
 * streams look like a terminal that can seek, which no terminal can: fstat() works and says
 * "character device", and wasi-libc's isatty() answers no.
 */
#include "wasi/calls.h"
#include "wasi/state.h"

#include <stdlib.h>

static const char preopen_name[] = "/";

enum {
    PREOPEN_NAME_BYTES = sizeof preopen_name - 1,
};

int sn_fd_get_dir(sn_fd **out, sn_wasi *wasi, uint32_t fd, uint64_t rights) {
    int e = sn_fd_get(out, wasi, fd, 0);
    if (e)
        return e;
    if ((*out)->kind != SN_FD_DIR)
        return SN_WASI_NOTDIR;
    return rights & ~(*out)->rights ? SN_WASI_NOTCAPABLE : SN_WASI_OK;
}

int sn_fd_find_free(uint32_t *out, sn_wasi *wasi) {
    uint32_t fd = wasi->fds_lowest;
    while (fd < wasi->fds_count && wasi->fds[fd].kind != SN_FD_FREE)
        fd++;
    wasi->fds_lowest = fd;
    *out = fd;
    if (fd < wasi->fds_count)
        return 0;
    if (fd == SN_FDS_MAX)
        return SN_WASI_MFILE;
    uint32_t count = wasi->fds_count * 2;
    sn_fd *fds = realloc(wasi->fds, count * sizeof *fds);
    if (!fds)
        return SN_WASI_NOMEM;
    memset(fds + wasi->fds_count, 0, (count - wasi->fds_count) * sizeof *fds);
    wasi->fds = fds;
    wasi->fds_count = count;
    return 0;
}

void sn_fd_close(sn_wasi *wasi, uint32_t fd) {
    sn_fd old = wasi->fds[fd];
    wasi->fds[fd] = (sn_fd){0};
    if (fd < wasi->fds_lowest)
        wasi->fds_lowest = fd;
    if (old.kind == SN_FD_STREAM)
        return;
    wasi->vfs->nodes[old.node].opens--;
    sn_tree_release(wasi->vfs, old.node);
}

uint32_t sn_wasi_fd_close(void *context, uint32_t fd) {
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, 0);
    if (!e)
        sn_fd_close(wasi, fd);
    return (uint32_t)e;
}

uint32_t sn_wasi_fd_renumber(void *context, uint32_t fd, uint32_t to) {
    sn_wasi *wasi = context;
    sn_fd *from, *over;
    int e = sn_fd_get(&from, wasi, fd, 0);
    if (!e)
        e = sn_fd_get(&over, wasi, to, 0);
    if (e || fd == to)
        return (uint32_t)e;
    sn_fd moved = *from;
    sn_fd_close(wasi, to);
    wasi->fds[to] = moved;
    wasi->fds[fd] = (sn_fd){0};
    if (fd < wasi->fds_lowest)
        wasi->fds_lowest = fd;
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_fdstat_get(void *context, uint32_t fd, uint32_t result) {
    static const uint8_t types[] = {
        [SN_FD_STREAM] = SN_FILETYPE_CHARACTER_DEVICE,
        [SN_FD_FILE] = SN_FILETYPE_REGULAR_FILE,
        [SN_FD_DIR] = SN_FILETYPE_DIRECTORY,
    };
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, 0);
    if (e)
        return (uint32_t)e;
    sn_abi_fdstat stat = {
        .filetype = types[file->kind],
        .flags = file->flags,
        .rights_base = file->rights,
        .rights_inheriting = file->inheriting,
    };
    void *to = sn_guest(wasi, result, sizeof stat);
    if (!to)
        return SN_WASI_FAULT;
    memcpy(to, &stat, sizeof stat);
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_fdstat_set_flags(void *context, uint32_t fd, uint32_t flags) {
    sn_fd *file;
    int e = sn_fd_get(&file, context, fd, SN_RIGHT_FD_FDSTAT_SET_FLAGS);
    if (e)
        return (uint32_t)e;
    if (flags & ~(uint32_t)SN_FDFLAGS_ALL)
        return SN_WASI_INVAL;
    file->flags = (uint16_t)flags;
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_fdstat_set_rights(void *context, uint32_t fd, uint64_t base,
                                      uint64_t inheriting) {
    sn_fd *file;
    int e = sn_fd_get(&file, context, fd, 0);
    if (e)
        return (uint32_t)e;
    if ((base & ~file->rights) || (inheriting & ~file->inheriting))
        return SN_WASI_NOTCAPABLE;
    file->rights = base;
    file->inheriting = inheriting;
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_prestat_get(void *context, uint32_t fd, uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, 0);
    if (e || !file->preopen)
        return SN_WASI_BADF;
    sn_abi_prestat stat = {.name_len = PREOPEN_NAME_BYTES};
    void *to = sn_guest(wasi, result, sizeof stat);
    if (!to)
        return SN_WASI_FAULT;
    memcpy(to, &stat, sizeof stat);
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_prestat_dir_name(void *context, uint32_t fd, uint32_t path, uint32_t path_len) {
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, 0);
    if (e || !file->preopen)
        return SN_WASI_BADF;
    if (path_len < PREOPEN_NAME_BYTES)
        return SN_WASI_NAMETOOLONG;
    void *to = sn_guest(wasi, path, path_len);
    if (!to)
        return SN_WASI_FAULT;
    memcpy(to, preopen_name, PREOPEN_NAME_BYTES);
    return SN_WASI_OK;
}
