/* turn.c - one execution's time in a session. See sessions.h. */
#include "session/sessions.h"

#include "session/delta.h"
#include "session/limits.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t sn_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool sn_session_id_is_valid(const char *id) {
    size_t length = strlen(id);
    size_t safe = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");
    return length >= 1 && length <= SN_SESSION_ID_MAX_BYTES && safe == length;
}

/* ---- states ---- */

int sn_state_read(sn_state **out, sn_store *store, const sn_image *image, uint64_t node,
                  sn_error *err) {
    sn_state *state;
    int rc = sn_state_new(&state, err);
    if (rc < 0)
        return rc;
    while (rc == 0 && node) {
        sn_stored_node stored;
        rc = sn_store_read(&stored, store, node, err);
        if (rc < 0)
            break;
        rc = sn_delta_read(state, image, node, stored.delta, stored.delta_bytes, err);
        node = stored.below;
        sn_stored_node_clear(&stored);
    }
    if (rc < 0)
        sn_state_free(state);
    else
        *out = state;
    return rc;
}

/* What is kept in memory, if it is still what the session is. */
static sn_state *take_warm(sn_sessions *s, const char *id, uint64_t node) {
    sn_state *found = NULL;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < SN_WARM_STATES; i++) {
        sn_warm_state *warm = &s->warm[i];
        if (!warm->state || strcmp(warm->id, id) != 0)
            continue;
        if (warm->node == node)
            found = SN_STEAL(warm->state);
        else
            sn_state_free(SN_STEAL(warm->state));
    }
    pthread_mutex_unlock(&s->mutex);
    return found;
}

/* The place for one more: a free one, or of the one used longest ago; while all of them together
 * are too large, others go as well. */
static sn_warm_state *make_place(sn_sessions *s, uint64_t pages) {
    enum { PAGES_MOST = (512 << 20) / SN_STATE_PAGE_BYTES };
    for (;;) {
        sn_warm_state *place = NULL, *oldest = NULL;
        uint64_t sum = pages;
        for (size_t i = 0; i < SN_WARM_STATES; i++) {
            sn_warm_state *warm = &s->warm[i];
            if (!warm->state) {
                place = warm;
                continue;
            }
            sum += warm->state->pages.count;
            if (!oldest || warm->used_ns < oldest->used_ns)
                oldest = warm;
        }
        if (!oldest || (place && sum <= PAGES_MOST))
            return place;
        sn_state_free(SN_STEAL(oldest->state));
    }
}

static void keep_warm(sn_sessions *s, const char *id, uint64_t node, sn_state *state) {
    pthread_mutex_lock(&s->mutex);
    sn_warm_state *place = make_place(s, state->pages.count);
    *place = (sn_warm_state){.node = node, .used_ns = sn_now_ns(), .state = state};
    snprintf(place->id, sizeof place->id, "%s", id);
    pthread_mutex_unlock(&s->mutex);
}

void sn_sessions_cool(sn_sessions *s, const char *id) {
    sn_state_free(take_warm(s, id, 0));
}

/* ---- turns ---- */

static int other_image(const sn_record *record, sn_error *err) {
    sn_fail(err, SN_EUNAVAILABLE,
            "session '%s' was made with another interpreter than the one that is here now",
            record->id);
    return sn_hint(err, "the session is kept: run it with the interpreter it was made with, or run "
                        "its steps again with `shannon session migrate`");
}

static int begin(sn_turn *turn, sn_sessions *s, const char *id, sn_error *err) {
    int rc = sn_store_get(&turn->record, s->store, id, err);
    if (rc == SN_ENOT_FOUND) {
        turn->is_new = true;
        turn->record = (sn_record){.created_ms = sn_now_ms()};
        snprintf(turn->record.id, sizeof turn->record.id, "%s", id);
        memcpy(turn->record.base, s->image->checksum, SN_BASE_BYTES);
        return 0;
    }
    if (rc < 0)
        return rc;
    const sn_record_step *last = sn_record_last(&turn->record);
    if (!last) {
        memcpy(turn->record.base, s->image->checksum, SN_BASE_BYTES);
        return 0;
    }
    if (memcmp(turn->record.base, s->image->checksum, SN_BASE_BYTES) != 0)
        return other_image(&turn->record, err);
    turn->state = take_warm(s, id, last->node);
    if (!turn->state)
        rc = sn_state_read(&turn->state, s->store, s->image, last->node, err);
    if (rc == SN_EUNAVAILABLE)
        sn_hint(err,
                "`shannon session verify` tells what is damaged; session '%s' can be rewound "
                "to a step before that, or deleted",
                id);
    return rc;
}

int sn_turn_begin(sn_turn **out, sn_sessions *s, const char *id, bool keep, int cancel_fd,
                  sn_error *err) {
    sn_turn *turn = calloc(1, sizeof *turn);
    if (!turn)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    uint64_t wait_ns = (uint64_t)(s->options.wait_seconds * 1e9);
    int rc = sn_lock_take(s->locks, id, wait_ns, cancel_fd, err);
    if (rc < 0) {
        free(turn);
        return rc;
    }
    turn->sessions = s;
    turn->changes.outbox_fd = -1;
    snprintf(turn->record.id, sizeof turn->record.id, "%s", id); /* what turn_end releases */
    rc = begin(turn, s, id, err);
    if (rc == 0 && keep)
        rc = sn_limits_make_room(s, turn->is_new, id, err);
    if (rc == 0 && keep && turn->state)
        turn->changes.outbox_fd = SN_STEAL_FD(turn->state->outbox_fd);
    if (rc == 0 && keep && turn->changes.outbox_fd < 0)
        rc = sn_outbox_open(&turn->changes.outbox_fd, (uint64_t)s->options.session_mb << 20, err);
    if (rc < 0) {
        snprintf(turn->record.id, sizeof turn->record.id, "%s", id);
        sn_turn_end(turn);
        return rc;
    }
    *out = turn;
    return 0;
}

uint64_t sn_turn_step(const sn_turn *turn) {
    const sn_record_step *last = sn_record_last(&turn->record);
    return last ? last->step : 0;
}

static int make_state(sn_turn *turn, sn_error *err) {
    int rc = turn->state ? 0 : sn_state_new(&turn->state, err);
    if (rc == 0)
        rc = sn_state_apply(turn->state, &turn->changes, err);
    if (rc < 0)
        return rc;
    uint64_t bytes = (uint64_t)turn->state->pages.count * SN_STATE_PAGE_BYTES;
    uint64_t most = (uint64_t)turn->sessions->options.session_mb << 20;
    if (bytes <= most)
        return 0;
    sn_fail(err, SN_ERESOURCE_EXHAUSTED,
            "the session would hold %llu MB, more than its limit of %u",
            (unsigned long long)(bytes >> 20), turn->sessions->options.session_mb);
    return sn_hint(err, "delete what is not needed any more, or raise SHANNON_SESSION_MB");
}

/* The record with one step more. */
static int add_step(sn_record *next, const sn_turn *turn, enum sn_status status, sn_error *err) {
    int rc = sn_record_copy(next, &turn->record, err);
    if (rc < 0)
        return rc;
    next->used_ms = sn_now_ms();
    next->steps[next->steps_count++] = (sn_record_step){
        .step = sn_turn_step(turn) + 1,
        .time_ms = next->used_ms,
        .memory_bytes = turn->state->memory_bytes,
        .status = (uint32_t)status,
    };
    sn_limits_thin(next, turn->sessions->options.steps_most);
    return 0;
}

/* The layers of a state once its newest record is that of `node`. */
static void put_layer(sn_state *state, size_t keep, uint64_t node, sn_pages *covered) {
    size_t gone = state->layers_count - keep;
    for (size_t i = 0; i < gone; i++)
        free(state->layers[i].pages.numbers);
    memmove(state->layers + 1, state->layers + gone, keep * sizeof *state->layers);
    state->layers[0] = (sn_layer){node, *covered};
    state->layers_count = keep + 1;
    *covered = (sn_pages){0};
}

static int commit(sn_turn *turn, sn_pages *covered, sn_buffer *delta, const void *code,
                  size_t code_bytes, enum sn_status status, sn_error *err) {
    size_t keep = 0;
    sn_pages changed = {turn->changes.numbers, turn->changes.count};
    int rc = make_state(turn, err);
    if (rc == 0)
        rc = sn_delta_plan(covered, &keep, turn->state, &changed, err);
    if (rc == 0)
        rc = sn_delta_write(delta, turn->state, turn->sessions->image, covered, err);
    if (rc < 0)
        return rc;
    const sn_state *state = turn->state;
    sn_new_node node = {
        .below = keep ? state->layers[state->layers_count - keep].node : 0,
        .code = code,
        .code_bytes = code_bytes,
        .delta = delta->data,
        .delta_bytes = delta->bytes,
    };
    sn_record next;
    rc = add_step(&next, turn, status, err);
    if (rc < 0)
        return rc;
    rc = sn_store_put(turn->sessions->store, &next, &node, err);
    if (rc < 0) {
        sn_record_clear(&next);
        return rc;
    }
    sn_record_clear(&turn->record);
    turn->record = next;
    put_layer(turn->state, keep, sn_record_last(&next)->node, covered);
    return 0;
}

int sn_turn_commit(sn_turn *turn, const void *code, size_t code_bytes, enum sn_status status,
                   sn_error *err) {
    sn_pages covered = {0};
    sn_buffer delta = {0};
    int rc = commit(turn, &covered, &delta, code, code_bytes, status, err);
    free(covered.numbers);
    sn_buffer_free(&delta);
    if (rc < 0) {
        sn_state_free(SN_STEAL(turn->state)); /* it is what was not kept */
        return rc;
    }
    sn_limits_after_put(turn->sessions);
    return 0;
}

/* For the session's next turn, and nobody else's; unless much memory would be held by it. */
static void keep_outbox(sn_turn *turn) {
    enum { KEPT_PAGES = 256 };
    if (turn->state && turn->changes.whole && turn->changes.count <= KEPT_PAGES)
        turn->state->outbox_fd = SN_STEAL_FD(turn->changes.outbox_fd);
}

void sn_turn_end(sn_turn *turn) {
    if (!turn)
        return;
    sn_sessions *s = turn->sessions;
    const sn_record_step *last = sn_record_last(&turn->record);
    keep_outbox(turn);
    if (turn->state && last)
        keep_warm(s, turn->record.id, last->node, turn->state);
    else
        sn_state_free(turn->state);
    if (turn->changes.outbox_fd >= 0)
        close(turn->changes.outbox_fd);
    sn_changes_clear(&turn->changes);
    sn_lock_release(s->locks, turn->record.id);
    sn_record_clear(&turn->record);
    free(turn);
}
