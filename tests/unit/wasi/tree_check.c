/* tree_check.c - see tree_check.h. */
#include "tree_check.h"

#include "util/auto.h"

#include <string.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "tree_check.c:%d: not so: %s\n", __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static uint32_t check_folder(const sn_vfs *vfs, uint32_t dir, uint32_t *links) {
    const sn_node *node = &vfs->nodes[dir];
    uint32_t count = 0, prev = 0;
    uint64_t cookie = 2;
    for (uint32_t i = node->dir.first; i; i = vfs->entries[i].next) {
        const sn_entry *entry = &vfs->entries[i];
        REQUIRE(i < vfs->entries_used);
        REQUIRE(entry->dir == dir);
        REQUIRE(entry->prev == prev);
        REQUIRE(entry->cookie > cookie);
        REQUIRE(entry->node && entry->node < vfs->nodes_used);
        REQUIRE(vfs->nodes[entry->node].type != 0);
        REQUIRE(sn_tree_is_name(entry->name, entry->name_bytes));
        REQUIRE(sn_tree_find(vfs, dir, entry->name, entry->name_bytes) == i);
        if (vfs->nodes[entry->node].type == SN_FILETYPE_DIRECTORY)
            REQUIRE(vfs->nodes[entry->node].parent == dir);
        links[entry->node]++;
        cookie = entry->cookie;
        prev = i;
        count++;
    }
    REQUIRE(node->dir.last == prev);
    REQUIRE(node->dir.count == count);
    REQUIRE(node->dir.cookie >= cookie);
    return count;
}

static void check_node(const sn_vfs *vfs, uint32_t index, uint32_t links, uint64_t *used) {
    const sn_node *node = &vfs->nodes[index];
    REQUIRE(node->links == links);
    REQUIRE(node->links || node->opens);
    REQUIRE(node->ino && node->ino < vfs->next_ino);
    REQUIRE(node->space < vfs->spaces_count);
    bool is_workspace_root =
        node->space && node->type == SN_FILETYPE_DIRECTORY && node->links &&
        (index == SN_TREE_ROOT || vfs->nodes[node->parent].space != node->space);
    if (!is_workspace_root)
        used[node->space] += SN_NODE_COST_BYTES;
    if (node->type == SN_FILETYPE_DIRECTORY)
        return;
    REQUIRE(!node->owned || node->space);
    if (node->owned) {
        REQUIRE(node->file.data && node->file.bytes <= node->file.capacity);
    } else if (node->space && node->file.bytes > 0) { /* of a snapshot's pages */
        REQUIRE(node->file.capacity == 0);
    }
    used[node->space] += node->file.bytes;
}

void sn_tree_check(const sn_vfs *vfs) {
    sn_auto_free uint32_t *links = calloc(vfs->nodes_used, sizeof *links);
    REQUIRE(links);
    uint32_t names = 0;
    uint64_t used[SN_SPACES_MAX] = {0};
    REQUIRE(vfs->nodes[0].type == 0 && vfs->entries[0].dir == 0 && vfs->entries[0].node == 0);
    links[SN_TREE_ROOT] = 1;
    for (uint32_t i = 1; i < vfs->nodes_used; i++)
        if (vfs->nodes[i].type == SN_FILETYPE_DIRECTORY)
            names += check_folder(vfs, i, links);
    REQUIRE(names == vfs->names);
    for (uint32_t i = 1; i < vfs->nodes_used; i++)
        if (vfs->nodes[i].type)
            check_node(vfs, i, links[i], used);
    uint32_t alive = 0;
    for (uint32_t i = 1; i < vfs->entries_used; i++) {
        const sn_entry *entry = &vfs->entries[i];
        if (!entry->dir)
            continue;
        alive++;
        REQUIRE(entry->owned || entry->space == 0);
        if (entry->owned)
            used[entry->space] += SN_ENTRY_COST_BYTES + entry->name_bytes;
    }
    REQUIRE(alive == names);
    for (uint32_t i = 1; i < vfs->spaces_count; i++) {
        REQUIRE(used[i] == vfs->spaces[i].used_bytes);
        REQUIRE(used[i] <= vfs->spaces[i].quota_bytes);
    }
}
