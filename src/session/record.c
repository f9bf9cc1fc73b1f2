/* record.c - see store.h and record.h. */
#include "session/record.h"

#include "util/error.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

typedef struct saved_record {
    uint32_t format;
    uint16_t id_bytes;
    uint16_t unused;
    uint8_t base[SN_BASE_BYTES];
    int64_t created_ms, used_ms;
    uint32_t steps_count;
    uint32_t unused_too;
} saved_record;

void sn_record_clear(sn_record *record) {
    free(record->steps);
    *record = (sn_record){0};
}

void sn_stored_node_clear(sn_stored_node *node) {
    sn_buffer_free(&node->bytes);
    *node = (sn_stored_node){0};
}

int sn_record_copy(sn_record *out, const sn_record *record, sn_error *err) {
    sn_record_step *steps = malloc((record->steps_count + 1) * sizeof *steps);
    if (!steps)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    if (record->steps_count)
        memcpy(steps, record->steps, record->steps_count * sizeof *steps);
    *out = *record;
    out->steps = steps;
    return 0;
}

const sn_record_step *sn_record_find(const sn_record *record, uint64_t step) {
    for (size_t i = record->steps_count; i-- > 0;)
        if (record->steps[i].step == step)
            return &record->steps[i];
    return NULL;
}

const sn_record_step *sn_record_last(const sn_record *record) {
    return record->steps_count ? &record->steps[record->steps_count - 1] : NULL;
}

bool sn_record_write(sn_buffer *out, const sn_record *record) {
    static const char zeros[8];
    saved_record saved = {
        .format = FORMAT,
        .id_bytes = (uint16_t)strlen(record->id),
        .created_ms = record->created_ms,
        .used_ms = record->used_ms,
        .steps_count = (uint32_t)record->steps_count,
    };
    memcpy(saved.base, record->base, sizeof saved.base);
    return sn_buffer_add(out, &saved, sizeof saved) &&
           sn_buffer_add(out, record->id, saved.id_bytes) &&
           sn_buffer_add(out, zeros, -saved.id_bytes & 7u) &&
           sn_buffer_add(out, record->steps, record->steps_count * sizeof *record->steps);
}

static bool steps_rise(const sn_record_step *steps, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (steps[i].step <= (i ? steps[i - 1].step : 0))
            return false;
    return true;
}

int sn_record_read(sn_record *out, const void *data, size_t bytes, sn_error *err) {
    saved_record saved;
    const uint8_t *at = data;
    size_t before;
    if (bytes < sizeof saved)
        return sn_fail(err, SN_EUNAVAILABLE, "the session's record is cut off");
    memcpy(&saved, at, sizeof saved);
    before = sizeof saved + saved.id_bytes + (-saved.id_bytes & 7u);
    if (saved.format != FORMAT)
        return sn_fail(err, SN_EUNAVAILABLE,
                       "the session's record has format %u, which this version does not know",
                       saved.format);
    if (saved.id_bytes == 0 || saved.id_bytes > SN_SESSION_ID_MAX_BYTES ||
        saved.steps_count > SN_STEPS_MOST || before > bytes ||
        bytes - before != saved.steps_count * sizeof(sn_record_step))
        return sn_fail(err, SN_EUNAVAILABLE, "the session's record is damaged");
    sn_record made = {.created_ms = saved.created_ms,
                      .used_ms = saved.used_ms,
                      .steps_count = saved.steps_count,
                      .steps = malloc(bytes - before + 1)};
    if (!made.steps)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    memcpy(made.base, saved.base, sizeof made.base);
    memcpy(made.id, at + sizeof saved, saved.id_bytes);
    memcpy(made.steps, at + before, bytes - before);
    if (strlen(made.id) != saved.id_bytes || !steps_rise(made.steps, made.steps_count)) {
        sn_record_clear(&made);
        return sn_fail(err, SN_EUNAVAILABLE, "the session's record is damaged");
    }
    *out = made;
    return 0;
}
