/* session_transfer.h - ExportSession and ImportSession of shannon.v1.Executor: sessions as files,
 * in pieces. */
#ifndef SN_AGENT_CORE_SESSION_TRANSFER_H
#define SN_AGENT_CORE_SESSION_TRANSFER_H

#include "agent_core/core.h"
#include "rpc/methods.h"

void sn_session_transfer_add(sn_rpc_methods *methods, sn_core *core);

#endif
