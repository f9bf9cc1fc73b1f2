/* role.c - see role.h. */
#include "orchestrator/role.h"

#include "agent_core/health_service.h"
#include "agent_core/reflection_service.h"
#include "orchestrator/grpc_service.h"
#include "orchestrator/http_routes.h"
#include "sandbox/interpreter.h"
#include "service/operations.h"
#include "service/settings_table.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct sn_orchestrator {
    sn_tasks *tasks;
    sn_task_pages *pages;
    sn_orchestrator_service service;
    sn_health *health;
    sn_rpc_methods methods;
    sn_rpc_server *rpc;
    sn_readiness checks[2];
    sn_operations operations;
    sn_http_server *http;
    char *address, *http_address;
    atomic_bool stopping;
};

static int open_tasks(sn_orchestrator *o, const sn_orchestrator_options *from, sn_error *err) {
    const sn_config *config = from->config;
    sn_tasks_options options = SN_TASKS_OPTIONS_INIT;
    sn_auto_free char *home = NULL;
    int rc = sn_home_find(&home, sn_config_string(config, "SHANNON_HOME"), err);
    if (rc < 0)
        return rc;
    sn_auto_free char *folder = sn_format("%s/tasks", home);
    options.folder = folder;
    options.agent = from->agent;
    options.answer = from->answer;
    options.has_model = from->has_model;
    options.sessions = from->sessions;
    options.metrics = from->registry;
    options.running_most = (unsigned)sn_config_number(config, "SHANNON_TASKS_RUNNING");
    options.queue_most = (unsigned)sn_config_number(config, "SHANNON_QUEUE");
    options.timeout_ns =
        (uint64_t)(sn_config_seconds(config, "SHANNON_TASK_TIMEOUT_SECONDS") * 1e9);
    options.tasks_most = sn_config_number(config, "SHANNON_TASKS");
    options.keep_seconds = sn_config_seconds(config, "SHANNON_TASK_SECONDS");
    rc = sn_tasks_open(&o->tasks, &options, err);
    return rc < 0 ? rc : sn_task_pages_open(&o->pages, o->tasks, err);
}

static char *with_port(const char *address, int port) {
    return sn_format("%.*s:%d", (int)(strrchr(address, ':') - address), address, port);
}

static int serve_rpc(sn_orchestrator *o, const sn_orchestrator_options *from, sn_error *err) {
    sn_auto_free char *address = sn_settings_address(from->config, "SHANNON_TASKS_ADDR");
    sn_rpc_options options = SN_RPC_OPTIONS_INIT;
    options.address = address;
    options.token = sn_config_string(from->config, "SHANNON_API_TOKEN");
    options.certificate_path = sn_config_string(from->config, "SHANNON_TLS_CERTIFICATE");
    options.key_path = sn_config_string(from->config, "SHANNON_TLS_KEY");
    options.calls_most = (unsigned)sn_config_number(from->config, "SHANNON_CALLS");
    o->service.tasks = o->tasks;
    o->service.sessions = from->sessions;
    sn_orchestrator_service_add(&o->methods, &o->service);
    sn_health_service_add(&o->methods, o->health);
    sn_reflection_service_add(&o->methods);
    int rc = sn_rpc_server_start(&o->rpc, &options, o->methods.list, err);
    if (rc == 0)
        o->address = with_port(address, sn_rpc_server_port(o->rpc));
    return rc;
}

static int serve_http(sn_orchestrator *o, const sn_orchestrator_options *from, sn_error *err) {
    sn_auto_free char *address = sn_settings_address(from->config, "SHANNON_TASKS_HTTP_ADDR");
    sn_http_options options = SN_HTTP_OPTIONS_INIT;
    sn_http_routes routes = {0};
    sn_metrics *metrics = from->has_http_metrics ? from->registry : NULL;
    o->checks[0] = (sn_readiness){"orchestrator", sn_orchestrator_is_ready, o};
    o->operations = (sn_operations){.checks = o->checks, .metrics = metrics};
    sn_orchestrator_add_routes(&routes, o);
    sn_operations_add_routes(&routes, &o->operations);
    options.address = address;
    options.token = sn_config_string(from->config, "SHANNON_API_TOKEN");
    options.metrics = metrics;
    int rc = sn_http_server_start(&o->http, &options, &routes, err);
    if (rc == 0)
        o->http_address = with_port(address, sn_http_server_port(o->http));
    return rc;
}

int sn_orchestrator_start(sn_orchestrator **out, const sn_orchestrator_options *options,
                          sn_error *err) {
    sn_orchestrator *o = calloc(1, sizeof *o);
    if (!o)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the orchestrator");
    int rc = open_tasks(o, options, err);
    if (rc == 0)
        rc = sn_health_new(&o->health, err);
    if (rc == 0)
        rc = serve_rpc(o, options, err);
    if (rc == 0)
        rc = serve_http(o, options, err);
    if (rc < 0) {
        sn_orchestrator_free(o);
        return rc;
    }
    sn_health_set(o->health, true);
    *out = o;
    return 0;
}

void sn_orchestrator_add_routes(sn_http_routes *routes, sn_orchestrator *o) {
    sn_task_pages_add_routes(routes, o->pages);
}

const char *sn_orchestrator_address(const sn_orchestrator *o) {
    return o->address;
}

const char *sn_orchestrator_http_address(const sn_orchestrator *o) {
    return o->http_address;
}

bool sn_orchestrator_is_ready(void *user, char *why, size_t why_bytes) {
    sn_orchestrator *o = user;
    bool stopping = atomic_load(&o->stopping);
    if (stopping)
        snprintf(why, why_bytes, "it is shutting down");
    return !stopping;
}

void sn_orchestrator_tidy(sn_orchestrator *o) {
    sn_tasks_tidy(o->tasks);
}

/* The tasks first: their ends are told to those who follow them, whose streams end then. */
void sn_orchestrator_stop(sn_orchestrator *o, uint64_t patience_ns) {
    atomic_store(&o->stopping, true);
    if (o->health)
        sn_health_shut_down(o->health);
    if (o->tasks)
        sn_tasks_stop(o->tasks, patience_ns);
    sn_rpc_server_stop(o->rpc, UINT64_C(1000000000));
    sn_http_server_stop(o->http, UINT64_C(1000000000));
    o->rpc = NULL;
    o->http = NULL;
}

void sn_orchestrator_free(sn_orchestrator *o) {
    if (!o)
        return;
    sn_orchestrator_stop(o, 0);
    sn_task_pages_close(o->pages);
    sn_tasks_close(o->tasks);
    sn_health_free(o->health);
    free(o->address);
    free(o->http_address);
    free(o);
}
