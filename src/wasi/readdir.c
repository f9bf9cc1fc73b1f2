/*
 * readdir.c - lists a folder.
 *
 * A cookie says "after this one": 0 is the beginning, 1 is after ".", 2 after "..", and a larger
 * one is that of the entry given last. Entries keep their cookie and their order while others come
 * and go, so a listing that is read in pieces while the folder changes shows each entry that stays
 * exactly once. A buffer is filled to the brim, cutting the last record if need be: a guest takes
 * a full buffer for "there is more", and asks again from the last whole record.
 */
#include "wasi/calls.h"
#include "wasi/state.h"

enum {
    COOKIE_DOT = 1,
    COOKIE_DOTDOT = 2,
};

struct out {
    uint8_t *at;
    uint32_t left;
};

static void put(struct out *out, const void *data, uint32_t bytes) {
    uint32_t n = bytes < out->left ? bytes : out->left;
    memcpy(out->at, data, n);
    out->at += n;
    out->left -= n;
}

/* False: cut. */
static bool put_entry(struct out *out, const sn_node *node, uint64_t cookie, const char *name,
                      uint32_t name_bytes) {
    sn_abi_dirent entry = {
        .next = cookie,
        .ino = node->ino,
        .namlen = name_bytes,
        .type = node->type,
    };
    bool whole = out->left >= sizeof entry + name_bytes;
    put(out, &entry, sizeof entry);
    put(out, name, name_bytes);
    return whole;
}

/* The first entry of the folder after `cookie`, or 0. `hint` is often the entry of that cookie. */
static uint32_t entry_after(const sn_vfs *vfs, uint32_t dir, uint64_t cookie, uint32_t hint) {
    if (hint && hint < vfs->entries_used && vfs->entries[hint].dir == dir &&
        vfs->entries[hint].cookie == cookie)
        return vfs->entries[hint].next;
    uint32_t index = vfs->nodes[dir].dir.first;
    while (index && vfs->entries[index].cookie <= cookie)
        index = vfs->entries[index].next;
    return index;
}

uint32_t sn_wasi_fd_readdir(void *context, uint32_t fd, uint32_t buf, uint32_t buf_len,
                            uint64_t cookie, uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *dir;
    int e = sn_fd_get_dir(&dir, wasi, fd, SN_RIGHT_FD_READDIR);
    if (e)
        return (uint32_t)e;
    struct out out = {sn_guest(wasi, buf, buf_len), buf_len};
    void *to = sn_guest(wasi, result, 4);
    if (!out.at || !to)
        return SN_WASI_FAULT;
    const sn_vfs *vfs = wasi->vfs;
    const sn_node *node = &vfs->nodes[dir->node];
    if (cookie < COOKIE_DOT && out.left)
        put_entry(&out, node, COOKIE_DOT, ".", 1);
    if (cookie < COOKIE_DOTDOT && out.left)
        put_entry(&out, dir->preopen ? node : &vfs->nodes[node->parent], COOKIE_DOTDOT, "..", 2);
    uint32_t index = entry_after(vfs, dir->node, cookie, dir->hint);
    for (; index && out.left; index = vfs->entries[index].next) {
        const sn_entry *entry = &vfs->entries[index];
        if (put_entry(&out, &vfs->nodes[entry->node], entry->cookie, entry->name,
                      entry->name_bytes))
            dir->hint = index;
    }
    sn_put32(to, buf_len - out.left);
    return SN_WASI_OK;
}
