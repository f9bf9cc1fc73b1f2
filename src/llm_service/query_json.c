/* query_json.c - see query_json.h. */
#include "llm_service/query_json.h"

#include "executor/result_json.h"
#include "service/nearest.h"
#include "service/tools.h"
#include "session/sessions.h"
#include "util/auto.h"
#include "util/error.h"

#include <math.h>
#include <string.h>

typedef sn_query_body body;

static const char *const modes[] = {
    [SN_MODE_SIMPLE] = "simple",
    [SN_MODE_STANDARD] = "standard",
    [SN_MODE_COMPLEX] = "complex",
};

/* ---- fields ---- */

static int wrong(sn_error *err, const char *name, const char *wanted) {
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s must be %s", name, wanted);
}

static int take_query(body *b, const json_t *value, sn_error *err) {
    if (!json_is_string(value) || json_string_length(value) == 0)
        return wrong(err, "query", "a string that is not empty");
    if (json_string_length(value) > SN_QUERY_MOST_BYTES)
        return wrong(err, "query", "at most 1 MiB");
    b->query.query = json_string_value(value);
    return strlen(b->query.query) == json_string_length(value)
               ? 0
               : wrong(err, "query", "without NUL characters");
}

static int take_context(body *b, const json_t *value, sn_error *err) {
    if (!json_is_object(value))
        return wrong(err, "context", "an object");
    b->query.context = value;
    return 0;
}

static int take_session(body *b, const json_t *value, sn_error *err) {
    b->query.session_id = json_string_value(value);
    bool ok = b->query.session_id && strlen(b->query.session_id) == json_string_length(value) &&
              sn_session_id_is_valid(b->query.session_id);
    return ok ? 0 : wrong(err, "session_id", "1 to 128 characters of A-Za-z0-9._:-");
}

static int take_mode(body *b, const json_t *value, sn_error *err) {
    for (int mode = SN_MODE_SIMPLE; mode <= SN_MODE_COMPLEX; mode++)
        if (json_is_string(value) && strcmp(json_string_value(value), modes[mode]) == 0)
            b->query.mode = mode;
    return b->query.mode ? 0 : wrong(err, "mode", "\"simple\", \"standard\" or \"complex\"");
}

static int take_tools(body *b, const json_t *value, sn_error *err) {
    size_t i;
    const json_t *tool;
    if (!json_is_array(value))
        return wrong(err, "tools", "a list of tools' names");
    json_array_foreach (value, i, tool) {
        const char *name = json_string_value(tool);
        if (!name)
            return wrong(err, "tools", "a list of tools' names");
        if (!sn_tool_find(name)) {
            sn_fail(err, SN_EINVALID_ARGUMENT, "there is no tool '%.64s'", name);
            return sn_hint(err, "GET /tools/list names those that there are");
        }
    }
    b->query.no_tools = json_array_size(value) == 0;
    return 0;
}

static int take_max_tokens(body *b, const json_t *value, sn_error *err) {
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || number > INT32_MAX)
        return wrong(err, "max_tokens", "a whole number of at least 1");
    b->query.max_tokens = (unsigned)number;
    return 0;
}

static int take_temperature(body *b, const json_t *value, sn_error *err) {
    b->query.temperature = json_number_value(value);
    bool ok = json_is_number(value) && b->query.temperature >= 0 && b->query.temperature <= 2;
    return ok ? 0 : wrong(err, "temperature", "a number from 0 to 2");
}

static int take_stream(body *b, const json_t *value, sn_error *err) {
    b->streams = json_is_true(value);
    return json_is_boolean(value) ? 0 : wrong(err, "stream", "true or false");
}

static int take_timeout(body *b, const json_t *value, sn_error *err) {
    b->timeout_seconds = json_number_value(value);
    bool ok = json_is_number(value) && b->timeout_seconds >= 1 &&
              b->timeout_seconds <= SN_QUERY_SECONDS_MOST;
    return ok ? 0 : wrong(err, "timeout_seconds", "a number from 1 to 3600");
}

static const struct field {
    const char *name;
    int (*take)(body *b, const json_t *value, sn_error *err);
} fields[] = {
    {"query", take_query},           {"context", take_context},
    {"session_id", take_session},    {"mode", take_mode},
    {"tools", take_tools},           {"allowed_tools", take_tools},
    {"max_tokens", take_max_tokens}, {"temperature", take_temperature},
    {"stream", take_stream},         {"timeout_seconds", take_timeout},
};

static int unknown(const char *name, sn_error *err) {
    const struct field *nearest = fields;
    for (size_t i = 1; i < SN_COUNT(fields); i++)
        if (sn_word_distance(fields[i].name, name) < sn_word_distance(nearest->name, name))
            nearest = &fields[i];
    sn_fail(err, SN_EINVALID_ARGUMENT, "there is no field '%.64s'", name);
    return sn_hint(err, "did you mean %s?", nearest->name);
}

static int take(body *b, const char *name, const json_t *value, sn_error *err) {
    if (json_is_null(value))
        return 0; /* as if it were not there */
    for (size_t i = 0; i < SN_COUNT(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].take(b, value, err);
    return unknown(name, err);
}

int sn_query_body_read(sn_query_body *out, json_t *json, sn_error *err) {
    static const sn_query none = SN_QUERY_INIT;
    sn_error unheard;
    const char *name;
    json_t *value;
    int rc = 0;
    err = err ? err : &unheard; /* sn_hint() returns what is in it */
    *out = (sn_query_body){.query = none, .timeout_seconds = SN_QUERY_SECONDS_USUAL, .json = json};
    if (!json_is_object(json))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "the body must be a JSON object");
    else if (json_object_get(json, "tools") && json_object_get(json, "allowed_tools"))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT,
                     "tools and allowed_tools are the same; give one of them");
    json_object_foreach (json, name, value)
        if (rc == 0)
            rc = take(out, name, value, err);
    if (rc == 0 && !out->query.query)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "query is missing; it says what is to be answered");
    if (rc < 0)
        sn_query_body_clear(out);
    return rc;
}

void sn_query_body_clear(sn_query_body *b) {
    json_decref(b->json);
    *b = (sn_query_body){0};
}

/* ---- the answer ---- */

/* As the caller is to see it: its name for the session, and none for one that it did not name. */
static json_t *result_of(const sn_result *result, const char *session_id) {
    json_t *json = result ? sn_result_json_value(result) : json_null();
    if (json_is_object(json))
        json_object_set_new(json, "session_id", session_id ? json_string(session_id) : json_null());
    return json;
}

static json_t *execution(const sn_agent_call *call, const char *session_id) {
    return json_pack("{s:s, s:o, s:s?}", "code", call->code, "result",
                     result_of(call->result, session_id), "error", call->error);
}

static json_t *executions(const sn_agent_reply *reply, const char *session_id) {
    json_t *all = json_array();
    for (size_t i = 0; i < reply->calls_count; i++)
        json_array_append_new(all, execution(&reply->calls[i], session_id));
    return all;
}

static bool has_succeeded(const sn_agent_reply *reply) {
    const sn_result *result = reply->calls_count ? reply->calls[0].result : NULL;
    return reply->used_model || (result && result->status == SN_STATUS_OK);
}

static json_t *metadata(const sn_agent_reply *reply, const sn_query *query,
                        const char *session_id) {
    const sn_model_usage *usage = &reply->usage;
    sn_query_mode mode = !reply->used_model ? SN_MODE_SIMPLE
                         : query->mode      ? query->mode
                                            : SN_MODE_STANDARD;
    return json_pack("{s:s?, s:s?, s:s, s:i, s:b, s:{s:I, s:I}, s:o}", "request_id",
                     query->request_id, "session_id", session_id, "mode", modes[mode], "rounds",
                     (int)reply->rounds, "stopped", reply->stopped, "usage", "input_tokens",
                     (json_int_t)usage->input_tokens, "output_tokens",
                     (json_int_t)usage->output_tokens, "executions", executions(reply, session_id));
}

json_t *sn_query_answer_json(const sn_agent_reply *reply, const sn_query *query,
                             const char *provider, const char *session_id) {
    uint64_t tokens = reply->usage.input_tokens + reply->usage.output_tokens;
    return json_pack("{s:b, s:o, s:I, s:s?, s:s?, s:s, s:o}", "success", has_succeeded(reply),
                     "response", json_stringn(reply->text, reply->text_bytes), "tokens_used",
                     (json_int_t)tokens, "model_used", reply->model, "provider",
                     reply->used_model ? provider : NULL, "finish_reason",
                     sn_finish_name(reply->finish), "metadata", metadata(reply, query, session_id));
}

/* ---- events ---- */

static json_t *result_event(const sn_agent_event *event, const char *session_id) {
    if (!event->result)
        return json_pack("{s:s, s:b, s:s}", "name", event->name, "success", 0, "error",
                         event->text);
    return json_pack("{s:s, s:b, s:o}", "name", event->name, "success",
                     event->result->status == SN_STATUS_OK, "result",
                     result_of(event->result, session_id));
}

json_t *sn_query_event_json(const char **name, const sn_agent_event *event,
                            const char *session_id) {
    switch (event->kind) {
    case SN_AGENT_TEXT:
        *name = "text";
        return json_pack("{s:o}", "text", json_stringn(event->text, event->text_bytes));
    case SN_AGENT_CALL:
        *name = "tool_call";
        return json_pack("{s:s, s:s}", "name", event->name, "code", event->code);
    case SN_AGENT_RESULT:
        *name = "tool_result";
        return result_event(event, session_id);
    case SN_AGENT_OUTPUT:
        break;
    }
    return NULL;
}
