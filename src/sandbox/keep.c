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

static int copy_run(uint8_t *to, int fd, const sn_state_run *run, sn_error *err) {
    uint64_t left = (uint64_t)run->count * PAGE;
    uint64_t at = (uint64_t)run->first * PAGE;
    while (left > 0) {
        ssize_t n = pread(fd, to + at, left, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return sn_fail_errno(err, SN_EUNAVAILABLE, n ? errno : EIO,
                                 "cannot read the session's state");
        at += (uint64_t)n;
        left -= (uint64_t)n;
    }
    return 0;
}

static int load_pages(sn_memory *memory, int fd, const sn_state_run *runs, size_t count,
                      sn_error *err) {
    uint64_t end = 0, copied = 0, mapped = 0;
    for (size_t i = 0; i < count; i++) {
        const sn_state_run *run = &runs[i];
        if (run->count == 0 || run->first < end ||
            (uint64_t)run->first + run->count > memory->size_bytes / PAGE)
            return damaged(err);
        end = (uint64_t)run->first + run->count;
        bool map = run->count >= MAPPED_PAGES || copied + run->count > COPIED_PAGES_MOST;
        if (map && mapped < MAPPINGS_MOST) {
            uint64_t at = (uint64_t)run->first * PAGE;
            if (mmap(memory->base + at, (uint64_t)run->count * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, (off_t)at) == MAP_FAILED)
                return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno,
                                     "cannot map the session's state");
            mapped++;
            continue;
        }
        int rc = copy_run(memory->base, fd, run, err);
        if (rc < 0)
            return rc;
        copied += run->count;
    }
    return 0;
}

int sn_state_load(sn_instance *instance, sn_wasi *wasi, int fd, uint64_t memory_bytes,
                  const sn_state_run *runs, size_t runs_count, const void *blob, size_t blob_bytes,
                  sn_error *err) {
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
    if (rc == 0)
        rc = load_pages(sn_instance_memory(instance), fd, runs, runs_count, err);
    if (rc < 0)
        return rc;
    /* borrowed by the files until the process ends; what a file does not use is never touched */
    void *files = mmap(NULL, (uint64_t)SN_SNAPSHOT_PAGES_MOST * PAGE, PROT_READ,
                       MAP_PRIVATE | MAP_NORESERVE, fd, (off_t)SN_STATE_FILES * PAGE);
    if (files == MAP_FAILED)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot map the session's files");
    return sn_wasi_load(wasi, globals + head.globals_bytes, head.snapshot_bytes, files,
                        SN_SNAPSHOT_PAGES_MOST, err);
}

/* ---- sending ---- */

typedef struct sender {
    int fd;
    sn_frame_pages head;
    uint32_t numbers[SN_FRAME_PAGES_MOST];
    struct iovec parts[3 + SN_FRAME_PAGES_MOST]; /* header, head, numbers, pages */
    int parts_count;
    uint8_t tail[PAGE]; /* the last page of a file, filled up */
} sender;

static void begin(sender *s) {
    s->head = (sn_frame_pages){0};
    s->parts_count = 3;
}

static int gone(sn_error *err, int errnum) {
    return sn_fail_errno(err, SN_EUNAVAILABLE, errnum, "the supervisor does not take the state");
}

/* Sends the pages gathered, straight from where they lie. */
static int flush(sender *s) {
    if (s->head.count == 0)
        return 0;
    size_t bytes = sizeof s->head + s->head.count * (sizeof *s->numbers + (size_t)PAGE);
    sn_frame_header header = {SN_FRAME_PAGES, (uint32_t)bytes};
    s->parts[0] = (struct iovec){&header, sizeof header};
    s->parts[1] = (struct iovec){&s->head, sizeof s->head};
    s->parts[2] = (struct iovec){s->numbers, s->head.count * sizeof *s->numbers};
    int rc = sn_frame_send_parts(s->fd, s->parts, s->parts_count);
    begin(s);
    return rc;
}

static int add_page(sender *s, uint32_t number, const void *page) {
    s->numbers[s->head.count++] = number;
    struct iovec *last = &s->parts[s->parts_count - 1];
    if (s->parts_count > 3 && (const char *)last->iov_base + last->iov_len == (const char *)page)
        last->iov_len += PAGE;
    else
        s->parts[s->parts_count++] = (struct iovec){(void *)page, PAGE};
    return s->head.count < SN_FRAME_PAGES_MOST ? 0 : flush(s);
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
            rc = flush(s); /* before the next tail */
    }
    return rc;
}

static int send_memory(sender *s, const sn_memory *memory, int pagemap) {
    uint64_t end = memory->size_bytes / PAGE;
    int rc = 0;
    for (uint64_t page = 0; rc == 0 && sn_pagemap_next(&page, end, pagemap, memory->base); page++)
        rc = add_page(s, (uint32_t)page, memory->base + page * PAGE);
    return rc == 0 ? flush(s) : rc;
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

int sn_state_send(int fd, sn_instance *instance, sn_wasi *wasi, int pagemap, sn_error *err) {
    static sender s;
    sn_buffer snapshot = {0}, extents = {0};
    s.fd = fd;
    begin(&s);
    int sent = send_memory(&s, sn_instance_memory(instance), pagemap);
    if (sent < 0)
        return gone(err, -sent);
    int rc = sn_wasi_save(&snapshot, &extents, wasi, send_file, &s, err);
    if (rc == 0 && snapshot.bytes + extents.bytes > SN_STATE_BLOB_MOST_BYTES / 2)
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "the session has too many files to be kept");
    if (rc == 0 &&
        ((sent = flush(&s)) < 0 || (sent = send_state(&s, instance, &snapshot, &extents)) < 0))
        rc = gone(err, -sent);
    sn_buffer_free(&snapshot);
    sn_buffer_free(&extents);
    return rc;
}
