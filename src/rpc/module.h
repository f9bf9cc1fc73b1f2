/*
 * module.h - what shannon-grpc.so has for the program. gRPC's libraries take 5 ms to load, and
 * whoever forks with them loaded copies their mappings; so only what serves or calls over gRPC
 * loads them, once, when it begins to.
 *
 * The functions of rpc.h and channel.h are there twice: in the program, where they pass on
 * (load.c), and in the module (server.c, call.c; channel.c, invoke.c), which offers them in this
 * table.
 */
#ifndef SN_RPC_MODULE_H
#define SN_RPC_MODULE_H

#include "rpc/channel.h"
#include "rpc/rpc.h"

typedef struct sn_rpc_module {
    const char *version; /* the program's own */
    int (*server_start)(sn_rpc_server **, const sn_rpc_options *, const sn_rpc_method *,
                        sn_error *);
    int (*server_port)(const sn_rpc_server *);
    void (*server_stop)(sn_rpc_server *, uint64_t);
    int (*cancel_fd)(const sn_rpc_call *);
    uint64_t (*deadline_ns)(const sn_rpc_call *);
    char *(*metadata)(const sn_rpc_call *, const char *);
    char *(*peer)(const sn_rpc_call *);
    void (*on_gone)(sn_rpc_call *, sn_rpc_gone_fn *, void *);
    int (*send)(sn_rpc_call *, const void *, size_t, uint64_t, sn_error *);
    void (*receive)(sn_rpc_call *);
    int (*wait)(sn_rpc_call *, void **, size_t *, uint64_t, sn_error *);
    void (*reply)(sn_rpc_call *, const void *, size_t);
    void (*fail)(sn_rpc_call *, const sn_error *);
    void (*refuse)(sn_rpc_call *, const sn_error *);
    int (*channel_open)(sn_rpc_channel **, const sn_rpc_channel_options *, sn_error *);
    void (*channel_close)(sn_rpc_channel *);
    int (*invoke)(sn_rpc_channel *, const sn_rpc_invocation *, sn_rpc_message_fn *, void *,
                  sn_error *);
} sn_rpc_module;

/* The module's only name. */
#define SN_RPC_MODULE_SYMBOL "shannon_grpc"
#define SN_RPC_MODULE_FILE "shannon-grpc.so"

#endif
