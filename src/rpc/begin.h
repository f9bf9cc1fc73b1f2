/* begin.h - gRPC's library, made ready for one user more; grpc_shutdown() is the other end. */
#ifndef SN_RPC_BEGIN_H
#define SN_RPC_BEGIN_H

void sn_rpc_begin(void);

#endif
