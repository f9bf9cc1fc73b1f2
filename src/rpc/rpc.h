/*
 * rpc.h - a gRPC server: methods that are given a whole request, or several one after the other,
 * and answer with one message or several. The one place that knows the C core of gRPC (grpc/grpc.h,
 * version 29).
 *
 * Theory of operation: one completion queue, a few threads that wait on it. They take calls, hand a
 * request that is whole to its method, and write what is to be written; none of them ever waits for
 * anything else. A method that takes time does it on a thread of its own, and may answer from
 * there. Each call holds a descriptor that becomes readable when its client has gone away or its
 * deadline has passed, which is what sn_request.cancel_fd wants.
 *
 * Bounds: sizes of messages and metadata, calls at once, what a call may have unsent. gRPC's own
 * threads and memory come on top; a quota bounds the latter.
 */
#ifndef SN_RPC_RPC_H
#define SN_RPC_RPC_H

#include "shannon.h"

typedef struct sn_rpc_server sn_rpc_server;
typedef struct sn_rpc_call sn_rpc_call;

/* On one of the server's threads: must not block. `request` is valid during the call. Whoever has
 * the call must finish it, once. */
typedef void (*sn_rpc_begin_fn)(void *service, sn_rpc_call *call, const void *request,
                                size_t bytes);

typedef struct sn_rpc_method {
    const char *path; /* "/shannon.v1.Executor/Execute" */
    sn_rpc_begin_fn begin;
    void *service;
    bool is_open; /* also to clients without the token */
    /* NULL, or the method takes several messages: `begin` is given the first, and this one each
     * that sn_rpc_receive() asked for. NULL instead of a message: no more will come. */
    sn_rpc_begin_fn next;
} sn_rpc_method;

typedef struct sn_rpc_options {
    const char *address;          /* "127.0.0.1:50051"; port 0: any */
    const char *token;            /* NULL, or what "authorization: Bearer" must say */
    const char *certificate_path; /* with key_path: TLS, else plain; PEM */
    const char *key_path;
    size_t request_most_bytes;
    unsigned calls_most;     /* at once; one more is refused */
    uint64_t unread_most_ns; /* that an answer is kept for a client that does not take it */
} sn_rpc_options;

#define SN_RPC_OPTIONS_INIT                                                                        \
    {.address = "127.0.0.1:50051",                                                                 \
     .request_most_bytes = 80 << 20,                                                               \
     .calls_most = 4096,                                                                           \
     .unread_most_ns = UINT64_C(30000000000)}

/* `methods` end with a path of NULL and must outlive the server. SN_EUNAVAILABLE: the address
 * cannot be had; SN_EINVALID_ARGUMENT: certificate or key are not to be read. */
SN_WARN_UNUSED int sn_rpc_server_start(sn_rpc_server **out, const sn_rpc_options *options,
                                       const sn_rpc_method *methods, sn_error *err);
int sn_rpc_server_port(const sn_rpc_server *server);

/* Takes no more calls, waits so long for those under way, cancels what is left and waits for them
 * to finish. NULL is allowed. */
void sn_rpc_server_stop(sn_rpc_server *server, uint64_t patience_ns);

/* ---- calls ---- */

/* Readable once there is nobody any more to answer to. */
int sn_rpc_cancel_fd(const sn_rpc_call *call);

/* By CLOCK_MONOTONIC; UINT64_MAX: none. */
uint64_t sn_rpc_deadline_ns(const sn_rpc_call *call);

/* The value of a piece of metadata; free() it. NULL: there is none. */
char *sn_rpc_metadata(const sn_rpc_call *call, const char *key);

/* Where the client is: "192.0.2.1" or "::1", without the port; free() it. */
char *sn_rpc_peer(const sn_rpc_call *call);

/* Lets the server end the call by itself when its client has gone away: asks `gone`, at most once,
 * on a thread of its own and with the call locked, so it must neither block nor use the call. True:
 * nobody will finish the call, and the server does. It is not asked once the call is finished. */
typedef bool sn_rpc_gone_fn(void *user);
void sn_rpc_on_gone(sn_rpc_call *call, sn_rpc_gone_fn *gone, void *user);

/* Any thread, one at a time. Copies the message. Waits while the client does not read, until
 * `until_ns` at most. SN_EUNAVAILABLE: it is gone, SN_EDEADLINE_EXCEEDED: it still does not read.
 */
SN_WARN_UNUSED int sn_rpc_send(sn_rpc_call *call, const void *message, size_t bytes,
                               uint64_t until_ns, sn_error *err);

/*
 * Of a method that takes several messages: asks for the next one, which comes when all that was
 * sent has been written, so that a client that does not read is not read from either. Until then
 * the call is the server's: it must not be finished. That its client has gone away is told as the
 * end of its messages, and so is that the server stops; sn_rpc_on_gone() is not for these calls.
 */
void sn_rpc_receive(sn_rpc_call *call);

/*
 * The same for a method that may block and has no `next`: waits for the next message, at most so
 * long, and gives it, which is the caller's to free. 1; 0: no more will come; SN_EUNAVAILABLE: the
 * client has gone away, or the server stops; SN_EDEADLINE_EXCEEDED: it did not come in time. After
 * an error the call is to be finished.
 */
SN_WARN_UNUSED int sn_rpc_wait(sn_rpc_call *call, void **message, size_t *bytes,
                               uint64_t patience_ns, sn_error *err);

/* Ends the call: with a last message unless that is NULL, or with an error. It must not be touched
 * any more. */
void sn_rpc_reply(sn_rpc_call *call, const void *message, size_t bytes);
void sn_rpc_fail(sn_rpc_call *call, const sn_error *error);

/* As sn_rpc_fail(), and the client is told that nothing was done: it may ask another server. */
void sn_rpc_refuse(sn_rpc_call *call, const sn_error *error);

#endif
