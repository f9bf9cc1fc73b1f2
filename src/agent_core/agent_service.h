/*
 * agent_service.h - shannon.agent.AgentService (proto/shannon/agent/agent.proto): executions for
 * clients that were written for it, and what tools there are.
 */
#ifndef SN_AGENT_CORE_AGENT_SERVICE_H
#define SN_AGENT_CORE_AGENT_SERVICE_H

#include "agent_core/core.h"
#include "rpc/methods.h"

void sn_agent_service_add(sn_rpc_methods *methods, sn_core *core);

#endif
