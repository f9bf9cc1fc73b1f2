/*
 * chat.c - OpenAI's chat completions, which most servers speak, each a little differently: content
 * may be a list of parts, arguments an object, the index or the id of a call missing, the reason to
 * finish "stop" although there are calls.
 */
#include "model/json_text.h"
#include "model/protocol.h"
#include "util/auto.h"
#include "util/error.h"

#include <string.h>

/* ---- what is asked ---- */

static json_t *use_json(const sn_tool_use *use) {
    sn_auto_free char *arguments = sn_json_arguments_text(use->arguments);
    return json_pack("{s:o, s:s, s:{s:o, s:s}}", "id", sn_json_string(use->id), "type", "function",
                     "function", "name", sn_json_string(use->name), "arguments", arguments);
}

static json_t *uses_json(const sn_message *m) {
    json_t *uses = json_array();
    int bad = 0;
    for (size_t i = 0; i < m->uses_count; i++)
        bad |= json_array_append_new(uses, use_json(&m->uses[i]));
    if (!bad)
        return uses;
    json_decref(uses);
    return NULL;
}

static json_t *message_json(const sn_message *m) {
    static const char *const roles[] = {
        [SN_ROLE_SYSTEM] = "system",
        [SN_ROLE_USER] = "user",
        [SN_ROLE_ASSISTANT] = "assistant",
        [SN_ROLE_TOOL] = "tool",
    };
    bool is_call = m->role == SN_ROLE_ASSISTANT && m->uses_count;
    json_t *text =
        is_call && (!m->text || !*m->text) ? json_null() : sn_json_string(m->text ? m->text : "");
    json_t *json = json_pack("{s:s, s:o}", "role", roles[m->role], "content", text);
    if (is_call && json_object_set_new(json, "tool_calls", uses_json(m)) < 0) {
        json_decref(json);
        return NULL;
    }
    if (m->role == SN_ROLE_TOOL &&
        json_object_set_new(json, "tool_call_id", sn_json_string(m->use_id ? m->use_id : "")) < 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *tool_json(const sn_model_tool *tool) {
    return json_pack("{s:s, s:{s:o, s:o, s:o}}", "type", "function", "function", "name",
                     sn_json_string(tool->name), "description", sn_json_string(tool->description),
                     "parameters", json_deep_copy(tool->input_schema));
}

static json_t *request_json(const sn_model_request *r, const char *model, unsigned quirks) {
    json_t *messages = json_array(), *tools = json_array();
    int bad = 0;
    for (size_t i = 0; i < r->messages_count; i++)
        bad |= json_array_append_new(messages, message_json(&r->messages[i]));
    for (size_t i = 0; i < r->tools_count; i++)
        bad |= json_array_append_new(tools, tool_json(&r->tools[i]));
    json_t *json = json_pack("{s:o, s:o}", "model", sn_json_string(model), "messages", messages);
    if (r->tools_count)
        bad |= json_object_set(json, "tools", tools);
    if (r->tools_count && r->no_calls)
        bad |= json_object_set_new(json, "tool_choice", json_string("none"));
    json_decref(tools);
    if (r->temperature >= 0)
        bad |= json_object_set_new(json, "temperature", json_real(r->temperature));
    if (r->max_tokens)
        bad |= json_object_set_new(
            json, quirks & SN_QUIRK_COMPLETION_TOKENS ? "max_completion_tokens" : "max_tokens",
            json_integer(r->max_tokens));
    if (r->on_text)
        bad |= json_object_set_new(json, "stream", json_true());
    if (r->on_text && !(quirks & SN_QUIRK_NO_STREAM_OPTIONS))
        bad |= json_object_set_new(json, "stream_options", json_pack("{s:b}", "include_usage", 1));
    if (!bad)
        return json;
    json_decref(json);
    return NULL;
}

/* ---- what is answered ---- */

static int take_content(sn_draft *d, const json_t *content, sn_error *err) {
    size_t i;
    const json_t *part;
    if (!json_is_array(content))
        return sn_draft_text(d, json_string_value(content), err);
    int rc = 0;
    json_array_foreach (content, i, part) {
        if (rc == 0)
            rc = sn_draft_text(d, sn_json_text(part, "text"), err);
    }
    return rc;
}

/* Whose pieces these are: by index, else by id, else the last call's. A new id with a name begins a
 * new call also where the server counts none. */
static int find_use(sn_draft_use **out, sn_draft *d, const json_t *call, size_t place,
                    bool is_whole, sn_error *err) {
    const json_t *index = json_object_get(call, "index");
    const char *id = sn_json_text(call, "id");
    const char *name = sn_json_text(json_object_get(call, "function"), "name");
    json_int_t at = json_is_integer(index) ? json_integer_value(index) : (json_int_t)place;
    sn_draft_use *use = is_whole ? NULL : sn_draft_find_use(d, at);
    bool begins = name && *name;
    bool is_other = use && begins && use->id && id && *id && strcmp(use->id, id) != 0;
    bool is_nameless = use && begins && use->name && !use->id && !index;
    if (!use || is_other || is_nameless)
        return sn_draft_add_use(out, d, at, err);
    *out = use;
    return 0;
}

static int take_arguments(sn_draft_use *use, const json_t *arguments, sn_error *err) {
    if (!json_is_object(arguments))
        return sn_draft_arguments(use, json_string_value(arguments), err);
    sn_auto_free char *text = json_dumps(arguments, JSON_COMPACT);
    return sn_draft_arguments(use, text, err);
}

static int take_calls(sn_draft *d, const json_t *calls, bool is_whole, sn_error *err) {
    size_t i;
    const json_t *call;
    json_array_foreach (calls, i, call) {
        const json_t *function = json_object_get(call, "function");
        sn_draft_use *use;
        int rc = find_use(&use, d, call, i, is_whole, err);
        if (rc == 0)
            rc = sn_draft_set_id(use, sn_json_text(call, "id"), err);
        if (rc == 0)
            rc = sn_draft_set_name(use, sn_json_text(function, "name"), err);
        if (rc == 0)
            rc = take_arguments(use, json_object_get(function, "arguments"), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void take_finish(sn_draft *d, const char *reason) {
    if (!reason)
        return;
    d->is_finished = true;
    d->finish = strcmp(reason, "length") == 0           ? SN_FINISH_LENGTH
                : strcmp(reason, "content_filter") == 0 ? SN_FINISH_FILTER
                                                        : SN_FINISH_STOP;
}

static void take_usage(sn_draft *d, const json_t *usage) {
    if (!json_is_object(usage))
        return;
    d->usage.input_tokens = sn_json_count(usage, "prompt_tokens");
    d->usage.output_tokens = sn_json_count(usage, "completion_tokens");
}

/* `message` is a whole one or what is new of it. */
static int take(sn_draft *d, const json_t *json, const char *member, bool is_whole, sn_error *err) {
    const json_t *error = json_object_get(json, "error");
    if (json_is_object(error) || json_is_string(error)) {
        sn_failure_from_json(&d->failure, error, d->key);
        return 0;
    }
    const json_t *choice = json_array_get(json_object_get(json, "choices"), 0);
    const json_t *message = json_object_get(choice, member);
    const char *refusal = sn_json_text(message, "refusal");
    int rc = sn_draft_set_model(d, sn_json_text(json, "model"), err);
    if (rc == 0)
        rc = take_content(d, json_object_get(message, "content"), err);
    if (rc == 0)
        rc = sn_draft_text(d, refusal, err);
    if (rc == 0)
        rc = take_calls(d, json_object_get(message, "tool_calls"), is_whole, err);
    take_usage(d, json_object_get(json, "usage"));
    take_finish(d, sn_json_text(choice, "finish_reason"));
    return rc;
}

static int take_answer(sn_draft *d, const json_t *answer, sn_error *err) {
    int rc = take(d, answer, "message", true, err);
    if (rc == 0 && !d->failure.status &&
        !json_is_object(
            json_object_get(json_array_get(json_object_get(answer, "choices"), 0), "message")))
        return sn_fail(err, SN_EINTERNAL, "the model's server sent no message");
    d->is_finished = d->is_done = true;
    return rc;
}

static int take_event(sn_draft *d, const json_t *event, sn_error *err) {
    return take(d, event, "delta", false, err);
}

const sn_protocol sn_protocol_chat = {
    .api = "chat",
    .path = "/chat/completions",
    .key_header = "Authorization: Bearer ",
    .request = request_json,
    .take_answer = take_answer,
    .take_event = take_event,
};
