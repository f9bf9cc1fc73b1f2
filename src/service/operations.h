/*
 * operations.h - the pages that those who run a service look at: /health, /ready and /metrics.
 *
 *     static const sn_readiness checks[] = {{"workers", has_workers, service}, {0}};
 *     sn_operations operations = {.checks = checks, .metrics = metrics};
 *     sn_operations_add_routes(&routes, &operations);
 *
 * /health answers 200 as long as the process serves, to anybody. /ready answers 200 when every
 * check passes, else 503, with a reason for each that does not. /metrics is what Prometheus
 * collects; it is the operator's, and no tenant's.
 */
#ifndef SN_SERVICE_OPERATIONS_H
#define SN_SERVICE_OPERATIONS_H

#include "service/http.h"

/* On the server's thread: must not block. False: the service cannot do its work now, and `why` says
 * why not in a line. */
typedef bool sn_is_ready_fn(void *user, char *why, size_t why_bytes);

typedef struct sn_readiness {
    const char *name; /* NULL after the last */
    sn_is_ready_fn *is_ready;
    void *user;
} sn_readiness;

/* The caller's; lives as long as the server. */
typedef struct sn_operations {
    const sn_readiness *checks; /* NULL: always ready */
    sn_metrics *metrics;        /* NULL: there is no /metrics */
} sn_operations;

void sn_operations_add_routes(sn_http_routes *routes, sn_operations *operations);

#endif
