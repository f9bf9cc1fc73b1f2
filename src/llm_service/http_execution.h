/*
 * http_execution.h - an execution that is asked for over HTTP: the body becomes a request, which
 * waits its turn; its result, or its events, become the answer. Whoever asks in another form
 * (execute_door.c, tool_door.c) says how to read the body and what to answer.
 */
#ifndef SN_LLM_SERVICE_HTTP_EXECUTION_H
#define SN_LLM_SERVICE_HTTP_EXECUTION_H

#include "llm_service/event_stream.h"
#include "llm_service/request_json.h"
#include "llm_service/work.h"

typedef struct sn_http_execution sn_http_execution;

/* Lies at the beginning of an object that free() releases. */
struct sn_http_execution {
    sn_http_work work; /* doors, request and method are the caller's */
    /* Makes `asked` of the body. Not on a thread that may block. */
    int (*read)(sn_http_execution *x, json_t *body, sn_error *err);
    /* Answers with sn_http_work_reply_json(); not called of a stream. `json` is the result as the
     * client is to see it. */
    void (*answer)(sn_http_execution *x, const sn_result *result, json_t *json);
    bool streams; /* events instead of an answer */

    sn_request_json asked;
    const char *session;                  /* as the caller calls it; NULL: none */
    char session_id[SN_SESSION_ID_BYTES]; /* as it is behind the doors */
    sn_event_stream stream;
};

/* Takes over the execution and its request. */
void sn_http_execution_submit(sn_http_execution *x);

#endif
