/*
 * role.h - agent-core as a part of a program: what it serves, from its settings
 * (service/settings_table.h).
 */
#ifndef SN_AGENT_CORE_ROLE_H
#define SN_AGENT_CORE_ROLE_H

#include "agent_core/core.h"
#include "service/config.h"

typedef struct sn_agent_core sn_agent_core;

/* Serves when it returns. All three are the caller's and outlive it. SN_EUNAVAILABLE: the address
 * cannot be had; SN_EINVALID_ARGUMENT: the certificate cannot be used. */
SN_WARN_UNUSED int sn_agent_core_start(sn_agent_core **out, sn_executor *executor,
                                       const sn_config *config, sn_metrics *registry,
                                       sn_error *err);

/* Where it serves: "127.0.0.1:50051". */
const char *sn_agent_core_address(const sn_agent_core *core);

/* An sn_is_ready_fn (service/operations.h) of the sn_agent_core. */
bool sn_agent_core_is_ready(void *core, char *why, size_t why_bytes);

/* What is to be done every minute or so: idle sessions go, their store is tidied. */
void sn_agent_core_tidy(sn_agent_core *core);

/* Who may execute when, and what is counted: for other services in this process. It lives until
 * sn_agent_core_stop(). */
sn_core *sn_agent_core_core(sn_agent_core *core);

/* Takes no more calls, lets those under way go on for so long, cancels what is left, and waits for
 * it: sessions are at a whole step. NULL is allowed. */
void sn_agent_core_drain(sn_agent_core *core, uint64_t patience_ns);

/* The same, and releases it. NULL is allowed. */
void sn_agent_core_stop(sn_agent_core *core, uint64_t patience_ns);

#endif
