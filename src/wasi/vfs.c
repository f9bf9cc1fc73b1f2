/*
 * vfs.c - the tree as the host sees it: made, filled with inputs and folders, freed. See vfs.h for
 * the contract and tree.h for how it is built.
 */
#include "wasi/tree.h"

#include "util/error.h"

#include <stdlib.h>
#include <string.h>

/* What went wrong with a path that the host wanted to lay down. */
static int fail(sn_error *err, int e, const char *path) {
    switch (e) {
    case SN_WASI_NOTDIR:
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%.256s: a file is in the way of its folder",
                       path);
    case SN_WASI_EXIST:
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%.256s: there is such a file already", path);
    case SN_WASI_INVAL:
        sn_fail(err, SN_EINVALID_ARGUMENT, "%.256s: not a path for a file", path);
        sn_hint(err, "Use names of 1 to %d bytes of UTF-8, without \".\" and \"..\".",
                SN_NAME_MAX_BYTES);
        return SN_EINVALID_ARGUMENT;
    case SN_WASI_NAMETOOLONG:
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%.64s...: longer than %d bytes", path,
                       SN_PATH_MAX_BYTES);
    default:
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "%.256s: no memory for it", path);
    }
}

static bool is_root(const char *path) {
    return strcmp(path, "/") == 0 || *path == '\0';
}

/* As sn_tree_prepare() for a C string; a '/' at its end is fine for a folder. */
static int prepare(uint32_t *dir, const char **name, size_t *bytes, sn_vfs *vfs, const char *path,
                   bool folder) {
    size_t length = strlen(path);
    if (length > SN_PATH_MAX_BYTES)
        return SN_WASI_NAMETOOLONG;
    if (folder && length > 1 && path[length - 1] == '/')
        length--;
    return sn_tree_prepare(dir, name, bytes, vfs, path, length, false);
}

/* The folder `path`, made if it isn't there. */
static int make_folder(uint32_t *out, sn_vfs *vfs, const char *path) {
    *out = SN_TREE_ROOT;
    if (is_root(path))
        return 0;
    uint32_t dir;
    const char *name;
    size_t bytes;
    int e = prepare(&dir, &name, &bytes, vfs, path, true);
    if (e)
        return e;
    uint32_t entry = sn_tree_find(vfs, dir, name, bytes);
    if (entry) {
        *out = vfs->entries[entry].node;
        return vfs->nodes[*out].type == SN_FILETYPE_DIRECTORY ? 0 : SN_WASI_EXIST;
    }
    e = sn_tree_new_node(out, vfs, SN_FILETYPE_DIRECTORY, 0, SN_TREE_EPOCH_NS);
    if (e)
        return e;
    e = sn_tree_add(vfs, dir, name, bytes, *out, true);
    if (e)
        sn_tree_release(vfs, *out);
    return e;
}

int sn_vfs_new(sn_vfs **out, sn_error *err) {
    sn_vfs *vfs = calloc(1, sizeof *vfs);
    if (!vfs)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a file system");
    vfs->nodes_used = vfs->entries_used = 1; /* slot 0 is "none" */
    vfs->spaces_count = 1;
    vfs->next_ino = 1;
    uint32_t root;
    int e = sn_tree_reserve(vfs, 63);
    if (!e)
        e = sn_tree_new_node(&root, vfs, SN_FILETYPE_DIRECTORY, 0, SN_TREE_EPOCH_NS);
    if (e) {
        sn_vfs_free(vfs);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a file system");
    }
    vfs->nodes[0] = (sn_node){0};
    vfs->entries[0] = (sn_entry){0};
    vfs->nodes[root].links = 1;
    *out = vfs;
    return 0;
}

void sn_vfs_free(sn_vfs *vfs) {
    if (!vfs)
        return;
    for (uint32_t i = 1; i < vfs->nodes_used; i++)
        if (vfs->nodes[i].owned && vfs->nodes[i].type != SN_FILETYPE_DIRECTORY)
            free(vfs->nodes[i].file.data);
    for (uint32_t i = 1; i < vfs->entries_used; i++)
        if (vfs->entries[i].owned)
            free((char *)vfs->entries[i].name);
    free(vfs->nodes);
    free(vfs->entries);
    free(vfs->buckets);
    free(vfs->ground_folders);
    free(vfs);
}

int sn_vfs_add_dir(sn_vfs *vfs, const char *path, sn_error *err) {
    uint32_t dir;
    int e = make_folder(&dir, vfs, path);
    return e ? fail(err, e, path) : 0;
}

int sn_vfs_add_file(sn_vfs *vfs, const char *path, const void *content, size_t bytes,
                    sn_error *err) {
    uint32_t dir, node;
    const char *name;
    size_t name_bytes;
    int e = prepare(&dir, &name, &name_bytes, vfs, path, false);
    if (!e && sn_tree_find(vfs, dir, name, name_bytes))
        e = SN_WASI_EXIST;
    if (!e)
        e = sn_tree_new_node(&node, vfs, SN_FILETYPE_REGULAR_FILE, 0, SN_TREE_EPOCH_NS);
    if (e)
        return fail(err, e, path);
    vfs->nodes[node].file.data = (uint8_t *)content; /* not owned: never written to */
    vfs->nodes[node].file.bytes = bytes;
    e = sn_tree_add(vfs, dir, name, name_bytes, node, true);
    if (e) {
        sn_tree_release(vfs, node);
        return fail(err, e, path);
    }
    return 0;
}

int sn_vfs_put_file(sn_vfs *vfs, const char *path, const void *content, size_t bytes,
                    sn_error *err) {
    uint32_t dir;
    const char *name;
    size_t name_bytes;
    if (prepare(&dir, &name, &name_bytes, vfs, path, false) == 0) {
        uint32_t entry = sn_tree_find(vfs, dir, name, name_bytes);
        const sn_node *node = &vfs->nodes[vfs->entries[entry].node];
        if (entry >= vfs->ground_entries && node->space == 0 &&
            node->type == SN_FILETYPE_REGULAR_FILE)
            sn_tree_remove(vfs, entry);
    }
    return sn_vfs_add_file(vfs, path, content, bytes, err);
}

int sn_vfs_add_workspace(sn_vfs *vfs, const char *path, uint64_t quota_bytes, sn_error *err) {
    if (vfs->spaces_count == SN_SPACES_MAX)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%.256s: more than %d workspaces", path,
                       SN_SPACES_MAX - 1);
    uint32_t dir;
    int e = make_folder(&dir, vfs, path);
    if (e)
        return fail(err, e, path);
    if (vfs->nodes[dir].space)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%.256s: a workspace already", path);
    vfs->spaces[vfs->spaces_count] = (sn_space){.quota_bytes = quota_bytes};
    vfs->nodes[dir].space = (uint16_t)vfs->spaces_count++;
    return 0;
}

/* The folder at `path`, of whatever kind; 0: there is none. */
static uint32_t find_folder(const sn_vfs *vfs, const char *path) {
    uint32_t dir = SN_TREE_ROOT;
    const char *at = path + (*path == '/');
    while (*at) {
        size_t length = strcspn(at, "/");
        uint32_t entry = sn_tree_find(vfs, dir, at, length);
        if (!entry || vfs->nodes[vfs->entries[entry].node].type != SN_FILETYPE_DIRECTORY)
            return 0;
        dir = vfs->entries[entry].node;
        at += length + (at[length] == '/');
    }
    return dir;
}

int sn_vfs_set_workspace(sn_vfs *vfs, const char *path, uint64_t quota_bytes, sn_error *err) {
    uint32_t dir = find_folder(vfs, path);
    if (!dir || !vfs->nodes[dir].space)
        return sn_vfs_add_workspace(vfs, path, quota_bytes, err);
    sn_space *space = &vfs->spaces[vfs->nodes[dir].space];
    if (quota_bytes < space->used_bytes)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "%.256s holds %llu bytes already, more than a quota of %llu", path,
                       (unsigned long long)space->used_bytes, (unsigned long long)quota_bytes);
    space->quota_bytes = quota_bytes;
    return 0;
}

int sn_vfs_workspace_usage(uint64_t *used_bytes, uint64_t *quota_bytes, const sn_vfs *vfs,
                           const char *path) {
    uint32_t dir = find_folder(vfs, path);
    if (!dir || !vfs->nodes[dir].space)
        return SN_ENOT_FOUND;
    *used_bytes = vfs->spaces[vfs->nodes[dir].space].used_bytes;
    *quota_bytes = vfs->spaces[vfs->nodes[dir].space].quota_bytes;
    return 0;
}
