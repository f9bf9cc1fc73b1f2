/* log.c - see log.h. */
#include "session/log.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <xxhash.h>

enum { MAGIC = 0x474c4e53, SEGMENT_MAGIC = 0x53474553, FORMAT = 1 };

/* What a segment begins with. */
typedef struct segment_head {
    uint32_t magic;
    uint32_t format;
    uint64_t seed; /* of all checksums: what a guest hands in cannot look like an entry */
    uint64_t check;
} segment_head;

typedef struct open_seg {
    int fd;
    uint64_t seed;
} open_seg;

static char *path_of(const char *folder, uint32_t number) {
    return sn_format("%s/%08u.seg", folder, number);
}

static int open_file(const char *folder, uint32_t number, int flags) {
    sn_auto_free char *path = path_of(folder, number);
    return open(path, flags | O_CLOEXEC, 0600);
}

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

static bool is_zero(const void *data, size_t bytes) {
    const uint8_t *at = data;
    return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

/* ---- checksums ---- */

static uint64_t check_segment(const segment_head *head) {
    return XXH3_64bits(head, offsetof(segment_head, check));
}

static uint64_t check_head(const sn_log_head *head, uint64_t seed) {
    return XXH3_64bits_withSeed(head, offsetof(sn_log_head, head_check), seed);
}

static void check_payload(uint8_t out[16], uint64_t seed, const struct iovec *parts, int count) {
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        abort();
    XXH3_128bits_reset_withSeed(state, seed);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len)
            XXH3_128bits_update(state, parts[i].iov_base, parts[i].iov_len);
    XXH128_canonicalFromHash((XXH128_canonical_t *)out, XXH3_128bits_digest(state));
    XXH3_freeState(state);
}

static bool is_whole(const sn_log_head *head, uint64_t seed) {
    return head->magic == MAGIC && head->head_check == check_head(head, seed) &&
           head->code_bytes <= head->node_bytes && head->node_bytes < 1ull << 40;
}

static uint64_t bytes_of(const sn_log_head *head) {
    return sizeof *head + head->record_bytes + head->node_bytes;
}

/* ---- segments ---- */

static int other_format(sn_error *err, const char *folder) {
    sn_fail(err, SN_EUNAVAILABLE,
            "the sessions in %s are in a form that this program does not know", folder);
    return sn_hint(err, "a newer version of shannon has written them: use that one");
}

static int cannot_read(sn_error *err, int rc, const char *folder) {
    if (rc == -EPROTO)
        return other_format(err, folder);
    return sn_fail_errno(err, rc == -ENOENT ? SN_ENOT_FOUND : SN_EUNAVAILABLE, -rc,
                         "cannot read the sessions in %s", folder);
}

static int cannot_write(sn_error *err, int rc, const char *folder) {
    if (rc == -EPROTO)
        return other_format(err, folder);
    sn_fail_errno(err, SN_EUNAVAILABLE, -rc, "cannot write the session to %s", folder);
    return err ? err->code : SN_EUNAVAILABLE;
}

/* -ENODATA: it does not begin as a segment does. -EPROTO: it is of another format. */
static int open_segment(open_seg *out, const char *folder, uint32_t number, int flags) {
    segment_head head;
    sn_auto_fd int fd = open_file(folder, number, flags);
    int rc = fd < 0 ? -errno : read_at(fd, &head, sizeof head, 0);
    if (rc == 0 && (head.magic != SEGMENT_MAGIC || head.check != check_segment(&head)))
        rc = -ENODATA;
    if (rc == 0 && head.format != FORMAT)
        rc = -EPROTO;
    if (rc == 0)
        *out = (open_seg){SN_STEAL_FD(fd), head.seed};
    return rc;
}

/* A new file is there for good once its folder is on disk. */
static int sync_folder(const char *folder) {
    sn_auto_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* What a step needs of older segments must not be on disk later than the step. */
static int begin_segment(open_seg *out, const char *folder, uint32_t number) {
    segment_head head = {SEGMENT_MAGIC, FORMAT, 0, 0};
    sn_auto_fd int before = open_file(folder, number - 1, O_WRONLY);
    if (before >= 0 && fdatasync(before) < 0)
        return -errno;
    sn_auto_fd int fd = open_file(folder, number, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0 || getrandom(&head.seed, sizeof head.seed, 0) != sizeof head.seed)
        return -errno;
    head.check = check_segment(&head);
    ssize_t n = pwrite(fd, &head, sizeof head, 0);
    if (n != sizeof head)
        return n < 0 ? -errno : -ENOSPC;
    int rc = sync_folder(folder);
    if (rc == 0)
        *out = (open_seg){SN_STEAL_FD(fd), head.seed};
    return rc;
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

/* What a writer that died left behind the last entry goes: it was never reported, and whoever walks
 * the segment is not to find any of it. It would begin with a head. */
static int clear_place(int fd, uint64_t offset) {
    uint8_t left_over[sizeof(sn_log_head)];
    ssize_t n = pread(fd, left_over, sizeof left_over, (off_t)offset);
    if (n < 0)
        return -errno;
    return !is_zero(left_over, (size_t)n) && ftruncate(fd, (off_t)offset) < 0 ? -errno : 0;
}

/* Makes the file longer ahead of time, with zeros: what is written into blocks that it has already
 * needs no entry in the file system's journal, which is half of the time that the disk takes. */
static void make_room(int fd, uint64_t end) {
    enum { LEAST = 64 << 10, MOST = 1 << 20 };
    struct stat st;
    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size > end)
        return;
    uint64_t bytes = end / 4 < LEAST ? LEAST : end / 4 > MOST ? MOST : end / 4;
    sn_auto_free void *zeros = calloc(1, bytes);
    if (zeros)
        (void)!pwrite(fd, zeros, bytes, (off_t)end);
}

/* parts[0] is the head, which gets its checksums. `*kept_fd` is open afterwards if that is wanted.
 */
static int write_entry(sn_log_place *place, int *kept_fd, const char *folder, uint32_t number,
                       uint64_t offset, sn_log_head *head, struct iovec *parts, int count,
                       sn_error *err) {
    open_seg s = {.fd = -1};
    int rc;
    if (offset == 0) {
        offset = sizeof(segment_head);
        rc = begin_segment(&s, folder, number);
    } else {
        rc = open_segment(&s, folder, number, O_RDWR);
        if (rc == 0)
            rc = clear_place(s.fd, offset);
    }
    sn_auto_fd int fd = s.fd;
    head->magic = MAGIC;
    check_payload(head->payload_check, s.seed, parts + 1, count - 1);
    head->head_check = check_head(head, s.seed);
    *place = (sn_log_place){number, 0, offset, bytes_of(head)};
    if (rc == 0 && (rc = write_parts(fd, offset, parts, count)) < 0)
        (void)!ftruncate(fd, (off_t)offset);
    if (rc < 0)
        return cannot_write(err, rc, folder);
    make_room(fd, offset + place->bytes);
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
    entry->head.record_bytes = (uint32_t)entry->record_bytes;
    entry->head.node_bytes = entry->code_bytes + entry->delta_bytes;
    entry->head.code_bytes = (uint32_t)entry->code_bytes;
    return write_entry(place, fd, folder, segment, offset, &entry->head, parts, SN_COUNT(parts),
                       err);
}

int sn_log_finish(int fd, const char *folder, sn_error *err) {
    int rc = fdatasync(fd) < 0 ? cannot_write(err, -errno, folder) : 0;
    close(fd);
    return rc;
}

void sn_log_cut(const char *folder, uint32_t segment, uint64_t offset) {
    sn_auto_fd int fd = open_file(folder, segment, O_WRONLY);
    if (fd >= 0)
        (void)!ftruncate(fd, (off_t)offset);
}

int sn_log_copy(sn_log_place *place, const char *folder, uint32_t segment, uint64_t offset,
                uint32_t flags, const sn_log_head *head, const sn_buffer *payload, sn_error *err) {
    sn_log_head made = *head;
    struct iovec parts[] = {{&made, sizeof made}, {payload->data, payload->bytes}};
    made.flags = flags;
    return write_entry(place, NULL, folder, segment, offset, &made, parts, SN_COUNT(parts), err);
}

int sn_log_void(const char *folder, const sn_log_head *head, const sn_log_place *place,
                sn_error *err) {
    open_seg s = {.fd = -1};
    sn_log_head changed = *head;
    struct iovec part = {&changed, sizeof changed};
    int rc = open_segment(&s, folder, place->segment, O_RDWR);
    sn_auto_fd int fd = s.fd;
    changed.flags |= SN_LOG_VOID;
    changed.head_check = check_head(&changed, s.seed);
    if (rc == 0)
        rc = write_parts(fd, place->offset, &part, 1);
    if (rc == 0 && fdatasync(fd) < 0)
        rc = -errno;
    return rc < 0 ? cannot_write(err, rc, folder) : 0;
}

int sn_log_sync(const char *folder, uint32_t segment, sn_error *err) {
    sn_auto_fd int fd = open_file(folder, segment, O_WRONLY);
    if (fd < 0 || fdatasync(fd) < 0)
        return cannot_write(err, -errno, folder);
    return 0;
}

/* ---- reading ---- */

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

/* -ENODATA: it is not as it was written. */
static int read_payload(sn_buffer *payload, const open_seg *s, const sn_log_head *head,
                        uint64_t offset) {
    uint8_t check[16];
    size_t bytes = bytes_of(head) - sizeof *head;
    if (!reserve(payload, bytes))
        return -ENOMEM;
    int rc = read_at(s->fd, payload->data, bytes, offset + sizeof *head);
    if (rc < 0)
        return rc;
    check_payload(check, s->seed, &(struct iovec){payload->data, bytes}, 1);
    return memcmp(check, head->payload_check, sizeof check) ? -ENODATA : 0;
}

int sn_log_read(sn_log_head *head, sn_buffer *payload, const char *folder,
                const sn_log_place *place, sn_error *err) {
    open_seg s = {.fd = -1};
    int rc = open_segment(&s, folder, place->segment, O_RDONLY);
    if (rc < 0)
        return rc == -ENODATA ? damaged(err, folder, place) : cannot_read(err, rc, folder);
    sn_auto_fd int fd = s.fd;
    if (read_at(fd, head, sizeof *head, place->offset) < 0 || !is_whole(head, s.seed) ||
        bytes_of(head) != place->bytes)
        return damaged(err, folder, place);
    rc = read_payload(payload, &s, head, place->offset);
    if (rc == -ENOMEM)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    return rc < 0 ? damaged(err, folder, place) : 0;
}

/* ---- walking ---- */

typedef struct walker {
    open_seg s;
    uint64_t size;
    uint32_t number;
    sn_buffer record;
} walker;

static bool read_head(sn_log_head *head, const walker *w, uint64_t at) {
    return w->size - at >= sizeof *head && read_at(w->s.fd, head, sizeof *head, at) == 0 &&
           is_whole(head, w->s.seed) && bytes_of(head) <= w->size - at;
}

static int read_entry(sn_log_head *head, walker *w, uint64_t at) {
    if (!read_head(head, w, at))
        return -ENODATA;
    return !reserve(&w->record, head->record_bytes)
               ? -ENOMEM
               : read_at(w->s.fd, w->record.data, head->record_bytes, at + sizeof *head);
}

/* The next head of an entry at or behind `from`; false if there is none. */
static bool find_entry(uint64_t *at, const walker *w, uint64_t from) {
    enum { CHUNK = 1 << 20 };
    static const uint32_t magic = MAGIC;
    sn_auto_free uint8_t *chunk = malloc(CHUNK);
    while (chunk && from < w->size) {
        size_t bytes = w->size - from < CHUNK ? w->size - from : CHUNK;
        if (read_at(w->s.fd, chunk, bytes, from) < 0)
            return false;
        const uint8_t *found = chunk;
        while ((found = memmem(found, (size_t)(chunk + bytes - found), &magic, sizeof magic))) {
            sn_log_head head;
            *at = from + (uint64_t)(found - chunk);
            if (read_head(&head, w, *at))
                return true;
            found++;
        }
        from += bytes < CHUNK ? bytes : CHUNK - (sizeof magic - 1);
    }
    return false;
}

static bool rest_is_zero(const walker *w, uint64_t at) {
    uint8_t chunk[4096];
    for (; at < w->size; at += sizeof chunk) {
        size_t bytes = w->size - at < sizeof chunk ? w->size - at : sizeof chunk;
        if (read_at(w->s.fd, chunk, bytes, at) < 0 || !is_zero(chunk, bytes))
            return false;
    }
    return true;
}

static int walk(sn_log_end *end, walker *w, sn_log_fn fn, void *user) {
    uint64_t at = sizeof(segment_head);
    *end = (sn_log_end){.offset = at};
    while (at < w->size) {
        sn_log_head head;
        int rc = read_entry(&head, w, at);
        if (rc == -ENOMEM)
            return SN_ERESOURCE_EXHAUSTED;
        if (rc < 0) {
            if (!find_entry(&at, w, at + 1))
                break;
            continue;
        }
        sn_log_place place = {w->number, 0, at, bytes_of(&head)};
        end->is_damaged |= at > end->offset;
        rc = fn(user, &head, &place, &w->record);
        if (rc)
            return rc;
        at += place.bytes;
        end->offset = at;
    }
    end->is_free = rest_is_zero(w, end->offset);
    return 0;
}

/* Of a segment that somebody began and did not come to write its head, or whose head is damaged. */
static int walk_headless(sn_log_end *end, const char *folder, uint32_t number, sn_error *err) {
    walker w = {.s.fd = open_file(folder, number, O_RDONLY)};
    struct stat st;
    sn_auto_fd int fd = w.s.fd;
    if (fd < 0 || fstat(fd, &st) < 0)
        return cannot_read(err, -errno, folder);
    w.size = (uint64_t)st.st_size;
    *end = (sn_log_end){.is_free = rest_is_zero(&w, 0)};
    return 0;
}

int sn_log_walk(sn_log_end *end, const char *folder, uint32_t segment, sn_log_fn fn, void *user,
                sn_error *err) {
    walker w = {.number = segment};
    struct stat st;
    int rc = open_segment(&w.s, folder, segment, O_RDONLY);
    if (rc == -ENODATA)
        return walk_headless(end, folder, segment, err);
    if (rc < 0)
        return cannot_read(err, rc, folder);
    sn_auto_fd int fd = w.s.fd;
    if (fstat(fd, &st) < 0)
        return cannot_read(err, -errno, folder);
    w.size = (uint64_t)st.st_size;
    rc = walk(end, &w, fn, user);
    sn_buffer_free(&w.record);
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
    (void)!sync_folder(folder);
}
