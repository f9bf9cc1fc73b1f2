/* state.c - see state.h. */
#include "session/state.h"

#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = SN_STATE_PAGE_BYTES };

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
}

/* ---- sets of pages ---- */

int sn_pages_unite(sn_pages *out, const sn_pages *a, const sn_pages *b, sn_error *err) {
    uint32_t *numbers = malloc((a->count + b->count + 1) * sizeof *numbers);
    if (!numbers)
        return no_memory(err);
    size_t i = 0, j = 0, count = 0;
    while (i < a->count || j < b->count) {
        bool left = j == b->count || (i < a->count && a->numbers[i] <= b->numbers[j]);
        uint32_t number = left ? a->numbers[i++] : b->numbers[j++];
        if (count == 0 || numbers[count - 1] != number)
            numbers[count++] = number;
    }
    *out = (sn_pages){numbers, count};
    return 0;
}

bool sn_pages_have(const sn_pages *pages, uint32_t number) {
    size_t low = 0, high = pages->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pages->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < pages->count && pages->numbers[low] == number;
}

/* ---- a state ---- */

int sn_state_new(sn_state **out, sn_error *err) {
    enum { MEMFD_EXEC_NOT = 0x0008U }; /* MFD_NOEXEC_SEAL, from Linux 6.3 on */
    static const uint64_t bytes = (uint64_t)SN_STATE_PAGES_MOST * PAGE;
    sn_state *state = calloc(1, sizeof *state);
    if (!state)
        return no_memory(err);
    state->map = MAP_FAILED;
    state->outbox_fd = -1;
    state->fd = memfd_create("shannon-session", MFD_CLOEXEC | MEMFD_EXEC_NOT);
    if (state->fd < 0)
        state->fd = memfd_create("shannon-session", MFD_CLOEXEC);
    if (state->fd >= 0 && ftruncate(state->fd, (off_t)bytes) == 0)
        state->map =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, state->fd, 0);
    if (state->map == MAP_FAILED) {
        int errnum = errno;
        state->map = NULL;
        sn_state_free(state);
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errnum, "no memory for the session");
    }
    /* a zygote that is forked from this process is not to have it, nor the workers of others */
    (void)!madvise(state->map, bytes, MADV_DONTFORK);
    *out = state;
    return 0;
}

void sn_state_free(sn_state *state) {
    if (!state)
        return;
    if (state->map)
        munmap(state->map, (uint64_t)SN_STATE_PAGES_MOST * PAGE);
    if (state->fd >= 0)
        close(state->fd);
    if (state->outbox_fd >= 0)
        close(state->outbox_fd);
    for (size_t i = 0; i < state->layers_count; i++)
        free(state->layers[i].pages.numbers);
    free(state->pages.numbers);
    free(state->blob);
    free(state->extents);
    free(state);
}

sn_job_state sn_state_view(const sn_state *state) {
    return (sn_job_state){
        .fd = state->fd,
        .memory_bytes = state->memory_bytes,
        .pages = state->pages.numbers,
        .pages_count = state->pages.count,
        .blob = state->blob,
        .blob_bytes = state->blob_bytes,
    };
}

/* ---- changes ---- */

int sn_outbox_open(int *fd, uint64_t bytes, sn_error *err) {
    int made = memfd_create("shannon-outbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0 || ftruncate(made, (off_t)bytes) < 0 ||
        fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int errnum = errno;
        if (made >= 0)
            close(made);
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errnum, "no memory for the session");
    }
    *fd = made;
    return 0;
}

static int take_numbers(sn_changes *c, const void *data, size_t bytes) {
    size_t count = bytes / sizeof *c->numbers;
    if (c->count + count > c->capacity) {
        size_t capacity = 2 * c->capacity + count;
        uint32_t *numbers = realloc(c->numbers, capacity * sizeof *numbers);
        if (!numbers)
            return -1;
        c->numbers = numbers;
        c->capacity = capacity;
    }
    memcpy(c->numbers + c->count, data, bytes);
    c->count += count;
    return 0;
}

/* Copied once, and looked at only then: the worker could still write to it. */
static int read_outbox(sn_changes *c) {
    uint64_t bytes = (uint64_t)c->count * PAGE, at = 0;
    c->pages = malloc(bytes + 1);
    if (!c->pages)
        return -1;
    while (at < bytes) {
        ssize_t n = pread(c->outbox_fd, c->pages + at, bytes - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += (uint64_t)n;
    }
    return 0;
}

static int take_state(sn_changes *c, const uint8_t *data, size_t bytes) {
    memcpy(&c->head, data, sizeof c->head);
    size_t tail_bytes = bytes - sizeof c->head;
    c->tail = malloc(tail_bytes + 1);
    if (!c->tail)
        return -1;
    memcpy(c->tail, data + sizeof c->head, tail_bytes);
    c->whole = true;
    return read_outbox(c);
}

int sn_changes_take(sn_changes *c, enum sn_frame_kind kind, const void *data, size_t bytes) {
    if (kind == SN_FRAME_PAGES)
        return take_numbers(c, data, bytes);
    if (kind == SN_FRAME_STATE)
        return take_state(c, data, bytes);
    memcpy(&c->unsaved, data, sizeof c->unsaved);
    c->unsaved.message[sizeof c->unsaved.message - 1] = '\0';
    c->unsaved.hint[0] = '\0';
    if (c->unsaved.code >= 0)
        c->unsaved.code = SN_EINTERNAL;
    return 0;
}

void sn_changes_clear(sn_changes *c) {
    free(c->numbers);
    free(c->pages);
    free(c->tail);
    *c = (sn_changes){0};
}

/* ---- a state that becomes another ---- */

bool sn_state_uses(const sn_state *state, uint32_t number) {
    if (number < SN_STATE_FILES)
        return number < state->memory_bytes / PAGE;
    uint32_t page = number - SN_STATE_FILES;
    size_t low = 0, high = state->extents_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sn_extent *extent = &state->extents[middle];
        if (page < extent->first)
            high = middle;
        else if (page - extent->first >= extent->count)
            low = middle + 1;
        else
            return true;
    }
    return false;
}

/* Pages of files that are no more: their memory is given back. */
static void drop_dead(sn_state *state) {
    size_t kept = 0;
    for (size_t i = 0; i < state->pages.count; i++) {
        uint32_t number = state->pages.numbers[i];
        if (sn_state_uses(state, number))
            state->pages.numbers[kept++] = number;
        else
            (void)!fallocate(state->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                             (off_t)number * PAGE, PAGE);
    }
    state->pages.count = kept;
}

bool sn_extents_rise(const sn_extent *extents, size_t count) {
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        if (extents[i].count == 0 || extents[i].first < end)
            return false;
        end = (uint64_t)extents[i].first + extents[i].count;
    }
    return end <= SN_SNAPSHOT_PAGES_MOST;
}

int sn_state_apply(sn_state *state, const sn_changes *c, sn_error *err) {
    size_t extents_bytes = c->head.extents_count * sizeof(sn_extent);
    sn_auto_free sn_extent *extents = malloc(extents_bytes + 1);
    sn_auto_free uint8_t *blob = malloc((size_t)c->head.blob_bytes + 1);
    sn_pages added = {c->numbers, c->count}, all;
    if (!extents || !blob)
        return no_memory(err);
    memcpy(extents, c->tail, extents_bytes);
    memcpy(blob, c->tail + extents_bytes, c->head.blob_bytes);
    if (!sn_extents_rise(extents, c->head.extents_count))
        return sn_fail(err, SN_EINTERNAL, "the worker's state makes no sense");
    int rc = sn_pages_unite(&all, &state->pages, &added, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->count; i++)
        memcpy(sn_state_page(state, c->numbers[i]), c->pages + i * PAGE, PAGE);
    free(state->pages.numbers);
    free(state->blob);
    free(state->extents);
    state->pages = all;
    state->memory_bytes = c->head.memory_bytes;
    state->blob = SN_STEAL(blob);
    state->blob_bytes = c->head.blob_bytes;
    state->extents = SN_STEAL(extents);
    state->extents_count = c->head.extents_count;
    drop_dead(state);
    return 0;
}
