/* record.c - see record.h. */
#include "orchestrator/record.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/utf8.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

enum { MAGIC = 0x314b5453 /* STK1 */ };

typedef struct envelope {
    uint32_t magic;
    uint32_t bytes;
    uint64_t hash;
} envelope;

typedef struct numbers {
    uint8_t state, mode, is_interrupted, unused;
    uint32_t calls;
    double progress;
    int64_t created_ms, started_ms, ended_ms;
    uint64_t input_tokens, output_tokens;
} numbers;

#define TEXT(name) {offsetof(sn_task_head, name), sizeof((sn_task_head *)0)->name}
/* In this order; more may be added at the end, with another magic. */
static const struct text {
    size_t at, room;
} texts[] = {
    TEXT(id),    TEXT(why),   TEXT(session_id), TEXT(user_id), TEXT(tenant),
    TEXT(model), TEXT(brief), TEXT(error),      TEXT(key),     TEXT(adopted),
};

/* ---- writing ---- */

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a task's record");
}

int sn_task_record_seal(sn_buffer *out, const void *body, size_t bytes, sn_error *err) {
    envelope around = {.magic = MAGIC, .bytes = (uint32_t)bytes, .hash = XXH3_64bits(body, bytes)};
    if (bytes > SN_TASK_RECORD_MOST_BYTES)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                       "a task's record has %zu bytes, more than the limit of %d", bytes,
                       SN_TASK_RECORD_MOST_BYTES);
    return sn_buffer_add(out, &around, sizeof around) && sn_buffer_add(out, body, bytes)
               ? 0
               : no_memory(err);
}

int sn_task_record_write(sn_buffer *out, const sn_task_head *head, sn_error *err) {
    const numbers n = {.state = (uint8_t)head->state,
                       .mode = (uint8_t)head->mode,
                       .is_interrupted = head->is_interrupted,
                       .calls = head->calls,
                       .progress = head->progress,
                       .created_ms = head->created_ms,
                       .started_ms = head->started_ms,
                       .ended_ms = head->ended_ms,
                       .input_tokens = head->usage.input_tokens,
                       .output_tokens = head->usage.output_tokens};
    sn_buffer body = {0};
    bool ok = sn_buffer_add(&body, &n, sizeof n);
    for (size_t i = 0; i < SN_COUNT(texts); i++) {
        const char *text = (const char *)head + texts[i].at;
        uint16_t bytes = (uint16_t)strlen(text);
        ok = ok && sn_buffer_add(&body, &bytes, sizeof bytes) && sn_buffer_add(&body, text, bytes);
    }
    int rc = ok ? sn_task_record_seal(out, body.data, body.bytes, err) : no_memory(err);
    sn_buffer_free(&body);
    return rc;
}

int sn_task_record_write_json(sn_buffer *out, const json_t *json, sn_error *err) {
    sn_auto_free char *text = json_dumps(json, JSON_COMPACT);
    return text ? sn_task_record_seal(out, text, strlen(text), err) : no_memory(err);
}

/* ---- reading ---- */

static int damaged(sn_error *err, const char *what) {
    return sn_fail(err, SN_EUNAVAILABLE, "a task's record is damaged: %s", what);
}

static int open_envelope(const uint8_t **body, size_t *body_bytes, const void *data, size_t bytes,
                         sn_error *err) {
    envelope around;
    if (bytes < sizeof around)
        return damaged(err, "it is cut");
    memcpy(&around, data, sizeof around);
    if (around.magic != MAGIC)
        return damaged(err, "it is none, or of another version");
    *body = (const uint8_t *)data + sizeof around;
    *body_bytes = bytes - sizeof around;
    if (around.bytes != *body_bytes || *body_bytes > SN_TASK_RECORD_MOST_BYTES)
        return damaged(err, "its length is not what it says");
    if (around.hash != XXH3_64bits(*body, *body_bytes))
        return damaged(err, "its checksum is wrong");
    return 0;
}

static bool is_text(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return sn_utf8_valid_prefix(text, bytes) == bytes;
}

static int take_numbers(sn_task_head *to, const numbers *n, sn_error *err) {
    if (n->state < SN_TASK_QUEUED || n->state > SN_TASK_TIMEOUT || n->mode < SN_MODE_SIMPLE ||
        n->mode > SN_MODE_COMPLEX || n->is_interrupted > 1)
        return damaged(err, "state or mode are none");
    if (!(n->progress >= 0 && n->progress <= 1) || n->created_ms < 0 || n->started_ms < 0 ||
        n->ended_ms < 0)
        return damaged(err, "a number is out of range");
    to->state = (sn_task_state)n->state;
    to->mode = (sn_query_mode)n->mode;
    to->is_interrupted = n->is_interrupted;
    to->calls = n->calls;
    to->progress = n->progress;
    to->created_ms = n->created_ms;
    to->started_ms = n->started_ms;
    to->ended_ms = n->ended_ms;
    to->usage = (sn_model_usage){n->input_tokens, n->output_tokens};
    return 0;
}

static int take_texts(sn_task_head *to, const uint8_t *at, size_t left, sn_error *err) {
    for (size_t i = 0; i < SN_COUNT(texts); i++) {
        uint16_t bytes;
        if (left < sizeof bytes)
            return damaged(err, "a text is missing");
        memcpy(&bytes, at, sizeof bytes);
        at += sizeof bytes, left -= sizeof bytes;
        if (bytes > left || bytes >= texts[i].room || !is_text((const char *)at, bytes))
            return damaged(err, "a text is too long, or none");
        char *text = (char *)to + texts[i].at;
        memcpy(text, at, bytes);
        text[bytes] = '\0';
        at += bytes, left -= bytes;
    }
    if (left > 0)
        return damaged(err, "something follows its end");
    return sn_task_id_is_valid(to->id) ? 0 : damaged(err, "its id is none");
}

int sn_task_record_read(sn_task_head *out, const void *data, size_t bytes, sn_error *err) {
    const uint8_t *body = NULL;
    size_t body_bytes = 0;
    numbers n;
    memset(out, 0, sizeof *out); /* padding, too */
    int rc = open_envelope(&body, &body_bytes, data, bytes, err);
    if (rc < 0)
        return rc;
    if (body_bytes < sizeof n)
        return damaged(err, "it is cut");
    memcpy(&n, body, sizeof n);
    rc = take_numbers(out, &n, err);
    return rc < 0 ? rc : take_texts(out, body + sizeof n, body_bytes - sizeof n, err);
}

int sn_task_record_read_json(json_t **out, const void *data, size_t bytes, sn_error *err) {
    const uint8_t *body = NULL;
    size_t body_bytes = 0;
    json_error_t wrong;
    *out = NULL;
    int rc = open_envelope(&body, &body_bytes, data, bytes, err);
    if (rc < 0)
        return rc;
    *out =
        json_loadb((const char *)body, body_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    return *out ? 0 : damaged(err, "it is no JSON");
}
