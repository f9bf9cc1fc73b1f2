/* agent_request.c - see agent_request.h. */
#include "agent_core/agent_request.h"

#include "agent.pb-c.h"
#include "agent_core/agent_code.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/message.h"

#include <math.h>
#include <string.h>

typedef Shannon__Agent__ExecuteTaskRequest task_request;

/* More than any client has; two threads unpack what all of them send. */
enum { FIELDS_MOST = 200000 };

#define KIND(name) GOOGLE__PROTOBUF__VALUE__KIND_##name

/* ---- limits ---- */

static int take_timeout(sn_request *to, const task_request *from, const sn_struct *parameters,
                        sn_error *err) {
    const sn_value *value;
    int rc = sn_agent_parameter(&value, parameters, "timeout_seconds", KIND(NUMBER_VALUE), err);
    double seconds = rc > 0         ? value->number_value
                     : from->config ? from->config->timeout_seconds
                                    : 0;
    if (rc < 0)
        return rc;
    if (isnan(seconds) || seconds < 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "timeout_seconds is %g", seconds);
    to->timeout_seconds = seconds;
    return 0;
}

static int take_memory(sn_request *to, const task_request *from, const sn_struct *parameters,
                       sn_error *err) {
    const sn_value *value;
    int rc = sn_agent_parameter(&value, parameters, "memory_limit_mb", KIND(NUMBER_VALUE), err);
    double mb = rc > 0         ? value->number_value
                : from->config ? (double)from->config->memory_limit_mb
                               : 0;
    if (rc < 0)
        return rc;
    if (!(mb >= 0 && mb <= UINT32_MAX) || mb != floor(mb))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "memory_limit_mb is %g", mb);
    to->memory_limit_mb = (uint32_t)mb;
    return 0;
}

/* ---- whose it is ---- */

/* What says most about this execution comes first. */
static int take_session(sn_agent_request *to, const task_request *from, const sn_struct *parameters,
                        sn_error *err) {
    const sn_value *value;
    int rc = sn_agent_parameter(&value, parameters, "session_id", KIND(STRING_VALUE), err);
    if (rc > 0)
        rc = sn_agent_text(&to->session_id, &value->string_value, "session_id", err);
    if (rc == 0 && !to->session_id && from->session_context)
        rc = sn_agent_text(&to->session_id, &from->session_context->session_id,
                           "session_context.session_id", err);
    if (rc == 0 && !to->session_id && from->metadata)
        rc =
            sn_agent_text(&to->session_id, &from->metadata->session_id, "metadata.session_id", err);
    to->request.session_id = to->session_id;
    return rc;
}

static int take_metadata(sn_agent_request *to, const Shannon__Common__TaskMetadata *from,
                         sn_error *err) {
    if (!from)
        return 0;
    if (from->task_id.len > SN_TASK_ID_MAX_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "metadata.task_id has more than %d bytes",
                       SN_TASK_ID_MAX_BYTES);
    int rc = sn_agent_text(&to->task_id, &from->task_id, "metadata.task_id", err);
    return rc < 0 ? rc : sn_agent_text(&to->tenant, &from->tenant_id, "metadata.tenant_id", err);
}

/* ---- what is to be done ---- */

/* A list that is there says what may be used. */
static int check_tools(const sn_agent_request *to, const task_request *from, sn_error *err) {
    for (size_t i = 0; i < from->n_available_tools; i++)
        if (sn_bytes_are(&from->available_tools[i], to->tool->id))
            return 0;
    return from->n_available_tools == 0
               ? 0
               : sn_fail(err, SN_EINVALID_ARGUMENT,
                         "the task is for %s, which is not among its available_tools",
                         to->tool->id);
}

static int take_code(sn_agent_request *to, const task_request *from, const sn_struct *parameters,
                     const char *interpreter_path, sn_error *err) {
    bool simple = from->mode == SHANNON__COMMON__EXECUTION_MODE__EXECUTION_MODE_SIMPLE ||
                  from->mode == SHANNON__COMMON__EXECUTION_MODE__EXECUTION_MODE_UNSPECIFIED;
    return parameters ? sn_agent_code_of_parameters(to, parameters, interpreter_path, err)
                      : sn_agent_code_of_query(to, &from->query, simple, err);
}

static int take(sn_agent_request *to, const task_request *from, const char *interpreter_path,
                sn_error *err) {
    const sn_value *value = sn_struct_get(from->context, "tool_parameters");
    if (value && value->kind_case != KIND(STRUCT_VALUE))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "context.tool_parameters is not an object");
    const sn_struct *parameters = value ? value->struct_value : NULL;
    int rc = take_metadata(to, from->metadata, err);
    if (rc == 0)
        rc = take_code(to, from, parameters, interpreter_path, err);
    if (rc == 0)
        rc = check_tools(to, from, err);
    if (rc == 0)
        rc = take_timeout(&to->request, from, parameters, err);
    if (rc == 0)
        rc = take_memory(&to->request, from, parameters, err);
    return rc < 0 ? rc : take_session(to, from, parameters, err);
}

int sn_agent_request_read(sn_agent_request *out, const void *data, size_t bytes,
                          const char *interpreter_path, sn_error *err) {
    static const sn_request none = SN_REQUEST_INIT;
    *out = (sn_agent_request){.request = none};
    if (bytes > SN_AGENT_REQUEST_MOST_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the task has %zu bytes, more than the limit of 16 MiB", bytes);
    sn_error ignored;
    err = err ? err : &ignored;
    task_request *message = sn_message_unpack(&shannon__agent__execute_task_request__descriptor,
                                              data, bytes, FIELDS_MOST, err);
    if (!message)
        return err->code;
    int rc = take(out, message, interpreter_path, err);
    shannon__agent__execute_task_request__free_unpacked(message, NULL);
    if (rc < 0)
        sn_agent_request_clear(out);
    return rc;
}

void sn_agent_request_clear(sn_agent_request *request) {
    for (char **arg = request->args; arg && *arg; arg++)
        free(*arg);
    free(request->args);
    free(request->task_id);
    free(request->tenant);
    free(request->code);
    free(request->stdin_text);
    free(request->session_id);
    *request = (sn_agent_request){0};
}
