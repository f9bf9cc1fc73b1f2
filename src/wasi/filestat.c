/*
 * filestat.c - what is known of a file: size, times, numbers; and setting its size and times.
 *
 * Reading does not move the access time, as on a disk that is mounted with noatime.
 */
#include "wasi/calls.h"
#include "wasi/path.h"
#include "wasi/state.h"
#include "wasi/workspace.h"

static void fill(sn_abi_filestat *out, const sn_node *node) {
    *out = (sn_abi_filestat){
        .dev = SN_DEVICE_TREE,
        .ino = node->ino,
        .filetype = node->type,
        .nlink = node->links,
        .size = node->type == SN_FILETYPE_DIRECTORY ? 0 : node->file.bytes,
        .atim = node->atim,
        .mtim = node->mtim,
        .ctim = node->ctim,
    };
}

static int set_times(sn_wasi *wasi, uint32_t index, uint64_t atim, uint64_t mtim, uint32_t flags) {
    if (flags & ~(uint32_t)SN_FSTFLAGS_ALL)
        return SN_WASI_INVAL;
    if ((flags & SN_FST_ATIM && flags & SN_FST_ATIM_NOW) ||
        (flags & SN_FST_MTIM && flags & SN_FST_MTIM_NOW))
        return SN_WASI_INVAL;
    sn_node *node = &wasi->vfs->nodes[index];
    if (!node->space)
        return SN_WASI_ROFS;
    uint64_t now = sn_wasi_now(wasi);
    if (flags & (SN_FST_ATIM | SN_FST_ATIM_NOW))
        node->atim = flags & SN_FST_ATIM ? atim : now;
    if (flags & (SN_FST_MTIM | SN_FST_MTIM_NOW))
        node->mtim = flags & SN_FST_MTIM ? mtim : now;
    node->ctim = now;
    return 0;
}

uint32_t sn_wasi_fd_filestat_get(void *context, uint32_t fd, uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, SN_RIGHT_FD_FILESTAT_GET);
    if (e)
        return (uint32_t)e;
    sn_abi_filestat stat = {
        .dev = SN_DEVICE_STREAMS,
        .ino = file->node + 1,
        .filetype = SN_FILETYPE_CHARACTER_DEVICE,
        .nlink = 1,
    };
    void *to = sn_guest(wasi, result, sizeof stat);
    if (!to)
        return SN_WASI_FAULT;
    if (file->kind != SN_FD_STREAM)
        fill(&stat, &wasi->vfs->nodes[file->node]);
    memcpy(to, &stat, sizeof stat);
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_filestat_set_size(void *context, uint32_t fd, uint64_t size) {
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, 0);
    if (e)
        return (uint32_t)e;
    if (file->kind != SN_FD_FILE)
        return SN_WASI_INVAL;
    if (!(file->rights & SN_RIGHT_FD_FILESTAT_SET_SIZE))
        return SN_WASI_NOTCAPABLE;
    return (uint32_t)sn_file_resize(wasi->vfs, file->node, size, sn_wasi_now(wasi));
}

uint32_t sn_wasi_fd_filestat_set_times(void *context, uint32_t fd, uint64_t atim, uint64_t mtim,
                                       uint32_t fst_flags) {
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, SN_RIGHT_FD_FILESTAT_SET_TIMES);
    if (e)
        return (uint32_t)e;
    return (uint32_t)set_times(wasi, file->node, atim, mtim, fst_flags);
}

/* What a path leads to, which must be there. */
static int find(uint32_t *node, sn_wasi *wasi, uint32_t fd, uint64_t right, uint32_t flags,
                sn_gaddr path, uint32_t path_len) {
    sn_fd *dir;
    int e = sn_fd_get_dir(&dir, wasi, fd, right);
    if (e)
        return e;
    if (flags & ~(uint32_t)SN_LOOKUP_FOLLOW)
        return SN_WASI_INVAL;
    const char *text = sn_guest(wasi, path, path_len);
    if (!text)
        return SN_WASI_FAULT;
    sn_lookup at;
    e = sn_path_lookup(&at, wasi->vfs, dir->node, text, path_len,
                       flags & SN_LOOKUP_FOLLOW ? SN_FOLLOW : SN_NOFOLLOW);
    if (e)
        return e;
    *node = at.node;
    return at.node ? SN_WASI_OK : SN_WASI_NOENT;
}

uint32_t sn_wasi_path_filestat_get(void *context, uint32_t fd, uint32_t flags, uint32_t path,
                                   uint32_t path_len, uint32_t result) {
    sn_wasi *wasi = context;
    sn_abi_filestat stat;
    void *to = sn_guest(wasi, result, sizeof stat);
    if (!to)
        return SN_WASI_FAULT;
    uint32_t node;
    int e = find(&node, wasi, fd, SN_RIGHT_PATH_FILESTAT_GET, flags, path, path_len);
    if (e)
        return (uint32_t)e;
    fill(&stat, &wasi->vfs->nodes[node]);
    memcpy(to, &stat, sizeof stat);
    return SN_WASI_OK;
}

uint32_t sn_wasi_path_filestat_set_times(void *context, uint32_t fd, uint32_t flags, uint32_t path,
                                         uint32_t path_len, uint64_t atim, uint64_t mtim,
                                         uint32_t fst_flags) {
    sn_wasi *wasi = context;
    uint32_t node;
    int e = find(&node, wasi, fd, SN_RIGHT_PATH_FILESTAT_SET_TIMES, flags, path, path_len);
    return (uint32_t)(e ? e : set_times(wasi, node, atim, mtim, fst_flags));
}
