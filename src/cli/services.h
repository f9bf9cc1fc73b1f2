/*
 * services.h - the roles of one process (agent-core, llm-service, orchestrator), started, kept and
 * stopped together.
 */
#ifndef SN_CLI_SERVICES_H
#define SN_CLI_SERVICES_H

#include "service/config.h"
#include "shannon.h"

/* What a command makes of its process. */
typedef struct sn_roles {
    bool agent_core;        /* gRPC */
    bool llm_service;       /* HTTP; without it HTTP has the pages of those who run it */
    bool orchestrator;      /* tasks, over gRPC and HTTP of their own, and on llm-service's */
    const char *usual_http; /* where HTTP is served if nothing says where; NULL: nowhere */
} sn_roles;

/* Serves until the process is told to end. Both are the caller's. */
SN_WARN_UNUSED int sn_services_run(const sn_roles *roles, sn_executor *executor,
                                   const sn_config *config, sn_error *err);

#endif
