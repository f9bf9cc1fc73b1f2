/*
 * executor_service.h - shannon.v1.Executor over gRPC (proto/shannon/v1/executor.proto).
 *
 * Each service of agent-core appends its methods to a list, which then goes to
 * sn_rpc_server_start().
 */
#ifndef SN_AGENT_CORE_EXECUTOR_SERVICE_H
#define SN_AGENT_CORE_EXECUTOR_SERVICE_H

#include "agent_core/core.h"
#include "rpc/methods.h"

/* Execute, ExecuteStream, GetLimits. */
void sn_executor_service_add(sn_rpc_methods *methods, sn_core *core);

#endif
