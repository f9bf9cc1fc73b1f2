/*
 * tree.h - the inside of sn_vfs: nodes, names and what may be written. For src/wasi only.
 *
 * Everything is in two arrays and refers to each other by index; index 0 means "none", so that a
 * zeroed struct refers to nothing. A *node* is a file, a folder or a symbolic link; an *entry* is a
 * name in a folder that leads to a node, of which a file may have several (hard links). An entry is
 * in two structures: its folder's list, in order of creation (readdir walks it), and a hash table
 * of all entries of the tree keyed by (folder, name). The hash is fixed: a guest that makes its own
 * names collide slows down only itself.
 *
 * A *space* is an amount of storage that nodes are charged to. Space 0 is what the host laid down:
 * read-only and free of charge. Each workspace is a space of its own. A charge covers the bytes of
 * a file, and for nodes and names what they cost the host, so that empty files aren't free.
 *
 * A node lives while an entry names it or a descriptor is open on it.
 *
 * What is there before a request's own files is the *ground*: nodes and entries below ground_nodes
 * and ground_entries, which never go away. Only what lies above is ever saved (snapshot.h).
 *
 * Functions return 0 or a WASI errno. No threads, nothing blocks.
 */
#ifndef SN_WASI_TREE_H
#define SN_WASI_TREE_H

#include "wasi/abi.h"
#include "wasi/vfs.h"

enum {
    SN_TREE_ROOT = 1,
    SN_NAME_MAX_BYTES = 255,
    SN_PATH_MAX_BYTES = 4096,
    SN_SPACES_MAX = 16, /* one of them is space 0 */

    /* Charged per node and per name, beyond their bytes: at least what they take, arrays that grow
     * by doubling and the allocator's share included. */
    SN_NODE_COST_BYTES = 160,
    SN_ENTRY_COST_BYTES = 160,
};

/* Files of the host: one fixed time, 1980-01-01, so that nothing depends on when it was mounted. */
#define SN_TREE_EPOCH_NS (315532800ull * 1000000000ull)

typedef struct sn_node {
    uint8_t type;   /* SN_FILETYPE_...; 0: the slot is free */
    bool owned;     /* file: `data` is ours, from malloc; else borrowed, and copied to be written */
    uint16_t space; /* what it is charged to; 0: read-only */
    uint32_t links; /* entries that lead here; the root has one by courtesy */
    uint32_t opens; /* descriptors open on it */
    uint32_t parent; /* folder: the one it lies in, the root's is the root; free slot: the next */
    uint64_t ino;    /* never used again */
    uint64_t atim, mtim, ctim;
    uint32_t page; /* file: 1 + where its contents lie as they are now (snapshot.h); 0: nowhere */
    union {
        struct { /* also a symbolic link: its target */
            uint8_t *data;
            uint64_t bytes;
            uint64_t capacity; /* owned: allocated */
        } file;
        struct {
            uint32_t first, last; /* entries, by cookie */
            uint32_t count;
            uint64_t cookie; /* of the entry added last */
        } dir;
    };
} sn_node;

typedef struct sn_entry {
    const char *name; /* not NUL-terminated */
    uint16_t name_bytes;
    uint16_t space; /* what it is charged to; 0: nothing */
    bool owned;     /* `name` is ours, from malloc */
    uint32_t hash;
    uint32_t dir; /* 0: the slot is free */
    uint32_t node;
    uint32_t chain; /* next in the bucket; free slot: the next free one */
    uint32_t prev, next;
    uint64_t cookie; /* rises along the list; 1 and 2 stand for "." and ".." */
} sn_entry;

typedef struct sn_space {
    uint64_t quota_bytes;
    uint64_t used_bytes;
} sn_space;

struct sn_vfs {
    sn_node *nodes;
    sn_entry *entries;
    uint32_t *buckets;
    uint32_t nodes_used, nodes_capacity, nodes_free; /* used: slots ever handed out, 0 included */
    uint32_t entries_used, entries_capacity, entries_free;
    uint32_t buckets_count; /* a power of two */
    uint32_t names;         /* entries alive */
    uint32_t spaces_count;
    uint32_t ground_nodes, ground_entries; /* 0: not marked */
    uint32_t *ground_folders;              /* those of its nodes that are folders */
    uint32_t ground_folders_count;
    uint64_t next_ino;
    sn_space spaces[SN_SPACES_MAX];
};

/* What charging costs: NOSPC when it would go over the quota, and nothing is charged. */
SN_WARN_UNUSED int sn_space_charge(sn_vfs *vfs, uint32_t space, uint64_t bytes);
void sn_space_refund(sn_vfs *vfs, uint32_t space, uint64_t bytes);

/* Makes room for so many more nodes and names at once. */
SN_WARN_UNUSED int sn_tree_reserve(sn_vfs *vfs, uint32_t count);

/* A node without a name. It is gone by sn_tree_release() unless it gets one. */
SN_WARN_UNUSED int sn_tree_new_node(uint32_t *out, sn_vfs *vfs, uint8_t type, uint32_t space,
                                    uint64_t now_ns);

/* Ends the node if nothing refers to it any more. */
void sn_tree_release(sn_vfs *vfs, uint32_t node);

/* The entry of that name, or 0. */
uint32_t sn_tree_find(const sn_vfs *vfs, uint32_t dir, const char *name, size_t bytes);

/* Gives `node` a name in `dir`, which has none such. `own`: copy the name and charge it to the
 * folder's space; otherwise it is borrowed and free. */
SN_WARN_UNUSED int sn_tree_add(sn_vfs *vfs, uint32_t dir, const char *name, size_t bytes,
                               uint32_t node, bool own);

/* Takes the name away; the node is released. */
void sn_tree_remove(sn_vfs *vfs, uint32_t entry);

/* Gives an entry another folder (of a space) and name, and takes the entry `over` (0: none) away,
 * all or nothing. */
SN_WARN_UNUSED int sn_tree_move(sn_vfs *vfs, uint32_t entry, uint32_t dir, const char *name,
                                size_t bytes, uint32_t over);

/* Whether `bytes` are a name: 1 to 255 bytes, UTF-8, no '/', no NUL, not "." or "..". */
bool sn_tree_is_name(const char *name, size_t bytes);

/*
 * For the host: walks the folders of `path` (a leading '/' is fine), making them read-only as
 * needed, and gives the last folder and the last component, which need not exist. Both names and
 * folders are checked. `borrow`: `path` outlives the tree. Nothing is followed.
 */
SN_WARN_UNUSED int sn_tree_prepare(uint32_t *dir, const char **name, size_t *name_bytes,
                                   sn_vfs *vfs, const char *path, size_t bytes, bool borrow);

#endif
