/*
 * agent_info.h - the methods of shannon.agent.AgentService that execute nothing: what it can do,
 * how it is, what tools there are. They answer at once and take no turn.
 */
#ifndef SN_AGENT_CORE_AGENT_INFO_H
#define SN_AGENT_CORE_AGENT_INFO_H

#include "agent_core/core.h"
#include "rpc/methods.h"

void sn_agent_info_add(sn_rpc_methods *methods, sn_core *core);

#endif
