/* answer.c - see answer.h. */
#include "model/answer.h"

#include "model/json_text.h"
#include "util/error.h"

#include <string.h>
#include <strings.h>

enum { ENOUGH = 1 };

static int take_event(void *user, const char *data, size_t bytes) {
    static const char done[] = "[DONE]";
    sn_answer *a = user;
    json_t *event;
    if (bytes == sizeof done - 1 && memcmp(data, done, bytes) == 0) {
        a->draft->is_finished = a->draft->is_done = true;
        return ENOUGH;
    }
    int rc = sn_json_read(&event, data, bytes, a->err);
    if (rc < 0)
        return rc;
    rc = a->protocol->take_event(a->draft, event, a->err);
    json_decref(event);
    if (rc < 0)
        return rc;
    return a->draft->is_done || a->draft->failure.status ? ENOUGH : 0;
}

void sn_answer_init(sn_answer *a, const sn_protocol *protocol, sn_draft *draft, sn_error *err) {
    *a = (sn_answer){.protocol = protocol,
                     .draft = draft,
                     .err = err,
                     .events = SN_SSE_PARSER_INIT(take_event, a)};
}

static bool has_type(const char *content_type, const char *type) {
    return strcasestr(content_type, type) != NULL;
}

/* By what is declared; else by the first byte that is no blank: `*skip` of them are before it. */
static void decide(sn_answer *a, size_t *skip, const char *content_type, const char *data,
                   size_t bytes) {
    *skip = 0;
    if (a->status != 200)
        a->kind = SN_ANSWER_REFUSAL;
    else if (has_type(content_type, "text/event-stream"))
        a->kind = SN_ANSWER_EVENTS;
    else if (has_type(content_type, "json"))
        a->kind = SN_ANSWER_JSON;
    if (a->kind != SN_ANSWER_UNKNOWN)
        return;
    while (*skip < bytes && memchr(" \t\r\n", data[*skip], 4))
        ++*skip;
    if (*skip < bytes)
        a->kind = data[*skip] == '{' || data[*skip] == '<' ? SN_ANSWER_JSON : SN_ANSWER_EVENTS;
}

static int keep(sn_answer *a, const char *data, size_t bytes) {
    size_t left =
        (a->kind == SN_ANSWER_REFUSAL ? (size_t)SN_REFUSAL_MOST_BYTES : SN_ANSWER_MOST_BYTES) -
        a->body.bytes;
    if (bytes > left && a->kind != SN_ANSWER_REFUSAL)
        return sn_fail(a->err, SN_EINTERNAL, "the model's server sent more than %d MiB of JSON",
                       SN_ANSWER_MOST_BYTES >> 20);
    if (!sn_buffer_add(&a->body, data, bytes < left ? bytes : left))
        return sn_fail(a->err, SN_ERESOURCE_EXHAUSTED, "no memory for the model's answer");
    return 0;
}

int sn_answer_take(sn_answer *a, int status, const char *content_type, const char *data,
                   size_t bytes) {
    size_t skip = 0;
    a->status = status;
    if (a->kind == SN_ANSWER_UNKNOWN)
        decide(a, &skip, content_type, data, bytes);
    data += skip;
    bytes -= skip;
    if (a->kind == SN_ANSWER_EVENTS)
        return sn_sse_feed(&a->events, data, bytes, a->err);
    return a->kind == SN_ANSWER_UNKNOWN ? 0 : keep(a, data, bytes);
}

static int end_json(sn_answer *a) {
    const char *text = a->body.data ? a->body.data : "";
    json_t *answer;
    if (text[strspn(text, " \t\r\n")] == '<') {
        sn_fail(a->err, SN_EINTERNAL, "the model's server answers with a page, not with JSON");
        if (a->err)
            sn_hint(a->err, "check LLM_BASE_URL: this is no API");
        return SN_EINTERNAL;
    }
    int rc = sn_json_read(&answer, text, a->body.bytes, a->err);
    if (rc == 0)
        rc = a->protocol->take_answer(a->draft, answer, a->err);
    json_decref(answer);
    return rc;
}

int sn_answer_end(sn_answer *a) {
    int rc = 0;
    if (a->kind == SN_ANSWER_REFUSAL || (a->kind == SN_ANSWER_UNKNOWN && a->status != 200))
        sn_failure_read(&a->draft->failure, a->status, a->body.data, a->body.bytes, a->draft->key);
    else if (a->kind == SN_ANSWER_JSON)
        rc = end_json(a);
    else if (!a->draft->is_done)
        rc = sn_sse_end(&a->events, a->err);
    if (rc < 0 || a->draft->failure.status || a->draft->is_finished)
        return rc < 0 ? rc : 0;
    return sn_fail(a->err, SN_EUNAVAILABLE, "the model's server cut its answer short");
}

void sn_answer_clear(sn_answer *a) {
    sn_sse_clear(&a->events);
    sn_buffer_free(&a->body);
}
