/*
 * remote.h - an agent-core on another machine, over gRPC: executions and sessions there are used by
 * the same calls as those here. Nothing is tried a second time; who calls knows whether that is
 * right.
 */
#ifndef SN_EXECUTOR_REMOTE_H
#define SN_EXECUTOR_REMOTE_H

#include "executor/settings.h"
#include "rpc/channel.h"
#include "util/buffer.h"

/* Where to execute, and what to say there. `address` may name several (addresses.h). */
typedef struct sn_place {
    const char *address; /* "HOST:PORT"; NULL: in this process */
    const char *token;   /* or NULL */
    const char *ca_path; /* or NULL */
} sn_place;

/* What the caller wants, and for each that is NULL, what the environment says: AGENT_CORE_ADDR,
 * SHANNON_API_TOKEN, SHANNON_CA_FILE. "" is none. */
sn_place sn_place_find(const char *address, const char *token, const char *ca_path);

SN_WARN_UNUSED int sn_place_connect(sn_rpc_channel **out, const sn_place *place, sn_error *err);

SN_WARN_UNUSED int sn_remote_open(sn_executor **out, const sn_executor_options *options,
                                  const sn_place *place, sn_error *err);

/* ---- one execution; several.c makes them, too ---- */

/* For requests that say nothing; 0: the server's. */
typedef struct sn_remote_defaults {
    uint32_t memory_limit_mb;
    double timeout_seconds;
} sn_remote_defaults;

/* Of an executor's options. SN_EINVALID_ARGUMENT: they ask for what only this process has. */
SN_WARN_UNUSED int sn_remote_settle(sn_remote_defaults *out, sn_settings *settings,
                                    const sn_executor_options *options, const char *address,
                                    sn_error *err);

/* A request as it is sent: with all of its standard input. */
typedef struct sn_remote_request {
    sn_request request;
    sn_buffer input;
} sn_remote_request;

/* SN_RPC_GIVEN_UP: it was cancelled while its input was read. Release it in any case. */
SN_WARN_UNUSED int sn_remote_prepare(sn_remote_request *out, const sn_request *request,
                                     const sn_remote_defaults *defaults, sn_error *err);
void sn_remote_release(sn_remote_request *request);

SN_WARN_UNUSED int sn_remote_send(sn_result **out, sn_rpc_fate *fate, sn_rpc_channel *channel,
                                  const sn_request *request, sn_event_fn on_event, void *user,
                                  sn_error *err);

/* The result of an execution that was cancelled before it was sent. */
SN_WARN_UNUSED int sn_remote_cancelled(sn_result **out, sn_error *err);

SN_WARN_UNUSED int sn_remote_figures(sn_executor_figures *out, sn_rpc_channel *channel,
                                     sn_error *err);

/* ---- the rest ---- */

/* Sessions with a channel of their own, or with one that somebody else has and closes later. */
SN_WARN_UNUSED int sn_remote_sessions_open(sn_sessions **out, const sn_place *place, sn_error *err);
sn_sessions *sn_remote_sessions_on(sn_rpc_channel *channel, sn_error *err);

enum { SN_REMOTE_WAIT_SECONDS = 95 }; /* for a turn there, and for a session */

/* A call with one answer, which `read` makes something of; what that returns below 0 is returned.
 * `request` NULL: there was no memory for it. */
typedef int sn_answer_fn(void *out, const void *message, size_t bytes, sn_error *err);
SN_WARN_UNUSED int sn_remote_ask(sn_rpc_channel *channel, sn_rpc_invocation *invocation,
                                 sn_answer_fn *read, void *out, sn_error *err);

#endif
