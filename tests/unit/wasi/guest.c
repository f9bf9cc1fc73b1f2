/* guest.c - see guest.h. */
#include "guest.h"

#include "tree_check.h"
#include "wasm/instance.h"

#include <stdlib.h>

uint32_t guest_exit_code;
jmp_buf guest_exit;

/* Stands in for the runtime's. */
void sn_instance_exit(uint32_t exit_code) {
    guest_exit_code = exit_code;
    longjmp(guest_exit, 1);
}

static int output(void *user, int fd, const void *data, size_t bytes) {
    guest *g = user;
    g->output_calls++;
    if (g->output_errno)
        return g->output_errno;
    assert_true(fd == 1 || fd == 2);
    assert_true(sn_buffer_add(&g->output[fd], data, bytes));
    return 0;
}

static int64_t input(void *user, void *data, size_t bytes) {
    guest *g = user;
    if (g->input_result)
        return g->input_result;
    size_t n = bytes < g->input_bytes ? bytes : g->input_bytes;
    if (g->input_piece && n > g->input_piece)
        n = g->input_piece;
    if (n)
        memcpy(data, g->input, n);
    g->input += n;
    g->input_bytes -= n;
    return (int64_t)n;
}

static int input_ready(void *user, uint64_t timeout_ns) {
    guest *g = user;
    g->ready_ns = timeout_ns;
    return g->ready;
}

static int tell_clock(void *user, uint32_t id, uint64_t *ns) {
    *ns = ((guest *)user)->clock_ns[id];
    return 0;
}

static int give_random(void *user, void *data, size_t bytes) {
    (void)user;
    memset(data, 'r', bytes);
    return 0;
}

static int pass_time(void *user, uint64_t ns) {
    guest *g = user;
    g->slept_ns += ns;
    return g->sleep_errno;
}

int guest_setup(void **state) {
    static const char *const args[] = {"program", "one", "", "zwei"};
    static const char *const env[] = {"HOME=/", "LANG=C.UTF-8"};
    guest *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->clock_ns[0] = 1700000000000000000;
    g->clock_ns[1] = 5000;
    g->clock_ns[2] = 300;
    g->clock_ns[3] = 200;
    g->memory.base = calloc(1, GUEST_BYTES);
    g->memory.size_bytes = g->memory.limit_bytes = GUEST_BYTES;
    assert_non_null(g->memory.base);
    assert_int_equal(sn_vfs_new(&g->vfs, NULL), 0);
    assert_int_equal(sn_vfs_add_file(g->vfs, "/ro/file", "read only", 9, NULL), 0);
    assert_int_equal(sn_vfs_add_dir(g->vfs, "/ro/dir", NULL), 0);
    assert_int_equal(sn_vfs_add_workspace(g->vfs, "/w", QUOTA_BYTES, NULL), 0);
    sn_wasi_sources sources = {tell_clock, give_random, pass_time, g};
    sn_wasi_options options = {
        .args = args,
        .args_count = 4,
        .env = env,
        .env_count = 2,
        .vfs = g->vfs,
        .input = input,
        .output = output,
        .input_ready = input_ready,
        .user = g,
        .sources = &sources,
    };
    assert_int_equal(sn_wasi_new(&g->wasi, &options, NULL), 0);
    sn_wasi_set_memory(g->wasi, &g->memory);
    *state = g;
    return 0;
}

int guest_teardown(void **state) {
    guest *g = *state;
    sn_tree_check(g->vfs);
    sn_wasi_free(g->wasi);
    sn_tree_check(g->vfs);
    sn_vfs_free(g->vfs);
    for (int i = 0; i < 3; i++)
        sn_buffer_free(&g->output[i]);
    free(g->memory.base);
    free(g);
    return 0;
}

uint32_t guest_put(guest *g, sn_gaddr at, const void *data, size_t bytes) {
    assert_non_null(sn_memory_range(&g->memory, at, bytes));
    if (bytes)
        memcpy(g->memory.base + at, data, bytes);
    return (uint32_t)bytes;
}

uint32_t guest_path(guest *g, sn_gaddr at, const char *path) {
    return guest_put(g, at, path, strlen(path));
}

uint32_t guest_u32(const guest *g, sn_gaddr at) {
    uint32_t value;
    memcpy(&value, g->memory.base + at, sizeof value);
    return value;
}

uint64_t guest_u64(const guest *g, sn_gaddr at) {
    uint64_t value;
    memcpy(&value, g->memory.base + at, sizeof value);
    return value;
}

uint32_t guest_open_as(guest *g, uint32_t *fd, uint32_t dir, const char *path, uint32_t dirflags,
                       uint32_t oflags, uint64_t base, uint64_t inheriting, uint32_t fdflags) {
    uint32_t length = guest_path(g, AT_PATH, path);
    uint32_t e = sn_wasi_path_open(g->wasi, dir, dirflags, AT_PATH, length, oflags, base,
                                   inheriting, fdflags, AT_RESULT);
    *fd = guest_u32(g, AT_RESULT);
    return e;
}

uint32_t guest_mkdir(guest *g, const char *path) {
    return sn_wasi_path_create_directory(g->wasi, 3, AT_PATH, guest_path(g, AT_PATH, path));
}

uint32_t guest_rmdir(guest *g, const char *path) {
    return sn_wasi_path_remove_directory(g->wasi, 3, AT_PATH, guest_path(g, AT_PATH, path));
}

uint32_t guest_unlink(guest *g, const char *path) {
    return sn_wasi_path_unlink_file(g->wasi, 3, AT_PATH, guest_path(g, AT_PATH, path));
}

uint32_t guest_symlink(guest *g, const char *target, const char *path) {
    uint32_t target_len = guest_path(g, AT_PATH, target);
    return sn_wasi_path_symlink(g->wasi, AT_PATH, target_len, 3, AT_PATH2,
                                guest_path(g, AT_PATH2, path));
}

uint32_t guest_link(guest *g, const char *from, const char *to) {
    uint32_t from_len = guest_path(g, AT_PATH, from);
    return sn_wasi_path_link(g->wasi, 3, 0, AT_PATH, from_len, 3, AT_PATH2,
                             guest_path(g, AT_PATH2, to));
}

uint32_t guest_rename(guest *g, const char *from, const char *to) {
    uint32_t from_len = guest_path(g, AT_PATH, from);
    return sn_wasi_path_rename(g->wasi, 3, AT_PATH, from_len, 3, AT_PATH2,
                               guest_path(g, AT_PATH2, to));
}

uint32_t guest_stat(guest *g, sn_abi_filestat *out, const char *path, bool follow) {
    uint32_t e = sn_wasi_path_filestat_get(g->wasi, 3, follow, AT_PATH,
                                           guest_path(g, AT_PATH, path), AT_STRUCT);
    memcpy(out, g->memory.base + AT_STRUCT, sizeof *out);
    return e;
}

uint32_t guest_fstat(guest *g, sn_abi_filestat *out, uint32_t fd) {
    uint32_t e = sn_wasi_fd_filestat_get(g->wasi, fd, AT_STRUCT);
    memcpy(out, g->memory.base + AT_STRUCT, sizeof *out);
    return e;
}

uint32_t guest_write(guest *g, uint32_t fd, const char *text) {
    sn_abi_iovec iov = {AT_DATA, guest_path(g, AT_DATA, text)};
    guest_put(g, AT_IOVS, &iov, sizeof iov);
    uint32_t e = sn_wasi_fd_write(g->wasi, fd, AT_IOVS, 1, AT_RESULT);
    if (!e)
        assert_int_equal(guest_u32(g, AT_RESULT), iov.buf_len);
    return e;
}

uint32_t guest_read(guest *g, uint32_t *got, uint32_t fd, uint32_t bytes) {
    sn_abi_iovec iov = {AT_DATA, bytes};
    guest_put(g, AT_IOVS, &iov, sizeof iov);
    uint32_t e = sn_wasi_fd_read(g->wasi, fd, AT_IOVS, 1, AT_RESULT);
    *got = guest_u32(g, AT_RESULT);
    return e;
}

uint32_t guest_open(guest *g, const char *path, uint32_t oflags, uint64_t base) {
    uint32_t fd;
    assert_done(guest_open_as(g, &fd, 3, path, SN_LOOKUP_FOLLOW, oflags, base, ALL_RIGHTS, 0));
    return fd;
}

void guest_file(guest *g, const char *path, const char *content) {
    uint32_t fd = guest_open(g, path, SN_OFLAG_CREAT | SN_OFLAG_TRUNC, SN_RIGHTS_FILE);
    assert_done(guest_write(g, fd, content));
    assert_done(sn_wasi_fd_close(g->wasi, fd));
}

void guest_expect(guest *g, const char *path, const char *content) {
    uint32_t fd = guest_open(g, path, 0, READING), got;
    assert_done(guest_read(g, &got, fd, DATA_BYTES));
    assert_int_equal(got, strlen(content));
    assert_memory_equal(g->memory.base + AT_DATA, content, got);
    assert_done(sn_wasi_fd_close(g->wasi, fd));
}
