/* open_test.c - path_open: flags, kinds, rights. */
#include "guest.h"

static uint32_t try_open(guest *g, const char *path, uint32_t dirflags, uint32_t oflags,
                         uint64_t base) {
    uint32_t fd;
    uint32_t e = guest_open_as(g, &fd, 3, path, dirflags, oflags, base, 0, 0);
    if (!e)
        assert_done(sn_wasi_fd_close(g->wasi, fd));
    return e;
}

static sn_abi_fdstat fdstat(guest *g, uint32_t fd) {
    sn_abi_fdstat stat;
    assert_done(sn_wasi_fd_fdstat_get(g->wasi, fd, AT_STRUCT));
    memcpy(&stat, g->memory.base + AT_STRUCT, sizeof stat);
    return stat;
}

static void read_only_places_are_read_only(void **state) {
    guest *g = *state;
    assert_done(try_open(g, "ro/file", 0, 0, READING));
    assert_done(try_open(g, "ro/file", 0, SN_OFLAG_CREAT, READING));
    assert_errno(try_open(g, "ro/file", 0, 0, SN_RIGHT_FD_WRITE), SN_WASI_ROFS);
    assert_errno(try_open(g, "ro/file", 0, SN_OFLAG_TRUNC, 0), SN_WASI_ROFS);
    assert_errno(try_open(g, "ro/new", 0, SN_OFLAG_CREAT, 0), SN_WASI_ROFS);
    assert_errno(try_open(g, "new", 0, SN_OFLAG_CREAT, 0), SN_WASI_ROFS);
    assert_errno(try_open(g, "ro/new", 0, 0, 0), SN_WASI_NOENT);
    assert_errno(try_open(g, "ro/none/new", 0, SN_OFLAG_CREAT, 0), SN_WASI_NOENT);
}

static void folders_are_not_files(void **state) {
    guest *g = *state;
    assert_done(try_open(g, "ro", 0, 0, 0));
    assert_done(try_open(g, "ro/", 0, SN_OFLAG_DIRECTORY, SN_RIGHT_FD_READ));
    assert_done(try_open(g, ".", 0, 0, SN_RIGHTS_DIR));
    assert_errno(try_open(g, "w", 0, SN_OFLAG_DIRECTORY, SN_RIGHT_FD_READ | SN_RIGHT_FD_WRITE),
                 SN_WASI_ISDIR);
    assert_errno(try_open(g, "w", 0, SN_OFLAG_TRUNC, 0), SN_WASI_ISDIR);
    assert_errno(try_open(g, "w", 0, SN_OFLAG_CREAT, 0), SN_WASI_ISDIR);
    assert_errno(try_open(g, "w/new/", 0, SN_OFLAG_CREAT, 0), SN_WASI_ISDIR);
    assert_errno(try_open(g, "ro/file", 0, SN_OFLAG_DIRECTORY, 0), SN_WASI_NOTDIR);
    assert_errno(try_open(g, "ro/file/", 0, 0, 0), SN_WASI_NOTDIR);
    assert_errno(try_open(g, "ro/file///", 0, SN_OFLAG_CREAT, 0), SN_WASI_NOTDIR);
}

static void creating(void **state) {
    guest *g = *state;
    assert_done(try_open(g, "w/f", 0, SN_OFLAG_CREAT | SN_OFLAG_EXCL, 0));
    assert_errno(try_open(g, "w/f", 0, SN_OFLAG_CREAT | SN_OFLAG_EXCL, 0), SN_WASI_EXIST);
    assert_errno(try_open(g, "ro/file", 0, SN_OFLAG_CREAT | SN_OFLAG_EXCL, 0), SN_WASI_EXIST);
    assert_errno(try_open(g, "w", 0, SN_OFLAG_CREAT | SN_OFLAG_EXCL, 0), SN_WASI_EXIST);
    assert_done(try_open(g, "w/f", 0, SN_OFLAG_EXCL, 0)); /* means nothing alone */
    assert_done(guest_symlink(g, "none", "w/l"));
    assert_errno(try_open(g, "w/l", 1, SN_OFLAG_CREAT | SN_OFLAG_EXCL, 0), SN_WASI_EXIST);
    guest_file(g, "w/f", "content");
    assert_done(try_open(g, "w/f", 0, SN_OFLAG_TRUNC, 0)); /* needs no right to write */
    guest_expect(g, "w/f", "");
}

static void links_are_not_opened_themselves(void **state) {
    guest *g = *state;
    assert_done(guest_mkdir(g, "w/d"));
    assert_done(guest_symlink(g, "d", "w/dir"));
    assert_done(guest_symlink(g, "none", "w/dangling"));
    assert_errno(try_open(g, "w/dir", 0, 0, 0), SN_WASI_LOOP);
    assert_errno(try_open(g, "w/dir", 0, SN_OFLAG_DIRECTORY, 0), SN_WASI_NOTDIR);
    assert_done(try_open(g, "w/dir", 1, SN_OFLAG_DIRECTORY, 0));
    assert_done(try_open(g, "w/dir/", 0, 0, 0));
    assert_errno(try_open(g, "w/dangling", 0, 0, 0), SN_WASI_LOOP);
    assert_errno(try_open(g, "w/dangling", 0, SN_OFLAG_CREAT, 0), SN_WASI_LOOP);
    assert_errno(try_open(g, "w/dangling", 1, 0, 0), SN_WASI_NOENT);
}

static void unknown_flags_are_refused(void **state) {
    guest *g = *state;
    uint32_t fd;
    assert_errno(try_open(g, "ro/file", 2, 0, 0), SN_WASI_INVAL);
    assert_errno(try_open(g, "ro/file", 0, 16, 0), SN_WASI_INVAL);
    assert_errno(try_open(g, "ro/file", 0, 1u << 31, 0), SN_WASI_INVAL);
    assert_errno(guest_open_as(g, &fd, 3, "ro/file", 0, 0, 0, 0, 32), SN_WASI_INVAL);
    assert_errno(try_open(g, "w/x", 0, SN_OFLAG_CREAT | SN_OFLAG_DIRECTORY, 0), SN_WASI_INVAL);
    assert_errno(try_open(g, "ro/file", 0, 0, 1ull << 40), SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, 1, "x", 0, 0, 0, 0, 0), SN_WASI_NOTDIR);
    assert_errno(guest_open_as(g, &fd, 9, "x", 0, 0, 0, 0, 0), SN_WASI_BADF);
    uint32_t length = guest_path(g, AT_PATH, "ro/file");
    assert_errno(sn_wasi_path_open(g->wasi, 3, 0, AT_PATH, length, 0, 0, 0, 0, END - 3),
                 SN_WASI_FAULT);
    assert_errno(sn_wasi_path_open(g->wasi, 3, 0, END - 1, length, 0, 0, 0, 0, AT_RESULT),
                 SN_WASI_FAULT);
}

static void rights_are_those_that_apply(void **state) {
    guest *g = *state;
    uint32_t fd;
    assert_done(guest_open_as(g, &fd, 3, "ro/file", 0, 0, READING | SN_RIGHTS_DIR, ALL_RIGHTS,
                              SN_FDFLAG_APPEND | SN_FDFLAG_SYNC));
    sn_abi_fdstat stat = fdstat(g, fd);
    assert_int_equal(stat.filetype, SN_FILETYPE_REGULAR_FILE);
    assert_int_equal(stat.flags, SN_FDFLAG_APPEND | SN_FDFLAG_SYNC);
    assert_true(stat.rights_base == ((READING | SN_RIGHTS_DIR) & SN_RIGHTS_FILE));
    assert_int_equal(stat.rights_inheriting, 0);
    assert_done(guest_open_as(g, &fd, 3, "ro", 0, 0, READING | SN_RIGHTS_DIR, ALL_RIGHTS, 0));
    stat = fdstat(g, fd);
    assert_int_equal(stat.filetype, SN_FILETYPE_DIRECTORY);
    assert_int_equal(stat.flags, 0);
    assert_int_equal(stat.rights_base & (SN_RIGHT_FD_SEEK | SN_RIGHT_FD_FILESTAT_SET_SIZE), 0);
    assert_true(stat.rights_inheriting == ALL_RIGHTS);
}

static void rights_are_handed_on_and_never_grow(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t dir, fd;
    assert_done(guest_mkdir(g, "w/d"));
    guest_file(g, "w/d/f", "content");
    assert_done(guest_open_as(g, &dir, 3, "w/d", 0, SN_OFLAG_DIRECTORY, SN_RIGHT_PATH_OPEN,
                              SN_RIGHT_FD_READ, 0));
    assert_done(guest_open_as(g, &fd, dir, "f", 0, 0, SN_RIGHT_FD_READ, 0, 0));
    assert_errno(guest_write(g, fd, "x"), SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "f", 0, 0, SN_RIGHT_FD_WRITE, 0, 0),
                 SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "f", 0, 0, 0, SN_RIGHT_FD_WRITE, 0),
                 SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "n", 0, SN_OFLAG_CREAT, 0, 0, 0), SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "f", 0, SN_OFLAG_TRUNC, 0, 0, 0), SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "f", 0, 0, 0, 0, SN_FDFLAG_SYNC), SN_WASI_NOTCAPABLE);
    assert_errno(guest_open_as(g, &fd, dir, "f", 0, 0, 0, 0, SN_FDFLAG_DSYNC), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_fdstat_set_rights(w, dir, SN_RIGHTS_DIR, 0), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_fdstat_set_rights(w, dir, 0, SN_RIGHT_FD_WRITE), SN_WASI_NOTCAPABLE);
    assert_done(sn_wasi_fd_fdstat_set_rights(w, dir, 0, 0));
    assert_errno(guest_open_as(g, &fd, dir, "f", 0, 0, 0, 0, 0), SN_WASI_NOTCAPABLE);
    guest_expect(g, "w/d/f", "content");
}

/* Each path call needs its own right. */
static void path_calls_need_rights(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t d = guest_open(g, "w", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    assert_done(sn_wasi_fd_fdstat_set_rights(w, d, 0, 0));
    uint32_t p = AT_PATH, n = guest_path(g, AT_PATH, "x"), q = AT_PATH2;
    guest_path(g, AT_PATH2, "y");
    const uint32_t errnos[] = {
        sn_wasi_path_create_directory(w, d, p, n),
        sn_wasi_path_remove_directory(w, d, p, n),
        sn_wasi_path_unlink_file(w, d, p, n),
        sn_wasi_path_link(w, d, 0, p, n, 3, q, 1),
        sn_wasi_path_rename(w, d, p, n, 3, q, 1),
        sn_wasi_path_symlink(w, p, n, d, q, 1),
        sn_wasi_path_readlink(w, d, p, n, AT_DATA, 9, AT_RESULT),
        sn_wasi_path_filestat_get(w, d, 0, p, n, AT_STRUCT),
        sn_wasi_path_filestat_set_times(w, d, 0, p, n, 0, 0, SN_FST_ATIM),
        sn_wasi_fd_filestat_get(w, d, AT_STRUCT),
        sn_wasi_fd_filestat_set_times(w, d, 0, 0, SN_FST_ATIM),
        sn_wasi_fd_readdir(w, d, AT_DATA, 100, 0, AT_RESULT),
        sn_wasi_fd_fdstat_set_flags(w, d, 0),
    };
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++)
        assert_errno(errnos[i], SN_WASI_NOTCAPABLE);
    guest_file(g, "w/x", "");
    guest_path(g, AT_PATH, "w/x");
    assert_errno(sn_wasi_path_link(w, 3, 0, AT_PATH, 3, d, AT_PATH2, 1), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_path_rename(w, 3, AT_PATH, 3, d, AT_PATH2, 1), SN_WASI_NOTCAPABLE);
}

static void a_full_table_changes_nothing(void **state) {
    guest *g = *state;
    uint32_t fd, count = 4, e;
    guest_file(g, "w/keep", "content");
    while (!(e = guest_open_as(g, &fd, 3, "ro/file", 0, 0, READING, 0, 0)))
        assert_int_equal(fd, count++);
    assert_errno(e, SN_WASI_MFILE);
    assert_int_equal(count, SN_FDS_MAX);
    assert_errno(guest_open_as(g, &fd, 3, "w/new", 0, SN_OFLAG_CREAT, 0, 0, 0), SN_WASI_MFILE);
    assert_errno(guest_open_as(g, &fd, 3, "w/keep", 0, SN_OFLAG_TRUNC, 0, 0, 0), SN_WASI_MFILE);
    assert_done(sn_wasi_fd_close(g->wasi, 500));
    guest_expect(g, "w/keep", "content");
    assert_done(guest_open_as(g, &fd, 3, "ro/file", 0, 0, READING, 0, 0));
    assert_int_equal(fd, 500); /* the lowest that is free */
    sn_abi_filestat stat;
    assert_done(sn_wasi_fd_close(g->wasi, 600));
    assert_errno(guest_stat(g, &stat, "w/new", false), SN_WASI_NOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(read_only_places_are_read_only),
        GUEST_TEST(folders_are_not_files),
        GUEST_TEST(creating),
        GUEST_TEST(links_are_not_opened_themselves),
        GUEST_TEST(unknown_flags_are_refused),
        GUEST_TEST(rights_are_those_that_apply),
        GUEST_TEST(rights_are_handed_on_and_never_grow),
        GUEST_TEST(path_calls_need_rights),
        GUEST_TEST(a_full_table_changes_nothing),
    };
    return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
