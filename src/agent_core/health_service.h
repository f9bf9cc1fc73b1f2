/*
 * health_service.h - grpc.health.v1.Health: whether the server takes calls, as load balancers and
 * gRPC's own clients ask for it (proto/grpc/health/v1/health.proto). Its methods are open: those
 * who watch a server over have no token.
 *
 * All services of a server serve or do not serve together. A watcher costs a call and no thread:
 * whoever changes the status sends it. One that does not read is not waited for, and dropped once
 * its window is full.
 *
 * Threads: sn_health_set() and sn_health_shut_down() may be called from any, and do not block.
 */
#ifndef SN_AGENT_CORE_HEALTH_SERVICE_H
#define SN_AGENT_CORE_HEALTH_SERVICE_H

#include "rpc/methods.h"

typedef struct sn_health sn_health;

enum { SN_HEALTH_WATCHERS_MOST = 64 };

/* Does not serve yet. */
SN_WARN_UNUSED int sn_health_new(sn_health **out, sn_error *err);

/* When the server has stopped. NULL is allowed. */
void sn_health_free(sn_health *health);

/* Services that `methods` has are known, also those that are added later; it must outlive the
 * server. */
void sn_health_service_add(sn_rpc_methods *methods, sn_health *health);

void sn_health_set(sn_health *health, bool serving);

/* Does not serve from now on, tells the watchers so and ends their calls: to be called before the
 * server stops, which waits for calls. Later watchers are told so and ended, too. */
void sn_health_shut_down(sn_health *health);

#endif
