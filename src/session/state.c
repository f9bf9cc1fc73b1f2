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

static const uint8_t zeros[PAGE];

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

const uint8_t *sn_base_page(const sn_image *image, uint32_t number) {
    if (!image)
        return NULL;
    uint64_t at = (uint64_t)number * PAGE;
    const sn_saved *saved = &image->saved;
    size_t low = 0, high = saved->runs_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sn_saved_run *run = &saved->runs[middle];
        if (at < run->at)
            high = middle;
        else if (at >= run->at + run->bytes)
            low = middle + 1;
        else
            return image->map + run->offset + (at - run->at);
    }
    return NULL;
}

/* ---- a state ---- */

int sn_state_new(sn_state **out, sn_error *err) {
    enum { MEMFD_EXEC_NOT = 0x0008U }; /* MFD_NOEXEC_SEAL, from Linux 6.3 on */
    static const uint64_t bytes = (uint64_t)SN_STATE_PAGES_MOST * PAGE;
    sn_state *state = calloc(1, sizeof *state);
    if (!state)
        return no_memory(err);
    state->map = MAP_FAILED;
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

static bool is_same(const sn_changes *c, uint32_t number, const uint8_t *page) {
    const uint8_t *before = NULL;
    if (c->state && sn_pages_have(&c->state->pages, number))
        before = sn_state_page(c->state, number);
    else if (number < SN_STATE_FILES)
        before = sn_base_page(c->image, number);
    else
        return false; /* a file that was there earlier may have left something else */
    return memcmp(page, before ? before : zeros, PAGE) == 0;
}

static bool reserve(sn_changes *c, size_t more) {
    if (c->count + more <= c->capacity)
        return true;
    size_t capacity = c->capacity ? c->capacity * 2 : 256;
    uint32_t *numbers = realloc(c->numbers, capacity * sizeof *numbers);
    if (numbers)
        c->numbers = numbers;
    uint8_t *pages = realloc(c->pages, capacity * PAGE);
    if (pages)
        c->pages = pages;
    if (!numbers || !pages)
        return false;
    c->capacity = capacity;
    return true;
}

static void give_up(sn_changes *c, int code, const char *why) {
    sn_fail(&c->unsaved, code, "%s", why);
    c->count = 0;
}

static int take_pages(sn_changes *c, const uint8_t *data) {
    sn_frame_pages head;
    memcpy(&head, data, sizeof head);
    const uint8_t *numbers = data + sizeof head;
    const uint8_t *pages = numbers + head.count * sizeof(uint32_t);
    if (c->unsaved.code)
        return 0;
    if (!reserve(c, SN_FRAME_PAGES_MOST))
        return -1;
    for (uint32_t i = 0; i < head.count; i++) {
        uint32_t number;
        memcpy(&number, numbers + i * sizeof number, sizeof number);
        const uint8_t *page = pages + (size_t)i * PAGE;
        if (is_same(c, number, page))
            continue;
        c->numbers[c->count] = number;
        memcpy(c->pages + c->count * PAGE, page, PAGE);
        c->count++;
    }
    if (c->count * (uint64_t)PAGE > c->limit_bytes)
        give_up(c, SN_ERESOURCE_EXHAUSTED,
                "the session would be larger than its limit (SHANNON_SESSION_MB)");
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
    return 0;
}

int sn_changes_take(sn_changes *c, enum sn_frame_kind kind, const void *data, size_t bytes) {
    if (kind == SN_FRAME_PAGES)
        return take_pages(c, data);
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
