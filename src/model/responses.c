/*
 * responses.c - OpenAI's responses: a conversation is a list of items, and so is an answer. Nothing
 * is stored there (`store: false`); what a model reasoned comes encrypted, is kept, and goes back
 * before the calls and the text that it led to.
 */
#include "model/json_text.h"
#include "model/protocol.h"
#include "util/auto.h"
#include "util/error.h"

#include <string.h>

/* ---- what is asked ---- */

static int add_text(json_t *items, const char *role, const char *text) {
    return json_array_append_new(
        items, json_pack("{s:s, s:o}", "role", role, "content", sn_json_string(text)));
}

static int add_kept(json_t *items, const json_t *kept) {
    size_t i;
    const json_t *item;
    int bad = 0;
    json_array_foreach (kept, i, item) {
        if (sn_json_is_type(item, "reasoning"))
            bad |= json_array_append_new(items, json_deep_copy(item));
    }
    return bad;
}

static int add_use(json_t *items, const sn_tool_use *use) {
    sn_auto_free char *arguments = sn_json_arguments_text(use->arguments);
    return json_array_append_new(items,
                                 json_pack("{s:s, s:o, s:o, s:s}", "type", "function_call",
                                           "call_id", sn_json_string(use->id), "name",
                                           sn_json_string(use->name), "arguments", arguments));
}

static int add_message(json_t *items, const sn_message *m, unsigned quirks) {
    const char *text = m->text ? m->text : "";
    int bad = 0;
    switch (m->role) {
    case SN_ROLE_SYSTEM:
        return add_text(items, "system", text);
    case SN_ROLE_USER:
        return add_text(items, "user", text);
    case SN_ROLE_TOOL:
        return json_array_append_new(items, json_pack("{s:s, s:o, s:o}", "type",
                                                      "function_call_output", "call_id",
                                                      sn_json_string(m->use_id ? m->use_id : ""),
                                                      "output", sn_json_string(text)));
    case SN_ROLE_ASSISTANT:
        break;
    }
    if (!(quirks & SN_QUIRK_NO_ENCRYPTED))
        bad |= add_kept(items, m->verbatim);
    if (*text)
        bad |= add_text(items, "assistant", text);
    for (size_t i = 0; i < m->uses_count; i++)
        bad |= add_use(items, &m->uses[i]);
    return bad;
}

static json_t *tool_json(const sn_model_tool *tool) {
    return json_pack("{s:s, s:o, s:o, s:o, s:b}", "type", "function", "name",
                     sn_json_string(tool->name), "description", sn_json_string(tool->description),
                     "parameters", json_deep_copy(tool->input_schema), "strict", 0);
}

static json_t *request_json(const sn_model_request *r, const char *model, unsigned quirks) {
    json_t *input = json_array(), *tools = json_array();
    int bad = 0;
    for (size_t i = 0; i < r->messages_count; i++)
        bad |= add_message(input, &r->messages[i], quirks);
    for (size_t i = 0; i < r->tools_count; i++)
        bad |= json_array_append_new(tools, tool_json(&r->tools[i]));
    json_t *json =
        json_pack("{s:o, s:o, s:b}", "model", sn_json_string(model), "input", input, "store", 0);
    if (r->tools_count)
        bad |= json_object_set(json, "tools", tools);
    if (r->tools_count && r->no_calls)
        bad |= json_object_set_new(json, "tool_choice", json_string("none"));
    json_decref(tools);
    if (!(quirks & SN_QUIRK_NO_ENCRYPTED))
        bad |=
            json_object_set_new(json, "include", json_pack("[s]", "reasoning.encrypted_content"));
    if (r->temperature >= 0)
        bad |= json_object_set_new(json, "temperature", json_real(r->temperature));
    if (r->max_tokens)
        bad |= json_object_set_new(json, "max_output_tokens", json_integer(r->max_tokens));
    if (r->on_text)
        bad |= json_object_set_new(json, "stream", json_true());
    if (!bad)
        return json;
    json_decref(json);
    return NULL;
}

/* ---- items of an answer ---- */

static int take_parts(sn_draft *d, const json_t *item, sn_error *err) {
    size_t i;
    const json_t *part;
    int rc = 0;
    json_array_foreach (json_object_get(item, "content"), i, part) {
        if (rc == 0 && sn_json_is_type(part, "output_text"))
            rc = sn_draft_text(d, sn_json_text(part, "text"), err);
        else if (rc == 0 && sn_json_is_type(part, "refusal"))
            rc = sn_draft_text(d, sn_json_text(part, "refusal"), err);
    }
    return rc;
}

/* A call as far as it is known: when it begins, or the whole of it. Its arguments count if they
 * have not come in pieces. */
static int take_call(sn_draft *d, const json_t *item, json_int_t index, sn_error *err) {
    sn_draft_use *use = sn_draft_find_use(d, index);
    int rc = use ? 0 : sn_draft_add_use(&use, d, index, err);
    if (rc == 0)
        rc = sn_draft_set_id(use, sn_json_text(item, "call_id"), err);
    if (rc == 0)
        rc = sn_draft_set_name(use, sn_json_text(item, "name"), err);
    if (rc == 0 && use->arguments.bytes == 0)
        rc = sn_draft_arguments(use, sn_json_text(item, "arguments"), err);
    return rc;
}

/* A whole item; text that has been streamed is not taken twice. */
static int take_item(sn_draft *d, const json_t *item, json_int_t index, bool has_text,
                     sn_error *err) {
    if (sn_json_is_type(item, "function_call"))
        return take_call(d, item, index, err);
    if (sn_json_is_type(item, "reasoning") && sn_json_text(item, "encrypted_content"))
        return sn_draft_keep(d, item, err);
    if (sn_json_is_type(item, "message") && !has_text)
        return take_parts(d, item, err);
    return 0;
}

/* ---- the answer as a whole, also at the end of a stream ---- */

static void take_end(sn_draft *d, const json_t *response) {
    const json_t *usage = json_object_get(response, "usage");
    const json_t *error = json_object_get(response, "error");
    const char *status = sn_json_text(response, "status");
    const char *reason = sn_json_text(json_object_get(response, "incomplete_details"), "reason");
    d->usage.input_tokens = sn_json_count(usage, "input_tokens");
    d->usage.output_tokens = sn_json_count(usage, "output_tokens");
    d->is_finished = d->is_done = true;
    if (status && strcmp(status, "incomplete") == 0)
        d->finish =
            reason && strcmp(reason, "content_filter") == 0 ? SN_FINISH_FILTER : SN_FINISH_LENGTH;
    if (json_is_object(error) || (status && strcmp(status, "failed") == 0))
        sn_failure_from_json(&d->failure, error, d->key);
}

static int take_answer(sn_draft *d, const json_t *answer, sn_error *err) {
    const json_t *output = json_object_get(answer, "output");
    bool has_text = d->text.bytes > 0;
    size_t i;
    const json_t *item;
    if (!json_is_array(output) && !json_is_object(json_object_get(answer, "error")))
        return sn_fail(err, SN_EINTERNAL, "the model's server sent no output");
    int rc = sn_draft_set_model(d, sn_json_text(answer, "model"), err);
    json_array_foreach (output, i, item) {
        if (rc == 0)
            rc = take_item(d, item, (json_int_t)i, has_text, err);
    }
    take_end(d, answer);
    return rc;
}

/* ---- a stream ---- */

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int take_piece(sn_draft *d, const json_t *event, json_int_t index, sn_error *err) {
    sn_draft_use *use = sn_draft_find_use(d, index);
    int rc = use ? 0 : sn_draft_add_use(&use, d, index, err);
    return rc < 0 ? rc : sn_draft_arguments(use, sn_json_text(event, "delta"), err);
}

static int take_last(sn_draft *d, const json_t *response, sn_error *err) {
    if (d->text.bytes || d->uses_count) {
        int rc = sn_draft_set_model(d, sn_json_text(response, "model"), err);
        take_end(d, response);
        return rc;
    }
    return take_answer(d, response, err); /* a server that tells all at the end */
}

static int take_event(sn_draft *d, const json_t *event, sn_error *err) {
    const char *type = sn_json_text(event, "type");
    const json_t *item = json_object_get(event, "item");
    const json_t *response = json_object_get(event, "response");
    json_int_t index = json_integer_value(json_object_get(event, "output_index"));
    if (!type)
        return 0;
    if (strcmp(type, "response.output_text.delta") == 0 ||
        strcmp(type, "response.refusal.delta") == 0)
        return sn_draft_text(d, sn_json_text(event, "delta"), err);
    if (strcmp(type, "response.function_call_arguments.delta") == 0)
        return take_piece(d, event, index, err);
    if (strcmp(type, "response.output_item.added") == 0)
        return sn_json_is_type(item, "function_call") ? take_call(d, item, index, err) : 0;
    if (strcmp(type, "response.output_item.done") == 0)
        return take_item(d, item, index, d->text.bytes > 0, err);
    if (strcmp(type, "response.completed") == 0 || strcmp(type, "response.incomplete") == 0)
        return take_last(d, response, err);
    if (has_prefix(type, "response.failed") || strcmp(type, "error") == 0) {
        const json_t *error = json_object_get(response ? response : event, "error");
        sn_failure_from_json(&d->failure, json_is_object(error) ? error : event, d->key);
    }
    return 0;
}

const sn_protocol sn_protocol_responses = {
    .api = "responses",
    .path = "/responses",
    .key_header = "Authorization: Bearer ",
    .request = request_json,
    .take_answer = take_answer,
    .take_event = take_event,
};
