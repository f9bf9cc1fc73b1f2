/*
 * wasi_fuzz.c - a hostile guest (guest_calls.h). Nothing may be touched outside its memory (the
 * address sanitizer sees to it), and after the calls the tree and the table of descriptors must be
 * sound.
 */
#include "guest_calls.h"
#include "tree_check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CALLS_MAX = 2000,
    QUOTA_BYTES = 60000,
    SMALL_QUOTA_BYTES = 1500,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    guest_calls in = {data, size};
    sn_memory memory = {.base = calloc(1, GUEST_MEMORY_BYTES), .size_bytes = GUEST_MEMORY_BYTES};
    sn_vfs *vfs;
    sn_wasi *w;
    if (!memory.base || sn_vfs_new(&vfs, NULL) ||
        sn_vfs_add_file(vfs, "/ro/file", "read only", 9, NULL) ||
        sn_vfs_add_workspace(vfs, "/w", QUOTA_BYTES, NULL) ||
        sn_vfs_add_workspace(vfs, "/v", SMALL_QUOTA_BYTES, NULL) ||
        sn_vfs_add_file(vfs, "/w/in", "input", 5, NULL))
        abort();
    sn_wasi_options options = guest_calls_options(vfs, &in);
    if (sn_wasi_new(&w, &options, NULL))
        abort();
    sn_wasi_set_memory(w, &memory);
    guest_calls_fill(memory.base, &in);
    for (int i = 0; i < CALLS_MAX && guest_calls_make(&in, w); i++)
        if (i % 64 == 0)
            sn_tree_check(vfs);
    sn_tree_check(vfs);
    guest_calls_check(w);
    sn_wasi_free(w);
    sn_tree_check(vfs);
    sn_vfs_free(vfs);
    free(memory.base);
    return 0;
}
