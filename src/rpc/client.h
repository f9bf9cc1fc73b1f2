/* client.h - what channel.c, invoke.c and status.c share of channel.h. */
#ifndef SN_RPC_CLIENT_H
#define SN_RPC_CLIENT_H

#include "rpc/channel.h"
#include "rpc/mark.h"

#include <grpc/grpc.h>
#include <pthread.h>

struct sn_rpc_channel {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    pthread_t thread;
    bool has_thread;
    char *address;
    char *authorization; /* NULL: there is no token */
};

/* Something that gRPC was asked for; its address is what comes out of the queue. On the channel's
 * thread; must not block. */
typedef struct sn_rpc_wanted {
    void (*done)(struct sn_rpc_wanted *wanted, bool ok);
} sn_rpc_wanted;

/* What a call ended with, as an error; 0 if it is none. `debug` is gRPC's own description, or NULL;
 * `fate` is left alone where the server itself has spoken. */
int sn_rpc_status_error(sn_rpc_fate *fate, const sn_rpc_channel *channel, grpc_status_code status,
                        const grpc_slice *details, const grpc_metadata_array *trailing,
                        const char *debug, sn_error *err);

#endif
