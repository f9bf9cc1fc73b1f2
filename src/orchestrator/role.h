/*
 * role.h - the orchestrator as a part of a program: what it serves, from its settings
 * (service/settings_table.h).
 *
 *     start ... sn_orchestrator_add_routes(&routes, o); another server's start ...
 *     sn_orchestrator_stop(o, patience); that server's stop; sn_orchestrator_free(o);
 */
#ifndef SN_ORCHESTRATOR_ROLE_H
#define SN_ORCHESTRATOR_ROLE_H

#include "orchestrator/tasks.h"
#include "service/config.h"
#include "service/http.h"

typedef struct sn_orchestrator sn_orchestrator;

/* All of it is the caller's and outlives the orchestrator. */
typedef struct sn_orchestrator_options {
    const sn_config *config;
    sn_metrics *registry; /* gets the metrics of tasks */
    bool
        has_http_metrics; /* and those of its HTTP server, /metrics too: no other server has them */
    const sn_agent *agent;
    sn_orchestrator_answer_fn *answer; /* sn_agent_answer, or what stands for it */
    bool has_model;
    sn_sessions *sessions; /* NULL: executions lie elsewhere, and steps of a task have no forks */
} sn_orchestrator_options;

/* Serves when it returns. SN_EUNAVAILABLE: an address cannot be had, or another process has the
 * tasks; SN_EINVALID_ARGUMENT: the certificate cannot be used. */
SN_WARN_UNUSED int sn_orchestrator_start(sn_orchestrator **out,
                                         const sn_orchestrator_options *options, sn_error *err);

/* The same pages as on its own port, for another HTTP server. */
void sn_orchestrator_add_routes(sn_http_routes *routes, sn_orchestrator *orchestrator);

/* Where it serves gRPC and HTTP: "127.0.0.1:50052". */
const char *sn_orchestrator_address(const sn_orchestrator *orchestrator);
const char *sn_orchestrator_http_address(const sn_orchestrator *orchestrator);

/* An sn_is_ready_fn (service/operations.h) of the sn_orchestrator. */
bool sn_orchestrator_is_ready(void *orchestrator, char *why, size_t why_bytes);

/* What is to be done every minute or so. Blocks on the disk. */
void sn_orchestrator_tidy(sn_orchestrator *orchestrator);

/* Takes no more tasks, lets those under way go on for so long, ends what is left as interrupted,
 * and stops its own servers. */
void sn_orchestrator_stop(sn_orchestrator *orchestrator, uint64_t patience_ns);

/* When all servers that have its routes have stopped; stops it if that was not done. NULL is
 * allowed. */
void sn_orchestrator_free(sn_orchestrator *orchestrator);

#endif
