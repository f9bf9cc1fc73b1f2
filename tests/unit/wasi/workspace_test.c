/* workspace_test.c - names and contents that a guest changes, and the quota. */
#include "guest.h"

#include "tree_check.h"

#include <stdio.h>

static sn_abi_filestat stat_of(guest *g, const char *path) {
    sn_abi_filestat stat;
    assert_done(guest_stat(g, &stat, path, false));
    return stat;
}

static uint32_t missing(guest *g, const char *path) {
    sn_abi_filestat stat;
    return guest_stat(g, &stat, path, false) == SN_WASI_NOENT;
}

static uint64_t used(const guest *g) {
    return g->vfs->spaces[1].used_bytes;
}

static void folders_come_and_go(void **state) {
    guest *g = *state;
    assert_done(guest_mkdir(g, "w/a"));
    assert_done(guest_mkdir(g, "w/a/b/"));
    assert_errno(guest_mkdir(g, "w/a"), SN_WASI_EXIST);
    assert_errno(guest_mkdir(g, "w/a/b/c/d"), SN_WASI_NOENT);
    assert_errno(guest_mkdir(g, "ro"), SN_WASI_EXIST);
    assert_errno(guest_mkdir(g, "ro/x"), SN_WASI_ROFS);
    assert_errno(guest_mkdir(g, "x"), SN_WASI_ROFS);
    assert_errno(guest_mkdir(g, "."), SN_WASI_EXIST);
    assert_errno(guest_mkdir(g, "ro/file/x"), SN_WASI_NOTDIR);
    assert_errno(guest_rmdir(g, "w/a"), SN_WASI_NOTEMPTY);
    assert_errno(guest_rmdir(g, "w/a/."), SN_WASI_INVAL);
    assert_errno(guest_rmdir(g, "ro/file"), SN_WASI_NOTDIR);
    assert_errno(guest_rmdir(g, "ro/dir"), SN_WASI_ROFS);
    assert_errno(guest_rmdir(g, "w"), SN_WASI_ROFS);
    assert_errno(guest_rmdir(g, "w/none"), SN_WASI_NOENT);
    assert_errno(guest_unlink(g, "w/a"), SN_WASI_ISDIR);
    assert_errno(guest_unlink(g, "w/a/"), SN_WASI_ISDIR);
    assert_done(guest_rmdir(g, "w/a/b/"));
    assert_done(guest_rmdir(g, "w/a"));
    assert_true(missing(g, "w/a"));
    assert_int_equal(used(g), 0);
}

static void files_come_and_go(void **state) {
    guest *g = *state;
    guest_file(g, "w/f", "one");
    guest_expect(g, "w/f", "one");
    guest_file(g, "w/f", "other");
    guest_expect(g, "w/f", "other");
    assert_errno(guest_rmdir(g, "w/f"), SN_WASI_NOTDIR);
    assert_errno(guest_rmdir(g, "w/f/"), SN_WASI_NOTDIR);
    assert_errno(guest_unlink(g, "w/f/"), SN_WASI_NOTDIR);
    assert_errno(guest_unlink(g, "ro/file"), SN_WASI_ROFS);
    assert_errno(guest_unlink(g, "ro/none"), SN_WASI_NOENT);
    assert_done(guest_unlink(g, "w/f"));
    assert_true(missing(g, "w/f"));
    assert_int_equal(used(g), 0);
}

static void an_open_file_outlives_its_name(void **state) {
    guest *g = *state;
    sn_abi_filestat stat;
    uint32_t got;
    guest_file(g, "w/f", "kept");
    uint32_t fd = guest_open(g, "w/f", 0, SN_RIGHTS_FILE);
    assert_done(guest_unlink(g, "w/f"));
    guest_file(g, "w/f", "new");
    assert_done(guest_read(g, &got, fd, 100));
    assert_int_equal(got, 4);
    assert_memory_equal(g->memory.base + AT_DATA, "kept", 4);
    assert_done(guest_write(g, fd, "+"));
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.nlink, 0);
    assert_int_equal(stat.size, 5);
    assert_int_not_equal(stat.ino, stat_of(g, "w/f").ino);
    uint64_t before = used(g);
    assert_done(sn_wasi_fd_close(g->wasi, fd));
    assert_int_equal(used(g), before - SN_NODE_COST_BYTES - 5);
    guest_expect(g, "w/f", "new");
}

static void an_open_folder_outlives_its_name(void **state) {
    guest *g = *state;
    uint32_t file;
    assert_done(guest_mkdir(g, "w/d"));
    uint32_t dir = guest_open(g, "w/d", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    assert_done(guest_rmdir(g, "w/d"));
    assert_errno(guest_open_as(g, &file, dir, "f", 0, SN_OFLAG_CREAT, 0, 0, 0), SN_WASI_NOENT);
    assert_errno(guest_open_as(g, &file, dir, "..", 0, 0, 0, 0, 0), SN_WASI_NOTCAPABLE);
    assert_done(sn_wasi_fd_readdir(g->wasi, dir, AT_DATA, 1000, 0, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 2 * sizeof(sn_abi_dirent) + 3); /* . and .. */
    guest_file(g, "w/f", "");
    uint32_t from_len = guest_path(g, AT_PATH, "w/f");
    uint32_t to_len = guest_path(g, AT_PATH2, "f");
    assert_errno(sn_wasi_path_rename(g->wasi, 3, AT_PATH, from_len, dir, AT_PATH2, to_len),
                 SN_WASI_NOENT);
    assert_errno(sn_wasi_path_link(g->wasi, 3, 0, AT_PATH, from_len, dir, AT_PATH2, to_len),
                 SN_WASI_NOENT);
    assert_done(sn_wasi_fd_close(g->wasi, dir));
    assert_done(guest_unlink(g, "w/f"));
    assert_int_equal(used(g), 0);
}

static void files_may_have_several_names(void **state) {
    guest *g = *state;
    guest_file(g, "w/f", "shared");
    assert_done(guest_mkdir(g, "w/d"));
    assert_done(guest_link(g, "w/f", "w/d/g"));
    assert_int_equal(stat_of(g, "w/f").nlink, 2);
    assert_int_equal(stat_of(g, "w/f").ino, stat_of(g, "w/d/g").ino);
    guest_file(g, "w/d/g", "changed");
    guest_expect(g, "w/f", "changed");
    assert_done(guest_unlink(g, "w/f"));
    guest_expect(g, "w/d/g", "changed");
    assert_int_equal(stat_of(g, "w/d/g").nlink, 1);
}

static void hard_links_have_limits(void **state) {
    guest *g = *state;
    guest_file(g, "w/f", "");
    assert_done(guest_mkdir(g, "w/d"));
    assert_errno(guest_link(g, "w/f", "w/d"), SN_WASI_EXIST);
    assert_errno(guest_link(g, "w/f", "w/f"), SN_WASI_EXIST);
    assert_errno(guest_link(g, "w/f", "w/new/"), SN_WASI_NOENT);
    assert_errno(guest_link(g, "w/none", "w/x"), SN_WASI_NOENT);
    assert_errno(guest_link(g, "w/d", "w/x"), SN_WASI_PERM);
    assert_errno(guest_link(g, "ro/file", "w/x"), SN_WASI_XDEV);
    assert_errno(guest_link(g, "w/f", "ro/x"), SN_WASI_ROFS);
    assert_done(guest_symlink(g, "none", "w/l"));
    assert_done(guest_link(g, "w/l", "w/m")); /* the link itself */
    assert_int_equal(stat_of(g, "w/m").filetype, SN_FILETYPE_SYMBOLIC_LINK);
    uint32_t from_len = guest_path(g, AT_PATH, "w/l"), to_len = guest_path(g, AT_PATH2, "w/n");
    assert_errno(sn_wasi_path_link(g->wasi, 3, 1, AT_PATH, from_len, 3, AT_PATH2, to_len),
                 SN_WASI_NOENT);
    assert_errno(sn_wasi_path_link(g->wasi, 3, 2, AT_PATH, from_len, 3, AT_PATH2, to_len),
                 SN_WASI_INVAL);
    guest_file(g, "w/none", "");
    guest_path(g, AT_PATH, "w/l");
    assert_done(sn_wasi_path_link(g->wasi, 3, 1, AT_PATH, from_len, 3, AT_PATH2, to_len));
    assert_int_equal(stat_of(g, "w/n").ino, stat_of(g, "w/none").ino);
}

static void files_are_renamed(void **state) {
    guest *g = *state;
    guest_file(g, "w/a", "A");
    guest_file(g, "w/b", "B");
    assert_done(guest_mkdir(g, "w/d"));
    uint64_t ino = stat_of(g, "w/a").ino;
    assert_done(guest_rename(g, "w/a", "w/a-longer-name"));
    assert_true(missing(g, "w/a"));
    assert_int_equal(stat_of(g, "w/a-longer-name").ino, ino);
    assert_done(guest_rename(g, "w/a-longer-name", "w/b"));
    guest_expect(g, "w/b", "A");
    assert_done(guest_rename(g, "w/b", "w/b"));
    assert_done(guest_rename(g, "w/b", "w/d/c"));
    guest_expect(g, "w/d/c", "A");
    assert_done(guest_link(g, "w/d/c", "w/other"));
    assert_done(guest_rename(g, "w/d/c", "w/other")); /* two names of one file: both stay */
    assert_int_equal(stat_of(g, "w/d/c").nlink, 2);
    assert_errno(guest_rename(g, "w/d/c", "w/d"), SN_WASI_ISDIR);
    assert_errno(guest_rename(g, "w/d/c", "w/x/"), SN_WASI_NOTDIR);
    assert_errno(guest_rename(g, "w/d/c/", "w/x"), SN_WASI_NOTDIR);
    assert_errno(guest_rename(g, "w/none", "w/x"), SN_WASI_NOENT);
    assert_errno(guest_rename(g, "w/d/c", "w/none/x"), SN_WASI_NOENT);
    assert_errno(guest_rename(g, "w/d/c", "ro/x"), SN_WASI_ROFS);
    assert_errno(guest_rename(g, "ro/file", "w/x"), SN_WASI_ROFS);
    assert_errno(guest_rename(g, "w/.", "w/x"), SN_WASI_BUSY);
    assert_errno(guest_rename(g, "w/d/c", "w/d/.."), SN_WASI_BUSY);
}

static void folders_are_renamed(void **state) {
    guest *g = *state;
    assert_done(guest_mkdir(g, "w/a"));
    guest_file(g, "w/a/f", "inside");
    assert_done(guest_rename(g, "w/a", "w/b/"));
    guest_expect(g, "w/b/f", "inside");
    assert_done(guest_mkdir(g, "w/empty"));
    assert_done(guest_mkdir(g, "w/full"));
    assert_done(guest_mkdir(g, "w/full/x"));
    guest_file(g, "w/file", "");
    assert_errno(guest_rename(g, "w/b", "w/full"), SN_WASI_NOTEMPTY);
    assert_errno(guest_rename(g, "w/b", "w/file"), SN_WASI_NOTDIR);
    assert_errno(guest_rename(g, "w/b", "w/b/c"), SN_WASI_INVAL);
    assert_errno(guest_rename(g, "w/full", "w/full/x/y"), SN_WASI_INVAL);
    assert_errno(guest_rename(g, "w/full/x", "w/full"), SN_WASI_NOTEMPTY);
    assert_errno(guest_rename(g, "w", "w/x"), SN_WASI_ROFS);
    assert_done(guest_rename(g, "w/b", "w/empty"));
    guest_expect(g, "w/empty/f", "inside");
    assert_done(guest_rename(g, "w/empty", "w/full/x/in"));
    guest_expect(g, "w/full/x/in/../in/f", "inside");
}

static void workspaces_are_apart(void **state) {
    guest *g = *state;
    assert_int_equal(sn_vfs_add_workspace(g->vfs, "/v", 10000, NULL), 0);
    guest_file(g, "w/f", "x");
    assert_errno(guest_rename(g, "w/f", "v/f"), SN_WASI_XDEV);
    assert_errno(guest_link(g, "w/f", "v/f"), SN_WASI_XDEV);
    guest_file(g, "v/g", "y");
    assert_int_equal(g->vfs->spaces[2].used_bytes,
                     SN_NODE_COST_BYTES + SN_ENTRY_COST_BYTES + 1 + 1);
}

static void inputs_in_a_workspace_stay_read_only(void **state) {
    guest *g = *state;
    uint32_t fd;
    assert_int_equal(sn_vfs_add_file(g->vfs, "/w/in/put", "data", 4, NULL), 0);
    guest_expect(g, "w/in/put", "data");
    assert_errno(guest_open_as(g, &fd, 3, "w/in/put", 0, 0, SN_RIGHTS_FILE, 0, 0), SN_WASI_ROFS);
    assert_errno(guest_open_as(g, &fd, 3, "w/in/put", 0, SN_OFLAG_TRUNC, 0, 0, 0), SN_WASI_ROFS);
    assert_errno(guest_unlink(g, "w/in/put"), SN_WASI_ROFS);
    assert_int_equal(sn_vfs_add_file(g->vfs, "/w/put", "data", 4, NULL), 0);
    assert_done(guest_rename(g, "w/put", "w/got"));
    assert_errno(guest_open_as(g, &fd, 3, "w/got", 0, 0, SN_RIGHTS_FILE, 0, 0), SN_WASI_ROFS);
    guest_expect(g, "w/got", "data");
    assert_done(guest_unlink(g, "w/got"));
}

static void bytes_are_counted(void **state) {
    guest *g = *state;
    sn_abi_filestat stat;
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    uint64_t cost = SN_NODE_COST_BYTES + SN_ENTRY_COST_BYTES + 1;
    assert_int_equal(used(g), cost);
    uint64_t left = QUOTA_BYTES - cost;
    assert_errno(sn_wasi_fd_filestat_set_size(g->wasi, fd, left + 1), SN_WASI_NOSPC);
    assert_errno(sn_wasi_fd_filestat_set_size(g->wasi, fd, 1ull << 62), SN_WASI_NOSPC);
    assert_errno(sn_wasi_fd_filestat_set_size(g->wasi, fd, 1ull << 63), SN_WASI_FBIG);
    assert_int_equal(used(g), cost);
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, left));
    assert_errno(guest_mkdir(g, "w/d"), SN_WASI_NOSPC);
    assert_errno(guest_symlink(g, "x", "w/l"), SN_WASI_NOSPC);
    assert_errno(guest_link(g, "w/f", "w/g"), SN_WASI_NOSPC);
    assert_done(sn_wasi_fd_seek(g->wasi, fd, 0, SN_WHENCE_END, AT_RESULT));
    assert_errno(guest_write(g, fd, "x"), SN_WASI_NOSPC);
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.size, left);
    assert_int_equal(used(g), QUOTA_BYTES);
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 10));
    assert_int_equal(used(g), cost + 10);
    assert_done(guest_mkdir(g, "w/d"));
}

static void empty_files_are_counted(void **state) {
    guest *g = *state;
    char path[32];
    uint32_t made = 0, e;
    do {
        snprintf(path, sizeof path, "w/%u", made++);
        e = guest_mkdir(g, path);
    } while (!e);
    assert_int_equal(e, SN_WASI_NOSPC);
    assert_in_range(made, 700, QUOTA_BYTES / 320);
    sn_tree_check(g->vfs);
    while (made-- > 1) {
        snprintf(path, sizeof path, "w/%u", made - 1);
        assert_done(guest_rmdir(g, path));
    }
    assert_int_equal(used(g), 0);
}

static void slots_are_used_again_and_numbers_are_not(void **state) {
    guest *g = *state;
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        guest_file(g, "w/f", "x");
        uint64_t ino = stat_of(g, "w/f").ino;
        assert_true(ino > last);
        last = ino;
        assert_done(guest_unlink(g, "w/f"));
    }
    assert_in_range(g->vfs->nodes_used, 1, 10);
    assert_in_range(g->vfs->entries_used, 1, 10);
}

static void times_follow_changes(void **state) {
    guest *g = *state;
    g->clock_ns[0] = 1000000;
    assert_done(guest_mkdir(g, "w/d"));
    g->clock_ns[0] = 2000000;
    guest_file(g, "w/d/f", "x");
    assert_int_equal(stat_of(g, "w/d").mtim, 2000000);
    assert_int_equal(stat_of(g, "w/d/f").mtim, 2000000);
    /* The clock stands still, and yet the folder's time shows that it changed. */
    assert_done(guest_unlink(g, "w/d/f"));
    assert_int_equal(stat_of(g, "w/d").mtim, 2001000);
    assert_int_equal(stat_of(g, "ro/file").mtim, SN_TREE_EPOCH_NS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(folders_come_and_go),
        GUEST_TEST(files_come_and_go),
        GUEST_TEST(an_open_file_outlives_its_name),
        GUEST_TEST(an_open_folder_outlives_its_name),
        GUEST_TEST(files_may_have_several_names),
        GUEST_TEST(hard_links_have_limits),
        GUEST_TEST(files_are_renamed),
        GUEST_TEST(folders_are_renamed),
        GUEST_TEST(workspaces_are_apart),
        GUEST_TEST(inputs_in_a_workspace_stay_read_only),
        GUEST_TEST(bytes_are_counted),
        GUEST_TEST(empty_files_are_counted),
        GUEST_TEST(slots_are_used_again_and_numbers_are_not),
        GUEST_TEST(times_follow_changes),
    };
    return cmocka_run_group_tests_name("workspace", tests, NULL, NULL);
}
