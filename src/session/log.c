/* log.c - see log.h. */
#include "session/log.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <xxhash.h>

enum { MAGIC = 0x474c4e53 };

static char *path_of(const char *folder, uint32_t segment) {
    return sn_format("%s/%08u.seg", folder, segment);
}

static int open_segment(const char *folder, uint32_t segment, int flags) {
    sn_auto_free char *path = path_of(folder, segment);
    return open(path, flags | O_CLOEXEC, 0600);
}

/* ---- checksums ---- */

static uint64_t check_head(const sn_log_head *head) {
    return XXH3_64bits(head, offsetof(sn_log_head, head_check));
}

static void check_payload(uint8_t out[16], const struct iovec *parts, int count) {
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        abort();
    XXH3_128bits_reset(state);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len)
            XXH3_128bits_update(state, parts[i].iov_base, parts[i].iov_len);
    XXH128_canonicalFromHash((XXH128_canonical_t *)out, XXH3_128bits_digest(state));
    XXH3_freeState(state);
}

static bool is_whole(const sn_log_head *head) {
    return head->magic == MAGIC && head->head_check == check_head(head) &&
           head->code_bytes <= head->node_bytes && head->node_bytes < 1ull << 40;
}

static uint64_t bytes_of(const sn_log_head *head) {
    return sizeof *head + head->record_bytes + head->node_bytes;
}

/* ---- writing ---- */

static int write_parts(int fd, uint64_t offset, struct iovec *parts, int count) {
    while (count > 0) {
        ssize_t n = pwritev(fd, parts, count, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -ENOSPC;
        offset += (uint64_t)n;
        while (count > 0 && (size_t)n >= parts->iov_len) {
            n -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + n;
            parts->iov_len -= (size_t)n;
        }
    }
    return 0;
}

/* A new file is there for good once its folder is on disk. */
static int sync_folder(const char *folder) {
    sn_auto_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* What a writer that died left behind the last whole entry is cut off: whoever walks the segment is
 * not to find any of it. */
static int cut(int fd, uint64_t offset) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    return (uint64_t)st.st_size > offset && ftruncate(fd, (off_t)offset) < 0 ? -errno : 0;
}

static int cannot_write(sn_error *err, int rc, const char *folder) {
    sn_fail_errno(err, SN_EUNAVAILABLE, -rc, "cannot write the session to %s", folder);
    return err ? err->code : SN_EUNAVAILABLE;
}

/* What a step needs of older segments must not be on disk later than the step. */
static int begin_segment(const char *folder, uint32_t segment) {
    sn_auto_fd int before = open_segment(folder, segment - 1, O_WRONLY);
    if (before >= 0 && fdatasync(before) < 0)
        return -errno;
    return sync_folder(folder);
}

/* `*fd` is open afterwards if that is wanted. */
static int write_entry(int *kept_fd, const char *folder, uint32_t segment, uint64_t offset,
                       struct iovec *parts, int count, sn_error *err) {
    sn_auto_fd int fd = open_segment(folder, segment, O_WRONLY | O_CREAT);
    int rc = fd < 0 ? -errno : cut(fd, offset);
    if (rc == 0)
        rc = write_parts(fd, offset, parts, count);
    if (rc == 0 && offset == 0)
        rc = begin_segment(folder, segment);
    if (rc < 0) {
        if (fd >= 0)
            (void)!ftruncate(fd, (off_t)offset);
        return cannot_write(err, rc, folder);
    }
    if (kept_fd)
        *kept_fd = SN_STEAL_FD(fd);
    return 0;
}

int sn_log_append(sn_log_place *place, int *fd, const char *folder, uint32_t segment,
                  uint64_t offset, sn_log_entry *entry, sn_error *err) {
    struct iovec parts[] = {
        {&entry->head, sizeof entry->head},
        {(void *)entry->record, entry->record_bytes},
        {(void *)entry->code, entry->code_bytes},
        {(void *)entry->delta, entry->delta_bytes},
    };
    entry->head.magic = MAGIC;
    entry->head.record_bytes = (uint32_t)entry->record_bytes;
    entry->head.code_bytes = (uint32_t)entry->code_bytes;
    entry->head.node_bytes = entry->code_bytes + entry->delta_bytes;
    check_payload(entry->head.payload_check, parts + 1, 3);
    entry->head.head_check = check_head(&entry->head);
    *place = (sn_log_place){segment, 0, offset, bytes_of(&entry->head)};
    int rc = write_entry(fd, folder, segment, offset, parts, SN_COUNT(parts), err);
    if (rc == 0) /* the disk may begin; whether it does shows at the end */
        (void)!sync_file_range(*fd, (off_t)offset, (off_t)place->bytes, SYNC_FILE_RANGE_WRITE);
    return rc;
}

int sn_log_finish(int fd, const char *folder, sn_error *err) {
    int rc = fdatasync(fd) < 0 ? cannot_write(err, -errno, folder) : 0;
    close(fd);
    return rc;
}

void sn_log_cut(const char *folder, uint32_t segment, uint64_t offset) {
    sn_auto_fd int fd = open_segment(folder, segment, O_WRONLY);
    if (fd >= 0)
        (void)!cut(fd, offset);
}

int sn_log_copy(const char *folder, uint32_t segment, uint64_t offset, const sn_log_head *head,
                const sn_buffer *payload, sn_error *err) {
    struct iovec parts[] = {{(void *)head, sizeof *head}, {payload->data, payload->bytes}};
    return write_entry(NULL, folder, segment, offset, parts, SN_COUNT(parts), err);
}

int sn_log_sync(const char *folder, uint32_t segment, sn_error *err) {
    sn_auto_fd int fd = open_segment(folder, segment, O_WRONLY);
    if (fd < 0 || fdatasync(fd) < 0)
        return cannot_write(err, -errno, folder);
    return 0;
}

/* ---- reading ---- */

static int read_at(int fd, void *to, size_t bytes, uint64_t offset) {
    char *at = to;
    while (bytes > 0) {
        ssize_t n = pread(fd, at, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENODATA;
        at += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

static int damaged(sn_error *err, const char *folder, const sn_log_place *place) {
    return sn_fail(err, SN_EUNAVAILABLE, "%s/%08u.seg is damaged at byte %llu", folder,
                   place->segment, (unsigned long long)place->offset);
}

static bool reserve(sn_buffer *buffer, size_t bytes) {
    sn_buffer_free(buffer);
    buffer->data = malloc(bytes + 1);
    if (buffer->data)
        buffer->bytes = buffer->capacity = bytes;
    return buffer->data != NULL;
}

int sn_log_read(sn_log_head *head, sn_buffer *payload, const char *folder,
                const sn_log_place *place, sn_error *err) {
    sn_auto_fd int fd = open_segment(folder, place->segment, O_RDONLY);
    if (fd < 0)
        return sn_fail_errno(err, errno == ENOENT ? SN_ENOT_FOUND : SN_EUNAVAILABLE, errno,
                             "cannot read sessions in %s", folder);
    if (read_at(fd, head, sizeof *head, place->offset) < 0 || !is_whole(head) ||
        bytes_of(head) != place->bytes)
        return damaged(err, folder, place);
    uint8_t check[16];
    size_t bytes = place->bytes - sizeof *head;
    if (!reserve(payload, bytes))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    if (read_at(fd, payload->data, bytes, place->offset + sizeof *head) < 0)
        return damaged(err, folder, place);
    check_payload(check, &(struct iovec){payload->data, bytes}, 1);
    return memcmp(check, head->payload_check, sizeof check) ? damaged(err, folder, place) : 0;
}

/* ---- walking ---- */

static int walk_entry(uint64_t *at, int fd, uint64_t size, uint32_t segment, sn_log_fn fn,
                      void *user, bool *more) {
    sn_log_head head;
    sn_buffer record = {0};
    *more = read_at(fd, &head, sizeof head, *at) == 0 && is_whole(&head) &&
            bytes_of(&head) <= size - *at;
    if (!*more)
        return 0;
    sn_log_place place = {segment, 0, *at, bytes_of(&head)};
    if (!reserve(&record, head.record_bytes))
        return SN_ERESOURCE_EXHAUSTED;
    int rc = 0;
    if (read_at(fd, record.data, head.record_bytes, *at + sizeof head) == 0)
        rc = fn(user, &head, &place, &record);
    sn_buffer_free(&record);
    *at += place.bytes;
    return rc;
}

int sn_log_walk(uint64_t *end, const char *folder, uint32_t segment, sn_log_fn fn, void *user,
                sn_error *err) {
    sn_auto_fd int fd = open_segment(folder, segment, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot read sessions in %s", folder);
    bool more = true;
    int rc = 0;
    *end = 0;
    while (rc == 0 && more)
        rc = walk_entry(end, fd, (uint64_t)st.st_size, segment, fn, user, &more);
    return rc;
}

static int by_number(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

int sn_log_segments(uint32_t **out, size_t *count, const char *folder, sn_error *err) {
    DIR *dir = opendir(folder);
    if (!dir)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot read the folder %s", folder);
    sn_buffer found = {0};
    bool ok = sn_buffer_add(&found, "", 0);
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        unsigned number;
        int length = 0;
        if (sscanf(entry->d_name, "%8u.seg%n", &number, &length) == 1 && length == 12 &&
            entry->d_name[12] == '\0')
            ok = sn_buffer_add(&found, &(uint32_t){number}, sizeof(uint32_t));
    }
    closedir(dir);
    if (!ok) {
        sn_buffer_free(&found);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the list of segments");
    }
    *count = found.bytes / sizeof **out;
    if (*count)
        qsort(found.data, *count, sizeof **out, by_number);
    *out = (uint32_t *)found.data;
    return 0;
}

void sn_log_remove(const char *folder, uint32_t segment) {
    sn_auto_free char *path = path_of(folder, segment);
    (void)!unlink(path);
}
