/* path_test.c - what paths mean, and where they may not lead. */
#include "guest.h"

#include "wasi/path.h"

#include <stdlib.h>

static uint32_t stat_of(guest *g, const char *path) {
    sn_abi_filestat stat;
    return guest_stat(g, &stat, path, true);
}

static uint64_t ino_of(guest *g, const char *path) {
    sn_abi_filestat stat;
    assert_done(guest_stat(g, &stat, path, true));
    return stat.ino;
}

static void dots_and_slashes_are_read_over(void **state) {
    guest *g = *state;
    uint64_t file = ino_of(g, "ro/file");
    assert_int_equal(ino_of(g, "./ro/file"), file);
    assert_int_equal(ino_of(g, "ro//file"), file);
    assert_int_equal(ino_of(g, "ro/./././file"), file);
    assert_int_equal(ino_of(g, "ro/dir/../file"), file);
    assert_int_equal(ino_of(g, "ro/dir/.//../../ro/dir/..///./file"), file);
    assert_int_equal(ino_of(g, "ro/.."), ino_of(g, "."));
    assert_int_equal(ino_of(g, "ro/dir/"), ino_of(g, "ro/dir"));
    assert_int_equal(ino_of(g, "ro/dir///"), ino_of(g, "ro/dir"));
}

static void nothing_leads_above_the_root(void **state) {
    guest *g = *state;
    assert_errno(stat_of(g, ".."), SN_WASI_NOTCAPABLE);
    assert_errno(stat_of(g, "../ro/file"), SN_WASI_NOTCAPABLE);
    assert_errno(stat_of(g, "ro/../../ro/file"), SN_WASI_NOTCAPABLE);
    assert_errno(stat_of(g, "/"), SN_WASI_NOTCAPABLE);
    assert_errno(stat_of(g, "/ro/file"), SN_WASI_NOTCAPABLE);
    assert_errno(guest_mkdir(g, "/w/x"), SN_WASI_NOTCAPABLE);
    assert_errno(guest_rename(g, "w/../../x", "w/y"), SN_WASI_NOTCAPABLE);
}

static void nothing_leads_above_a_folder_that_is_open(void **state) {
    guest *g = *state;
    assert_done(guest_mkdir(g, "w/d"));
    assert_done(guest_symlink(g, "../f", "w/d/up"));
    assert_done(guest_symlink(g, "d/up", "w/twice"));
    guest_file(g, "w/f", "x");
    uint32_t dir = guest_open(g, "w/d", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR), fd;
    assert_errno(guest_open_as(g, &fd, dir, "../f", 1, 0, READING, 0, 0), SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "up", 1, 0, READING, 0, 0), SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "/w/f", 1, 0, READING, 0, 0), SN_WASI_NOTCAPABLE);
    guest_expect(g, "w/d/up", "x"); /* from the root it is all inside */
    guest_expect(g, "w/twice", "x");
    /* Moving the folder does not open a way out. */
    assert_done(guest_rename(g, "w/d", "w/e"));
    assert_errno(guest_open_as(g, &fd, dir, "../f", 1, 0, READING, 0, 0), SN_WASI_NOTCAPABLE);
}

static void what_is_no_path_is_told_apart(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_errno(stat_of(g, ""), SN_WASI_NOENT);
    assert_errno(stat_of(g, "ro/file/"), SN_WASI_NOTDIR);
    assert_errno(stat_of(g, "ro/file/x"), SN_WASI_NOTDIR);
    assert_errno(stat_of(g, "ro/file/.."), SN_WASI_NOTDIR);
    assert_errno(stat_of(g, "ro/none"), SN_WASI_NOENT);
    assert_errno(stat_of(g, "ro/none/x"), SN_WASI_NOENT);
    assert_errno(stat_of(g, "ro/\xff"), SN_WASI_ILSEQ);
    assert_errno(stat_of(g, "ro/\xed\xa0\x80"), SN_WASI_ILSEQ);
    guest_put(g, AT_PATH, "ro/file", 8);
    assert_errno(sn_wasi_path_filestat_get(w, 3, 1, AT_PATH, 8, AT_STRUCT), SN_WASI_INVAL);
    assert_errno(sn_wasi_path_filestat_get(w, 3, 1, END - 3, 4, AT_STRUCT), SN_WASI_FAULT);
    assert_errno(sn_wasi_path_filestat_get(w, 3, 1, UINT32_MAX, 2, AT_STRUCT), SN_WASI_FAULT);
    assert_errno(sn_wasi_path_filestat_get(w, 3, 1, AT_PATH, UINT32_MAX, AT_STRUCT), SN_WASI_FAULT);
    assert_errno(sn_wasi_path_filestat_get(w, 3, 2, AT_PATH, 7, AT_STRUCT), SN_WASI_INVAL);
    assert_errno(sn_wasi_path_filestat_get(w, 3, 1, AT_PATH, 7, END - 63), SN_WASI_FAULT);
    assert_done(sn_wasi_path_filestat_get(w, 3, 1, AT_PATH, 7, END - 64));
    assert_errno(sn_wasi_path_filestat_get(w, 99, 1, AT_PATH, 7, AT_STRUCT), SN_WASI_BADF);
    assert_errno(sn_wasi_path_filestat_get(w, 1, 1, AT_PATH, 7, AT_STRUCT), SN_WASI_NOTDIR);
}

static void lengths_are_limited(void **state) {
    guest *g = *state;
    char path[SN_PATH_MAX_BYTES + 2] = "w/";
    memset(path + 2, 'n', sizeof path - 3);
    path[sizeof path - 1] = '\0';
    assert_errno(stat_of(g, path), SN_WASI_NAMETOOLONG);
    path[2 + 256] = '\0';
    assert_errno(stat_of(g, path), SN_WASI_NAMETOOLONG);
    assert_errno(guest_mkdir(g, path), SN_WASI_NAMETOOLONG);
    path[2 + 255] = '\0';
    assert_errno(stat_of(g, path), SN_WASI_NOENT);
    assert_done(guest_mkdir(g, path));
    assert_done(stat_of(g, path));
    /* The whole path: 4096 bytes are one too few for ENAMETOOLONG. */
    memset(path, '/', sizeof path);
    memcpy(path, "./", 2);
    path[SN_PATH_MAX_BYTES] = '\0';
    assert_done(stat_of(g, path));
}

static void links_are_followed(void **state) {
    guest *g = *state;
    sn_abi_filestat stat;
    assert_done(guest_mkdir(g, "w/d"));
    guest_file(g, "w/d/f", "content");
    assert_done(guest_symlink(g, "d/f", "w/file"));
    assert_done(guest_symlink(g, "d/", "w/dir"));
    assert_done(guest_symlink(g, "../ro/file", "w/out")); /* of the workspace, not of "/" */
    assert_done(guest_symlink(g, ".", "w/self"));
    guest_expect(g, "w/file", "content");
    guest_expect(g, "w/dir/f", "content");
    guest_expect(g, "w/out", "read only");
    guest_expect(g, "w/self/self/self/dir/f", "content");
    assert_done(guest_stat(g, &stat, "w/file", false));
    assert_int_equal(stat.filetype, SN_FILETYPE_SYMBOLIC_LINK);
    assert_int_equal(stat.size, 3);
    assert_done(guest_stat(g, &stat, "w/file", true));
    assert_int_equal(stat.filetype, SN_FILETYPE_REGULAR_FILE);
    /* A slash asks for the folder behind the link. */
    assert_done(guest_stat(g, &stat, "w/dir/", false));
    assert_int_equal(stat.filetype, SN_FILETYPE_DIRECTORY);
    assert_errno(guest_stat(g, &stat, "w/file/", false), SN_WASI_NOTDIR);
    /* ".." after a link is the parent of where it leads. */
    assert_int_equal(ino_of(g, "w/dir/.."), ino_of(g, "w"));
}

static void links_in_circles_end(void **state) {
    guest *g = *state;
    assert_done(guest_symlink(g, "loop", "w/loop"));
    assert_done(guest_symlink(g, "b", "w/a"));
    assert_done(guest_symlink(g, "a", "w/b"));
    assert_done(guest_symlink(g, "grow/x", "w/grow"));
    assert_done(guest_symlink(g, "both/both", "w/both"));
    assert_errno(stat_of(g, "w/loop"), SN_WASI_LOOP);
    assert_errno(stat_of(g, "w/loop/x"), SN_WASI_LOOP);
    assert_errno(stat_of(g, "w/a"), SN_WASI_LOOP);
    assert_errno(stat_of(g, "w/grow"), SN_WASI_LOOP);
    assert_errno(stat_of(g, "w/both/both"), SN_WASI_LOOP);
    assert_done(guest_unlink(g, "w/loop"));
}

static void forty_links_are_not_too_many(void **state) {
    guest *g = *state;
    guest_file(g, "w/l0", "end");
    char from[] = "w/l00", to[] = "l00";
    for (int i = 1; i <= SN_SYMLINKS_MAX + 1; i++) {
        from[3] = (char)('0' + i / 10);
        from[4] = (char)('0' + i % 10);
        assert_done(guest_symlink(g, i == 1 ? "l0" : to, from));
        memcpy(to, from + 2, 3);
    }
    guest_expect(g, "w/l40", "end");
    assert_errno(stat_of(g, "w/l41"), SN_WASI_LOOP);
}

static void dangling_links_lead_nowhere(void **state) {
    guest *g = *state;
    sn_abi_filestat stat;
    assert_done(guest_symlink(g, "none", "w/dangling"));
    assert_errno(stat_of(g, "w/dangling"), SN_WASI_NOENT);
    assert_done(guest_stat(g, &stat, "w/dangling", false));
    /* Opening to create makes what the link names. */
    guest_file(g, "w/dangling", "made");
    guest_expect(g, "w/none", "made");
}

static void link_targets_are_checked(void **state) {
    guest *g = *state;
    assert_errno(guest_symlink(g, "/ro/file", "w/abs"), SN_WASI_NOTCAPABLE);
    assert_errno(guest_symlink(g, "", "w/empty"), SN_WASI_NOENT);
    assert_errno(guest_symlink(g, "\xff", "w/bad"), SN_WASI_ILSEQ);
    assert_errno(guest_symlink(g, "x", "w/no/such"), SN_WASI_NOENT);
    assert_errno(guest_symlink(g, "x", "w/slash/"), SN_WASI_NOENT);
    assert_errno(guest_symlink(g, "x", "w/."), SN_WASI_EXIST);
    assert_errno(guest_symlink(g, "x", "ro/file"), SN_WASI_EXIST);
    assert_errno(guest_symlink(g, "x", "ro/new"), SN_WASI_ROFS);
    char *target = malloc(SN_PATH_MAX_BYTES + 2);
    memset(target, 'x', SN_PATH_MAX_BYTES + 1);
    target[SN_PATH_MAX_BYTES + 1] = '\0';
    assert_errno(guest_symlink(g, target, "w/long"), SN_WASI_NAMETOOLONG);
    target[SN_PATH_MAX_BYTES] = '\0';
    assert_done(guest_symlink(g, target, "w/long"));
    assert_errno(stat_of(g, "w/long"), SN_WASI_NAMETOOLONG);
    free(target);
}

static void links_are_read(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_done(guest_symlink(g, "target", "w/l"));
    uint32_t length = guest_path(g, AT_PATH, "w/l");
    memset(g->memory.base + AT_DATA, '.', 10);
    assert_done(sn_wasi_path_readlink(w, 3, AT_PATH, length, AT_DATA, 10, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 6);
    assert_memory_equal(g->memory.base + AT_DATA, "target....", 10);
    assert_done(sn_wasi_path_readlink(w, 3, AT_PATH, length, AT_DATA, 4, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 4);
    assert_done(sn_wasi_path_readlink(w, 3, AT_PATH, length, AT_DATA, 0, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 0);
    assert_errno(sn_wasi_path_readlink(w, 3, AT_PATH, length, END - 3, 4, AT_RESULT),
                 SN_WASI_FAULT);
    assert_errno(sn_wasi_path_readlink(w, 3, AT_PATH, length, AT_DATA, 4, END - 3), SN_WASI_FAULT);
    length = guest_path(g, AT_PATH, "w/none");
    assert_errno(sn_wasi_path_readlink(w, 3, AT_PATH, length, AT_DATA, 4, AT_RESULT),
                 SN_WASI_NOENT);
    length = guest_path(g, AT_PATH, "ro/file");
    assert_errno(sn_wasi_path_readlink(w, 3, AT_PATH, length, AT_DATA, 4, AT_RESULT),
                 SN_WASI_INVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(dots_and_slashes_are_read_over),
        GUEST_TEST(nothing_leads_above_the_root),
        GUEST_TEST(nothing_leads_above_a_folder_that_is_open),
        GUEST_TEST(what_is_no_path_is_told_apart),
        GUEST_TEST(lengths_are_limited),
        GUEST_TEST(links_are_followed),
        GUEST_TEST(links_in_circles_end),
        GUEST_TEST(forty_links_are_not_too_many),
        GUEST_TEST(dangling_links_lead_nowhere),
        GUEST_TEST(link_targets_are_checked),
        GUEST_TEST(links_are_read),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
