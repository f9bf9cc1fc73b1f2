/*
 * io.h - files and descriptors: EINTR handled, short reads and writes finished, whole files
 * replaced at once.
 */
#ifndef SN_UTIL_IO_H
#define SN_UTIL_IO_H

#include "shannon.h"
#include <sys/types.h>

/* Writes all of it. 0, or -errno. */
SN_WARN_UNUSED int sn_write_full(int fd, const void *data, size_t bytes);

/* The same to a socket, without SIGPIPE; waits no longer than the socket's SO_SNDTIMEO each time.
 */
SN_WARN_UNUSED int sn_send_full(int fd, const void *data, size_t bytes);

/* Reads until `bytes` are there or the file ends. The number read, or -errno. */
SN_WARN_UNUSED ssize_t sn_read_full(int fd, void *data, size_t bytes);

/* A file in memory, read-only and private to the process. An empty file has data NULL and bytes 0.
 */
typedef struct sn_mapping {
    const uint8_t *data;
    size_t bytes;
} sn_mapping;

/* Maps a regular file of at most `max_bytes`. Errors: SN_ENOT_FOUND, SN_EINVALID_ARGUMENT (too
 * large, not a file), SN_EUNAVAILABLE. */
SN_WARN_UNUSED int sn_map_file(sn_mapping *out, const char *path, size_t max_bytes, sn_error *err);
void sn_unmap(sn_mapping *mapping);

/* Reads `path` ("-": standard input) into memory of its own, NUL-terminated; more than `max_bytes`
 * is refused without reading on. Release with free(). */
SN_WARN_UNUSED int sn_read_file(char **out, size_t *out_bytes, const char *path, size_t max_bytes,
                                sn_error *err);

/* A file without a name, for reading and writing, in TMPDIR, else /tmp. The descriptor, or an
 * error.
 */
SN_WARN_UNUSED int sn_temporary_file(sn_error *err);

/* Makes a folder and its parents, mode 0700. An existing one is fine. */
SN_WARN_UNUSED int sn_make_dirs(const char *path, sn_error *err);

/* Replaces `path` by `data`: written beside it, synced, renamed. A reader sees the old file or the
 * new one. */
SN_WARN_UNUSED int sn_replace_file(const char *path, const void *data, size_t bytes, sn_error *err);

/* Removes a folder with all in it; symbolic links are removed, not followed. Best effort. */
void sn_remove_tree(const char *path);

/* printf into fresh memory; aborts when there is none. Release with free(). */
char *sn_format(const char *fmt, ...) __attribute__((format(printf, 1, 2), malloc));

/* Closes every descriptor of this process but these (-1: none). */
void sn_close_all_but(const int *keep, size_t count);

/* Monotonic clock. */
uint64_t sn_now_ns(void);

#endif
