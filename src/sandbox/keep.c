/* keep.c - see keep.h. */
#include "sandbox/keep.h"

#include "sandbox/frame.h"
#include "sandbox/pagemap.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    PAGE = SN_STATE_PAGE_BYTES,
    /* A mapping costs a call, and later a fault for each page; a copy is faster for few pages. */
    MAPPED_PAGES = 64,
    IOVECS_MOST = 1024,       /* of one call: IOV_MAX */
    COPIED_PAGES_MOST = 4096, /* in all; beyond, whatever can be is mapped */
    MAPPINGS_MOST = 30000,    /* Linux allows a process 65,530 */
};

typedef struct blob_head {
    uint32_t globals_bytes;
    uint32_t snapshot_bytes;
} blob_head;

/* ---- loading ---- */

static int damaged(sn_error *err) {
    return sn_fail(err, SN_EUNAVAILABLE, "the session's state is damaged");
}

static int load_pages(sn_memory *memory, int fd, const sn_before *before, sn_error *err) {
    uint64_t end = 0, copied = 0, mapped = 0;
    for (size_t i = 0; i < before->runs_count && before->runs[i].first < SN_STATE_FILES; i++) {
        const sn_state_run *run = &before->runs[i];
        if (run->count == 0 || run->first < end ||
            (uint64_t)run->first + run->count > memory->size_bytes / PAGE)
            return damaged(err);
        end = (uint64_t)run->first + run->count;
        uint64_t at = (uint64_t)run->first * PAGE, bytes = (uint64_t)run->count * PAGE;
        bool map = run->count >= MAPPED_PAGES || copied + run->count > COPIED_PAGES_MOST;
        if (map && mapped < MAPPINGS_MOST) {
            if (mmap(memory->base + at, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, (off_t)at) == MAP_FAILED)
                return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno,
                                     "cannot map the session's state");
            mapped++;
            continue;
        }
        memcpy(memory->base + at, before->map + at, bytes);
        copied += run->count;
    }
    return 0;
}

/* Those of files are read where they are. Others are not: reading what is a hole of the state's
 * file makes it larger. */
static int load_files(sn_wasi *wasi, const sn_before *before, const void *snapshot, size_t bytes,
                      sn_error *err) {
    size_t first = before->runs_count, count = 0;
    while (first > 0 && before->runs[first - 1].first >= SN_STATE_FILES)
        first--;
    sn_auto_free sn_extent *extents = malloc((before->runs_count + 1) * sizeof *extents);
    if (!extents)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session's files");
    for (uint64_t end = 0; first + count < before->runs_count; count++) {
        const sn_state_run *run = &before->runs[first + count];
        if (run->count == 0 || run->first < end ||
            (uint64_t)run->first + run->count > SN_STATE_PAGES_MOST)
            return damaged(err);
        end = (uint64_t)run->first + run->count;
        extents[count] = (sn_extent){run->first - SN_STATE_FILES, run->count};
    }
    sn_snapshot_pages pages = {before->map + (uint64_t)SN_STATE_FILES * PAGE, extents, count};
    return sn_wasi_load(wasi, snapshot, bytes, &pages, err);
}

int sn_state_load(sn_before *before, sn_instance *instance, sn_wasi *wasi, int fd,
                  uint64_t memory_bytes, const void *blob, size_t blob_bytes, sn_error *err) {
    blob_head head;
    if (blob_bytes < sizeof head)
        return damaged(err);
    memcpy(&head, blob, sizeof head);
    const uint8_t *globals = (const uint8_t *)blob + sizeof head;
    if ((uint64_t)head.globals_bytes + head.snapshot_bytes != blob_bytes - sizeof head)
        return damaged(err);
    int rc = sn_instance_resume(instance, memory_bytes, globals, head.globals_bytes, err);
    if (rc == SN_EINVALID_ARGUMENT)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the session has %llu MB of memory, more than the limit of this execution",
                       (unsigned long long)(memory_bytes >> 20));
    if (rc < 0)
        return rc;
    /* until the process ends: files are borrowed from it, and pages compared with it */
    void *map = mmap(NULL, (uint64_t)SN_STATE_PAGES_MOST * PAGE, PROT_READ,
                     MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (map == MAP_FAILED)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot map the session's state");
    before->map = map;
    rc = load_pages(sn_instance_memory(instance), fd, before, err);
    return rc < 0
               ? rc
               : load_files(wasi, before, globals + head.globals_bytes, head.snapshot_bytes, err);
}

/* ---- sending ---- */

typedef struct sender {
    int fd;
    int outbox;
    uint64_t outbox_at;
    uint32_t numbers[SN_FRAME_PAGES_MOST]; /* not yet sent */
    uint32_t count;
    struct iovec parts[IOVECS_MOST]; /* pages not yet put into the outbox */
    int parts_count;
    uint8_t tail[PAGE]; /* the last page of a file, filled up */
} sender;

/* Puts what was gathered into the outbox, straight from where it lies. */
static int put_out(sender *s) {
    struct iovec *part = s->parts;
    while (s->parts_count > 0) {
        ssize_t n = pwritev(s->outbox, part, s->parts_count, (off_t)s->outbox_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        s->outbox_at += (uint64_t)n;
        while (s->parts_count > 0 && (size_t)n >= part->iov_len) {
            n -= (ssize_t)part->iov_len;
            part++;
            s->parts_count--;
        }
        if (s->parts_count > 0) {
            part->iov_base = (char *)part->iov_base + n;
            part->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int send_numbers(sender *s) {
    int rc = s->count
                 ? sn_frame_send(s->fd, SN_FRAME_PAGES, s->numbers, s->count * sizeof *s->numbers)
                 : 0;
    s->count = 0;
    return rc;
}

static int add_page(sender *s, uint32_t number, const void *page) {
    struct iovec *last = &s->parts[s->parts_count - 1];
    if (s->parts_count > 0 && (const char *)last->iov_base + last->iov_len == (const char *)page)
        last->iov_len += PAGE;
    else
        s->parts[s->parts_count++] = (struct iovec){(void *)page, PAGE};
    s->numbers[s->count++] = number;
    int rc = s->parts_count == IOVECS_MOST ? put_out(s) : 0;
    return rc == 0 && s->count == SN_FRAME_PAGES_MOST ? send_numbers(s) : rc;
}

static int send_file(void *user, uint32_t first_page, const void *data, uint64_t bytes) {
    sender *s = user;
    const uint8_t *at = data;
    uint32_t number = SN_STATE_FILES + first_page;
    int rc = 0;
    for (; rc == 0 && bytes >= PAGE; bytes -= PAGE, at += PAGE)
        rc = add_page(s, number++, at);
    if (rc == 0 && bytes > 0) {
        memcpy(s->tail, at, bytes);
        memset(s->tail + bytes, 0, PAGE - bytes);
        rc = add_page(s, number, s->tail);
        if (rc == 0)
            rc = put_out(s); /* before the next tail */
    }
    return rc;
}

static int cannot_send(sn_error *err, int errnum) {
    if (errnum == EPERM || errnum == EFBIG || errnum == ENOSPC) /* sealed at that size */
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                       "the session would be larger than its limit (SHANNON_SESSION_MB)");
    return sn_fail_errno(err, SN_EUNAVAILABLE, errnum, "the session's state cannot be sent");
}

/* Whether a page of the state lies in runs[*run] or one behind it; asked with rising numbers. */
static bool in_state(const sn_before *before, size_t *run, uint32_t number) {
    while (*run < before->runs_count &&
           number - before->runs[*run].first >= before->runs[*run].count &&
           number > before->runs[*run].first)
        ++*run;
    return *run < before->runs_count && number >= before->runs[*run].first;
}

static int send_memory(sender *s, const sn_memory *memory, int pagemap, const sn_before *before) {
    static const uint8_t zeros[PAGE];
    uint64_t end = memory->size_bytes / PAGE;
    size_t run = 0;
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && sn_pagemap_next(&at, end, pagemap, memory->base); at++) {
        const uint8_t *page = memory->base + at * PAGE;
        const uint8_t *old = before->map && in_state(before, &run, (uint32_t)at)
                                 ? before->map + at * PAGE
                                 : sn_image_page(before->image, (uint32_t)at);
        if (memcmp(page, old ? old : zeros, PAGE) != 0)
            rc = add_page(s, (uint32_t)at, page);
    }
    return rc;
}

/* Globals and snapshot, behind the head of a frame and the extents. */
static int send_state(const sender *s, sn_instance *instance, const sn_buffer *snapshot,
                      const sn_buffer *extents) {
    blob_head lead = {.snapshot_bytes = (uint32_t)snapshot->bytes};
    size_t globals_bytes;
    void *globals = sn_instance_globals(instance, &globals_bytes);
    lead.globals_bytes = (uint32_t)globals_bytes;
    sn_frame_state head = {
        .memory_bytes = sn_instance_memory(instance)->size_bytes,
        .extents_count = (uint32_t)(extents->bytes / sizeof(sn_extent)),
        .blob_bytes = (uint32_t)(sizeof lead + globals_bytes + snapshot->bytes),
    };
    sn_frame_header header = {SN_FRAME_STATE,
                              (uint32_t)(sizeof head + extents->bytes + head.blob_bytes)};
    struct iovec parts[] = {
        {&header, sizeof header}, {&head, sizeof head},     {extents->data, extents->bytes},
        {&lead, sizeof lead},     {globals, globals_bytes}, {snapshot->data, snapshot->bytes},
    };
    return sn_frame_send_parts(s->fd, parts, SN_COUNT(parts));
}

int sn_state_send(int fd, int outbox, sn_instance *instance, sn_wasi *wasi, int pagemap,
                  const sn_before *before, sn_error *err) {
    static sender s;
    sn_buffer snapshot = {0}, extents = {0};
    s.fd = fd;
    s.outbox = outbox;
    int sent = send_memory(&s, sn_instance_memory(instance), pagemap, before);
    if (sent < 0)
        return cannot_send(err, -sent);
    int rc = sn_wasi_save(&snapshot, &extents, wasi, send_file, &s, err);
    if (rc == SN_EINTERNAL)
        rc = cannot_send(err, EFBIG);
    if (rc == 0 && snapshot.bytes + extents.bytes > SN_STATE_BLOB_MOST_BYTES / 2)
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "the session has too many files to be kept");
    if (rc == 0 && ((sent = put_out(&s)) < 0 || (sent = send_numbers(&s)) < 0 ||
                    (sent = send_state(&s, instance, &snapshot, &extents)) < 0))
        rc = cannot_send(err, -sent);
    sn_buffer_free(&snapshot);
    sn_buffer_free(&extents);
    return rc;
}
