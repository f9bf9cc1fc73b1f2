/*
 * tree.c - nodes and names: slots, the hash table, the lists. See tree.h.
 *
 * Slots are handed out from a free list, else from the end of the array, which grows by doubling.
 * A grown array moves, so no pointer into one is held across a call that may add to it.
 */
#include "wasi/tree.h"

#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_COOKIE = 3, /* 1 and 2 are "." and ".." */
    SLOTS_MAX = 1u << 30,
};

_Static_assert(2 * sizeof(sn_node) <= SN_NODE_COST_BYTES, "a node costs more than is charged");
_Static_assert(2 * sizeof(sn_entry) + 4 * sizeof(uint32_t) + 32 <= SN_ENTRY_COST_BYTES,
               "an entry costs more than is charged");

static uint32_t hash_name(uint32_t dir, const char *name, size_t bytes) {
    uint64_t h = (dir + 1) * 0x9E3779B97F4A7C15ull;
    for (; bytes >= 8; name += 8, bytes -= 8) {
        uint64_t word;
        memcpy(&word, name, 8);
        h = (h ^ word) * 0xFF51AFD7ED558CCDull;
        h ^= h >> 32;
    }
    uint64_t tail = bytes;
    for (size_t i = 0; i < bytes; i++)
        tail = tail << 8 | (uint8_t)name[i];
    h = (h ^ tail) * 0xC4CEB9FE1A85EC53ull;
    return (uint32_t)(h >> 32);
}

static int grow(void **array, uint32_t *capacity, size_t item_bytes, uint32_t want) {
    if (want <= *capacity)
        return 0;
    if (want > SLOTS_MAX)
        return SN_WASI_NOMEM;
    uint32_t bigger = *capacity ? *capacity : 64;
    while (bigger < want)
        bigger *= 2;
    void *moved = realloc(*array, bigger * item_bytes);
    if (!moved)
        return SN_WASI_NOMEM;
    *array = moved;
    *capacity = bigger;
    return 0;
}

static int grow_buckets(sn_vfs *vfs, uint32_t names) {
    if (names <= vfs->buckets_count)
        return 0;
    uint32_t count = vfs->buckets_count ? vfs->buckets_count : 64;
    while (count < names)
        count *= 2;
    uint32_t *buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return SN_WASI_NOMEM;
    for (uint32_t i = 1; i < vfs->entries_used; i++) {
        sn_entry *entry = &vfs->entries[i];
        if (!entry->dir)
            continue;
        uint32_t *head = &buckets[entry->hash & (count - 1)];
        entry->chain = *head;
        *head = i;
    }
    free(vfs->buckets);
    vfs->buckets = buckets;
    vfs->buckets_count = count;
    return 0;
}

static void unhash(sn_vfs *vfs, uint32_t index) {
    uint32_t *link = &vfs->buckets[vfs->entries[index].hash & (vfs->buckets_count - 1)];
    while (*link != index)
        link = &vfs->entries[*link].chain;
    *link = vfs->entries[index].chain;
}

static void unlist(sn_vfs *vfs, uint32_t index) {
    sn_entry *entry = &vfs->entries[index];
    sn_node *dir = &vfs->nodes[entry->dir];
    if (entry->prev)
        vfs->entries[entry->prev].next = entry->next;
    else
        dir->dir.first = entry->next;
    if (entry->next)
        vfs->entries[entry->next].prev = entry->prev;
    else
        dir->dir.last = entry->prev;
    dir->dir.count--;
}

/* Puts an entry whose name is set into `dir`: at the end of its list, into the hash table. */
static void insert(sn_vfs *vfs, uint32_t index, uint32_t dir) {
    sn_entry *entry = &vfs->entries[index];
    sn_node *folder = &vfs->nodes[dir];
    entry->dir = dir;
    entry->cookie = ++folder->dir.cookie;
    entry->prev = folder->dir.last;
    entry->next = 0;
    if (entry->prev)
        vfs->entries[entry->prev].next = index;
    else
        folder->dir.first = index;
    folder->dir.last = index;
    folder->dir.count++;

    entry->hash = hash_name(dir, entry->name, entry->name_bytes);
    uint32_t *head = &vfs->buckets[entry->hash & (vfs->buckets_count - 1)];
    entry->chain = *head;
    *head = index;
    if (vfs->nodes[entry->node].type == SN_FILETYPE_DIRECTORY)
        vfs->nodes[entry->node].parent = dir;
}

/* A copy of the name, charged to `space` as one name. */
static int own_name(const char **out, sn_vfs *vfs, uint32_t space, const char *name, size_t bytes) {
    int e = sn_space_charge(vfs, space, SN_ENTRY_COST_BYTES + bytes);
    if (e)
        return e;
    char *copy = malloc(bytes);
    if (!copy) {
        sn_space_refund(vfs, space, SN_ENTRY_COST_BYTES + bytes);
        return SN_WASI_NOMEM;
    }
    memcpy(copy, name, bytes);
    *out = copy;
    return 0;
}

static void disown_name(sn_vfs *vfs, const sn_entry *entry) {
    if (!entry->owned)
        return;
    sn_space_refund(vfs, entry->space, SN_ENTRY_COST_BYTES + entry->name_bytes);
    free((char *)entry->name);
}

int sn_space_charge(sn_vfs *vfs, uint32_t space, uint64_t bytes) {
    if (space == 0)
        return 0;
    sn_space *of = &vfs->spaces[space];
    if (bytes > of->quota_bytes - of->used_bytes)
        return SN_WASI_NOSPC;
    of->used_bytes += bytes;
    return 0;
}

void sn_space_refund(sn_vfs *vfs, uint32_t space, uint64_t bytes) {
    if (space)
        vfs->spaces[space].used_bytes -= bytes;
}

int sn_tree_reserve(sn_vfs *vfs, uint32_t count) {
    if (count > SLOTS_MAX / 2)
        return SN_WASI_NOMEM;
    int e = grow((void **)&vfs->nodes, &vfs->nodes_capacity, sizeof *vfs->nodes,
                 vfs->nodes_used + count);
    if (!e)
        e = grow((void **)&vfs->entries, &vfs->entries_capacity, sizeof *vfs->entries,
                 vfs->entries_used + count);
    return e ? e : grow_buckets(vfs, vfs->names + count);
}

int sn_tree_new_node(uint32_t *out, sn_vfs *vfs, uint8_t type, uint32_t space, uint64_t now_ns) {
    int e = sn_space_charge(vfs, space, SN_NODE_COST_BYTES);
    if (e)
        return e;
    uint32_t index = vfs->nodes_free;
    if (index) {
        vfs->nodes_free = vfs->nodes[index].parent;
    } else {
        e = grow((void **)&vfs->nodes, &vfs->nodes_capacity, sizeof *vfs->nodes,
                 vfs->nodes_used + 1);
        if (e) {
            sn_space_refund(vfs, space, SN_NODE_COST_BYTES);
            return e;
        }
        index = vfs->nodes_used++;
    }
    vfs->nodes[index] = (sn_node){
        .type = type,
        .space = (uint16_t)space,
        .parent = index,
        .ino = vfs->next_ino++,
        .atim = now_ns,
        .mtim = now_ns,
        .ctim = now_ns,
    };
    if (type == SN_FILETYPE_DIRECTORY)
        vfs->nodes[index].dir.cookie = FIRST_COOKIE - 1;
    *out = index;
    return 0;
}

void sn_tree_release(sn_vfs *vfs, uint32_t index) {
    sn_node *node = &vfs->nodes[index];
    if (node->links || node->opens)
        return;
    uint64_t charged = SN_NODE_COST_BYTES;
    if (node->type != SN_FILETYPE_DIRECTORY) {
        charged += node->file.bytes;
        if (node->owned)
            free(node->file.data);
    }
    sn_space_refund(vfs, node->space, charged);
    *node = (sn_node){.parent = vfs->nodes_free};
    vfs->nodes_free = index;
}

uint32_t sn_tree_find(const sn_vfs *vfs, uint32_t dir, const char *name, size_t bytes) {
    uint32_t hash = hash_name(dir, name, bytes);
    uint32_t index = vfs->buckets[hash & (vfs->buckets_count - 1)];
    for (; index; index = vfs->entries[index].chain) {
        const sn_entry *entry = &vfs->entries[index];
        if (entry->hash == hash && entry->dir == dir && entry->name_bytes == bytes &&
            memcmp(entry->name, name, bytes) == 0)
            return index;
    }
    return 0;
}

int sn_tree_add(sn_vfs *vfs, uint32_t dir, const char *name, size_t bytes, uint32_t node,
                bool own) {
    int e = grow((void **)&vfs->entries, &vfs->entries_capacity, sizeof *vfs->entries,
                 vfs->entries_used + 1);
    if (!e)
        e = grow_buckets(vfs, vfs->names + 1);
    uint32_t space = vfs->nodes[dir].space;
    if (!e && own)
        e = own_name(&name, vfs, space, name, bytes);
    if (e)
        return e;

    uint32_t index = vfs->entries_free;
    if (index)
        vfs->entries_free = vfs->entries[index].chain;
    else
        index = vfs->entries_used++;
    vfs->entries[index] = (sn_entry){
        .name = name,
        .name_bytes = (uint16_t)bytes,
        .space = own ? (uint16_t)space : 0,
        .owned = own,
        .node = node,
    };
    insert(vfs, index, dir);
    vfs->nodes[node].links++;
    vfs->names++;
    return 0;
}

void sn_tree_remove(sn_vfs *vfs, uint32_t index) {
    unhash(vfs, index);
    unlist(vfs, index);
    sn_entry *entry = &vfs->entries[index];
    uint32_t node = entry->node;
    disown_name(vfs, entry);
    *entry = (sn_entry){.chain = vfs->entries_free};
    vfs->entries_free = index;
    vfs->names--;
    if (vfs->nodes[node].type == SN_FILETYPE_DIRECTORY)
        vfs->nodes[node].parent = node;
    vfs->nodes[node].links--;
    sn_tree_release(vfs, node);
}

int sn_tree_move(sn_vfs *vfs, uint32_t index, uint32_t dir, const char *name, size_t bytes,
                 uint32_t over) {
    uint32_t space = vfs->nodes[dir].space;
    int e = own_name(&name, vfs, space, name, bytes);
    if (e)
        return e;
    if (over)
        sn_tree_remove(vfs, over);
    unhash(vfs, index);
    unlist(vfs, index);
    sn_entry *entry = &vfs->entries[index];
    disown_name(vfs, entry);
    entry->name = name;
    entry->name_bytes = (uint16_t)bytes;
    entry->space = (uint16_t)space;
    entry->owned = true;
    insert(vfs, index, dir);
    return 0;
}

bool sn_tree_is_name(const char *name, size_t bytes) {
    if (bytes == 0 || bytes > SN_NAME_MAX_BYTES)
        return false;
    if (name[0] == '.' && (bytes == 1 || (bytes == 2 && name[1] == '.')))
        return false;
    return !memchr(name, '/', bytes) && !memchr(name, '\0', bytes) &&
           sn_utf8_valid_prefix(name, bytes) == bytes;
}

int sn_tree_prepare(uint32_t *dir, const char **name, size_t *name_bytes, sn_vfs *vfs,
                    const char *path, size_t bytes, bool borrow) {
    const char *end = path + bytes;
    if (bytes && *path == '/')
        path++;
    uint32_t at = SN_TREE_ROOT;
    const char *slash;
    while ((slash = memchr(path, '/', (size_t)(end - path)))) {
        size_t length = (size_t)(slash - path);
        uint32_t entry = sn_tree_find(vfs, at, path, length);
        if (entry) {
            at = vfs->entries[entry].node;
            if (vfs->nodes[at].type != SN_FILETYPE_DIRECTORY)
                return SN_WASI_NOTDIR;
        } else {
            uint32_t made;
            if (!sn_tree_is_name(path, length))
                return SN_WASI_INVAL;
            int e = sn_tree_new_node(&made, vfs, SN_FILETYPE_DIRECTORY, 0, SN_TREE_EPOCH_NS);
            if (e)
                return e;
            e = sn_tree_add(vfs, at, path, length, made, !borrow);
            if (e) {
                sn_tree_release(vfs, made);
                return e;
            }
            at = made;
        }
        path = slash + 1;
    }
    if (!sn_tree_is_name(path, (size_t)(end - path)))
        return SN_WASI_INVAL;
    *dir = at;
    *name = path;
    *name_bytes = (size_t)(end - path);
    return 0;
}
