/*
 * agent_request.h - what a shannon.agent.ExecuteTaskRequest asks for, as an execution.
 *
 * The code is where its context.tool_parameters have it, for one of two tools:
 *
 *     {tool: "python_executor", code, stdin, session_id, timeout_seconds, memory_limit_mb}
 *     {tool: "code_executor", wasm_path, stdin, argv, session_id, ...}
 *
 * of which the second is the command line of an interpreter: argv is ["python", "-c", CODE, ...],
 * and stdin what CODE reads; where CODE does no more than execute its standard input, or there is
 * none, stdin is the code. Without tool parameters the query may be code: behind "Execute Python:",
 * or in a block fenced by ```python. Anything else needs a model, which is not here.
 */
#ifndef SN_AGENT_CORE_AGENT_REQUEST_H
#define SN_AGENT_CORE_AGENT_REQUEST_H

#include "service/tools.h"

enum { SN_TASK_ID_MAX_BYTES = 256, SN_AGENT_REQUEST_MOST_BYTES = 16 << 20 };

/* All of it belongs to the request, and what `request` refers to, too. */
typedef struct sn_agent_request {
    sn_request request;
    const sn_tool *tool;
    char *task_id; /* NULL: it has none */
    char *tenant;  /* NULL: it says none */
    char *code;
    char *stdin_text;
    char *session_id;
    char **args; /* NULL at the end */
} sn_agent_request;

/*
 * `interpreter_path` is the only one that a wasm_path may name. SN_EINVALID_ARGUMENT: it is no such
 * message, or something in it is wrong; SN_ENOT_FOUND: it wants another tool; SN_EUNAVAILABLE: it
 * needs a model. Whether code and limits are allowed, sn_execute() says.
 */
SN_WARN_UNUSED int sn_agent_request_read(sn_agent_request *out, const void *data, size_t bytes,
                                         const char *interpreter_path, sn_error *err);
void sn_agent_request_clear(sn_agent_request *request);

#endif
