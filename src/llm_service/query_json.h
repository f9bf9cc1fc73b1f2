/*
 * query_json.h - POST /agent/query, as JSON:
 *
 *     {"query": "...", "context": {...}, "session_id": "...", "mode":
 * "simple"|"standard"|"complex", "tools": ["python_executor"], "max_tokens": 1000, "temperature":
 * 0.2, "stream": false, "timeout_seconds": 300}
 *
 * of which only query must be there. `allowed_tools` is another name of tools; an empty list: the
 * model only talks. And its answer:
 *
 *     {"success": true, "response": "...", "tokens_used": 0, "model_used": null, "provider": null,
 *      "finish_reason": "stop", "metadata": {"request_id", "session_id", "mode", "rounds",
 * "stopped", "usage": {"input_tokens", "output_tokens"}, "executions": [{"code", "result",
 * "error"}]}}
 *
 * `success` is false where the query was code and the code failed: `response` then ends with why.
 */
#ifndef SN_LLM_SERVICE_QUERY_JSON_H
#define SN_LLM_SERVICE_QUERY_JSON_H

#include "llm_service/agent.h"

enum { SN_QUERY_SECONDS_MOST = 3600, SN_QUERY_SECONDS_USUAL = 600 };

typedef struct sn_query_body {
    sn_query query; /* its deadline is not set */
    double timeout_seconds;
    bool streams; /* asked for in the body */
    json_t *json; /* what the texts are in */
} sn_query_body;

/* Takes `json` over, whatever comes of it. SN_EINVALID_ARGUMENT names the field. */
SN_WARN_UNUSED int sn_query_body_read(sn_query_body *out, json_t *json, sn_error *err);
void sn_query_body_clear(sn_query_body *body);

/* NULL: no memory. `provider` is the API of the model, `session_id` what the caller calls the
 * session; NULL: the caller named none. */
json_t *sn_query_answer_json(const sn_agent_reply *reply, const sn_query *query,
                             const char *provider, const char *session_id);

/* One event of a stream: its name, and its data to be released. NULL data: there is nothing to be
 * sent, or no memory. SN_AGENT_OUTPUT is not for this (it may split characters). */
json_t *sn_query_event_json(const char **name, const sn_agent_event *event, const char *session_id);

#endif
