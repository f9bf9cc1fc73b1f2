/*
 * state.h - a session's state in memory: what the next execution goes on from, and how it becomes
 * what that execution has left (sandbox/state.h, docs/design/sessions.md).
 *
 * The pages lie in a memory file at their own addresses, so that a worker maps them where it needs
 * them. Pages of linear memory are those that differ from the base image; all others are not there.
 */
#ifndef SN_SESSION_STATE_H
#define SN_SESSION_STATE_H

#include "sandbox/image.h"
#include "sandbox/job.h"

typedef struct sn_pages {
    uint32_t *numbers; /* rising; from malloc */
    size_t count;
} sn_pages;

/* All that is in `a` or in `b`. SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_pages_unite(sn_pages *out, const sn_pages *a, const sn_pages *b,
                                  sn_error *err);

/* The pages that one record of the store holds of a state (delta.h). */
typedef struct sn_layer {
    uint64_t node;
    sn_pages pages;
} sn_layer;

enum { SN_LAYERS_MOST = 24 };

typedef struct sn_state {
    int fd;
    int outbox_fd; /* -1, or one that was used before: its memory is there already */
    uint8_t *map;  /* page n at n * 4096 */
    sn_pages pages;
    uint64_t memory_bytes;
    uint8_t *blob;
    size_t blob_bytes;
    sn_extent *extents;
    size_t extents_count;
    sn_layer layers[SN_LAYERS_MOST]; /* the newest first */
    size_t layers_count;
} sn_state;

/* An empty one: the base image. */
SN_WARN_UNUSED int sn_state_new(sn_state **out, sn_error *err);
void sn_state_free(sn_state *state);

/* For sn_job; valid until the state changes. */
sn_job_state sn_state_view(const sn_state *state);

static inline uint8_t *sn_state_page(const sn_state *state, uint32_t number) {
    return state->map + (uint64_t)number * SN_STATE_PAGE_BYTES;
}

/* Whether a page of that number is within its memory or files. */
bool sn_state_uses(const sn_state *state, uint32_t number);

/* Whether extents are in order, apart from each other, and within what there may be. */
bool sn_extents_rise(const sn_extent *extents, size_t count);

bool sn_pages_have(const sn_pages *pages, uint32_t number);

/* ---- what an execution has changed ---- */

typedef struct sn_changes {
    int outbox_fd;
    uint32_t *numbers;
    size_t count, capacity;
    uint8_t *pages; /* count * 4096, once the state is whole */
    sn_frame_state head;
    uint8_t *tail; /* extents and blob, once they have come */
    bool whole;
    sn_error unsaved; /* code 0, or why there is nothing to keep */
} sn_changes;

/* Memory of a fixed size for a worker to put pages into; the worker can neither make it larger nor
 * smaller. */
SN_WARN_UNUSED int sn_outbox_open(int *fd, uint64_t bytes, sn_error *err);

/* Takes a frame PAGES, STATE or UNSAVED. Non-zero: no memory. */
int sn_changes_take(sn_changes *changes, enum sn_frame_kind kind, const void *data, size_t bytes);
void sn_changes_clear(sn_changes *changes);

/* Makes the state what the changes say. If it fails the state is of no more use. */
SN_WARN_UNUSED int sn_state_apply(sn_state *state, const sn_changes *changes, sn_error *err);

#endif
