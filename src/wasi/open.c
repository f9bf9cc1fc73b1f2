/*
 * open.c - path_open: what may be opened how, and the rights of the new descriptor.
 *
 * A new descriptor gets the rights it was asked for, as far as they can apply to what it is; asking
 * for more than the folder hands on is refused. The order of checks is that of open() on Linux. The
 * number is found before the file is made or cut, so that a full table changes nothing.
 */
#include "wasi/calls.h"
#include "wasi/path.h"
#include "wasi/state.h"
#include "wasi/workspace.h"

#define WRITING (SN_RIGHT_FD_WRITE | SN_RIGHT_FD_ALLOCATE | SN_RIGHT_FD_FILESTAT_SET_SIZE)

struct request {
    bool follow;
    uint32_t oflags, fdflags;
    uint64_t base, inheriting;
};

/* What the folder must allow. */
static int check_rights(const sn_fd *dir, const struct request *request) {
    uint64_t need = SN_RIGHT_PATH_OPEN, hand_on = request->base | request->inheriting;
    if (request->oflags & SN_OFLAG_CREAT)
        need |= SN_RIGHT_PATH_CREATE_FILE;
    if (request->oflags & SN_OFLAG_TRUNC)
        need |= SN_RIGHT_PATH_FILESTAT_SET_SIZE;
    if (request->fdflags & SN_FDFLAG_DSYNC)
        hand_on |= SN_RIGHT_FD_DATASYNC;
    if (request->fdflags & (SN_FDFLAG_RSYNC | SN_FDFLAG_SYNC))
        hand_on |= SN_RIGHT_FD_SYNC;
    if ((need & ~dir->rights) || (hand_on & ~dir->inheriting))
        return SN_WASI_NOTCAPABLE;
    return 0;
}

static int open_existing(sn_wasi *wasi, const sn_lookup *at, const struct request *request) {
    const sn_node *node = &wasi->vfs->nodes[at->node];
    bool writes = request->base & WRITING || request->oflags & SN_OFLAG_TRUNC;
    if (request->oflags & SN_OFLAG_CREAT && request->oflags & SN_OFLAG_EXCL)
        return SN_WASI_EXIST;
    if (node->type == SN_FILETYPE_DIRECTORY)
        return writes || request->oflags & SN_OFLAG_CREAT ? SN_WASI_ISDIR : SN_WASI_OK;
    if (request->oflags & SN_OFLAG_DIRECTORY)
        return SN_WASI_NOTDIR;
    if (node->type == SN_FILETYPE_SYMBOLIC_LINK)
        return SN_WASI_LOOP;
    if (writes && !node->space)
        return SN_WASI_ROFS;
    if (request->oflags & SN_OFLAG_TRUNC)
        return sn_file_resize(wasi->vfs, at->node, 0, sn_wasi_now(wasi));
    return 0;
}

/* Finds or makes what is to be open. */
static int find_node(uint32_t *out, sn_wasi *wasi, const sn_fd *dir, const char *path,
                     uint32_t path_len, const struct request *request) {
    bool exclusive = request->oflags & SN_OFLAG_CREAT && request->oflags & SN_OFLAG_EXCL;
    sn_lookup at;
    int e = sn_path_lookup(&at, wasi->vfs, dir->node, path, path_len,
                           exclusive         ? SN_NAME
                           : request->follow ? SN_FOLLOW
                                             : SN_NOFOLLOW);
    if (e)
        return e;
    *out = at.node;
    if (at.node)
        return open_existing(wasi, &at, request);
    if (!(request->oflags & SN_OFLAG_CREAT))
        return SN_WASI_NOENT;
    if (at.slash)
        return SN_WASI_ISDIR;
    return sn_workspace_create(out, wasi->vfs, &at, SN_FILETYPE_REGULAR_FILE, sn_wasi_now(wasi));
}

static void take_number(sn_wasi *wasi, uint32_t fd, uint32_t node, const struct request *request) {
    bool folder = wasi->vfs->nodes[node].type == SN_FILETYPE_DIRECTORY;
    wasi->vfs->nodes[node].opens++;
    wasi->fds[fd] = (sn_fd){
        .kind = folder ? SN_FD_DIR : SN_FD_FILE,
        .flags = folder ? 0 : (uint16_t)request->fdflags,
        .node = node,
        .rights = request->base & (folder ? SN_RIGHTS_DIR : SN_RIGHTS_FILE),
        .inheriting = folder ? request->inheriting : 0,
    };
}

uint32_t sn_wasi_path_open(void *context, uint32_t fd, uint32_t dirflags, uint32_t path,
                           uint32_t path_len, uint32_t oflags, uint64_t base, uint64_t inheriting,
                           uint32_t fdflags, uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *dir;
    int e = sn_fd_get_dir(&dir, wasi, fd, 0);
    if (e)
        return (uint32_t)e;
    if (dirflags & ~(uint32_t)SN_LOOKUP_FOLLOW || oflags & ~(uint32_t)SN_OFLAGS_ALL ||
        fdflags & ~(uint32_t)SN_FDFLAGS_ALL ||
        (oflags & SN_OFLAG_CREAT && oflags & SN_OFLAG_DIRECTORY))
        return SN_WASI_INVAL;
    struct request request = {dirflags & SN_LOOKUP_FOLLOW, oflags, fdflags, base, inheriting};
    e = check_rights(dir, &request);
    if (e)
        return (uint32_t)e;
    void *to = sn_guest(wasi, result, 4);
    const char *text = sn_guest(wasi, path, path_len);
    if (!to || !text)
        return SN_WASI_FAULT;

    uint32_t number, node;
    e = sn_fd_find_free(&number, wasi);
    dir = &wasi->fds[fd]; /* the table may have moved */
    if (!e)
        e = find_node(&node, wasi, dir, text, path_len, &request);
    if (e)
        return (uint32_t)e;
    take_number(wasi, number, node, &request);
    sn_put32(to, number);
    return SN_WASI_OK;
}
