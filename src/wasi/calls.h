/*
 * calls.h - all functions of wasi_snapshot_preview1, once: name, type (wasm/host.h), parameters.
 * Each gives a WASI errno. `context` is the sn_wasi; addresses are the guest's. For src/wasi only.
 */
#ifndef SN_WASI_CALLS_H
#define SN_WASI_CALLS_H

#include <stdint.h>

/* clang-format off */
#define SN_WASI_CALLS(CALL)                                                                        \
    CALL(args_get, "ii:i", (void *context, uint32_t argv, uint32_t buf))                           \
    CALL(args_sizes_get, "ii:i", (void *context, uint32_t count, uint32_t bytes))                  \
    CALL(environ_get, "ii:i", (void *context, uint32_t array, uint32_t buf))                       \
    CALL(environ_sizes_get, "ii:i", (void *context, uint32_t count, uint32_t bytes))               \
    CALL(clock_res_get, "ii:i", (void *context, uint32_t id, uint32_t result))                     \
    CALL(clock_time_get, "iIi:i", (void *context, uint32_t id, uint64_t precision,                 \
         uint32_t result))                                                                         \
    CALL(fd_advise, "iIIi:i", (void *context, uint32_t fd, uint64_t offset, uint64_t len,          \
         uint32_t advice))                                                                         \
    CALL(fd_allocate, "iII:i", (void *context, uint32_t fd, uint64_t offset, uint64_t len))        \
    CALL(fd_close, "i:i", (void *context, uint32_t fd))                                            \
    CALL(fd_datasync, "i:i", (void *context, uint32_t fd))                                         \
    CALL(fd_fdstat_get, "ii:i", (void *context, uint32_t fd, uint32_t result))                     \
    CALL(fd_fdstat_set_flags, "ii:i", (void *context, uint32_t fd, uint32_t flags))                \
    CALL(fd_fdstat_set_rights, "iII:i", (void *context, uint32_t fd, uint64_t base,                \
         uint64_t inheriting))                                                                     \
    CALL(fd_filestat_get, "ii:i", (void *context, uint32_t fd, uint32_t result))                   \
    CALL(fd_filestat_set_size, "iI:i", (void *context, uint32_t fd, uint64_t size))                \
    CALL(fd_filestat_set_times, "iIIi:i", (void *context, uint32_t fd, uint64_t atim,              \
         uint64_t mtim, uint32_t fst_flags))                                                       \
    CALL(fd_pread, "iiiIi:i", (void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,       \
         uint64_t offset, uint32_t result))                                                        \
    CALL(fd_prestat_get, "ii:i", (void *context, uint32_t fd, uint32_t result))                    \
    CALL(fd_prestat_dir_name, "iii:i", (void *context, uint32_t fd, uint32_t path,                 \
         uint32_t path_len))                                                                       \
    CALL(fd_pwrite, "iiiIi:i", (void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,      \
         uint64_t offset, uint32_t result))                                                        \
    CALL(fd_read, "iiii:i", (void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,         \
         uint32_t result))                                                                         \
    CALL(fd_readdir, "iiiIi:i", (void *context, uint32_t fd, uint32_t buf, uint32_t buf_len,       \
         uint64_t cookie, uint32_t result))                                                        \
    CALL(fd_renumber, "ii:i", (void *context, uint32_t fd, uint32_t to))                           \
    CALL(fd_seek, "iIii:i", (void *context, uint32_t fd, uint64_t offset, uint32_t whence,         \
         uint32_t result))                                                                         \
    CALL(fd_sync, "i:i", (void *context, uint32_t fd))                                             \
    CALL(fd_tell, "ii:i", (void *context, uint32_t fd, uint32_t result))                           \
    CALL(fd_write, "iiii:i", (void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,        \
         uint32_t result))                                                                         \
    CALL(path_create_directory, "iii:i", (void *context, uint32_t fd, uint32_t path,               \
         uint32_t path_len))                                                                       \
    CALL(path_filestat_get, "iiiii:i", (void *context, uint32_t fd, uint32_t flags,                \
         uint32_t path, uint32_t path_len, uint32_t result))                                       \
    CALL(path_filestat_set_times, "iiiiIIi:i", (void *context, uint32_t fd, uint32_t flags,        \
         uint32_t path, uint32_t path_len, uint64_t atim, uint64_t mtim, uint32_t fst_flags))      \
    CALL(path_link, "iiiiiii:i", (void *context, uint32_t old_fd, uint32_t old_flags,              \
         uint32_t old_path, uint32_t old_len, uint32_t new_fd, uint32_t new_path,                  \
         uint32_t new_len))                                                                        \
    CALL(path_open, "iiiiiIIii:i", (void *context, uint32_t fd, uint32_t dirflags, uint32_t path,  \
         uint32_t path_len, uint32_t oflags, uint64_t base, uint64_t inheriting,                   \
         uint32_t fdflags, uint32_t result))                                                       \
    CALL(path_readlink, "iiiiii:i", (void *context, uint32_t fd, uint32_t path,                    \
         uint32_t path_len, uint32_t buf, uint32_t buf_len, uint32_t result))                      \
    CALL(path_remove_directory, "iii:i", (void *context, uint32_t fd, uint32_t path,               \
         uint32_t path_len))                                                                       \
    CALL(path_rename, "iiiiii:i", (void *context, uint32_t fd, uint32_t old_path,                  \
         uint32_t old_len, uint32_t new_fd, uint32_t new_path, uint32_t new_len))                  \
    CALL(path_symlink, "iiiii:i", (void *context, uint32_t target, uint32_t target_len,            \
         uint32_t fd, uint32_t path, uint32_t path_len))                                           \
    CALL(path_unlink_file, "iii:i", (void *context, uint32_t fd, uint32_t path,                    \
         uint32_t path_len))                                                                       \
    CALL(poll_oneoff, "iiii:i", (void *context, uint32_t in, uint32_t out, uint32_t count,         \
         uint32_t result))                                                                         \
    CALL(proc_raise, "i:i", (void *context, uint32_t sig))                                         \
    CALL(sched_yield, ":i", (void *context))                                                       \
    CALL(random_get, "ii:i", (void *context, uint32_t buf, uint32_t buf_len))                      \
    CALL(sock_accept, "iii:i", (void *context, uint32_t fd, uint32_t flags, uint32_t result))      \
    CALL(sock_recv, "iiiiii:i", (void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,     \
         uint32_t flags, uint32_t result, uint32_t result_flags))                                  \
    CALL(sock_send, "iiiii:i", (void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,      \
         uint32_t flags, uint32_t result))                                                         \
    CALL(sock_shutdown, "ii:i", (void *context, uint32_t fd, uint32_t how))
/* clang-format on */

#define SN_DECLARE(name, type, params) uint32_t sn_wasi_##name params;
SN_WASI_CALLS(SN_DECLARE)
#undef SN_DECLARE

/* The one without a result. Does not return. */
void sn_wasi_proc_exit(void *context, uint32_t code);

#endif
