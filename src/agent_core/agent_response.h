/*
 * agent_response.h - what became of an execution, as shannon.agent's messages say it.
 *
 * The result's text is what a user sees: what the code wrote, and the last expression's value. The
 * whole result, as the other interfaces have it (stdout, stderr, error, ...), is the output of the
 * task's only tool result.
 */
#ifndef SN_AGENT_CORE_AGENT_RESPONSE_H
#define SN_AGENT_CORE_AGENT_RESPONSE_H

#include "agent_core/agent_request.h"

/* A task; what it refers to stays the caller's. */
typedef struct sn_agent_task {
    const char *id;
    const sn_agent_request *request;
} sn_agent_task;

/* Packed messages; free() them. NULL: no memory. */

/* An ExecuteTaskResponse. */
void *sn_agent_response(size_t *bytes, const sn_agent_task *task, const sn_result *result,
                        int64_t latency_ms);

/* TaskUpdates: the execution begins; a piece of the result's text, which is valid UTF-8; the tool's
 * result; the end. */
void *sn_agent_update_begin(size_t *bytes, const sn_agent_task *task);
void *sn_agent_update_delta(size_t *bytes, const sn_agent_task *task, const char *text,
                            size_t text_bytes);
void *sn_agent_update_result(size_t *bytes, const sn_agent_task *task, const sn_result *result);
void *sn_agent_update_end(size_t *bytes, const sn_agent_task *task, const sn_result *result);

#endif
