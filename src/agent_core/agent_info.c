/* agent_info.c - see agent_info.h. */
#include "agent_core/agent_info.h"

#include "agent.pb-c.h"
#include "agent_core/struct_json.h"
#include "service/tools.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/message.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    REQUEST_MOST_BYTES = 64 << 10,
    FIELDS_MOST = 1000,
    TOOLS_MOST = 4,
    TEXTS_MOST = 8, /* tags of a tool, or examples */
};

static uint64_t began_ns; /* the process offers this service since */

/* ---- requests and answers ---- */

static void *read_request(const ProtobufCMessageDescriptor *type, const void *data, size_t bytes,
                          sn_error *err) {
    if (bytes <= REQUEST_MOST_BYTES)
        return sn_message_unpack(type, data, bytes, FIELDS_MOST, err);
    sn_fail(err, SN_EINVALID_ARGUMENT, "the message has more than %d bytes", REQUEST_MOST_BYTES);
    return NULL;
}

static void reply(sn_rpc_call *call, const ProtobufCMessage *message) {
    static const sn_error no_memory = {SN_ERESOURCE_EXHAUSTED, "no memory for an answer", ""};
    sn_auto_free uint8_t *data = malloc(protobuf_c_message_get_packed_size(message) + 1);
    if (data)
        sn_rpc_reply(call, data, protobuf_c_message_pack(message, data));
    else
        sn_rpc_fail(call, &no_memory);
}

static ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

/* ---- what it can do, and how it is ---- */

static void get_capabilities(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    static Shannon__Common__ExecutionMode modes[] = {
        SHANNON__COMMON__EXECUTION_MODE__EXECUTION_MODE_SIMPLE};
    const sn_core *core = service;
    Shannon__Agent__GetCapabilitiesResponse response =
        SHANNON__AGENT__GET_CAPABILITIES_RESPONSE__INIT;
    ProtobufCBinaryData tools[TOOLS_MOST];
    (void)request, (void)bytes;
    for (const sn_tool *tool = sn_tools; tool->id; tool++)
        tools[response.n_supported_tools++] = text_of(tool->id);
    response.supported_tools = tools;
    response.n_supported_modes = SN_COUNT(modes);
    response.supported_modes = modes;
    response.max_memory_mb = core->limits.memory_limit_mb;
    response.max_concurrent_tasks = (int32_t)core->limits.workers;
    response.version = text_of(SN_VERSION);
    reply(call, &response.base);
}

/* What of the machine's memory is in use; 0 if nobody knows. */
static double memory_usage_percent(void) {
    unsigned long long total = 0, available = 0;
    char line[128];
    sn_auto_file FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        (void)sscanf(line, "MemTotal: %llu", &total);
        (void)sscanf(line, "MemAvailable: %llu", &available);
    }
    return total > 0 && available <= total ? 100.0 * (double)(total - available) / (double)total
                                           : 0;
}

static void health_check(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    const sn_core *core = service;
    Shannon__Agent__HealthCheckResponse response = SHANNON__AGENT__HEALTH_CHECK_RESPONSE__INIT;
    sn_admission_figures figures;
    (void)request, (void)bytes;
    sn_admission_get_figures(&figures, core->executions);
    response.healthy = true;
    response.message = text_of("ok");
    response.uptime_seconds = (int64_t)((sn_now_ns() - began_ns) / 1000000000u);
    response.active_tasks = (int32_t)figures.running;
    response.memory_usage_percent = memory_usage_percent();
    reply(call, &response.base);
}

/* ---- tools ---- */

/* A tool as a message, and what that refers to. */
typedef struct capability {
    Shannon__Agent__ToolCapability message;
    ProtobufCBinaryData tags[TEXTS_MOST], examples[TEXTS_MOST];
} capability;

static size_t texts_of(ProtobufCBinaryData *out, const char *const *texts) {
    size_t count = 0;
    for (; texts[count] && count < TEXTS_MOST; count++)
        out[count] = text_of(texts[count]);
    return count;
}

/* False: no memory; it is to be dropped all the same. */
static bool make_capability(capability *out, const sn_core *core, const sn_tool *tool) {
    Shannon__Agent__ToolCapability *m = &out->message;
    json_t *input = sn_tool_input_schema(tool, &core->limits);
    json_t *output = sn_tool_output_schema(tool);
    shannon__agent__tool_capability__init(m);
    m->id = text_of(tool->id);
    m->name = text_of(tool->name);
    m->description = text_of(tool->description);
    m->category = text_of(tool->category);
    m->version = text_of(SN_VERSION);
    m->author = text_of("Shannon");
    m->input_schema = sn_struct_of_json(input);
    m->output_schema = sn_struct_of_json(output);
    m->estimated_duration_ms = 1; /* of a small program */
    m->n_tags = texts_of(out->tags, tool->tags);
    m->tags = out->tags;
    m->n_examples = texts_of(out->examples, tool->examples);
    m->examples = out->examples;
    json_decref(input);
    json_decref(output);
    return m->input_schema && m->output_schema;
}

static void drop_capability(capability *c) {
    google__protobuf__struct__free_unpacked(c->message.input_schema, NULL);
    google__protobuf__struct__free_unpacked(c->message.output_schema, NULL);
}

static void fail_for_memory(sn_rpc_call *call) {
    sn_rpc_fail(call, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for the tools", ""});
}

static void get_tool_capability(void *service, sn_rpc_call *call, const void *data, size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    capability made;
    Shannon__Agent__GetToolCapabilityResponse response =
        SHANNON__AGENT__GET_TOOL_CAPABILITY_RESPONSE__INIT;
    Shannon__Agent__GetToolCapabilityRequest *request =
        read_request(&shannon__agent__get_tool_capability_request__descriptor, data, bytes, &err);
    if (!request)
        return sn_rpc_fail(call, &err);
    const sn_tool *tool = sn_tools;
    while (tool->id && !sn_bytes_are(&request->tool_id, tool->id))
        tool++;
    shannon__agent__get_tool_capability_request__free_unpacked(request, NULL);
    if (!tool->id) {
        sn_fail(&err, SN_ENOT_FOUND, "there is no such tool here");
        sn_hint(&err, "DiscoverTools lists them");
        return sn_rpc_fail(call, &err);
    }
    response.tool = &made.message;
    if (make_capability(&made, service, tool))
        reply(call, &response.base);
    else
        fail_for_memory(call);
    drop_capability(&made);
}

/* ---- which ones are looked for ---- */

/* Whether `part` occurs in the text, in capitals or not. */
static bool contains(const char *text, const ProtobufCBinaryData *part) {
    size_t length = strlen(text);
    for (size_t at = 0; part->len <= length && at <= length - part->len; at++) {
        size_t i = 0;
        while (i < part->len && tolower((unsigned char)text[at + i]) == tolower(part->data[i]))
            i++;
        if (i == part->len)
            return true;
    }
    return false;
}

static bool any_contains(const char *const *texts, const ProtobufCBinaryData *part) {
    for (; *texts; texts++)
        if (contains(*texts, part))
            return true;
    return false;
}

static bool is_looked_for(const sn_tool *tool, const Shannon__Agent__DiscoverToolsRequest *r) {
    const char *const texts[] = {tool->id, tool->name, tool->description, tool->category, NULL};
    if (r->query.len > 0 && !any_contains(texts, &r->query) && !any_contains(tool->tags, &r->query))
        return false;
    bool in_category = r->n_categories == 0, is_tagged = r->n_tags == 0;
    for (size_t i = 0; i < r->n_categories; i++)
        in_category |= sn_bytes_are(&r->categories[i], tool->category);
    for (size_t i = 0; i < r->n_tags; i++)
        for (const char *const *tag = tool->tags; *tag; tag++)
            is_tagged |= sn_bytes_are(&r->tags[i], *tag);
    return in_category && is_tagged;
}

static void discover_tools(void *service, sn_rpc_call *call, const void *data, size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    Shannon__Agent__DiscoverToolsResponse response = SHANNON__AGENT__DISCOVER_TOOLS_RESPONSE__INIT;
    Shannon__Agent__ToolCapability *tools[TOOLS_MOST];
    capability made[TOOLS_MOST];
    bool ok = true;
    Shannon__Agent__DiscoverToolsRequest *request =
        read_request(&shannon__agent__discover_tools_request__descriptor, data, bytes, &err);
    if (!request)
        return sn_rpc_fail(call, &err);
    size_t most = request->max_results > 0 ? (size_t)request->max_results : TOOLS_MOST;
    for (const sn_tool *tool = sn_tools; tool->id && response.n_tools < most; tool++)
        if (is_looked_for(tool, request)) {
            tools[response.n_tools] = &made[response.n_tools].message;
            ok &= make_capability(&made[response.n_tools++], service, tool);
        }
    shannon__agent__discover_tools_request__free_unpacked(request, NULL);
    response.tools = tools;
    if (ok)
        reply(call, &response.base);
    else
        fail_for_memory(call);
    for (size_t i = 0; i < response.n_tools; i++)
        drop_capability(&made[i]);
}

void sn_agent_info_add(sn_rpc_methods *methods, sn_core *core) {
    static const struct {
        const char *path;
        sn_rpc_begin_fn begin;
    } all[] = {
        {"/shannon.agent.AgentService/GetCapabilities", get_capabilities},
        {"/shannon.agent.AgentService/HealthCheck", health_check},
        {"/shannon.agent.AgentService/DiscoverTools", discover_tools},
        {"/shannon.agent.AgentService/GetToolCapability", get_tool_capability},
    };
    began_ns = sn_now_ns();
    for (size_t i = 0; i < SN_COUNT(all); i++)
        sn_rpc_methods_add(methods, (sn_rpc_method){all[i].path, all[i].begin, core, false});
}
