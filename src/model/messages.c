/*
 * messages.c - Anthropic's messages: what is said consists of blocks, the system's part stands
 * apart, results of tools are the user's, and users and assistants take turns. Blocks of thinking
 * are kept and go back before the text and the calls that they led to.
 */
#include "model/json_text.h"
#include "model/protocol.h"
#include "util/auto.h"
#include "util/error.h"

#include <string.h>

enum { USUAL_MOST_TOKENS = 4096 }; /* the API wants a number */

/* ---- what is asked ---- */

static json_t *text_block(const char *text) {
    return json_pack("{s:s, s:o}", "type", "text", "text", sn_json_string(text));
}

static int add_text(json_t *blocks, const char *text) {
    return text && *text ? json_array_append_new(blocks, text_block(text)) : 0;
}

static json_t *result_block(const sn_message *m) {
    json_t *block = json_pack("{s:s, s:o, s:o}", "type", "tool_result", "tool_use_id",
                              sn_json_string(m->use_id ? m->use_id : ""), "content",
                              sn_json_string(m->text ? m->text : ""));
    if (m->is_error)
        json_object_set_new(block, "is_error", json_true());
    return block;
}

static int add_kept(json_t *blocks, const json_t *kept) {
    size_t i;
    const json_t *block;
    int bad = 0;
    json_array_foreach (kept, i, block) {
        if (sn_json_is_type(block, "thinking") || sn_json_is_type(block, "redacted_thinking"))
            bad |= json_array_append_new(blocks, json_deep_copy(block));
    }
    return bad;
}

static int add_blocks(json_t *blocks, const sn_message *m) {
    int bad = 0;
    if (m->role == SN_ROLE_TOOL)
        return json_array_append_new(blocks, result_block(m));
    bad |= add_kept(blocks, m->role == SN_ROLE_ASSISTANT ? m->verbatim : NULL);
    bad |= add_text(blocks, m->text);
    for (size_t i = 0; i < m->uses_count; i++)
        bad |= json_array_append_new(blocks, json_pack("{s:s, s:o, s:o, s:o}", "type", "tool_use",
                                                       "id", sn_json_string(m->uses[i].id), "name",
                                                       sn_json_string(m->uses[i].name), "input",
                                                       sn_json_arguments(m->uses[i].arguments)));
    return bad;
}

/* Adds to the last message if it is the same one's turn. */
static int add_message(json_t *messages, const sn_message *m) {
    const char *role = m->role == SN_ROLE_ASSISTANT ? "assistant" : "user";
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    json_t *blocks = json_array();
    int bad = add_blocks(blocks, m);
    if (json_array_size(blocks) == 0 || bad) {
        json_decref(blocks);
        return bad;
    }
    if (last && strcmp(sn_json_text(last, "role"), role) == 0) {
        bad = json_array_extend(json_object_get(last, "content"), blocks);
        json_decref(blocks);
        return bad;
    }
    return json_array_append_new(messages,
                                 json_pack("{s:s, s:o}", "role", role, "content", blocks));
}

static json_t *tool_json(const sn_model_tool *tool) {
    return json_pack("{s:o, s:o, s:o}", "name", sn_json_string(tool->name), "description",
                     sn_json_string(tool->description), "input_schema",
                     json_deep_copy(tool->input_schema));
}

static json_t *request_json(const sn_model_request *r, const char *model, unsigned quirks) {
    json_t *system = json_array(), *messages = json_array(), *tools = json_array();
    int bad = 0;
    (void)quirks;
    for (size_t i = 0; i < r->messages_count; i++)
        bad |= r->messages[i].role == SN_ROLE_SYSTEM ? add_text(system, r->messages[i].text)
                                                     : add_message(messages, &r->messages[i]);
    for (size_t i = 0; i < r->tools_count; i++)
        bad |= json_array_append_new(tools, tool_json(&r->tools[i]));
    unsigned most = r->max_tokens ? r->max_tokens : USUAL_MOST_TOKENS;
    json_t *json = json_pack("{s:o, s:I, s:o}", "model", sn_json_string(model), "max_tokens",
                             (json_int_t)most, "messages", messages);
    if (json_array_size(system))
        bad |= json_object_set(json, "system", system);
    if (r->tools_count)
        bad |= json_object_set(json, "tools", tools);
    if (r->tools_count && r->no_calls)
        bad |= json_object_set_new(json, "tool_choice", json_pack("{s:s}", "type", "none"));
    json_decref(system);
    json_decref(tools);
    if (r->temperature >= 0)
        bad |= json_object_set_new(json, "temperature", json_real(r->temperature));
    if (r->on_text)
        bad |= json_object_set_new(json, "stream", json_true());
    if (!bad)
        return json;
    json_decref(json);
    return NULL;
}

/* ---- what is answered ---- */

static void take_stop(sn_draft *d, const char *reason) {
    static const struct {
        const char *reason;
        sn_finish finish;
    } reasons[] = {{"max_tokens", SN_FINISH_LENGTH},
                   {"model_context_window_exceeded", SN_FINISH_LENGTH},
                   {"refusal", SN_FINISH_FILTER}};
    d->is_finished |= reason != NULL;
    for (size_t i = 0; reason && i < SN_COUNT(reasons); i++)
        if (strcmp(reason, reasons[i].reason) == 0)
            d->finish = reasons[i].finish;
}

/* The latest count holds; a stream repeats some and leaves out others. */
static void take_usage(sn_draft *d, const json_t *usage) {
    if (json_object_get(usage, "input_tokens"))
        d->usage.input_tokens = sn_json_count(usage, "input_tokens") +
                                sn_json_count(usage, "cache_creation_input_tokens") +
                                sn_json_count(usage, "cache_read_input_tokens");
    if (json_object_get(usage, "output_tokens"))
        d->usage.output_tokens = sn_json_count(usage, "output_tokens");
}

static int take_call(sn_draft *d, const json_t *block, json_int_t index, sn_error *err) {
    const json_t *input = json_object_get(block, "input");
    sn_draft_use *use;
    int rc = sn_draft_add_use(&use, d, index, err);
    if (rc == 0)
        rc = sn_draft_set_id(use, sn_json_text(block, "id"), err);
    if (rc == 0)
        rc = sn_draft_set_name(use, sn_json_text(block, "name"), err);
    if (rc == 0 && json_object_size(input) > 0) {
        sn_auto_free char *text = json_dumps(input, JSON_COMPACT);
        rc = sn_draft_arguments(use, text, err);
    }
    return rc;
}

/* Calls without arguments have none in pieces either. */
static int end_call(sn_draft *d, json_int_t index, sn_error *err) {
    sn_draft_use *use = sn_draft_find_use(d, index);
    return use && use->arguments.bytes == 0 ? sn_draft_arguments(use, "{}", err) : 0;
}

/* Without its signature nobody takes it back. */
static int keep_thinking(sn_draft *d, sn_error *err) {
    if (d->signature.bytes == 0)
        return 0;
    json_t *block =
        json_pack("{s:s, s:s, s:s}", "type", "thinking", "thinking",
                  d->thinking.bytes ? d->thinking.data : "", "signature", d->signature.data);
    int rc = sn_draft_keep(d, block, err);
    json_decref(block);
    d->signature.bytes = d->thinking.bytes = 0;
    return rc;
}

static int begin_thinking(sn_draft *d, const json_t *block, sn_error *err) {
    d->signature.bytes = d->thinking.bytes = 0;
    int rc = sn_draft_reasoning(&d->thinking, sn_json_text(block, "thinking"), err);
    return rc < 0 ? rc : sn_draft_reasoning(&d->signature, sn_json_text(block, "signature"), err);
}

static int begin_block(sn_draft *d, const json_t *block, json_int_t index, sn_error *err) {
    if (sn_json_is_type(block, "text"))
        return sn_draft_text(d, sn_json_text(block, "text"), err);
    if (sn_json_is_type(block, "tool_use"))
        return take_call(d, block, index, err);
    if (sn_json_is_type(block, "redacted_thinking"))
        return sn_draft_keep(d, block, err);
    return sn_json_is_type(block, "thinking") ? begin_thinking(d, block, err) : 0;
}

static int take_delta(sn_draft *d, const json_t *delta, json_int_t index, sn_error *err) {
    if (sn_json_is_type(delta, "text_delta"))
        return sn_draft_text(d, sn_json_text(delta, "text"), err);
    if (sn_json_is_type(delta, "thinking_delta"))
        return sn_draft_reasoning(&d->thinking, sn_json_text(delta, "thinking"), err);
    if (sn_json_is_type(delta, "signature_delta"))
        return sn_draft_reasoning(&d->signature, sn_json_text(delta, "signature"), err);
    sn_draft_use *use = sn_draft_find_use(d, index);
    if (sn_json_is_type(delta, "input_json_delta") && use)
        return sn_draft_arguments(use, sn_json_text(delta, "partial_json"), err);
    return 0;
}

static int end_block(sn_draft *d, json_int_t index, sn_error *err) {
    int rc = keep_thinking(d, err);
    return rc < 0 ? rc : end_call(d, index, err);
}

static bool take_error(sn_draft *d, const json_t *json) {
    const json_t *error = json_object_get(json, "error");
    if (!json_is_object(error))
        return false;
    sn_failure_from_json(&d->failure, error, d->key);
    return true;
}

static int take_answer(sn_draft *d, const json_t *answer, sn_error *err) {
    const json_t *content = json_object_get(answer, "content");
    size_t i;
    const json_t *block;
    if (take_error(d, answer))
        return 0;
    if (!json_is_array(content))
        return sn_fail(err, SN_EINTERNAL, "the model's server sent no content");
    int rc = sn_draft_set_model(d, sn_json_text(answer, "model"), err);
    json_array_foreach (content, i, block) {
        if (rc == 0)
            rc = begin_block(d, block, (json_int_t)i, err);
        if (rc == 0)
            rc = end_block(d, (json_int_t)i, err);
    }
    take_usage(d, json_object_get(answer, "usage"));
    take_stop(d, sn_json_text(answer, "stop_reason"));
    d->is_finished = d->is_done = true;
    return rc;
}

static int take_event(sn_draft *d, const json_t *event, sn_error *err) {
    const json_t *message = json_object_get(event, "message");
    const json_t *delta = json_object_get(event, "delta");
    json_int_t index = json_integer_value(json_object_get(event, "index"));
    if (sn_json_is_type(event, "message_start")) {
        take_usage(d, json_object_get(message, "usage"));
        return sn_draft_set_model(d, sn_json_text(message, "model"), err);
    }
    if (sn_json_is_type(event, "content_block_start"))
        return begin_block(d, json_object_get(event, "content_block"), index, err);
    if (sn_json_is_type(event, "content_block_delta"))
        return take_delta(d, delta, index, err);
    if (sn_json_is_type(event, "content_block_stop"))
        return end_block(d, index, err);
    if (sn_json_is_type(event, "message_delta")) {
        take_usage(d, json_object_get(event, "usage"));
        take_stop(d, sn_json_text(delta, "stop_reason"));
    }
    if (sn_json_is_type(event, "message_stop"))
        d->is_finished = d->is_done = true;
    take_error(d, event);
    return 0;
}

const sn_protocol sn_protocol_messages = {
    .api = "messages",
    .path = "/messages",
    .version = "/v1",
    .key_header = "x-api-key: ",
    .more_header = "anthropic-version: 2023-06-01",
    .request = request_json,
    .take_answer = take_answer,
    .take_event = take_event,
};
