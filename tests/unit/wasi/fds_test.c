/* fds_test.c - numbers, flags, rights; closing and renumbering; the preopened folder. */
#include "guest.h"

static sn_abi_fdstat fdstat(guest *g, uint32_t fd) {
    sn_abi_fdstat stat;
    assert_done(sn_wasi_fd_fdstat_get(g->wasi, fd, AT_STRUCT));
    memcpy(&stat, g->memory.base + AT_STRUCT, sizeof stat);
    return stat;
}

static void the_root_is_preopened(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_done(sn_wasi_fd_prestat_get(w, 3, AT_STRUCT));
    assert_int_equal(guest_u32(g, AT_STRUCT), 0); /* a folder */
    assert_int_equal(guest_u32(g, AT_STRUCT + 4), 1);
    assert_done(sn_wasi_fd_prestat_dir_name(w, 3, AT_DATA, 1));
    assert_memory_equal(g->memory.base + AT_DATA, "/", 1);
    assert_done(sn_wasi_fd_prestat_dir_name(w, 3, AT_DATA, 100));
    assert_errno(sn_wasi_fd_prestat_dir_name(w, 3, AT_DATA, 0), SN_WASI_NAMETOOLONG);
    assert_errno(sn_wasi_fd_prestat_dir_name(w, 3, END, 1), SN_WASI_FAULT);
    assert_errno(sn_wasi_fd_prestat_get(w, 3, END - 7), SN_WASI_FAULT);
    static const uint32_t others[] = {0, 1, 2, 4, 1024, UINT32_MAX};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_errno(sn_wasi_fd_prestat_get(w, others[i], AT_STRUCT), SN_WASI_BADF);
        assert_errno(sn_wasi_fd_prestat_dir_name(w, others[i], AT_DATA, 1), SN_WASI_BADF);
    }
    sn_abi_fdstat stat = fdstat(g, 3);
    assert_int_equal(stat.filetype, SN_FILETYPE_DIRECTORY);
    assert_int_equal(stat.flags, 0);
    assert_true(stat.rights_base == SN_RIGHTS_DIR);
    assert_true(stat.rights_inheriting == ALL_RIGHTS);
}

static void another_folder_is_no_preopen(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t fd = guest_open(g, "ro", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    assert_errno(sn_wasi_fd_prestat_get(w, fd, AT_STRUCT), SN_WASI_BADF);
    assert_done(sn_wasi_fd_renumber(w, fd, 3));
    assert_errno(sn_wasi_fd_prestat_get(w, 3, AT_STRUCT), SN_WASI_BADF);
    sn_abi_filestat stat;
    assert_done(guest_stat(g, &stat, "file", false));
    assert_errno(guest_stat(g, &stat, "../w", false), SN_WASI_NOTCAPABLE);
}

static void numbers_are_given_lowest_first(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_int_equal(guest_open(g, "ro/file", 0, READING), 4);
    assert_int_equal(guest_open(g, "ro/file", 0, READING), 5);
    assert_int_equal(guest_open(g, "ro/file", 0, READING), 6);
    assert_done(sn_wasi_fd_close(w, 5));
    assert_errno(sn_wasi_fd_close(w, 5), SN_WASI_BADF);
    assert_done(sn_wasi_fd_close(w, 4));
    assert_int_equal(guest_open(g, "ro/file", 0, READING), 4);
    assert_int_equal(guest_open(g, "ro/file", 0, READING), 5);
    assert_int_equal(guest_open(g, "ro/file", 0, READING), 7);
    assert_errno(sn_wasi_fd_close(w, UINT32_MAX), SN_WASI_BADF);
}

static void streams_can_be_closed_and_replaced(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_done(sn_wasi_fd_close(w, 1));
    assert_errno(guest_write(g, 1, "x"), SN_WASI_BADF);
    assert_int_equal(guest_open(g, "w/out", SN_OFLAG_CREAT, SN_RIGHTS_FILE), 1);
    assert_done(guest_write(g, 1, "to a file"));
    guest_expect(g, "w/out", "to a file");
    /* Standard error goes where it went, under another number. */
    uint32_t fd = guest_open(g, "ro/file", 0, READING);
    assert_done(sn_wasi_fd_renumber(w, 2, fd));
    assert_errno(guest_write(g, 2, "x"), SN_WASI_BADF);
    assert_done(guest_write(g, fd, "moved"));
    assert_string_equal(g->output[2].data, "moved");
    assert_int_equal(g->output[1].bytes, 0);
}

static void renumbering_closes_what_was_there(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t got;
    guest_file(g, "w/a", "A");
    guest_file(g, "w/b", "B");
    uint32_t a = guest_open(g, "w/a", 0, READING), b = guest_open(g, "w/b", 0, READING);
    assert_done(guest_unlink(g, "w/b"));
    uint64_t used = g->vfs->spaces[1].used_bytes;
    assert_done(sn_wasi_fd_renumber(w, a, b));
    assert_int_equal(g->vfs->spaces[1].used_bytes, used - SN_NODE_COST_BYTES - 1);
    assert_errno(sn_wasi_fd_close(w, a), SN_WASI_BADF);
    assert_done(guest_read(g, &got, b, 10));
    assert_memory_equal(g->memory.base + AT_DATA, "A", 1);
    assert_errno(sn_wasi_fd_renumber(w, b, a), SN_WASI_BADF);
    assert_errno(sn_wasi_fd_renumber(w, a, b), SN_WASI_BADF);
    assert_errno(sn_wasi_fd_renumber(w, b, UINT32_MAX), SN_WASI_BADF);
    assert_done(sn_wasi_fd_renumber(w, b, b));
    assert_done(sn_wasi_fd_close(w, b));
}

static void flags_are_set(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(sn_wasi_fd_fdstat_set_flags(w, fd, SN_FDFLAG_APPEND | SN_FDFLAG_NONBLOCK));
    assert_int_equal(fdstat(g, fd).flags, SN_FDFLAG_APPEND | SN_FDFLAG_NONBLOCK);
    assert_done(sn_wasi_fd_fdstat_set_flags(w, 0, SN_FDFLAG_NONBLOCK));
    assert_errno(sn_wasi_fd_fdstat_set_flags(w, fd, 32), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_fdstat_set_flags(w, fd, 1u << 16), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_fdstat_set_flags(w, 99, 0), SN_WASI_BADF);
    assert_errno(sn_wasi_fd_fdstat_get(w, 99, AT_STRUCT), SN_WASI_BADF);
    assert_errno(sn_wasi_fd_fdstat_get(w, 0, END - 23), SN_WASI_FAULT);
}

static void rights_only_shrink(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t got, fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(guest_write(g, fd, "x"));
    uint64_t less = SN_RIGHTS_FILE & ~(SN_RIGHT_FD_READ | SN_RIGHT_FD_WRITE);
    assert_done(sn_wasi_fd_fdstat_set_rights(w, fd, less, 0));
    assert_true(fdstat(g, fd).rights_base == less);
    assert_errno(guest_read(g, &got, fd, 1), SN_WASI_NOTCAPABLE);
    assert_errno(guest_write(g, fd, "x"), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_fdstat_set_rights(w, fd, SN_RIGHTS_FILE, 0), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_fdstat_set_rights(w, fd, less, 1), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_fdstat_set_rights(w, 99, 0, 0), SN_WASI_BADF);
    assert_true(fdstat(g, fd).rights_base == less);
}

static void sockets_there_are_none(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t fds[] = {0, 1, 3, guest_open(g, "ro/file", 0, READING)};
    for (size_t i = 0; i < 4; i++) {
        assert_errno(sn_wasi_sock_accept(w, fds[i], 0, AT_RESULT), SN_WASI_NOTSOCK);
        assert_errno(sn_wasi_sock_recv(w, fds[i], 0, 0, 0, AT_RESULT, AT_RESULT2), SN_WASI_NOTSOCK);
        assert_errno(sn_wasi_sock_send(w, fds[i], 0, 0, 0, AT_RESULT), SN_WASI_NOTSOCK);
        assert_errno(sn_wasi_sock_shutdown(w, fds[i], 1), SN_WASI_NOTSOCK);
    }
    assert_errno(sn_wasi_sock_accept(w, 99, 0, AT_RESULT), SN_WASI_BADF);
    assert_errno(sn_wasi_sock_recv(w, 99, 0, 0, 0, AT_RESULT, AT_RESULT2), SN_WASI_BADF);
    assert_errno(sn_wasi_sock_send(w, 99, 0, 0, 0, AT_RESULT), SN_WASI_BADF);
    assert_errno(sn_wasi_sock_shutdown(w, 99, 1), SN_WASI_BADF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(the_root_is_preopened),
        GUEST_TEST(another_folder_is_no_preopen),
        GUEST_TEST(numbers_are_given_lowest_first),
        GUEST_TEST(streams_can_be_closed_and_replaced),
        GUEST_TEST(renumbering_closes_what_was_there),
        GUEST_TEST(flags_are_set),
        GUEST_TEST(rights_only_shrink),
        GUEST_TEST(sockets_there_are_none),
    };
    return cmocka_run_group_tests_name("fds", tests, NULL, NULL);
}
