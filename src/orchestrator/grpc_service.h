/* grpc_service.h - shannon.orchestrator.OrchestratorService over gRPC
 * (proto/shannon/orchestrator/orchestrator.proto). */
#ifndef SN_ORCHESTRATOR_GRPC_SERVICE_H
#define SN_ORCHESTRATOR_GRPC_SERVICE_H

#include "orchestrator/tasks.h"
#include "rpc/methods.h"

typedef struct sn_orchestrator_service {
    sn_tasks *tasks;
    sn_sessions *sessions; /* NULL: they are not here */
    _Atomic uint64_t requests_bytes;
} sn_orchestrator_service;

/* `service` must outlive the server. */
void sn_orchestrator_service_add(sn_rpc_methods *methods, sn_orchestrator_service *service);

#endif
