/*
 * snapshot.c - see snapshot.h.
 *
 * The form, integers little-endian, packed in this order: head; spaces; nodes (a symbolic link's
 * target behind it); folders of the ground that have got something; entries, each behind that of
 * the folder it lies in; descriptors. Nodes are numbered anew: those of the ground keep their
 * numbers, the others follow in the order in which they are written.
 *
 * Reading makes everything through the functions that the host and the guest use themselves, so
 * that what is there in the end is sound, whatever the snapshot says: names are names, folders form
 * a tree, charges are what they are.
 */
#include "wasi/snapshot.h"

#include "util/auto.h"
#include "util/error.h"
#include "wasi/state.h"

#include <stdlib.h>

enum {
    MAGIC = 0x53574e53,
    FORMAT = 2,
    PAGE = 4096,
    SYMLINK_MOST_BYTES = 4096,
    COOKIE_DOTDOT = 2, /* entries have larger ones */
};

typedef struct saved_head {
    uint32_t magic;
    uint32_t format;
    uint32_t ground_nodes, ground_entries;
    uint32_t spaces, nodes, folders, entries, fds;
    uint32_t unused;
    uint64_t next_ino;
    uint64_t monotonic_ns;
} saved_head;

typedef struct saved_node {
    uint8_t type;
    uint8_t is_workspace; /* a folder that its space is not charged for */
    uint16_t space;
    uint32_t page; /* file: 1 + its first page */
    uint64_t bytes;
    uint64_t ino, atim, mtim, ctim;
    uint64_t cookie; /* folder */
} saved_node;

typedef struct saved_folder {
    uint32_t node;
    uint32_t space;
    uint64_t atim, mtim, ctim, cookie;
} saved_folder;

typedef struct saved_entry {
    uint32_t dir, node;
    uint64_t cookie;
    uint32_t name_bytes; /* which follow */
    uint32_t unused;
} saved_entry;

typedef struct saved_fd {
    uint32_t number;
    uint8_t kind;
    uint8_t preopen;
    uint16_t flags;
    uint32_t node;
    uint32_t unused;
    uint64_t offset, rights, inheriting;
} saved_fd;

int sn_wasi_mark_ground(sn_wasi *wasi, sn_error *err) {
    sn_vfs *vfs = wasi->vfs;
    uint32_t count = 0;
    for (uint32_t i = 1; i < vfs->nodes_used; i++)
        count += vfs->nodes[i].type == SN_FILETYPE_DIRECTORY;
    uint32_t *folders = malloc((count + 1) * sizeof *folders);
    if (!folders)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a file system");
    free(vfs->ground_folders);
    vfs->ground_folders = folders;
    vfs->ground_folders_count = 0;
    for (uint32_t i = 1; i < vfs->nodes_used; i++)
        if (vfs->nodes[i].type == SN_FILETYPE_DIRECTORY)
            folders[vfs->ground_folders_count++] = i;
    vfs->ground_nodes = vfs->nodes_used;
    vfs->ground_entries = vfs->entries_used;
    return 0;
}

/* ---- saving ---- */

typedef struct saver {
    sn_wasi *wasi;
    sn_vfs *vfs;
    sn_buffer *out;
    saved_head head;
    uint32_t *numbers; /* of the nodes above the ground, as they are written */
    uint32_t *stack;   /* folders whose entries are still to be written */
    uint32_t depth;
    bool no_memory;
} saver;

static void put(saver *s, const void *data, size_t bytes) {
    if (!sn_buffer_add(s->out, data, bytes))
        s->no_memory = true;
}

static bool is_laid(const sn_vfs *vfs, uint32_t node) {
    return node >= vfs->ground_nodes && vfs->nodes[node].type != 0;
}

/* What the host made a workspace of, as against the folders in it. */
static bool is_workspace(const sn_vfs *vfs, const sn_node *node) {
    return node->type == SN_FILETYPE_DIRECTORY && node->links > 0 &&
           vfs->nodes[node->parent].space != node->space && node->space != 0;
}

static uint32_t number_of(const saver *s, uint32_t node) {
    uint32_t ground = s->vfs->ground_nodes;
    return node < ground ? node : s->numbers[node - ground];
}

static void save_nodes(saver *s) {
    const sn_vfs *vfs = s->vfs;
    for (uint32_t i = vfs->ground_nodes; i < vfs->nodes_used; i++) {
        const sn_node *node = &vfs->nodes[i];
        if (!is_laid(vfs, i))
            continue;
        bool folder = node->type == SN_FILETYPE_DIRECTORY;
        saved_node saved = {.type = node->type,
                            .is_workspace = is_workspace(vfs, node),
                            .space = node->space,
                            .page = folder ? 0 : node->page,
                            .bytes = folder ? 0 : node->file.bytes,
                            .ino = node->ino,
                            .atim = node->atim,
                            .mtim = node->mtim,
                            .ctim = node->ctim,
                            .cookie = folder ? node->dir.cookie : 0};
        s->numbers[i - vfs->ground_nodes] = vfs->ground_nodes + s->head.nodes++;
        put(s, &saved, sizeof saved);
        if (node->type == SN_FILETYPE_SYMBOLIC_LINK)
            put(s, node->file.data, node->file.bytes);
    }
}

/* Entries are added at the end of a folder's list, so those of the ground come first. */
static bool has_laid_entries(const sn_vfs *vfs, uint32_t folder) {
    return vfs->nodes[folder].dir.last >= vfs->ground_entries && vfs->nodes[folder].dir.count > 0;
}

static void save_folders(saver *s) {
    const sn_vfs *vfs = s->vfs;
    for (uint32_t k = 0; k < vfs->ground_folders_count; k++) {
        uint32_t i = vfs->ground_folders[k];
        const sn_node *node = &vfs->nodes[i];
        if (node->type != SN_FILETYPE_DIRECTORY || (!has_laid_entries(vfs, i) && !node->space))
            continue;
        saved_folder saved = {i, node->space, node->atim, node->mtim, node->ctim, node->dir.cookie};
        put(s, &saved, sizeof saved);
        s->head.folders++;
        s->stack[s->depth++] = i;
    }
}

static void save_entries(saver *s) {
    const sn_vfs *vfs = s->vfs;
    while (s->depth > 0) {
        uint32_t folder = s->stack[--s->depth];
        for (uint32_t i = vfs->nodes[folder].dir.first; i; i = vfs->entries[i].next) {
            const sn_entry *entry = &vfs->entries[i];
            if (i < vfs->ground_entries)
                continue;
            saved_entry saved = {number_of(s, folder), number_of(s, entry->node), entry->cookie,
                                 entry->name_bytes, 0};
            put(s, &saved, sizeof saved);
            put(s, entry->name, entry->name_bytes);
            s->head.entries++;
            if (vfs->nodes[entry->node].type == SN_FILETYPE_DIRECTORY)
                s->stack[s->depth++] = entry->node;
        }
    }
}

static void save_fds(saver *s) {
    for (uint32_t i = 0; i < s->wasi->fds_count; i++) {
        const sn_fd *fd = &s->wasi->fds[i];
        if (fd->kind == SN_FD_FREE)
            continue;
        uint32_t node = fd->kind == SN_FD_STREAM ? fd->node : number_of(s, fd->node);
        saved_fd saved = {i, fd->kind,   fd->preopen, fd->flags,     node,
                          0, fd->offset, fd->rights,  fd->inheriting};
        put(s, &saved, sizeof saved);
        s->head.fds++;
    }
}

static void save_spaces(saver *s) {
    for (uint32_t i = 1; i < s->vfs->spaces_count; i++)
        put(s, &s->vfs->spaces[i].quota_bytes, sizeof s->vfs->spaces[i].quota_bytes);
}

static uint32_t pages_of(uint64_t bytes) {
    return (uint32_t)((bytes + PAGE - 1) / PAGE);
}

static bool has_contents(const sn_vfs *vfs, uint32_t i) {
    return is_laid(vfs, i) && vfs->nodes[i].type == SN_FILETYPE_REGULAR_FILE &&
           vfs->nodes[i].file.bytes > 0;
}

static int by_first(const void *a, const void *b) {
    const sn_extent *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

/* Where the files lie that were not written to. */
static bool find_old(sn_buffer *old, const sn_vfs *vfs) {
    for (uint32_t i = vfs->ground_nodes; i < vfs->nodes_used; i++) {
        const sn_node *node = &vfs->nodes[i];
        if (!has_contents(vfs, i) || !node->page)
            continue;
        sn_extent extent = {node->page - 1, pages_of(node->file.bytes)};
        if (!sn_buffer_add(old, &extent, sizeof extent))
            return false;
    }
    if (old->bytes)
        qsort(old->data, old->bytes / sizeof(sn_extent), sizeof(sn_extent), by_first);
    return true;
}

static bool add_extent(sn_buffer *extents, sn_extent extent) {
    sn_extent *last =
        extents->bytes ? (sn_extent *)(extents->data + extents->bytes - sizeof(sn_extent)) : NULL;
    if (last && last->first + last->count >= extent.first) {
        uint32_t end = extent.first + extent.count;
        if (end > last->first + last->count)
            last->count = end - last->first;
        return true;
    }
    return sn_buffer_add(extents, &extent, sizeof extent);
}

/* Gives each of the other files a place, in the gaps between those, and hands it out. */
static int place_new(saver *s, sn_buffer *extents, const sn_buffer *old, sn_snapshot_file_fn give,
                     void *user, sn_error *err) {
    const sn_extent *next = (const sn_extent *)old->data;
    const sn_extent *end = next ? next + old->bytes / sizeof *next : NULL;
    uint64_t at = 0;
    bool ok = true;
    for (uint32_t i = s->vfs->ground_nodes; ok && i < s->vfs->nodes_used; i++) {
        sn_node *node = &s->vfs->nodes[i];
        if (!has_contents(s->vfs, i) || node->page)
            continue;
        uint64_t count = (node->file.bytes + PAGE - 1) / PAGE;
        for (; ok && next < end && at + count > next->first; next++) {
            at = next->first + next->count > at ? next->first + next->count : at;
            ok = add_extent(extents, *next);
        }
        if (at + count > SN_SNAPSHOT_PAGES_MOST)
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                           "the session's files take more than %u MiB in whole pages",
                           SN_SNAPSHOT_PAGES_MOST / 256);
        ok = ok && add_extent(extents, (sn_extent){(uint32_t)at, (uint32_t)count});
        if (ok && give(user, (uint32_t)at, node->file.data, node->file.bytes) != 0)
            return SN_EINTERNAL;
        node->page = (uint32_t)at + 1;
        at += count;
    }
    for (; ok && next < end; next++)
        ok = add_extent(extents, *next);
    return ok ? 0 : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to save the session's files");
}

static int save_contents(saver *s, sn_buffer *extents, sn_snapshot_file_fn give, void *user,
                         sn_error *err) {
    sn_buffer old = {0};
    int rc = 0;
    if (!find_old(&old, s->vfs))
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to save the session's files");
    if (rc == 0)
        rc = place_new(s, extents, &old, give, user, err);
    sn_buffer_free(&old);
    return rc;
}

int sn_wasi_save(sn_buffer *out, sn_buffer *extents, sn_wasi *wasi, sn_snapshot_file_fn give,
                 void *user, sn_error *err) {
    sn_vfs *vfs = wasi->vfs;
    saver s = {.wasi = wasi, .vfs = vfs, .out = out};
    int rc = save_contents(&s, extents, give, user, err);
    if (rc < 0)
        return rc;
    uint32_t above = vfs->nodes_used - vfs->ground_nodes;
    sn_auto_free uint32_t *numbers = calloc((size_t)above + 1, sizeof *numbers);
    sn_auto_free uint32_t *stack =
        calloc((size_t)above + vfs->ground_folders_count + 1, sizeof *stack);
    if (!numbers || !stack)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to save the session's files");
    s.numbers = numbers;
    s.stack = stack;
    s.head = (saved_head){
        .magic = MAGIC,
        .format = FORMAT,
        .ground_nodes = vfs->ground_nodes,
        .ground_entries = vfs->ground_entries,
        .spaces = vfs->spaces_count,
        .next_ino = vfs->next_ino,
    };
    (void)wasi->sources.clock(wasi->sources.user, 1, &s.head.monotonic_ns);
    size_t head_at = out->bytes;
    put(&s, &s.head, sizeof s.head);
    save_spaces(&s);
    save_nodes(&s);
    save_folders(&s);
    save_entries(&s);
    save_fds(&s);
    if (s.no_memory)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to save the session's files");
    memcpy(out->data + head_at, &s.head, sizeof s.head);
    return 0;
}

/* ---- loading ---- */

typedef struct loader {
    sn_wasi *wasi;
    sn_vfs *vfs;
    const uint8_t *at;
    size_t left;
    const sn_snapshot_pages *pages;
    saved_head head;
    uint32_t *places;                   /* of the nodes above the ground, by their number there */
    uint32_t workspaces[SN_SPACES_MAX]; /* the folder that each space is for */
} loader;

static bool take(loader *l, void *to, size_t bytes) {
    if (bytes > l->left)
        return false;
    memcpy(to, l->at, bytes);
    l->at += bytes;
    l->left -= bytes;
    return true;
}

/* The node of that number, or 0. */
static uint32_t node_of(const loader *l, uint32_t number) {
    if (number < l->vfs->ground_nodes)
        return l->vfs->nodes[number].type ? number : 0;
    number -= l->vfs->ground_nodes;
    return number < l->head.nodes ? l->places[number] : 0;
}

static bool load_head(loader *l) {
    saved_head *h = &l->head;
    return take(l, h, sizeof *h) && h->magic == MAGIC && h->format == FORMAT &&
           h->ground_nodes == l->vfs->ground_nodes && h->ground_entries == l->vfs->ground_entries &&
           h->monotonic_ns <= INT64_MAX && h->next_ino <= INT64_MAX &&
           h->spaces >= l->vfs->spaces_count && h->spaces <= SN_SPACES_MAX &&
           h->fds <= SN_FDS_MAX && h->nodes <= l->left / sizeof(saved_node) &&
           h->entries <= l->left / sizeof(saved_entry);
}

/* Quotas are what bounds the memory that a guest's files take: no more than a request may have. */
static bool load_spaces(loader *l) {
    uint64_t left = SN_WORKSPACE_MAX_BYTES;
    l->vfs->spaces_count = l->head.spaces;
    for (uint32_t i = 1; i < l->head.spaces; i++) {
        uint64_t quota;
        l->vfs->spaces[i] = (sn_space){0};
        if (!take(l, &quota, sizeof quota) || quota > left)
            return false;
        l->vfs->spaces[i].quota_bytes = quota;
        left -= quota;
    }
    return true;
}

/* A folder becomes that of a space that has none yet. */
static bool load_workspace(loader *l, uint32_t node, uint32_t space) {
    if (space == 0)
        return true;
    if (l->workspaces[space])
        return false;
    l->workspaces[space] = node;
    l->vfs->nodes[node].space = (uint16_t)space;
    return true;
}

static bool load_target(loader *l, sn_node *node, uint64_t bytes) {
    if (bytes == 0 || bytes > SYMLINK_MOST_BYTES || bytes > l->left || node->space == 0)
        return false;
    uint8_t *target = malloc(bytes);
    if (!target || sn_space_charge(l->vfs, node->space, bytes)) {
        free(target);
        return false;
    }
    node->file.data = target;
    node->file.bytes = node->file.capacity = bytes;
    node->owned = true;
    return take(l, target, bytes);
}

/* Whether so many bytes from that page on are in one extent. Adjacent ones are one. */
static bool are_there(const sn_snapshot_pages *pages, uint64_t first, uint64_t bytes) {
    size_t low = 0, high = pages->extents_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sn_extent *extent = &pages->extents[middle];
        if (first < extent->first)
            high = middle;
        else if (first - extent->first >= extent->count)
            low = middle + 1;
        else
            return bytes <= (extent->first + (uint64_t)extent->count - first) * PAGE;
    }
    return false;
}

static bool load_contents(const loader *l, sn_node *node, const saved_node *saved) {
    if (saved->bytes == 0)
        return true;
    uint64_t first = (uint64_t)saved->page - 1;
    if (saved->page == 0 || !are_there(l->pages, first, saved->bytes) ||
        sn_space_charge(l->vfs, node->space, saved->bytes))
        return false;
    node->page = saved->page;
    node->file.data =
        (uint8_t *)l->pages->base + first * PAGE; /* borrowed: copied before a write */
    node->file.bytes = saved->bytes;
    return true;
}

/* Of an entry that is gone, or of the last one. */
static bool load_cookie(sn_node *folder, uint64_t cookie) {
    if (cookie < folder->dir.cookie || cookie > INT64_MAX)
        return false;
    folder->dir.cookie = cookie;
    return true;
}

static bool load_node(loader *l, uint32_t *out) {
    saved_node saved;
    if (!take(l, &saved, sizeof saved) || saved.space >= l->head.spaces || saved.ino == 0 ||
        saved.ino >= l->head.next_ino)
        return false;
    bool folder = saved.type == SN_FILETYPE_DIRECTORY;
    bool file = saved.type == SN_FILETYPE_REGULAR_FILE;
    bool workspace = folder && saved.is_workspace;
    if ((!folder && !file && saved.type != SN_FILETYPE_SYMBOLIC_LINK) ||
        sn_tree_new_node(out, l->vfs, saved.type, workspace ? 0 : saved.space, saved.mtim))
        return false;
    sn_node *node = &l->vfs->nodes[*out];
    node->ino = saved.ino;
    node->atim = saved.atim;
    node->ctim = saved.ctim;
    if (folder)
        return load_cookie(node, saved.cookie) &&
               (!workspace || load_workspace(l, *out, saved.space));
    return file ? load_contents(l, node, &saved) : load_target(l, node, saved.bytes);
}

static bool load_nodes(loader *l) {
    for (uint32_t i = 0; i < l->head.nodes; i++)
        if (!load_node(l, &l->places[i]))
            return false;
    return true;
}

static bool load_folders(loader *l) {
    for (uint32_t i = 0; i < l->head.folders; i++) {
        saved_folder saved;
        if (!take(l, &saved, sizeof saved) || saved.node >= l->vfs->ground_nodes ||
            saved.space >= l->head.spaces ||
            l->vfs->nodes[saved.node].type != SN_FILETYPE_DIRECTORY)
            return false;
        sn_node *node = &l->vfs->nodes[saved.node];
        if (saved.space && node->dir.count > 0) /* what is of the ground never goes away */
            return false;
        if (!load_cookie(node, saved.cookie) || !load_workspace(l, saved.node, saved.space))
            return false;
        node->atim = saved.atim;
        node->mtim = saved.mtim;
        node->ctim = saved.ctim;
    }
    return true;
}

/* A folder that is to get an entry: it lies in the tree already, so that none can lie in itself. */
static bool is_linked_folder(const loader *l, uint32_t node) {
    return node && l->vfs->nodes[node].type == SN_FILETYPE_DIRECTORY &&
           (node < l->vfs->ground_nodes || l->vfs->nodes[node].links > 0);
}

/* A folder has one name, and its space is that of the folder it lies in, unless it is a workspace
 * or the host's. */
static bool may_lie_in(const loader *l, uint32_t dir, uint32_t node) {
    const sn_node *inner = &l->vfs->nodes[node];
    if (inner->type != SN_FILETYPE_DIRECTORY)
        return true;
    bool workspace = inner->space && l->workspaces[inner->space] == node;
    bool same = inner->space == l->vfs->nodes[dir].space;
    return inner->links == 0 && (inner->space == 0 || same != workspace);
}

static bool load_entry(loader *l) {
    saved_entry saved;
    if (!take(l, &saved, sizeof saved) || saved.name_bytes > l->left)
        return false;
    const char *name = (const char *)l->at;
    uint32_t dir = node_of(l, saved.dir), node = node_of(l, saved.node);
    if (!sn_tree_is_name(name, saved.name_bytes) || !is_linked_folder(l, dir) ||
        node < l->vfs->ground_nodes || !may_lie_in(l, dir, node) ||
        sn_tree_find(l->vfs, dir, name, saved.name_bytes))
        return false;
    uint32_t last = l->vfs->nodes[dir].dir.last;
    uint64_t cookie = l->vfs->nodes[dir].dir.cookie; /* none was larger */
    if (saved.cookie <= (last ? l->vfs->entries[last].cookie : COOKIE_DOTDOT) ||
        saved.cookie > cookie || sn_tree_add(l->vfs, dir, name, saved.name_bytes, node, true))
        return false;
    sn_node *folder = &l->vfs->nodes[dir];
    l->vfs->entries[folder->dir.last].cookie = saved.cookie;
    folder->dir.cookie = cookie;
    l->at += saved.name_bytes;
    l->left -= saved.name_bytes;
    return true;
}

static bool load_entries(loader *l) {
    for (uint32_t i = 0; i < l->head.entries; i++)
        if (!load_entry(l))
            return false;
    return true;
}

/* All that a descriptor on such a thing can have. */
static uint64_t rights_of(uint8_t kind, uint32_t node) {
    if (kind != SN_FD_STREAM)
        return kind == SN_FD_DIR ? SN_RIGHTS_DIR : SN_RIGHTS_FILE;
    return SN_RIGHTS_STREAM | (node == 0 ? SN_RIGHT_FD_READ : SN_RIGHT_FD_WRITE);
}

static bool load_fd(loader *l) {
    saved_fd saved;
    if (!take(l, &saved, sizeof saved) || saved.number >= SN_FDS_MAX)
        return false;
    while (saved.number >= l->wasi->fds_count) { /* the table grows when all are taken */
        uint32_t count = l->wasi->fds_count * 2;
        sn_fd *fds = realloc(l->wasi->fds, count * sizeof *fds);
        if (!fds)
            return false;
        memset(fds + l->wasi->fds_count, 0, (count - l->wasi->fds_count) * sizeof *fds);
        l->wasi->fds = fds;
        l->wasi->fds_count = count;
    }
    if (l->wasi->fds[saved.number].kind != SN_FD_FREE)
        return false;
    uint32_t node = saved.kind == SN_FD_STREAM ? saved.node : node_of(l, saved.node);
    uint8_t type = saved.kind == SN_FD_STREAM || !node ? 0 : l->vfs->nodes[node].type;
    bool fits = (saved.kind == SN_FD_STREAM && node < 3) ||
                (saved.kind == SN_FD_FILE && type == SN_FILETYPE_REGULAR_FILE) ||
                (saved.kind == SN_FD_DIR && type == SN_FILETYPE_DIRECTORY);
    if (!fits || saved.offset > INT64_MAX || saved.flags & ~(uint32_t)SN_FDFLAGS_ALL)
        return false;
    if (saved.kind != SN_FD_STREAM)
        l->vfs->nodes[node].opens++;
    l->wasi->fds[saved.number] = (sn_fd){
        .kind = saved.kind,
        .preopen = saved.preopen && saved.kind == SN_FD_DIR && node == SN_TREE_ROOT,
        .flags = saved.flags,
        .node = node,
        .offset = saved.offset,
        .rights = saved.rights & rights_of(saved.kind, node),
        .inheriting = saved.inheriting,
    };
    return true;
}

static bool load_fds(loader *l) {
    for (uint32_t i = 0; i < l->wasi->fds_count; i++)
        if (l->wasi->fds[i].kind != SN_FD_FREE)
            sn_fd_close(l->wasi, i);
    l->wasi->fds_lowest = 0;
    for (uint32_t i = 0; i < l->head.fds; i++)
        if (!load_fd(l))
            return false;
    return true;
}

/* A workspace that has no name is none. */
static void drop_workspaces(const loader *l) {
    for (uint32_t i = 1; i < SN_SPACES_MAX; i++) {
        sn_node *node = &l->vfs->nodes[l->workspaces[i]];
        if (l->workspaces[i] && node->links == 0)
            node->space = 0;
    }
}

/* What nothing refers to goes. */
static void drop_unused(const loader *l) {
    for (uint32_t i = 0; i < l->head.nodes; i++)
        if (l->places[i])
            sn_tree_release(l->vfs, l->places[i]);
}

/* The guest's clock does not go back, also on a machine that was started later. */
static void load_clock(const loader *l) {
    sn_wasi *wasi = l->wasi;
    uint64_t now;
    if (wasi->sources.clock(wasi->sources.user, 1, &now) == 0 && now < l->head.monotonic_ns)
        wasi->monotonic_offset_ns += l->head.monotonic_ns - now;
}

int sn_wasi_load(sn_wasi *wasi, const void *data, size_t bytes, const sn_snapshot_pages *pages,
                 sn_error *err) {
    loader l = {.wasi = wasi, .vfs = wasi->vfs, .at = data, .left = bytes, .pages = pages};
    if (!load_head(&l))
        return sn_fail(err, SN_EUNAVAILABLE,
                       "the session's files are damaged, or of another version of Shannon");
    sn_auto_free uint32_t *places = calloc((size_t)l.head.nodes + 1, sizeof *places);
    if (!places)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session's files");
    l.places = places;
    bool ok = load_spaces(&l) && load_nodes(&l) && load_folders(&l) && load_entries(&l) &&
              load_fds(&l) && l.left == 0;
    drop_workspaces(&l);
    drop_unused(&l);
    if (!ok)
        return sn_fail(err, SN_EUNAVAILABLE, "the session's files are damaged");
    if (l.vfs->next_ino < l.head.next_ino)
        l.vfs->next_ino = l.head.next_ino;
    load_clock(&l);
    return 0;
}
