/*
 * archive_fuzz.c - mounts what it is given as an archive. Whatever it is, the tree stays sound, and
 * if it is taken, every file lies inside it and can be found by its path.
 */
#include "tree_check.h"
#include "util/error.h"
#include "wasi/path.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check_files(const sn_vfs *vfs, const uint8_t *data, size_t size) {
    unsigned sum = 0;
    for (uint32_t i = 1; i < vfs->entries_used; i++) {
        const sn_entry *entry = &vfs->entries[i];
        const sn_node *node = &vfs->nodes[entry->node];
        sn_lookup at;
        require(sn_path_lookup(&at, vfs, entry->dir, entry->name, entry->name_bytes, SN_NAME) == 0);
        require(at.entry == i && at.node == entry->node && at.dir == entry->dir);
        if (node->type != SN_FILETYPE_REGULAR_FILE)
            continue;
        require(node->file.data >= data && node->file.bytes <= size);
        for (uint64_t k = 0; k < node->file.bytes; k++)
            sum += node->file.data[k];
    }
    __asm__ volatile("" : : "r"(sum)); /* it is read, whoever optimises */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_vfs *vfs;
    sn_error err = SN_ERROR_INIT;
    if (sn_vfs_new(&vfs, &err))
        abort();
    int e = sn_vfs_mount_archive(vfs, data, size, &err);
    require(e == 0 || e == SN_EUNAVAILABLE);
    require(e == err.code);
    require(!e || err.message[0]);
    sn_tree_check(vfs);
    check_files(vfs, data, size);
    sn_vfs_free(vfs);
    return 0;
}
