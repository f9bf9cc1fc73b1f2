/* io.c - see io.h. */
#include "util/io.h"

#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

int sn_write_full(int fd, const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        ssize_t n = write(fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int sn_send_full(int fd, const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        ssize_t n = send(fd, at, bytes, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

ssize_t sn_read_full(int fd, void *data, size_t bytes) {
    char *at = data;
    size_t got = 0;
    while (got < bytes) {
        ssize_t n = read(fd, at + got, bytes - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static int open_regular(int *out, size_t *bytes, const char *path, size_t max_bytes,
                        sn_error *err) {
    sn_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return sn_fail_errno(err, errno == ENOENT ? SN_ENOT_FOUND : SN_EUNAVAILABLE, errno,
                             "cannot open %s", path);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is not a regular file", path);
    if ((uint64_t)st.st_size > max_bytes)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s has %lld bytes, more than the limit of %zu",
                       path, (long long)st.st_size, max_bytes);
    *bytes = (size_t)st.st_size;
    *out = SN_STEAL_FD(fd);
    return 0;
}

int sn_map_file(sn_mapping *out, const char *path, size_t max_bytes, sn_error *err) {
    *out = (sn_mapping){0};
    sn_auto_fd int fd = -1;
    size_t bytes = 0;
    int rc = open_regular(&fd, &bytes, path, max_bytes, err);
    if (rc < 0 || bytes == 0)
        return rc;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot map %s", path);
    *out = (sn_mapping){data, bytes};
    return 0;
}

void sn_unmap(sn_mapping *mapping) {
    if (mapping->data)
        munmap((void *)mapping->data, mapping->bytes);
    *mapping = (sn_mapping){0};
}

int sn_read_file(char **out, size_t *out_bytes, const char *path, size_t max_bytes, sn_error *err) {
    bool is_stdin = strcmp(path, "-") == 0;
    sn_auto_fd int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int fd = is_stdin ? STDIN_FILENO : opened;
    if (fd < 0)
        return sn_fail_errno(err, errno == ENOENT ? SN_ENOT_FOUND : SN_EINVALID_ARGUMENT, errno,
                             "cannot open %s", path);
    size_t capacity = 64 << 10, used = 0;
    sn_auto_free char *data = malloc(capacity);
    for (;;) {
        if (!data)
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to read %s", path);
        ssize_t n = sn_read_full(fd, data + used, capacity - 1 - used);
        if (n < 0)
            return sn_fail_errno(err, SN_EINVALID_ARGUMENT, (int)-n, "cannot read %s", path);
        used += (size_t)n;
        if (used > max_bytes)
            return sn_fail(err, SN_EINVALID_ARGUMENT, "%s has more than the limit of %zu bytes",
                           is_stdin ? "standard input" : path, max_bytes);
        if (used < capacity - 1)
            break;
        capacity *= 2;
        char *grown = realloc(data, capacity);
        if (!grown)
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to read %s", path);
        data = grown;
    }
    data[used] = '\0';
    *out_bytes = used;
    *out = SN_STEAL(data);
    return 0;
}

int sn_temporary_file(sn_error *err) {
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { /* file systems without it */
        sn_auto_free char *path = sn_format("%s/shannon-XXXXXX", folder);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    return fd >= 0 ? fd
                   : sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot make a file in %s", folder);
}

int sn_make_dirs(const char *path, sn_error *err) {
    sn_auto_free char *copy = strdup(path);
    if (!copy)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory");
    for (char *slash = copy + 1;; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char was = *slash;
        *slash = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot make the folder %s", copy);
        *slash = was;
        if (!was)
            break;
    }
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return sn_fail(err, SN_EUNAVAILABLE, "%s is not a folder", path);
    return 0;
}

int sn_replace_file(const char *path, const void *data, size_t bytes, sn_error *err) {
    sn_auto_free char *temp = sn_format("%s.XXXXXX", path);
    sn_auto_fd int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot write %s", path);
    int failed = -sn_write_full(fd, data, bytes);
    if (!failed && (fdatasync(fd) < 0 || rename(temp, path) < 0))
        failed = errno;
    if (failed) {
        unlink(temp);
        return sn_fail_errno(err, SN_EUNAVAILABLE, failed, "cannot write %s", path);
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st, (void)kind, (void)where;
    remove(path);
    return 0;
}

void sn_remove_tree(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *sn_format(const char *fmt, ...) {
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    return text;
}

uint64_t sn_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sn_close_all_but(const int *keep, size_t count) {
    long next = 0; /* all below are settled */
    for (;;) {
        long lowest = -1;
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= next && (lowest < 0 || keep[i] < lowest))
                lowest = keep[i];
        if (lowest < 0)
            break;
        if (lowest > next)
            close_range((unsigned)next, (unsigned)lowest - 1, 0);
        next = lowest + 1;
    }
    close_range((unsigned)next, UINT_MAX, 0);
}
