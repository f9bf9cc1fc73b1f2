/* wasi_test.c - arguments, environment, clocks, chance, the end; and the table of functions. */
#include "guest.h"

#include <stdlib.h>

static void arguments_are_given(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_done(sn_wasi_args_sizes_get(w, AT_RESULT, AT_RESULT2));
    assert_int_equal(guest_u32(g, AT_RESULT), 4);
    assert_int_equal(guest_u32(g, AT_RESULT2), 18);
    assert_done(sn_wasi_args_get(w, AT_STRUCT, AT_DATA));
    static const char *const expected[] = {"program", "one", "", "zwei"};
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t at = guest_u32(g, AT_STRUCT + 4 * i);
        assert_string_equal((char *)g->memory.base + at, expected[i]);
    }
    assert_done(sn_wasi_args_get(w, END - 16, AT_DATA));
    assert_done(sn_wasi_args_get(w, AT_STRUCT, END - 18));
    assert_errno(sn_wasi_args_get(w, END - 15, AT_DATA), SN_WASI_FAULT);
    assert_errno(sn_wasi_args_get(w, AT_STRUCT, END - 17), SN_WASI_FAULT);
    assert_errno(sn_wasi_args_get(w, UINT32_MAX, UINT32_MAX), SN_WASI_FAULT);
    assert_errno(sn_wasi_args_sizes_get(w, END - 3, AT_RESULT), SN_WASI_FAULT);
    assert_errno(sn_wasi_args_sizes_get(w, AT_RESULT, END - 3), SN_WASI_FAULT);
}

static void the_environment_is_given(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_done(sn_wasi_environ_sizes_get(w, AT_RESULT, AT_RESULT2));
    assert_int_equal(guest_u32(g, AT_RESULT), 2);
    assert_int_equal(guest_u32(g, AT_RESULT2), 20);
    assert_done(sn_wasi_environ_get(w, AT_STRUCT, AT_DATA));
    assert_string_equal((char *)g->memory.base + guest_u32(g, AT_STRUCT + 4), "LANG=C.UTF-8");
    assert_errno(sn_wasi_environ_get(w, AT_STRUCT, END - 19), SN_WASI_FAULT);
    assert_errno(sn_wasi_environ_sizes_get(w, END, AT_RESULT), SN_WASI_FAULT);
}

static void arguments_can_be_changed_and_are_bounded(void **state) {
    guest *g = *state;
    static const char *const args[] = {"other"};
    assert_int_equal(sn_wasi_set_args(g->wasi, args, 1, NULL), 0);
    assert_done(sn_wasi_args_sizes_get(g->wasi, AT_RESULT, AT_RESULT2));
    assert_int_equal(guest_u32(g, AT_RESULT2), 6);
    char *large = malloc((16 << 20) + 1);
    memset(large, 'x', 16 << 20);
    large[16 << 20] = '\0';
    const char *const too_large[] = {large};
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_wasi_set_args(g->wasi, too_large, 1, &err), SN_EINVALID_ARGUMENT);
    sn_wasi *wasi;
    sn_wasi_options options = {.env = too_large, .env_count = 1};
    assert_int_equal(sn_wasi_new(&wasi, &options, &err), SN_EINVALID_ARGUMENT);
    free(large);
}

static void clocks_are_told(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    for (uint32_t id = 0; id < 4; id++) {
        assert_done(sn_wasi_clock_time_get(w, id, 0, AT_RESULT));
        assert_true(guest_u64(g, AT_RESULT) == g->clock_ns[id]);
        assert_done(sn_wasi_clock_res_get(w, id, AT_RESULT));
        assert_int_equal(guest_u64(g, AT_RESULT), 1);
    }
    assert_errno(sn_wasi_clock_time_get(w, 4, 0, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_clock_res_get(w, UINT32_MAX, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_clock_time_get(w, 0, 0, END - 7), SN_WASI_FAULT);
    assert_errno(sn_wasi_clock_res_get(w, 0, END - 7), SN_WASI_FAULT);
    assert_done(sn_wasi_sched_yield(w));
}

static void host_clocks_move(void **state) {
    guest *g = *state;
    g->wasi->sources = sn_wasi_host_sources;
    g->wasi->sources.user = g->wasi;
    for (uint32_t id = 0; id < 4; id++) {
        assert_done(sn_wasi_clock_time_get(g->wasi, id, 0, AT_RESULT));
        uint64_t before = guest_u64(g, AT_RESULT);
        assert_true(before > 0);
        uint64_t now = before;
        while (now == before) {
            assert_done(sn_wasi_clock_time_get(g->wasi, id, 0, AT_RESULT));
            now = guest_u64(g, AT_RESULT);
        }
        assert_true(now > before);
    }
}

static void random_bytes_are_given(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    assert_done(sn_wasi_random_get(w, AT_DATA, 5));
    assert_memory_equal(g->memory.base + AT_DATA, "rrrrr\0", 6);
    assert_done(sn_wasi_random_get(w, END, 0));
    assert_errno(sn_wasi_random_get(w, END - 4, 5), SN_WASI_FAULT);
    assert_errno(sn_wasi_random_get(w, 1, UINT32_MAX), SN_WASI_FAULT);
    w->sources = sn_wasi_host_sources;
    assert_done(sn_wasi_random_get(w, 0, GUEST_BYTES));
    unsigned seen[256] = {0};
    for (int i = 0; i < GUEST_BYTES; i++)
        seen[g->memory.base[i]]++;
    for (int i = 0; i < 256; i++)
        assert_in_range(seen[i], GUEST_BYTES / 512, GUEST_BYTES / 128);
}

static void exiting_leaves_the_call(void **state) {
    guest *g = *state;
    if (setjmp(guest_exit) == 0) {
        sn_wasi_proc_exit(g->wasi, 42);
        fail();
    }
    assert_int_equal(guest_exit_code, 42);
    assert_errno(sn_wasi_proc_raise(g->wasi, 6), SN_WASI_NOTSUP);
    assert_errno(sn_wasi_proc_raise(g->wasi, 31), SN_WASI_INVAL);
}

static void without_files_input_and_output_it_works(void **state) {
    guest *g = *state;
    sn_wasi *w;
    sn_wasi_options options = SN_WASI_OPTIONS_INIT;
    assert_int_equal(sn_wasi_new(&w, &options, NULL), 0);
    sn_wasi_set_memory(w, &g->memory);
    const sn_abi_iovec iov = {AT_DATA, 10};
    guest_put(g, AT_IOVS, &iov, sizeof iov);
    assert_done(sn_wasi_fd_write(w, 1, AT_IOVS, 1, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 10);
    assert_done(sn_wasi_fd_read(w, 0, AT_IOVS, 1, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 0);
    assert_errno(sn_wasi_fd_prestat_get(w, 3, AT_STRUCT), SN_WASI_BADF);
    assert_done(sn_wasi_args_sizes_get(w, AT_RESULT, AT_RESULT2));
    assert_int_equal(guest_u32(g, AT_RESULT), 0);
    assert_done(sn_wasi_args_get(w, AT_STRUCT, AT_DATA));
    sn_wasi_free(w);
}

/* The table against the declarations of wasi-libc's header, written down by hand. */
static void every_function_is_in_the_table(void **state) {
    (void)state;
    static const char *const expected[][2] = {
        {"args_get", "ii:i"},
        {"args_sizes_get", "ii:i"},
        {"environ_get", "ii:i"},
        {"environ_sizes_get", "ii:i"},
        {"clock_res_get", "ii:i"},
        {"clock_time_get", "iIi:i"},
        {"fd_advise", "iIIi:i"},
        {"fd_allocate", "iII:i"},
        {"fd_close", "i:i"},
        {"fd_datasync", "i:i"},
        {"fd_fdstat_get", "ii:i"},
        {"fd_fdstat_set_flags", "ii:i"},
        {"fd_fdstat_set_rights", "iII:i"},
        {"fd_filestat_get", "ii:i"},
        {"fd_filestat_set_size", "iI:i"},
        {"fd_filestat_set_times", "iIIi:i"},
        {"fd_pread", "iiiIi:i"},
        {"fd_prestat_get", "ii:i"},
        {"fd_prestat_dir_name", "iii:i"},
        {"fd_pwrite", "iiiIi:i"},
        {"fd_read", "iiii:i"},
        {"fd_readdir", "iiiIi:i"},
        {"fd_renumber", "ii:i"},
        {"fd_seek", "iIii:i"},
        {"fd_sync", "i:i"},
        {"fd_tell", "ii:i"},
        {"fd_write", "iiii:i"},
        {"path_create_directory", "iii:i"},
        {"path_filestat_get", "iiiii:i"},
        {"path_filestat_set_times", "iiiiIIi:i"},
        {"path_link", "iiiiiii:i"},
        {"path_open", "iiiiiIIii:i"},
        {"path_readlink", "iiiiii:i"},
        {"path_remove_directory", "iii:i"},
        {"path_rename", "iiiiii:i"},
        {"path_symlink", "iiiii:i"},
        {"path_unlink_file", "iii:i"},
        {"poll_oneoff", "iiii:i"},
        {"proc_exit", "i:"},
        {"proc_raise", "i:i"},
        {"sched_yield", ":i"},
        {"random_get", "ii:i"},
        {"sock_accept", "iii:i"},
        {"sock_recv", "iiiiii:i"},
        {"sock_send", "iiiii:i"},
        {"sock_shutdown", "ii:i"},
    };
    size_t count = 0;
    for (const sn_host_func *f = sn_wasi_funcs; f->name; f++, count++) {
        assert_string_equal(f->module, "wasi_snapshot_preview1");
        assert_non_null(f->func);
    }
    assert_int_equal(count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < count; i++) {
        const sn_host_func *f = sn_wasi_funcs;
        while (f->name && strcmp(f->name, expected[i][0]) != 0)
            f++;
        assert_non_null(f->name);
        assert_string_equal(f->type, expected[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(arguments_are_given),
        GUEST_TEST(the_environment_is_given),
        GUEST_TEST(arguments_can_be_changed_and_are_bounded),
        GUEST_TEST(clocks_are_told),
        GUEST_TEST(host_clocks_move),
        GUEST_TEST(random_bytes_are_given),
        GUEST_TEST(exiting_leaves_the_call),
        GUEST_TEST(without_files_input_and_output_it_works),
        cmocka_unit_test(every_function_is_in_the_table),
    };
    return cmocka_run_group_tests_name("wasi", tests, NULL, NULL);
}
