/*
 * snapshot_fuzz.c - puts what it is given back as a guest's files and descriptors, as it is and
 * again with a head that fits this ground, which chance would not make. What is taken is a sound
 * world, which is saved and loaded as the same again, also after a hostile guest (guest_calls.h)
 * was in it.
 *
 * An input is two bytes with the size of the snapshot, the snapshot, and what the guest does.
 */
#include "guest_calls.h"
#include "require.h"
#include "tree_check.h"
#include "wasi/snapshot.h"
#include "wasi/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PAGE = 4096,
    PAGES = 4,
    PAGES_MOST = 64, /* that the worlds here may need */
    ROOM_BYTES = 60000,
    CALLS_MAX = 200,
    GROUND_BYTES = 16, /* of a snapshot's head: what is the same for all of one ground */
};

typedef struct world {
    sn_vfs *vfs;
    sn_wasi *wasi;
} world;

typedef struct saved {
    sn_buffer blob;
    sn_buffer extents;
    uint8_t *pages; /* PAGES_MOST of them; NULL: nothing may be handed out */
} saved;

static world make(guest_calls *in) {
    world w;
    REQUIRE(sn_vfs_new(&w.vfs, NULL) == 0 &&
            sn_vfs_add_file(w.vfs, "/ro/file", "read only", 9, NULL) == 0 &&
            sn_vfs_add_dir(w.vfs, "/v", NULL) == 0);
    sn_wasi_options options = guest_calls_options(w.vfs, in);
    REQUIRE(sn_wasi_new(&w.wasi, &options, NULL) == 0);
    REQUIRE(sn_wasi_mark_ground(w.wasi, NULL) == 0);
    return w;
}

static void end(world w) {
    sn_wasi_free(w.wasi);
    sn_vfs_free(w.vfs);
}

static int keep_pages(void *user, uint32_t first, const void *data, uint64_t bytes) {
    saved *s = user;
    REQUIRE(s->pages && bytes > 0);
    if (first + (bytes + PAGE - 1) / PAGE > PAGES_MOST)
        return 1;
    memcpy(s->pages + (size_t)first * PAGE, data, bytes);
    return 0;
}

static int save(saved *s, world w) {
    s->blob.bytes = s->extents.bytes = 0;
    int rc = sn_wasi_save(&s->blob, &s->extents, w.wasi, keep_pages, s, NULL);
    const sn_extent *extents = (const sn_extent *)s->extents.data;
    uint64_t end = 0;
    for (size_t i = 0; rc == 0 && i < s->extents.bytes / sizeof *extents; i++) {
        REQUIRE(extents[i].count > 0 && (i == 0 || extents[i].first > end));
        end = (uint64_t)extents[i].first + extents[i].count;
    }
    REQUIRE(end <= PAGES_MOST);
    return rc;
}

static void clear(saved *s) {
    sn_buffer_free(&s->blob);
    sn_buffer_free(&s->extents);
}

static bool same(const sn_buffer *a, const sn_buffer *b) {
    return a->bytes == b->bytes && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

/* Nodes are saved in their order, so that they can be compared in it. */
static void compare_files(const sn_vfs *a, const sn_vfs *b) {
    uint32_t j = b->ground_nodes;
    for (uint32_t i = a->ground_nodes; i < a->nodes_used; i++) {
        const sn_node *left = &a->nodes[i], *right = &b->nodes[j];
        if (!left->type)
            continue;
        REQUIRE(j++ < b->nodes_used && left->type == right->type && left->links == right->links);
        REQUIRE(left->opens == right->opens && left->space == right->space);
        if (left->type == SN_FILETYPE_DIRECTORY)
            continue;
        REQUIRE(left->file.bytes == right->file.bytes);
        REQUIRE(!left->file.bytes ||
                memcmp(left->file.data, right->file.data, left->file.bytes) == 0);
    }
    for (uint32_t i = 0; i < a->spaces_count; i++)
        REQUIRE(a->spaces[i].used_bytes == b->spaces[i].used_bytes &&
                a->spaces[i].quota_bytes == b->spaces[i].quota_bytes);
}

/* What was saved of `w` gives a world like it, which saved again is the same. */
static void check_again(const saved *s, world w, const uint8_t *pages) {
    sn_snapshot_pages there = {pages, (const sn_extent *)s->extents.data,
                               s->extents.bytes / sizeof(sn_extent)};
    guest_calls none = {0};
    world other = make(&none);
    saved again = {0};
    REQUIRE(sn_wasi_load(other.wasi, s->blob.data, s->blob.bytes, &there, NULL) == 0);
    sn_tree_check(other.vfs);
    guest_calls_check(other.wasi);
    compare_files(w.vfs, other.vfs);
    REQUIRE(save(&again, other) == 0);
    REQUIRE(same(&s->blob, &again.blob) && same(&s->extents, &again.extents));
    clear(&again);
    end(other);
}

/* Whether a number that only ever rises has come to where a snapshot may not have it. */
static bool is_worn_out(const sn_vfs *vfs) {
    for (uint32_t i = 1; i < vfs->nodes_used; i++)
        if (vfs->nodes[i].type == SN_FILETYPE_DIRECTORY && vfs->nodes[i].dir.cookie > INT64_MAX)
            return true;
    return vfs->next_ino > INT64_MAX;
}

/* Leaves each workspace some room, as none of a GiB is wanted here. */
static void tighten(sn_vfs *vfs) {
    uint64_t sum = 0;
    for (uint32_t i = 1; i < vfs->spaces_count; i++) {
        sn_space *space = &vfs->spaces[i];
        sum += space->quota_bytes;
        if (space->quota_bytes > space->used_bytes + ROOM_BYTES)
            space->quota_bytes = space->used_bytes + ROOM_BYTES;
    }
    REQUIRE(sum <= SN_WORKSPACE_MAX_BYTES);
}

/* A guest goes on from there, and what it has made of it is kept. */
static void go_on(world w, guest_calls *program, const uint8_t *before) {
    static uint8_t pages[PAGES_MOST * PAGE];
    sn_memory memory = {.base = calloc(1, GUEST_MEMORY_BYTES), .size_bytes = GUEST_MEMORY_BYTES};
    REQUIRE(memory.base);
    sn_wasi_set_memory(w.wasi, &memory);
    tighten(w.vfs);
    guest_calls_fill(memory.base, program);
    for (int i = 0; i < CALLS_MAX && guest_calls_make(program, w.wasi); i++)
        if (i % 32 == 0)
            sn_tree_check(w.vfs);
    sn_tree_check(w.vfs);
    guest_calls_check(w.wasi);
    memset(pages, '.', sizeof pages);
    memcpy(pages, before, PAGES * PAGE);
    saved s = {.pages = pages};
    program->left = 0; /* the clock stands still */
    if (save(&s, w) == 0 && !is_worn_out(w.vfs))
        check_again(&s, w, pages);
    clear(&s);
    free(memory.base);
}

static bool try(const void *blob, size_t bytes, const guest_calls *program) {
    uint8_t *pages = malloc(PAGES * PAGE);
    guest_calls in = {0};
    world w = make(&in);
    saved s = {0};
    REQUIRE(pages);
    for (size_t i = 0; i < PAGES * PAGE; i++)
        pages[i] = (uint8_t)(i >> 6);
    sn_snapshot_pages there = {pages, &(sn_extent){0, PAGES}, 1};
    bool taken = sn_wasi_load(w.wasi, blob, bytes, &there, NULL) == 0;
    if (taken) {
        sn_tree_check(w.vfs);
        guest_calls_check(w.wasi);
        REQUIRE(save(&s, w) == 0);
        check_again(&s, w, pages);
        in = *program;
        go_on(w, &in, pages);
    }
    clear(&s);
    end(w);
    free(pages);
    return taken;
}

/* Puts the beginning of a snapshot of this ground there. */
static void fit(void *blob) {
    guest_calls none = {0};
    world w = make(&none);
    saved s = {0};
    REQUIRE(save(&s, w) == 0);
    memcpy(blob, s.blob.data, GROUND_BYTES);
    clear(&s);
    end(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t bytes = size < 2 ? 0 : data[0] | (size_t)data[1] << 8;
    if (size < 2 || bytes > size - 2)
        return 0;
    guest_calls program = {data + 2 + bytes, size - 2 - bytes};
    uint8_t *blob = malloc(bytes ? bytes : 1); /* of its size: a read beyond it is seen */
    REQUIRE(blob);
    memcpy(blob, data + 2, bytes);
    if (!try(blob, bytes, &program) && bytes >= GROUND_BYTES) {
        fit(blob);
        (void)try(blob, bytes, &program);
    }
    free(blob);
    return 0;
}
