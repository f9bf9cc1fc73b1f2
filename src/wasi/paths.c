/*
 * paths.c - calls that make, move and remove names: folders, links, files.
 *
 * Each resolves its paths from a folder's descriptor (path.h) and leaves the change itself to
 * workspace.h. A symbolic link's target must be relative: an absolute one could never be followed.
 */
#include "util/utf8.h"
#include "wasi/calls.h"
#include "wasi/path.h"
#include "wasi/state.h"
#include "wasi/workspace.h"

static int find(sn_lookup *out, sn_wasi *wasi, uint32_t fd, uint64_t right, sn_gaddr path,
                uint32_t path_len, enum sn_follow follow) {
    sn_fd *dir;
    int e = sn_fd_get_dir(&dir, wasi, fd, right);
    if (e)
        return e;
    const char *text = sn_guest(wasi, path, path_len);
    if (!text)
        return SN_WASI_FAULT;
    return sn_path_lookup(out, wasi->vfs, dir->node, text, path_len, follow);
}

uint32_t sn_wasi_path_create_directory(void *context, uint32_t fd, uint32_t path,
                                       uint32_t path_len) {
    sn_wasi *wasi = context;
    sn_lookup at;
    int e = find(&at, wasi, fd, SN_RIGHT_PATH_CREATE_DIRECTORY, path, path_len, SN_NAME);
    uint32_t node;
    if (!e)
        e = sn_workspace_create(&node, wasi->vfs, &at, SN_FILETYPE_DIRECTORY, sn_wasi_now(wasi));
    return (uint32_t)e;
}

uint32_t sn_wasi_path_remove_directory(void *context, uint32_t fd, uint32_t path,
                                       uint32_t path_len) {
    sn_wasi *wasi = context;
    sn_lookup at;
    int e = find(&at, wasi, fd, SN_RIGHT_PATH_REMOVE_DIRECTORY, path, path_len, SN_NAME);
    return (uint32_t)(e ? e : sn_workspace_rmdir(wasi->vfs, &at, sn_wasi_now(wasi)));
}

uint32_t sn_wasi_path_unlink_file(void *context, uint32_t fd, uint32_t path, uint32_t path_len) {
    sn_wasi *wasi = context;
    sn_lookup at;
    int e = find(&at, wasi, fd, SN_RIGHT_PATH_UNLINK_FILE, path, path_len, SN_NAME);
    return (uint32_t)(e ? e : sn_workspace_unlink(wasi->vfs, &at, sn_wasi_now(wasi)));
}

uint32_t sn_wasi_path_link(void *context, uint32_t old_fd, uint32_t old_flags, uint32_t old_path,
                           uint32_t old_len, uint32_t new_fd, uint32_t new_path, uint32_t new_len) {
    sn_wasi *wasi = context;
    if (old_flags & ~(uint32_t)SN_LOOKUP_FOLLOW)
        return SN_WASI_INVAL;
    sn_lookup from, to;
    int e = find(&from, wasi, old_fd, SN_RIGHT_PATH_LINK_SOURCE, old_path, old_len,
                 old_flags & SN_LOOKUP_FOLLOW ? SN_FOLLOW : SN_NOFOLLOW);
    if (!e)
        e = find(&to, wasi, new_fd, SN_RIGHT_PATH_LINK_TARGET, new_path, new_len, SN_NAME);
    if (!e && !from.node)
        e = SN_WASI_NOENT;
    return (uint32_t)(e ? e : sn_workspace_link(wasi->vfs, from.node, &to, sn_wasi_now(wasi)));
}

uint32_t sn_wasi_path_rename(void *context, uint32_t fd, uint32_t old_path, uint32_t old_len,
                             uint32_t new_fd, uint32_t new_path, uint32_t new_len) {
    sn_wasi *wasi = context;
    sn_lookup from, to;
    int e = find(&from, wasi, fd, SN_RIGHT_PATH_RENAME_SOURCE, old_path, old_len, SN_NAME);
    if (!e)
        e = find(&to, wasi, new_fd, SN_RIGHT_PATH_RENAME_TARGET, new_path, new_len, SN_NAME);
    return (uint32_t)(e ? e : sn_workspace_rename(wasi->vfs, &from, &to, sn_wasi_now(wasi)));
}

static int check_target(const char *target, uint32_t bytes) {
    if (bytes == 0)
        return SN_WASI_NOENT;
    if (bytes > SN_PATH_MAX_BYTES)
        return SN_WASI_NAMETOOLONG;
    if (memchr(target, '\0', bytes))
        return SN_WASI_INVAL;
    if (sn_utf8_valid_prefix(target, bytes) != bytes)
        return SN_WASI_ILSEQ;
    return target[0] == '/' ? SN_WASI_NOTCAPABLE : SN_WASI_OK;
}

uint32_t sn_wasi_path_symlink(void *context, uint32_t target, uint32_t target_len, uint32_t fd,
                              uint32_t path, uint32_t path_len) {
    sn_wasi *wasi = context;
    const char *text = sn_guest(wasi, target, target_len);
    if (!text)
        return SN_WASI_FAULT;
    sn_lookup at;
    int e = find(&at, wasi, fd, SN_RIGHT_PATH_SYMLINK, path, path_len, SN_NAME);
    if (!e)
        e = check_target(text, target_len);
    if (!e)
        e = sn_workspace_symlink(wasi->vfs, &at, text, target_len, sn_wasi_now(wasi));
    return (uint32_t)e;
}

/* Gives as much of the target as fits, without saying so, as readlink() does. */
uint32_t sn_wasi_path_readlink(void *context, uint32_t fd, uint32_t path, uint32_t path_len,
                               uint32_t buf, uint32_t buf_len, uint32_t result) {
    sn_wasi *wasi = context;
    void *to = sn_guest(wasi, buf, buf_len);
    void *to_result = sn_guest(wasi, result, 4);
    if (!to || !to_result)
        return SN_WASI_FAULT;
    sn_lookup at;
    int e = find(&at, wasi, fd, SN_RIGHT_PATH_READLINK, path, path_len, SN_NOFOLLOW);
    if (e)
        return (uint32_t)e;
    if (!at.node)
        return SN_WASI_NOENT;
    const sn_node *node = &wasi->vfs->nodes[at.node];
    if (node->type != SN_FILETYPE_SYMBOLIC_LINK)
        return SN_WASI_INVAL;
    uint32_t bytes = node->file.bytes < buf_len ? (uint32_t)node->file.bytes : buf_len;
    memcpy(to, node->file.data, bytes);
    sn_put32(to_result, bytes);
    return SN_WASI_OK;
}
