/*
 * executor_service.h - shannon.v1.Executor over gRPC (proto/shannon/v1/executor.proto): executions
 * that wait their turn (admission.h), streams whose readers set the pace, and the sessions.
 */
#ifndef SN_AGENT_CORE_EXECUTOR_SERVICE_H
#define SN_AGENT_CORE_EXECUTOR_SERVICE_H

#include "agent_core/admission.h"
#include "agent_core/rpc.h"

typedef struct sn_executor_service {
    sn_executor *executor;
    sn_admission *admission;
    double timeout_most_seconds;
} sn_executor_service;

/* Its methods, for sn_rpc_server_start(); each has `service` as its own. They end with a path of
 * NULL. `out` has room for SN_EXECUTOR_METHODS. */
enum { SN_EXECUTOR_METHODS = 9 };
void sn_executor_service_methods(sn_rpc_method *out, sn_executor_service *service);

#endif
