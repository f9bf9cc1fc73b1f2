/*
 * reflection_service.h - grpc.reflection.v1.ServerReflection, and the same under its older name
 * v1alpha: which services there are and what their messages look like, for grpcurl and its like
 * (proto/grpc/reflection/v1/reflection.proto).
 */
#ifndef SN_AGENT_CORE_REFLECTION_SERVICE_H
#define SN_AGENT_CORE_REFLECTION_SERVICE_H

#include "rpc/methods.h"

/* Lists the services that `methods` has when it is asked, so it must outlive the server. */
void sn_reflection_service_add(sn_rpc_methods *methods);

#endif
