/* agent_response.c - see agent_response.h. */
#include "agent_core/agent_response.h"

#include "agent.pb-c.h"
#include "agent_core/struct_json.h"
#include "executor/result_json.h"
#include "executor/result_words.h"
#include "util/auto.h"
#include "util/io.h"

#include <math.h>
#include <string.h>

#define STATUS(name) SHANNON__COMMON__STATUS_CODE__STATUS_CODE_##name
#define STATE(name) SHANNON__AGENT__AGENT_STATE__AGENT_STATE_##name

/* ---- parts ---- */

static ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)text};
}

static Shannon__Common__StatusCode status_of(const sn_result *result) {
    switch (result->status) {
    case SN_STATUS_OK:
        return STATUS(OK);
    case SN_STATUS_TIMEOUT:
        return STATUS(TIMEOUT);
    default:
        return STATUS(ERROR);
    }
}

static Shannon__Agent__AgentState state_of(const sn_result *result) {
    return result->status == SN_STATUS_OK ? STATE(COMPLETED) : STATE(FAILED);
}

/* ---- the tool ---- */

static sn_struct *make_parameters(const sn_agent_request *request) {
    json_t *json = json_object();
    json_object_set_new(json, "tool", json_string(request->tool->id));
    json_object_set_new(json, "code", json_string(request->code));
    if (request->session_id)
        json_object_set_new(json, "session_id", json_string(request->session_id));
    if (request->request.timeout_seconds > 0)
        json_object_set_new(json, "timeout_seconds", json_real(request->request.timeout_seconds));
    sn_struct *made = sn_struct_of_json(json);
    json_decref(json);
    return made;
}

/* False: no memory. */
static bool make_call(Shannon__Common__ToolCall *out, const sn_agent_request *request) {
    shannon__common__tool_call__init(out);
    out->name = out->tool_id = text_of(request->tool->id);
    out->parameters = make_parameters(request);
    return out->parameters;
}

static void drop_call(Shannon__Common__ToolCall *call) {
    google__protobuf__struct__free_unpacked(call->parameters, NULL);
}

static bool make_tool_result(Shannon__Common__ToolResult *out, const sn_agent_request *request,
                             const sn_result *result, const char *error) {
    shannon__common__tool_result__init(out);
    json_t *json = sn_result_json_value(result);
    out->tool_id = text_of(request->tool->id);
    out->output = sn_value_of_json(json);
    out->status = status_of(result);
    out->error_message = text_of(error);
    out->execution_time_ms = (int64_t)ceil(result->usage.wall_ms);
    json_decref(json);
    return out->output;
}

static void drop_tool_result(Shannon__Common__ToolResult *result) {
    google__protobuf__value__free_unpacked(result->output, NULL);
}

/* ---- messages ---- */

static void *packed(size_t *bytes, const ProtobufCMessage *message) {
    *bytes = protobuf_c_message_get_packed_size(message);
    uint8_t *data = malloc(*bytes + 1);
    if (data)
        protobuf_c_message_pack(message, data);
    return data;
}

static void *pack_response(size_t *bytes, Shannon__Agent__ExecuteTaskResponse *response,
                           const sn_agent_task *task, const sn_result *result) {
    size_t text_bytes = 0;
    sn_auto_free char *text = sn_result_output(&text_bytes, result);
    sn_auto_free char *error = sn_result_failure(result);
    Shannon__Common__ToolCall call, *calls[] = {&call};
    Shannon__Common__ToolResult tool, *tools[] = {&tool};
    void *made = NULL;
    bool called = make_call(&call, task->request);
    bool ended = make_tool_result(&tool, task->request, result, error);
    if (text && called && ended && error) {
        response->task_id = text_of(task->id);
        response->status = status_of(result);
        response->result = (ProtobufCBinaryData){text_bytes, (uint8_t *)text};
        response->n_tool_calls = response->n_tool_results = 1;
        response->tool_calls = calls;
        response->tool_results = tools;
        response->error_message = text_of(error);
        response->final_state = state_of(result);
        made = packed(bytes, &response->base);
    }
    drop_call(&call);
    drop_tool_result(&tool);
    return made;
}

void *sn_agent_response(size_t *bytes, const sn_agent_task *task, const sn_result *result,
                        int64_t latency_ms) {
    Shannon__Agent__ExecuteTaskResponse response = SHANNON__AGENT__EXECUTE_TASK_RESPONSE__INIT;
    Shannon__Common__ExecutionMetrics metrics = SHANNON__COMMON__EXECUTION_METRICS__INIT;
    metrics.latency_ms = latency_ms;
    metrics.agents_used = 1;
    metrics.mode = SHANNON__COMMON__EXECUTION_MODE__EXECUTION_MODE_SIMPLE;
    response.metrics = &metrics;
    return pack_response(bytes, &response, task, result);
}

static Shannon__Agent__TaskUpdate update_of(const sn_agent_task *task,
                                            Shannon__Agent__AgentState state) {
    Shannon__Agent__TaskUpdate update = SHANNON__AGENT__TASK_UPDATE__INIT;
    update.task_id = text_of(task->id);
    update.state = state;
    return update;
}

void *sn_agent_update_begin(size_t *bytes, const sn_agent_task *task) {
    Shannon__Agent__TaskUpdate update = update_of(task, STATE(EXECUTING));
    Shannon__Common__ToolCall call;
    update.message = text_of("executing Python");
    update.tool_call = &call;
    void *made = make_call(&call, task->request) ? packed(bytes, &update.base) : NULL;
    drop_call(&call);
    return made;
}

void *sn_agent_update_delta(size_t *bytes, const sn_agent_task *task, const char *text,
                            size_t text_bytes) {
    Shannon__Agent__TaskUpdate update = update_of(task, STATE(EXECUTING));
    update.delta = (ProtobufCBinaryData){text_bytes, (uint8_t *)text};
    return packed(bytes, &update.base);
}

void *sn_agent_update_result(size_t *bytes, const sn_agent_task *task, const sn_result *result) {
    Shannon__Agent__TaskUpdate update = update_of(task, STATE(EXECUTING));
    Shannon__Common__ToolResult tool;
    sn_auto_free char *error = sn_result_failure(result);
    update.tool_result = &tool;
    bool ok = make_tool_result(&tool, task->request, result, error) && error;
    void *made = ok ? packed(bytes, &update.base) : NULL;
    drop_tool_result(&tool);
    return made;
}

void *sn_agent_update_end(size_t *bytes, const sn_agent_task *task, const sn_result *result) {
    Shannon__Agent__TaskUpdate update = update_of(task, state_of(result));
    size_t text_bytes = 0;
    sn_auto_free char *text = sn_result_output(&text_bytes, result);
    sn_auto_free char *error = sn_result_failure(result);
    bool ok = text && error;
    update.message = result->status == SN_STATUS_OK
                         ? (ProtobufCBinaryData){text_bytes, (uint8_t *)text}
                         : text_of(error);
    update.progress = 1;
    void *made = ok ? packed(bytes, &update.base) : NULL;
    return made;
}
