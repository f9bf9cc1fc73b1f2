/*
 * contents.c - the bytes of files in a workspace. See workspace.h.
 *
 * A file is one block of memory, borrowed until it is first written to, that grows by half, so that
 * appending is cheap, but never beyond what its quota could still hold. Bytes past the end are
 * undefined; whoever moves the end clears what comes into view. A file that is shrunk a good deal
 * gives its memory back.
 */
#include "wasi/workspace.h"

#include <stdlib.h>
#include <string.h>

enum {
    SMALLEST_BYTES = 64,
};

/* Room for `bytes`, for which the charge has been made. */
static int reserve(const sn_vfs *vfs, sn_node *node, uint64_t bytes) {
    if (bytes <= node->file.capacity)
        return 0;
    const sn_space *space = &vfs->spaces[node->space];
    uint64_t left = space->quota_bytes - space->used_bytes;
    uint64_t capacity = node->file.capacity + node->file.capacity / 2;
    if (capacity > bytes + left)
        capacity = bytes + left;
    if (capacity < bytes)
        capacity = bytes;
    if (capacity < SMALLEST_BYTES)
        capacity = SMALLEST_BYTES;
    uint8_t *data = realloc(node->owned ? node->file.data : NULL, capacity);
    if (!data)
        return SN_WASI_NOMEM;
    if (!node->owned && node->file.bytes)
        memcpy(data, node->file.data, node->file.bytes);
    node->owned = true;
    node->file.data = data;
    node->file.capacity = capacity;
    return 0;
}

static void give_back(sn_node *node) {
    if (!node->owned || node->file.bytes > node->file.capacity / 4)
        return;
    if (node->file.bytes == 0) {
        free(node->file.data);
        node->owned = false;
        node->file.data = NULL;
        node->file.capacity = 0;
        return;
    }
    uint8_t *data = realloc(node->file.data, node->file.bytes);
    if (data) {
        node->file.data = data;
        node->file.capacity = node->file.bytes;
    }
}

/* Borrowed contents are copied before the first write. */
static int own(const sn_vfs *vfs, sn_node *node) {
    return node->owned || node->file.bytes == 0 ? 0 : reserve(vfs, node, node->file.bytes);
}

/* Moves the end of the file; the bytes up to `zero_to` that come into view are cleared. */
static int set_end(sn_vfs *vfs, sn_node *node, uint64_t bytes, uint64_t zero_to) {
    uint64_t old = node->file.bytes;
    if (bytes <= old) {
        sn_space_refund(vfs, node->space, old - bytes);
        node->file.bytes = bytes;
        give_back(node);
        return 0;
    }
    int e = sn_space_charge(vfs, node->space, bytes - old);
    if (e)
        return e;
    e = reserve(vfs, node, bytes);
    if (e) {
        sn_space_refund(vfs, node->space, bytes - old);
        return e;
    }
    if (zero_to > old)
        memset(node->file.data + old, 0, zero_to - old);
    node->file.bytes = bytes;
    return 0;
}

int sn_file_resize(sn_vfs *vfs, uint32_t file, uint64_t bytes, uint64_t now_ns) {
    sn_node *node = &vfs->nodes[file];
    if (!node->space)
        return SN_WASI_ROFS;
    if (bytes > INT64_MAX)
        return SN_WASI_FBIG;
    int e = set_end(vfs, node, bytes, bytes);
    if (!e) {
        node->mtim = node->ctim = now_ns;
        node->page = 0;
    }
    return e;
}

int sn_file_begin_write(uint8_t **out, sn_vfs *vfs, uint32_t file, uint64_t offset, uint64_t bytes,
                        uint64_t now_ns) {
    sn_node *node = &vfs->nodes[file];
    uint64_t end;
    if (!node->space)
        return SN_WASI_ROFS;
    if (__builtin_add_overflow(offset, bytes, &end) || end > INT64_MAX)
        return SN_WASI_FBIG;
    int e = end > node->file.bytes ? set_end(vfs, node, end, offset) : own(vfs, node);
    if (e)
        return e;
    node->mtim = node->ctim = now_ns;
    node->page = 0;
    *out = node->file.data + offset;
    return 0;
}
