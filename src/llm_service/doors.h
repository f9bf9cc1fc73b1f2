/*
 * doors.h - what all requests over HTTP share. A door is a file that adds its routes here; what its
 * requests have to wait for goes through work.h.
 */
#ifndef SN_LLM_SERVICE_DOORS_H
#define SN_LLM_SERVICE_DOORS_H

#include "agent_core/core.h"
#include "llm_service/agent.h"
#include "service/http.h"

#include <pthread.h>

typedef struct sn_doors {
    sn_core *core; /* agent-core's, where that is in the same process: the same turns and figures */
    sn_admission *queries; /* threads to wait for a model, and whose turn it is to have one */
    sn_agent agent;
    json_t *openapi;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t quiet; /* nobody is inside any more */
    unsigned inside;      /* requests whose work has been taken on */
    bool is_closed;
} sn_doors;

/* The rest of `doors` is zero, or the caller's. */
void sn_doors_init(sn_doors *doors);
void sn_doors_destroy(sn_doors *doors);

/* False: nothing new is to begin. Else sn_doors_leave() is due; then the doors may be gone. */
SN_WARN_UNUSED bool sn_doors_enter(sn_doors *doors);
void sn_doors_leave(sn_doors *doors);

/* Nobody enters any more. */
void sn_doors_close(sn_doors *doors);
bool sn_doors_are_closed(sn_doors *doors);

/* Until nobody is inside, or that time on the clock of sn_now_ns(). */
void sn_doors_wait(sn_doors *doors, uint64_t until_ns);

/* POST /v1/execute. */
void sn_execute_door_add(sn_http_routes *routes, sn_doors *doors);
/* POST /agent/query. */
void sn_query_door_add(sn_http_routes *routes, sn_doors *doors);
/* /tools/... */
void sn_tool_door_add(sn_http_routes *routes, sn_doors *doors);
/* /v1/sessions/...; and their files: .../{id}/export, .../import. */
void sn_session_door_add(sn_http_routes *routes, sn_doors *doors);
void sn_session_file_door_add(sn_http_routes *routes, sn_doors *doors);
/* GET /openapi.json: of all routes that there are by then. */
void sn_openapi_door_add(sn_http_routes *routes, sn_doors *doors, bool has_token);

#endif
