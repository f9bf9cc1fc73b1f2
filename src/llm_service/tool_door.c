/*
 * tool_door.c - /tools/...: the tools that a model may be offered, and their execution by name. See
 * doors.h.
 *
 * The tool here is python_executor. What existing clients send to agent-core as code_executor, a
 * command line with a path to an interpreter, is not for models.
 */
#include "executor/result_words.h"
#include "llm_service/http_execution.h"
#include "llm_service/json_value.h"
#include "service/tools.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdlib.h>
#include <string.h>

static const char tool_id[] = "python_executor";

static int no_tool(const char *name, sn_error *err) {
    sn_fail(err, SN_ENOT_FOUND, "there is no tool '%.100s' here", name);
    return sn_hint(err, "there is %s", tool_id);
}

/* ---- POST /tools/execute ---- */

static int take_name(const char **out, const json_t *body, sn_error *err) {
    static const char *const names[] = {"tool", "tool_name"};
    *out = NULL;
    for (size_t i = 0; i < SN_COUNT(names); i++) {
        const json_t *value = sn_json_get(body, names[i]);
        const char *name;
        if (!value)
            continue;
        int rc = sn_json_take_text(&name, names[i], value, err);
        if (rc < 0)
            return rc;
        if (*out && strcmp(*out, name) != 0)
            return sn_fail(err, SN_EINVALID_ARGUMENT, "tool and tool_name name two tools");
        *out = name;
    }
    return *out ? 0 : sn_fail(err, SN_EINVALID_ARGUMENT, "there is no tool in the request");
}

static int read_call(sn_http_execution *x, json_t *body, sn_error *err) {
    static const char *const names[] = {"tool", "tool_name", "parameters", NULL};
    const char *name;
    if (!json_is_object(body))
        return sn_json_not_a("the request", body, "an object of tool and parameters", err);
    json_t *parameters = json_object_get(body, "parameters");
    int rc = sn_json_known(body, names, "", err);
    if (rc == 0)
        rc = take_name(&name, body, err);
    if (rc == 0 && strcmp(name, tool_id) != 0)
        rc = no_tool(name, err);
    if (rc == 0 && !json_is_object(parameters))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "parameters are no object");
    return rc < 0 ? rc : sn_request_json_read(&x->asked, parameters, err);
}

static json_t *output_of(const sn_result *result) {
    size_t bytes;
    sn_auto_free char *text = sn_result_output(&bytes, result);
    return text ? json_stringn(text, bytes) : NULL;
}

/* What went wrong, in a line; null: nothing did. */
static json_t *error_of(const sn_result *result) {
    if (result->status == SN_STATUS_OK)
        return json_null();
    const char *name = result->error_name ? result->error_name : sn_status_name(result->status);
    const char *value = result->error_value ? result->error_value : "";
    sn_auto_free char *text = sn_format("%s%s%s", name, *value ? ": " : "", value);
    return json_string(text);
}

static void answer(sn_http_execution *x, const sn_result *result, json_t *json) {
    json_t *all = json_pack("{s:b, s:o, s:o, s:O, s:f}", "success", result->status == SN_STATUS_OK,
                            "output", output_of(result), "error", error_of(result), "metadata",
                            json, "execution_time_ms", result->usage.wall_ms);
    sn_http_work_reply_json(&x->work, 200, all);
    json_decref(all);
}

static void on_execute(void *user, sn_http_request *request) {
    sn_http_execution *x = calloc(1, sizeof *x);
    if (!x)
        return sn_http_reply_error(
            request, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a request", ""});
    x->work = (sn_http_work){.doors = user, .request = request, .method = "POST /tools/execute"};
    x->read = read_call;
    x->answer = answer;
    sn_http_execution_submit(x);
}

/* ---- what there is ---- */

/* As models' APIs take it in `tools`. */
static json_t *schema_of(const sn_doors *doors, const sn_tool *tool) {
    return json_pack("{s:s, s:{s:s, s:s, s:o}}", "type", "function", "function", "name", tool->id,
                     "description", tool->description, "parameters",
                     sn_tool_input_schema(tool, &doors->core->limits));
}

static void reply(sn_http_request *request, json_t *json) {
    sn_http_reply_json(request, 200, json);
    json_decref(json);
}

static void on_list(void *user, sn_http_request *request) {
    (void)user;
    reply(request, json_pack("[s]", tool_id));
}

static void on_schemas(void *user, sn_http_request *request) {
    reply(request, json_pack("[o]", schema_of(user, sn_tool_find(tool_id))));
}

static void on_schema(void *user, sn_http_request *request) {
    const char *name = sn_http_param(request, "name");
    sn_error err = SN_ERROR_INIT;
    if (strcmp(name, tool_id) == 0)
        return reply(request, schema_of(user, sn_tool_find(tool_id)));
    no_tool(name, &err);
    sn_http_reply_error(request, &err);
}

void sn_tool_door_add(sn_http_routes *routes, sn_doors *doors) {
    const sn_http_route all[] = {
        {.method = "POST",
         .pattern = "/tools/execute",
         .handler = on_execute,
         .body_most_bytes = SN_HTTP_BODY_MOST_BYTES},
        {.method = "GET", .pattern = "/tools/list", .handler = on_list},
        {.method = "GET", .pattern = "/tools/schemas", .handler = on_schemas},
        {.method = "GET", .pattern = "/tools/{name}/schema", .handler = on_schema},
    };
    for (size_t i = 0; i < SN_COUNT(all); i++) {
        sn_http_route route = all[i];
        route.user = doors;
        sn_http_routes_add(routes, &route);
    }
}
