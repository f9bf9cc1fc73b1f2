/*
 * snapshot_fuzz.c - puts what it is given back as the snapshot of a world (wasi/snapshot.h). What
 * is taken makes a sound world, which is the same again when it is saved and put back once more,
 * and stays sound when each of its descriptors is used and closed.
 */
#include "tree_check.h"
#include "wasi/calls.h"
#include "wasi/snapshot.h"
#include "wasi/state.h"
#include "wasm/instance.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGES = 64, PAGE = 4096, MEMORY_BYTES = 65536, QUOTA_BYTES = 60000 };

typedef struct world {
    sn_memory memory;
    sn_vfs *vfs;
    sn_wasi *wasi;
} world;

static void require(bool condition) {
    if (!condition)
        abort();
}

static int output(void *user, int fd, const void *data, size_t bytes) {
    (void)user, (void)fd, (void)data, (void)bytes;
    return 0;
}

static int64_t input(void *user, void *data, size_t bytes) {
    (void)user, (void)data, (void)bytes;
    return 0;
}

static int tell_clock(void *user, uint32_t id, uint64_t *ns) {
    (void)user;
    *ns = 1000000000u * (id + 1ull);
    return 0;
}

static int give_random(void *user, void *data, size_t bytes) {
    (void)user;
    memset(data, 0, bytes);
    return 0;
}

static int pass_time(void *user, uint64_t ns) {
    (void)user, (void)ns;
    return 0;
}

/* Not reached: proc_exit is not called. */
void sn_instance_exit(uint32_t exit_code) {
    (void)exit_code;
    abort();
}

static void make_world(world *w) {
    static const char *const args[] = {"program"};
    sn_wasi_sources sources = {tell_clock, give_random, pass_time, NULL};
    sn_wasi_options options = {
        .args = args,
        .args_count = 1,
        .input = input,
        .output = output,
        .sources = &sources,
    };
    *w = (world){.memory = {.base = calloc(1, MEMORY_BYTES), .size_bytes = MEMORY_BYTES}};
    require(w->memory.base && sn_vfs_new(&w->vfs, NULL) == 0);
    require(sn_vfs_add_file(w->vfs, "/ro/file", "read only", 9, NULL) == 0);
    require(sn_vfs_add_dir(w->vfs, "/tmp", NULL) == 0);
    require(sn_vfs_add_workspace(w->vfs, "/w", QUOTA_BYTES, NULL) == 0);
    options.vfs = w->vfs;
    require(sn_wasi_new(&w->wasi, &options, NULL) == 0);
    sn_wasi_set_memory(w->wasi, &w->memory);
    require(sn_wasi_mark_ground(w->wasi, NULL) == 0);
}

static void free_world(world *w) {
    sn_tree_check(w->vfs);
    sn_wasi_free(w->wasi);
    sn_tree_check(w->vfs);
    sn_vfs_free(w->vfs);
    free(w->memory.base);
}

static void check_descriptors(const sn_wasi *w) {
    uint32_t *opens = calloc(w->vfs->nodes_used, sizeof *opens);
    require(opens != NULL);
    for (uint32_t i = 0; i < w->fds_count; i++)
        if (w->fds[i].kind == SN_FD_FILE || w->fds[i].kind == SN_FD_DIR)
            opens[w->fds[i].node]++;
    for (uint32_t i = 1; i < w->vfs->nodes_used; i++)
        require(opens[i] == w->vfs->nodes[i].opens);
    free(opens);
}

/* Contents stay where they are as long as nobody writes to them. */
static int nothing_new(void *user, uint32_t first_page, const void *data, uint64_t bytes) {
    (void)user, (void)first_page, (void)data, (void)bytes;
    abort();
}

static void save(sn_buffer *blob, world *w) {
    sn_buffer extents = {0};
    require(sn_wasi_save(blob, &extents, w->wasi, nothing_new, NULL, NULL) == 0);
    sn_buffer_free(&extents);
}

static void save_and_put_back(world *first, const uint8_t *pages) {
    world second;
    sn_buffer blob = {0}, again = {0};
    make_world(&second);
    save(&blob, first);
    require(sn_wasi_load(second.wasi, blob.data, blob.bytes, pages, PAGES, NULL) == 0);
    save(&again, &second);
    require(again.bytes == blob.bytes && memcmp(again.data, blob.data, blob.bytes) == 0);
    sn_buffer_free(&blob);
    sn_buffer_free(&again);
    free_world(&second);
}

static void use_descriptors(world *w) {
    sn_abi_iovec iov = {4096, 100};
    memcpy(w->memory.base + 256, &iov, sizeof iov);
    for (uint32_t fd = 0; fd < w->wasi->fds_count; fd++) {
        if (w->wasi->fds[fd].kind == SN_FD_FREE)
            continue;
        sn_wasi_fd_readdir(w->wasi, fd, 8192, 4096, 0, 64);
        sn_wasi_fd_read(w->wasi, fd, 256, 1, 64);
        sn_wasi_fd_write(w->wasi, fd, 256, 1, 64);
        sn_wasi_fd_filestat_set_size(w->wasi, fd, fd * 100);
        sn_wasi_fd_filestat_get(w->wasi, fd, 512);
        if (fd % 2)
            sn_wasi_fd_close(w->wasi, fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t pages[PAGES * PAGE];
    world w;
    memset(pages, 'p', sizeof pages);
    make_world(&w);
    if (sn_wasi_load(w.wasi, data, size, pages, PAGES, NULL) == 0) {
        sn_tree_check(w.vfs);
        check_descriptors(w.wasi);
        save_and_put_back(&w, pages);
        use_descriptors(&w);
        check_descriptors(w.wasi);
    }
    free_world(&w);
    return 0;
}
