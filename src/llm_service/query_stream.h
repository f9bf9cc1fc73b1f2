/*
 * query_stream.h - a query as server-sent events: those of an execution (event_stream.h), and
 *
 *     text         {"text"}                                what the model says
 *     tool_call    {"name", "code"}                        is about to be executed
 *     tool_result  {"name", "success", "result" | "error"}
 *     done         the whole answer (query_json.h), or failed
 */
#ifndef SN_LLM_SERVICE_QUERY_STREAM_H
#define SN_LLM_SERVICE_QUERY_STREAM_H

#include "llm_service/agent.h"
#include "llm_service/event_stream.h"

typedef struct sn_query_stream {
    sn_event_stream events;
    const char *session_id; /* what the caller calls it; NULL: it named none */
} sn_query_stream;

/* An sn_agent_event_fn of the sn_query_stream. */
int sn_query_stream_tell(void *stream, const sn_agent_event *event);

#endif
