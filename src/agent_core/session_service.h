/* session_service.h - the methods of shannon.v1.Executor that are about sessions. */
#ifndef SN_AGENT_CORE_SESSION_SERVICE_H
#define SN_AGENT_CORE_SESSION_SERVICE_H

#include "agent_core/core.h"
#include "rpc/methods.h"

/* ListSessions, GetSession, ForkSession, RewindSession, DeleteSession. They take turns of their
 * own, so that they can be answered while all workers are busy. */
void sn_session_service_add(sn_rpc_methods *methods, sn_core *core);

#endif
