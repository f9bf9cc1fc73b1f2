/*
 * channel.h - a gRPC client: a connection to one server, and calls over it that block.
 *
 * Theory of operation: gRPC connects when the first call wants it, and again, with growing pauses,
 * after the connection was lost. One thread waits on the completion queue and wakes the callers,
 * who wait for their call, their deadline and their cancel_fd at once. Nothing is ever sent a
 * second time: a call that may have begun on the other side is not repeated.
 */
#ifndef SN_RPC_CHANNEL_H
#define SN_RPC_CHANNEL_H

#include "shannon.h"

typedef struct sn_rpc_channel sn_rpc_channel;

typedef struct sn_rpc_channel_options {
    const char *address; /* "HOST:PORT" */
    const char *token;   /* NULL, or what goes with each call: "authorization: Bearer TOKEN" */
    const char
        *ca_path; /* NULL: plain; else TLS, with a server these certificates vouch for; PEM */
    size_t message_most_bytes; /* of one that comes */
} sn_rpc_channel_options;

#define SN_RPC_CHANNEL_OPTIONS_INIT {.message_most_bytes = 208 << 20}

/* Connects to nothing yet. SN_EINVALID_ARGUMENT: the address, the token or the certificates are no
 * such thing; SN_EUNAVAILABLE: there is no gRPC here. */
SN_WARN_UNUSED int sn_rpc_channel_open(sn_rpc_channel **out, const sn_rpc_channel_options *options,
                                       sn_error *err);

/* No call may be under way. NULL is allowed. */
void sn_rpc_channel_close(sn_rpc_channel *channel);

typedef struct sn_rpc_pair {
    const char *key; /* lower case */
    const char *value;
} sn_rpc_pair;

enum { SN_RPC_PAIRS_MOST = 7 };

/* What is known of a call that failed, for those who might make it elsewhere. */
typedef enum sn_rpc_fate {
    SN_RPC_ANSWERED, /* the server said so, or it was given up here */
    SN_RPC_NOT_SENT, /* there was no connection: it has not begun */
    SN_RPC_REFUSED,  /* a server of ours is full, or shuts down, and says that it has not begun */
    SN_RPC_LOST,     /* nobody answered: it may have begun, and be done */
} sn_rpc_fate;

/* A further message of the client, which must stay until the next is asked for. 1; 0: there are no
 * more; negative: the call is given up. In the thread that called, which learns nothing of the
 * server while this blocks; the next one is asked for when gRPC has taken the last. */
typedef int sn_rpc_more_fn(void *user, const void **message, size_t *bytes);

typedef struct sn_rpc_invocation {
    const char *path; /* "/shannon.v1.Executor/Execute" */
    const void *request;
    size_t request_bytes;
    sn_rpc_more_fn *more; /* NULL, or tells what follows the request; a server that has answered is
                             sent no more */
    void *more_user;
    uint64_t deadline_ns; /* by CLOCK_MONOTONIC; UINT64_MAX: none */
    int cancel_fd;        /* -1, or a descriptor that becomes readable to give the call up */
    bool streams;         /* any number of messages is an answer, and not just one */
    const sn_rpc_pair *metadata;
    size_t metadata_count;
    sn_rpc_fate *fate; /* NULL, or set when the call has ended */
} sn_rpc_invocation;

#define SN_RPC_INVOCATION_INIT {.deadline_ns = UINT64_MAX, .cancel_fd = -1}

/* In the thread that called. The message is valid during the call. Non-zero gives the call up. The
 * next message is asked for only after it has returned; an answer that is only one is told of when
 * the server has said that all is well. */
typedef int sn_rpc_message_fn(void *user, const void *message, size_t bytes);

enum { SN_RPC_GIVEN_UP = 1 };

/*
 * Calls and blocks until the call has ended; many threads may at once. 0; SN_RPC_GIVEN_UP: the
 * cancel_fd or `on_message` wanted it; or what the server said: its code, its text as message and
 * hint. SN_EUNAVAILABLE also if the server cannot be reached or is lost on the way,
 * SN_EDEADLINE_EXCEEDED if it does not answer in time, SN_EINTERNAL if it does not keep to gRPC.
 */
SN_WARN_UNUSED int sn_rpc_invoke(sn_rpc_channel *channel, const sn_rpc_invocation *invocation,
                                 sn_rpc_message_fn *on_message, void *user, sn_error *err);

#endif
