/*
 * workspace.c - changes that a guest makes to names: create, link, remove, rename. See workspace.h.
 *
 * The order of the checks is the one of Linux, as far as a caller can see it: what is there (EXIST,
 * NOENT, ISDIR...) is told before that nothing may be changed (ROFS). Programs rely on it:
 * os.makedirs(exist_ok=True) on a read-only folder must find that the folder exists.
 */
#include "wasi/workspace.h"

#include <stdlib.h>
#include <string.h>

/* A folder's times after a change. They always rise, by a step that survives the conversion to a
 * double of seconds: import finders compare them to see whether a folder has changed. */
static void touch_dir(sn_vfs *vfs, uint32_t dir, uint64_t now_ns) {
    sn_node *node = &vfs->nodes[dir];
    node->mtim = now_ns > node->mtim ? now_ns : node->mtim + 1000;
    node->ctim = node->mtim;
}

static bool is_dir(const sn_vfs *vfs, uint32_t node) {
    return vfs->nodes[node].type == SN_FILETYPE_DIRECTORY;
}

/* Whether a name can be added at `at`. */
static int check_new(const sn_vfs *vfs, const sn_lookup *at) {
    if (at->node)
        return SN_WASI_EXIST;
    if (vfs->nodes[at->dir].links == 0)
        return SN_WASI_NOENT; /* the folder was removed while it was open */
    return vfs->nodes[at->dir].space ? 0 : SN_WASI_ROFS;
}

/* Gives a fresh node its name, or ends it. */
static int add_new(sn_vfs *vfs, const sn_lookup *at, uint32_t node, uint64_t now_ns) {
    int e = sn_tree_add(vfs, at->dir, at->name, at->name_bytes, node, true);
    if (e)
        sn_tree_release(vfs, node);
    else
        touch_dir(vfs, at->dir, now_ns);
    return e;
}

int sn_workspace_create(uint32_t *out, sn_vfs *vfs, const sn_lookup *at, uint8_t type,
                        uint64_t now_ns) {
    int e = check_new(vfs, at);
    if (!e)
        e = sn_tree_new_node(out, vfs, type, vfs->nodes[at->dir].space, now_ns);
    return e ? e : add_new(vfs, at, *out, now_ns);
}

int sn_workspace_symlink(sn_vfs *vfs, const sn_lookup *at, const char *target, size_t bytes,
                         uint64_t now_ns) {
    int e = check_new(vfs, at);
    if (!e && at->slash)
        e = SN_WASI_NOENT;
    if (e)
        return e;
    uint32_t node, space = vfs->nodes[at->dir].space;
    e = sn_tree_new_node(&node, vfs, SN_FILETYPE_SYMBOLIC_LINK, space, now_ns);
    if (e)
        return e;
    uint8_t *copy = NULL;
    e = sn_space_charge(vfs, space, bytes);
    if (!e && !(copy = malloc(bytes))) {
        sn_space_refund(vfs, space, bytes);
        e = SN_WASI_NOMEM;
    }
    if (e) {
        sn_tree_release(vfs, node);
        return e;
    }
    memcpy(copy, target, bytes);
    vfs->nodes[node].owned = true;
    vfs->nodes[node].file.data = copy;
    vfs->nodes[node].file.bytes = vfs->nodes[node].file.capacity = bytes;
    return add_new(vfs, at, node, now_ns);
}

int sn_workspace_link(sn_vfs *vfs, uint32_t node, const sn_lookup *at, uint64_t now_ns) {
    if (is_dir(vfs, node))
        return SN_WASI_PERM;
    int e = check_new(vfs, at);
    if (!e && at->slash)
        e = SN_WASI_NOENT;
    if (!e && vfs->nodes[node].space != vfs->nodes[at->dir].space)
        e = SN_WASI_XDEV;
    if (!e && vfs->nodes[node].links == UINT32_MAX)
        e = SN_WASI_MLINK;
    if (!e)
        e = sn_tree_add(vfs, at->dir, at->name, at->name_bytes, node, true);
    if (e)
        return e;
    vfs->nodes[node].ctim = now_ns;
    touch_dir(vfs, at->dir, now_ns);
    return 0;
}

static void remove_name(sn_vfs *vfs, const sn_lookup *at, uint64_t now_ns) {
    if (!is_dir(vfs, at->node))
        vfs->nodes[at->node].ctim = now_ns;
    sn_tree_remove(vfs, at->entry);
    touch_dir(vfs, at->dir, now_ns);
}

int sn_workspace_unlink(sn_vfs *vfs, const sn_lookup *at, uint64_t now_ns) {
    if (!at->node)
        return SN_WASI_NOENT;
    if (is_dir(vfs, at->node))
        return SN_WASI_ISDIR;
    if (!vfs->nodes[at->dir].space)
        return SN_WASI_ROFS;
    remove_name(vfs, at, now_ns);
    return 0;
}

int sn_workspace_rmdir(sn_vfs *vfs, const sn_lookup *at, uint64_t now_ns) {
    if (!at->node)
        return SN_WASI_NOENT;
    if (!at->entry)
        return SN_WASI_INVAL;
    if (!is_dir(vfs, at->node))
        return SN_WASI_NOTDIR;
    if (!vfs->nodes[at->dir].space)
        return SN_WASI_ROFS;
    if (vfs->nodes[at->node].dir.count)
        return SN_WASI_NOTEMPTY;
    remove_name(vfs, at, now_ns);
    return 0;
}

/* Whether `dir` is `ancestor` or lies below it. */
static bool is_below(const sn_vfs *vfs, uint32_t dir, uint32_t ancestor) {
    while (dir != ancestor) {
        uint32_t up = vfs->nodes[dir].parent;
        if (up == dir)
            return false;
        dir = up;
    }
    return true;
}

/* Whether what is at `to` can give way to what is at `from`. */
static int check_replace(const sn_vfs *vfs, const sn_lookup *from, const sn_lookup *to) {
    if (!is_dir(vfs, from->node))
        return is_dir(vfs, to->node) ? SN_WASI_ISDIR : 0;
    if (!is_dir(vfs, to->node))
        return SN_WASI_NOTDIR;
    return vfs->nodes[to->node].dir.count ? SN_WASI_NOTEMPTY : 0;
}

static int check_rename(const sn_vfs *vfs, const sn_lookup *from, const sn_lookup *to) {
    if (!from->node)
        return SN_WASI_NOENT;
    if (!from->dir || !to->dir)
        return SN_WASI_BUSY;
    bool folder = is_dir(vfs, from->node);
    if (to->slash && !folder)
        return SN_WASI_NOTDIR;
    if (vfs->nodes[to->dir].links == 0)
        return SN_WASI_NOENT;
    if (!vfs->nodes[from->dir].space || !vfs->nodes[to->dir].space)
        return SN_WASI_ROFS;
    if (vfs->nodes[from->dir].space != vfs->nodes[to->dir].space ||
        (folder && vfs->nodes[from->node].space != vfs->nodes[from->dir].space))
        return SN_WASI_XDEV;
    if (folder && is_below(vfs, to->dir, from->node))
        return SN_WASI_INVAL;
    return to->node && to->node != from->node ? check_replace(vfs, from, to) : 0;
}

int sn_workspace_rename(sn_vfs *vfs, const sn_lookup *from, const sn_lookup *to, uint64_t now_ns) {
    int e = check_rename(vfs, from, to);
    if (e || from->node == to->node)
        return e; /* two names of one file: POSIX leaves both */
    e = sn_tree_move(vfs, from->entry, to->dir, to->name, to->name_bytes, to->entry);
    if (e)
        return e;
    vfs->nodes[from->node].ctim = now_ns;
    touch_dir(vfs, from->dir, now_ns);
    if (to->dir != from->dir)
        touch_dir(vfs, to->dir, now_ns);
    return 0;
}
