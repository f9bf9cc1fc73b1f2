/* filestat_test.c - what is known of files, and setting their times and sizes. */
#include "guest.h"

static uint32_t set_path_times(guest *g, const char *path, uint32_t follow, uint64_t atim,
                               uint64_t mtim, uint32_t flags) {
    return sn_wasi_path_filestat_set_times(g->wasi, 3, follow, AT_PATH,
                                           guest_path(g, AT_PATH, path), atim, mtim, flags);
}

static void files_are_described(void **state) {
    guest *g = *state;
    sn_abi_filestat stat, again;
    assert_done(guest_stat(g, &stat, "ro/file", true));
    assert_int_equal(stat.dev, SN_DEVICE_TREE);
    assert_int_equal(stat.filetype, SN_FILETYPE_REGULAR_FILE);
    assert_int_equal(stat.size, 9);
    assert_int_equal(stat.nlink, 1);
    assert_int_equal(stat.mtim, SN_TREE_EPOCH_NS);
    assert_int_equal(stat.atim, SN_TREE_EPOCH_NS);
    assert_int_equal(stat.ctim, SN_TREE_EPOCH_NS);
    uint32_t fd = guest_open(g, "ro/file", 0, READING), got;
    assert_done(guest_read(g, &got, fd, 5));
    assert_done(guest_fstat(g, &again, fd));
    assert_memory_equal(&stat, &again, sizeof stat);
    assert_done(guest_fstat(g, &stat, 3));
    assert_int_equal(stat.filetype, SN_FILETYPE_DIRECTORY);
    assert_done(guest_stat(g, &again, ".", true));
    assert_memory_equal(&stat, &again, sizeof stat);
    assert_errno(guest_fstat(g, &stat, 44), SN_WASI_BADF);
    assert_errno(sn_wasi_fd_filestat_get(g->wasi, fd, END - 63), SN_WASI_FAULT);
}

static void streams_are_devices_but_no_terminals(void **state) {
    guest *g = *state;
    for (uint32_t fd = 0; fd < 3; fd++) {
        sn_abi_filestat stat;
        assert_done(guest_fstat(g, &stat, fd));
        assert_int_equal(stat.filetype, SN_FILETYPE_CHARACTER_DEVICE);
        assert_int_equal(stat.dev, SN_DEVICE_STREAMS);
        assert_int_equal(stat.ino, fd + 1);
        sn_abi_fdstat fdstat;
        assert_done(sn_wasi_fd_fdstat_get(g->wasi, fd, AT_STRUCT));
        memcpy(&fdstat, g->memory.base + AT_STRUCT, sizeof fdstat);
        assert_int_equal(fdstat.filetype, SN_FILETYPE_CHARACTER_DEVICE);
        /* What wasi-libc takes for "can seek, so it is no terminal". */
        assert_true(fdstat.rights_base & (SN_RIGHT_FD_SEEK | SN_RIGHT_FD_TELL));
        assert_errno(sn_wasi_fd_filestat_set_size(g->wasi, fd, 0), SN_WASI_INVAL);
        assert_errno(sn_wasi_fd_filestat_set_times(g->wasi, fd, 0, 0, 0), SN_WASI_NOTCAPABLE);
    }
}

static void times_are_set(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    sn_abi_filestat stat;
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(sn_wasi_fd_filestat_set_times(w, fd, 11, 22, SN_FST_ATIM | SN_FST_MTIM));
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.atim, 11);
    assert_int_equal(stat.mtim, 22);
    assert_int_equal(stat.ctim, g->clock_ns[0]);
    assert_done(set_path_times(g, "w/f", 0, 33, 44, SN_FST_ATIM_NOW | SN_FST_MTIM));
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.atim, g->clock_ns[0]);
    assert_int_equal(stat.mtim, 44);
    assert_done(set_path_times(g, "w/f", 0, 55, 66, 0));
    assert_done(set_path_times(g, "w/f", 0, 55, 66, SN_FST_MTIM_NOW));
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.mtim, g->clock_ns[0]);
    assert_done(set_path_times(g, "w", 0, 1, 2, SN_FST_ATIM | SN_FST_MTIM));
    assert_done(guest_symlink(g, "f", "w/l"));
    assert_done(set_path_times(g, "w/l", 0, 7, 8, SN_FST_ATIM | SN_FST_MTIM));
    assert_done(guest_stat(g, &stat, "w/l", false));
    assert_int_equal(stat.mtim, 8);
    assert_done(set_path_times(g, "w/l", 1, 9, 10, SN_FST_ATIM | SN_FST_MTIM));
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.mtim, 10);
}

static void wrong_times_are_refused(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    static const uint32_t bad[] = {SN_FST_ATIM | SN_FST_ATIM_NOW, SN_FST_MTIM | SN_FST_MTIM_NOW, 16,
                                   1u << 31};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_errno(sn_wasi_fd_filestat_set_times(w, fd, 1, 2, bad[i]), SN_WASI_INVAL);
        assert_errno(set_path_times(g, "w/f", 0, 1, 2, bad[i]), SN_WASI_INVAL);
    }
    assert_errno(set_path_times(g, "ro/file", 0, 1, 2, SN_FST_ATIM), SN_WASI_ROFS);
    assert_errno(set_path_times(g, "w/none", 0, 1, 2, SN_FST_ATIM), SN_WASI_NOENT);
    assert_errno(set_path_times(g, "w/f", 2, 1, 2, SN_FST_ATIM), SN_WASI_INVAL);
    fd = guest_open(g, "ro/file", 0, READING);
    assert_errno(sn_wasi_fd_filestat_set_times(w, fd, 1, 2, SN_FST_MTIM), SN_WASI_ROFS);
}

static void sizes_are_set(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    sn_abi_filestat stat;
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(guest_write(g, fd, "0123456789"));
    assert_done(sn_wasi_fd_filestat_set_size(w, fd, 4));
    guest_expect(g, "w/f", "0123");
    assert_done(sn_wasi_fd_filestat_set_size(w, fd, 4));
    assert_done(sn_wasi_fd_filestat_set_size(w, fd, 0));
    guest_expect(g, "w/f", "");
    assert_done(sn_wasi_fd_filestat_set_size(w, fd, 100000));
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.size, 100000);
    assert_errno(sn_wasi_fd_filestat_set_size(w, 3, 0), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_filestat_set_size(w, 77, 0), SN_WASI_BADF);
    fd = guest_open(g, "ro/file", 0, READING);
    assert_errno(sn_wasi_fd_filestat_set_size(w, fd, 0), SN_WASI_NOTCAPABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(files_are_described), GUEST_TEST(streams_are_devices_but_no_terminals),
        GUEST_TEST(times_are_set),       GUEST_TEST(wrong_times_are_refused),
        GUEST_TEST(sizes_are_set),
    };
    return cmocka_run_group_tests_name("filestat", tests, NULL, NULL);
}
