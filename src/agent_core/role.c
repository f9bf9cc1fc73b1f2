/* role.c - see role.h. */
#include "agent_core/role.h"

#include "agent_core/agent_service.h"
#include "agent_core/executor_service.h"
#include "agent_core/health_service.h"
#include "agent_core/reflection_service.h"
#include "agent_core/session_service.h"
#include "agent_core/session_transfer.h"
#include "service/settings_table.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sn_agent_core {
    sn_core *core;
    sn_health *health;
    sn_rpc_methods methods;
    sn_rpc_server *server;
    char *address;
    atomic_bool stopping;
};

static int open_core(sn_agent_core *a, sn_executor *executor, const sn_config *config,
                     sn_metrics *registry, sn_error *err) {
    sn_core_options options = SN_CORE_OPTIONS_INIT;
    options.executor = executor;
    options.registry = registry;
    options.running_most = (unsigned)sn_config_number(config, "SHANNON_WORKERS");
    options.queue_most = (unsigned)sn_config_number(config, "SHANNON_QUEUE");
    options.wait_most_ns = (uint64_t)(sn_config_seconds(config, "SHANNON_QUEUE_SECONDS") * 1e9);
    options.requests_most_bytes = sn_config_number(config, "SHANNON_REQUESTS_MB") << 20;
    options.log_code = sn_config_boolean(config, "SHANNON_LOG_CODE");
    return sn_core_open(&a->core, &options, err);
}

static void add_services(sn_agent_core *a) {
    sn_executor_service_add(&a->methods, a->core);
    sn_session_service_add(&a->methods, a->core);
    sn_session_transfer_add(&a->methods, a->core);
    sn_agent_service_add(&a->methods, a->core);
    sn_health_service_add(&a->methods, a->health);
    sn_reflection_service_add(&a->methods);
}

static int serve(sn_agent_core *a, const sn_config *config, sn_error *err) {
    sn_auto_free char *address = sn_settings_address(config, "SHANNON_GRPC_ADDR");
    sn_rpc_options options = SN_RPC_OPTIONS_INIT;
    options.address = address;
    options.token = sn_config_string(config, "SHANNON_API_TOKEN");
    options.certificate_path = sn_config_string(config, "SHANNON_TLS_CERTIFICATE");
    options.key_path = sn_config_string(config, "SHANNON_TLS_KEY");
    options.calls_most = (unsigned)sn_config_number(config, "SHANNON_CALLS");
    add_services(a);
    int rc = sn_rpc_server_start(&a->server, &options, a->methods.list, err);
    if (rc < 0)
        return rc;
    sn_health_set(a->health, true);
    const char *colon = strrchr(address, ':');
    a->address =
        sn_format("%.*s:%d", (int)(colon - address), address, sn_rpc_server_port(a->server));
    return 0;
}

int sn_agent_core_start(sn_agent_core **out, sn_executor *executor, const sn_config *config,
                        sn_metrics *registry, sn_error *err) {
    sn_agent_core *a = calloc(1, sizeof *a);
    if (!a)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for agent-core");
    int rc = open_core(a, executor, config, registry, err);
    if (rc == 0)
        rc = sn_health_new(&a->health, err);
    if (rc == 0)
        rc = serve(a, config, err);
    if (rc < 0)
        sn_agent_core_stop(a, 0);
    else
        *out = a;
    return rc;
}

const char *sn_agent_core_address(const sn_agent_core *a) {
    return a->address;
}

bool sn_agent_core_is_ready(void *user, char *why, size_t why_bytes) {
    sn_agent_core *a = user;
    bool stopping = atomic_load(&a->stopping);
    if (stopping)
        snprintf(why, why_bytes, "it is shutting down");
    return !stopping;
}

void sn_agent_core_tidy(sn_agent_core *a) {
    sn_sessions_tidy(a->core->sessions);
}

sn_core *sn_agent_core_core(sn_agent_core *a) {
    return a->core;
}

void sn_agent_core_drain(sn_agent_core *a, uint64_t patience_ns) {
    if (!a)
        return;
    atomic_store(&a->stopping, true);
    if (a->health)
        sn_health_shut_down(a->health);
    sn_rpc_server_stop(SN_STEAL(a->server), patience_ns);
}

void sn_agent_core_stop(sn_agent_core *a, uint64_t patience_ns) {
    if (!a)
        return;
    sn_agent_core_drain(a, patience_ns);
    sn_health_free(a->health);
    sn_core_close(a->core);
    free(a->address);
    free(a);
}
