/*
 * model_fuzz.c - takes what it is given as the answer of a model's server: the first byte says of
 * which API (c, r, m), the second whether it is a stream (s), a whole answer (w), neither declared
 * (u) or an error (e). Whatever it is, it is read the same in one piece and byte by byte, its texts
 * are texts, and what was made of it can be sent back in every API.
 */
#include "require.h"

#include "model/answer.h"
#include "model/json_text.h"
#include "util/auto.h"
#include "util/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const sn_protocol *const protocols[] = {&sn_protocol_chat, &sn_protocol_responses,
                                               &sn_protocol_messages};

typedef struct reading {
    int rc;
    sn_buffer told;
    sn_draft draft;
} reading;

static int on_text(void *user, const char *text, size_t bytes) {
    reading *r = user;
    REQUIRE(bytes > 0 && sn_utf8_valid_prefix(text, bytes) == bytes && !memchr(text, 0, bytes));
    REQUIRE(sn_buffer_add(&r->told, text, bytes));
    return 0;
}

static const char *type_of(char kind) {
    return kind == 's' ? "text/event-stream" : kind == 'w' ? "application/json" : "";
}

static void read_answer(reading *r, const sn_protocol *protocol, char kind, const char *data,
                        size_t size, size_t piece) {
    sn_answer answer;
    *r = (reading){.draft = {.key = "key", .on_text = on_text, .user = r}};
    sn_answer_init(&answer, protocol, &r->draft, NULL);
    for (size_t at = 0; r->rc == 0 && at < size; at += piece)
        r->rc = sn_answer_take(&answer, kind == 'e' ? 400 : 200, type_of(kind), data + at,
                               piece < size - at ? piece : size - at);
    if (r->rc >= 0)
        r->rc = sn_answer_end(&answer);
    sn_answer_clear(&answer);
}

static void require_text(const char *text) {
    REQUIRE(sn_utf8_valid_prefix(text, strlen(text)) == strlen(text));
}

static void require_same(const reading *a, const reading *b) {
    REQUIRE(a->rc == b->rc);
    REQUIRE(a->told.bytes == b->told.bytes && a->draft.text.bytes == b->draft.text.bytes);
    REQUIRE(!a->told.bytes || memcmp(a->told.data, b->told.data, a->told.bytes) == 0);
    REQUIRE(a->draft.uses_count == b->draft.uses_count && a->draft.finish == b->draft.finish);
    REQUIRE(a->draft.failure.status == b->draft.failure.status);
    REQUIRE(strcmp(a->draft.failure.words, b->draft.failure.words) == 0);
}

static void check_failure(const sn_failure *failure) {
    require_text(failure->words);
    REQUIRE(!strstr(failure->words, "key"));
    for (const char *c = failure->words; *c; c++)
        REQUIRE((unsigned char)*c >= ' ' && *c != 0x7F);
}

static void send_back(sn_model_reply *reply) {
    sn_message said[34] = {reply->message};
    size_t count = 1;
    for (size_t i = 0; i < reply->message.uses_count && count < SN_COUNT(said); i++)
        said[count++] = (sn_message){
            .role = SN_ROLE_TOOL, .text = "\xff result", .use_id = reply->message.uses[i].id};
    const sn_model_request request = {
        .messages = said, .messages_count = count, .temperature = 0.5};
    for (size_t i = 0; i < SN_COUNT(protocols); i++) {
        json_t *json = protocols[i]->request(&request, "m", 0);
        REQUIRE(json);
        sn_auto_free char *text = json_dumps(json, JSON_COMPACT);
        REQUIRE(text);
        json_decref(json);
    }
}

static void check_reply(reading *r) {
    sn_model_reply reply;
    REQUIRE(r->draft.model || sn_draft_set_model(&r->draft, "m", NULL) == 0);
    int rc = sn_draft_finish(&reply, &r->draft, NULL);
    REQUIRE(rc == 0 || rc == SN_EINTERNAL);
    if (rc < 0)
        return;
    const sn_message *m = &reply.message;
    REQUIRE(r->told.bytes == (m->text ? strlen(m->text) : 0));
    REQUIRE(!m->text || strcmp(m->text, r->told.data) == 0);
    REQUIRE(m->uses_count <= SN_MODEL_CALLS_MOST);
    REQUIRE((reply.finish != SN_FINISH_TOOLS && reply.finish != SN_FINISH_STOP) ||
            (reply.finish == SN_FINISH_TOOLS) == (m->uses_count > 0));
    for (size_t i = 0; i < m->uses_count; i++) {
        require_text(m->uses[i].id);
        require_text(m->uses[i].name);
        require_text(m->uses[i].arguments);
        REQUIRE(*m->uses[i].name && *m->uses[i].id);
    }
    send_back(&reply);
    sn_model_reply_clear(&reply);
}

static void clear(reading *r) {
    sn_draft_clear(&r->draft);
    sn_buffer_free(&r->told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const sn_protocol *protocol = NULL;
    reading a, b;
    for (size_t i = 0; size > 2 && i < SN_COUNT(protocols); i++)
        if (protocols[i]->api[0] == (char)data[0])
            protocol = protocols[i];
    if (!protocol)
        return 0;
    const char *text = (const char *)data + 2;
    read_answer(&a, protocol, (char)data[1], text, size - 2, size);
    read_answer(&b, protocol, (char)data[1], text, size - 2, 1);
    require_same(&a, &b);
    check_failure(&a.draft.failure);
    if (a.rc == 0 && !a.draft.failure.status)
        check_reply(&a);
    clear(&a);
    clear(&b);
    return 0;
}
