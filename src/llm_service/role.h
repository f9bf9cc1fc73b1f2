/*
 * role.h - the HTTP side as a part of a program: executions, sessions, tools, and the pages of
 * those who run it (service/operations.h), from its settings (service/settings_table.h).
 */
#ifndef SN_LLM_SERVICE_ROLE_H
#define SN_LLM_SERVICE_ROLE_H

#include "agent_core/core.h"
#include "model/model.h"
#include "service/config.h"
#include "service/operations.h"

typedef struct sn_llm_service sn_llm_service;

typedef struct sn_llm_service_options {
    sn_executor *executor;
    const sn_config *config;
    sn_metrics *registry;
    sn_core *core; /* agent-core's in this process, whose turns are shared; NULL: one of its own */
    sn_model *model;            /* NULL: none is configured */
    const sn_readiness *checks; /* of others in this process; NULL: none */
    /* NULL, or adds the routes of others in this process. */
    void (*add_routes)(void *user, sn_http_routes *routes);
    void *user;
} sn_llm_service_options;

/* Serves when it returns. What the options refer to is the caller's and outlives it.
 * SN_EUNAVAILABLE: the address cannot be had. */
SN_WARN_UNUSED int sn_llm_service_start(sn_llm_service **out, const sn_llm_service_options *options,
                                        sn_error *err);

/* Where it serves: "127.0.0.1:8000". */
const char *sn_llm_service_address(const sn_llm_service *service);

/* What is to be done every minute or so where no agent-core in this process does it. */
void sn_llm_service_tidy(sn_llm_service *service);

/* Nothing new is begun: /ready says so, and requests are told to try elsewhere. */
void sn_llm_service_drain(sn_llm_service *service);

/* Lets what is under way go on for so long, cancels what is left, and waits for it. NULL is
 * allowed.
 */
void sn_llm_service_stop(sn_llm_service *service, uint64_t patience_ns);

#endif
