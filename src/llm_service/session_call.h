/*
 * session_call.h - a request about sessions. It takes its turn with others of its kind, so that it
 * is answered while all slots for executions are taken.
 */
#ifndef SN_LLM_SERVICE_SESSION_CALL_H
#define SN_LLM_SERVICE_SESSION_CALL_H

#include "llm_service/work.h"

typedef struct sn_session_method sn_session_method;

/* Sessions are named as they are behind the doors. */
typedef struct sn_session_call {
    sn_http_work work;
    const sn_session_method *method;
    char id[SN_SESSION_ID_BYTES]; /* "": the path names none */
    char new_id[SN_SESSION_ID_BYTES];
    uint64_t step, limit;
} sn_session_call;

struct sn_session_method {
    const char *name; /* "GET /v1/sessions": for the log and the metrics */
    bool has_id;      /* the path has {id} */
    /* NULL, or takes what the request says beside its path. Not on a thread that may block. */
    int (*read)(sn_session_call *call, sn_error *err);
    int (*run)(sn_session_call *call, sn_error *err); /* sn_http_work's */
};

/* Takes over the request. */
void sn_session_call_begin(sn_doors *doors, sn_http_request *request,
                           const sn_session_method *method);

/* What the caller calls a session; NULL: it is not the caller's. */
const char *sn_session_call_name(const sn_session_call *call, const char *id);

/* Answers with the session as it is. */
SN_WARN_UNUSED int sn_session_call_show(sn_session_call *call, const char *id, unsigned status,
                                        sn_error *err);

#endif
