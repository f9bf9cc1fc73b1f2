/* private.h - what server.c and call.c share of rpc.h. */
#ifndef SN_RPC_PRIVATE_H
#define SN_RPC_PRIVATE_H

#include "rpc/rpc.h"

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SN_RPC_THREADS = 2, SN_RPC_REQUESTED = 2 * SN_RPC_THREADS /* calls asked for ahead */ };

struct sn_rpc_server {
    grpc_server *server;
    grpc_completion_queue *queue;
    const sn_rpc_method *methods;
    char *token; /* NULL: none is asked for */
    size_t request_most_bytes;
    unsigned calls_most;
    uint64_t unread_most_ns;
    int port;
    pthread_t threads[SN_RPC_THREADS];
    unsigned threads_count;
    pthread_mutex_t lock;
    pthread_cond_t idle; /* no call is there any more */
    unsigned calls;      /* those that wait to be requested, too */
    sn_rpc_call *first;  /* of all of them */
    atomic_bool stopping;
    atomic_uint_fast64_t looked_ns; /* when sn_rpc_drop_unread() was called last */
};

/* Something that gRPC was asked for; its address is what comes out of the queue. */
typedef struct sn_rpc_tag {
    void (*done)(sn_rpc_call *call, bool ok);
    sn_rpc_call *call;
} sn_rpc_tag;

/* A message that has not been written yet. */
typedef struct sn_rpc_outgoing {
    struct sn_rpc_outgoing *next;
    grpc_byte_buffer *message;
    size_t bytes;
} sn_rpc_outgoing;

struct sn_rpc_call {
    sn_rpc_server *server;
    sn_rpc_call *before, *after;      /* in the server's list; its lock */
    atomic_uint_fast64_t finished_ns; /* when it was answered; 0: it was not */
    const sn_rpc_method *method;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *request;
    sn_rpc_tag requested, received, closed, written;
    int cancelled; /* what gRPC says */
    int cancel_fd;
    atomic_uint references;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    sn_rpc_outgoing *first, **last; /* not yet given to gRPC */
    sn_rpc_outgoing *being_written;
    size_t unsent_bytes;
    bool has_begun; /* initial metadata are out */
    bool writing;
    bool wants_message;
    bool is_waited_for;      /* by sn_rpc_wait(): it is given the next message, */
    bool has_come;           /* this one, */
    grpc_byte_buffer *taken; /* or NULL */
    bool finishing, finished;
    bool has_method_begun;          /* of the thread that receives */
    atomic_bool is_in_conversation; /* it waits for another message */
    bool gone;                      /* there is nobody to answer to */
    sn_rpc_gone_fn *on_gone;
    void *gone_user;
    grpc_status_code status;
    char *message;
    const char *error; /* its name; NULL: none */
    bool refused;      /* nothing was done */
};

grpc_status_code sn_rpc_status_of(int code);

/* Now and then: ends the calls that were answered long ago and whose clients do not take the
 * answer. gRPC would keep it for as long as the connection lasts. */
void sn_rpc_drop_unread(sn_rpc_server *server);

/* When the server stops: ends the calls that wait for another message of their client. */
void sn_rpc_end_conversations(sn_rpc_server *server);

/* Asks for one call more. */
void sn_rpc_call_request(sn_rpc_server *server);

#endif
