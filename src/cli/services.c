/*
 * services.c - see services.h.
 *
 * The order: those who are used start first and stop last. Orchestrator and llm-service use
 * agent-core's turns and the model; llm-service shows the orchestrator's pages.
 */
#include "cli/services.h"

#include "agent_core/role.h"
#include "llm_service/role.h"
#include "model/configured.h"
#include "orchestrator/role.h"
#include "service/lifetime.h"
#include "service/log.h"
#include "service/operations.h"
#include "service/process_metrics.h"
#include "service/settings_table.h"
#include "util/auto.h"
#include "util/io.h"

#include <stdio.h>
#include <string.h>

enum { TIDY_SECONDS = 60 };

typedef struct services {
    const sn_roles *roles;
    sn_executor *executor;
    const sn_config *config;
    sn_metrics *registry;
    sn_model *model; /* NULL: none is configured */
    sn_agent agent;
    /* Each NULL: not this command's. */
    sn_agent_core *core;
    sn_orchestrator *orchestrator;
    sn_llm_service *llm;
    sn_readiness checks[3];
    sn_operations operations;
    sn_http_server *http; /* the pages alone; NULL: none are wanted */
    char *http_address;
} services;

/* ---- starting ---- */

static int start_core(services *s, sn_error *err) {
    int rc = sn_agent_core_start(&s->core, s->executor, s->config, s->registry, err);
    if (rc == 0)
        s->checks[0] = (sn_readiness){"agent-core", sn_agent_core_is_ready, s->core};
    return rc;
}

static int open_agent(services *s, sn_error *err) {
    s->agent = (sn_agent){.executor = s->executor,
                          .rounds_most = SN_AGENT_ROUNDS,
                          .executions = s->core ? sn_agent_core_core(s->core)->executions : NULL};
    int rc = sn_executor_get_figures(&s->agent.limits, s->executor, err);
    if (rc == 0)
        rc = sn_model_open_configured(&s->model, s->config, err);
    s->agent.model = s->model;
    return rc;
}

static int start_orchestrator(services *s, sn_error *err) {
    sn_sessions *sessions = sn_executor_sessions(s->executor, err);
    const sn_orchestrator_options options = {.config = s->config,
                                             .registry = s->registry,
                                             .has_http_metrics = !s->roles->llm_service,
                                             .agent = &s->agent,
                                             .answer = sn_agent_answer,
                                             .has_model = s->model != NULL,
                                             .sessions = sessions};
    int rc = sessions ? sn_orchestrator_start(&s->orchestrator, &options, err) : err->code;
    if (rc == 0)
        s->checks[s->core ? 1 : 0] =
            (sn_readiness){"orchestrator", sn_orchestrator_is_ready, s->orchestrator};
    return rc;
}

/* The tasks' pages do not tell one tenant from another. */
static void add_tasks(void *user, sn_http_routes *routes) {
    services *s = user;
    if (s->orchestrator && !sn_config_is_set(s->config, "SHANNON_TENANTS_FILE"))
        sn_orchestrator_add_routes(routes, s->orchestrator);
}

static int start_llm_service(services *s, sn_error *err) {
    const sn_llm_service_options service = {.executor = s->executor,
                                            .config = s->config,
                                            .registry = s->registry,
                                            .core = s->core ? sn_agent_core_core(s->core) : NULL,
                                            .model = s->model,
                                            .checks = s->checks,
                                            .add_routes = add_tasks,
                                            .user = s};
    int rc = sn_llm_service_start(&s->llm, &service, err);
    if (rc == 0)
        s->http_address = sn_format("%s", sn_llm_service_address(s->llm));
    return rc;
}

static int start_pages(services *s, sn_error *err) {
    sn_http_options http = SN_HTTP_OPTIONS_INIT;
    sn_http_routes routes = {0};
    if (!sn_config_is_set(s->config, "SHANNON_HTTP_ADDR"))
        return 0;
    sn_auto_free char *address = sn_settings_address(s->config, "SHANNON_HTTP_ADDR");
    s->operations = (sn_operations){.checks = s->checks, .metrics = s->registry};
    sn_operations_add_routes(&routes, &s->operations);
    http.address = address;
    http.token = sn_config_string(s->config, "SHANNON_API_TOKEN");
    http.metrics = s->registry;
    int rc = sn_http_server_start(&s->http, &http, &routes, err);
    if (rc == 0)
        s->http_address = sn_format("%.*s:%d", (int)(strrchr(address, ':') - address), address,
                                    sn_http_server_port(s->http));
    return rc;
}

static int start(services *s, sn_error *err) {
    const sn_roles *roles = s->roles;
    int rc = sn_metrics_open(&s->registry, err);
    if (rc == 0)
        rc = sn_process_metrics_add(s->registry, err);
    if (rc == 0 && roles->agent_core)
        rc = start_core(s, err);
    if (rc == 0 && (roles->llm_service || roles->orchestrator))
        rc = open_agent(s, err);
    if (rc == 0 && roles->orchestrator)
        rc = start_orchestrator(s, err);
    if (rc == 0 && roles->llm_service)
        rc = start_llm_service(s, err);
    else if (rc == 0 && roles->agent_core)
        rc = start_pages(s, err);
    return rc;
}

static void say_ready(const services *s) {
    const char *grpc = s->core ? sn_agent_core_address(s->core) : NULL;
    const char *tasks = s->orchestrator ? sn_orchestrator_address(s->orchestrator) : NULL;
    const char *alone = sn_config_is_set(s->config, "SHANNON_API_TOKEN")
                            ? ""
                            : ", to this machine only: there is no SHANNON_API_TOKEN";
    if (grpc)
        printf("agent-core serves gRPC on %s%s\n", grpc, alone);
    if (s->llm)
        printf("llm-service serves HTTP%s on http://%s\n",
               *alone && !grpc ? ", to this machine only (there is no SHANNON_API_TOKEN)," : "",
               s->http_address);
    else if (s->http)
        printf("/health, /ready and /metrics are on http://%s\n", s->http_address);
    if (tasks)
        printf("orchestrator serves gRPC on %s, HTTP on http://%s%s\n", tasks,
               sn_orchestrator_http_address(s->orchestrator), grpc ? "" : alone);
    if (s->agent.executor)
        printf(s->model ? "questions go to the model %s\n"
                        : "no model is configured (LLM_BASE_URL, LLM_MODEL): only code is run\n",
               s->model ? sn_model_name(s->model) : "");
    fflush(stdout);
    sn_log(SN_LOG_INFO, "ready",
           (sn_field[]){SN_STRING("grpc", grpc),
                        SN_STRING("http", s->http_address),
                        SN_STRING("tasks", tasks),
                        SN_STRING("model", s->model ? sn_model_name(s->model) : NULL),
                        {0}});
    sn_lifetime_tell("READY=1");
}

/* ---- stopping ---- */

static uint64_t left(uint64_t until_ns) {
    uint64_t now_ns = sn_now_ns();
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

/* Those who use agent-core's turns end before it; the pages tell until the end how it stands. */
static void stop(services *s) {
    uint64_t until_ns =
        sn_now_ns() + (uint64_t)(sn_config_seconds(s->config, "SHANNON_SHUTDOWN_SECONDS") * 1e9);
    if (s->llm)
        sn_llm_service_drain(s->llm);
    if (s->orchestrator)
        sn_orchestrator_stop(s->orchestrator, left(until_ns));
    sn_agent_core_drain(s->core, left(until_ns));
    sn_llm_service_stop(s->llm, left(until_ns));
    sn_orchestrator_free(s->orchestrator);
    sn_agent_core_stop(s->core, 0);
    sn_http_server_stop(s->http, 0);
    sn_model_close(s->model);
    sn_metrics_close(s->registry);
    free(s->http_address);
}

/* ---- serving ---- */

/* What is to be done every minute or so. */
static void tidy(services *s) {
    if (s->orchestrator)
        sn_orchestrator_tidy(s->orchestrator);
    if (s->core)
        sn_agent_core_tidy(s->core);
    else if (s->llm)
        sn_llm_service_tidy(s->llm);
    else
        sn_sessions_tidy(sn_executor_sessions(s->executor, NULL));
    sn_log_flush();
}

int sn_services_run(const sn_roles *roles, sn_executor *executor, const sn_config *config,
                    sn_error *err) {
    services s = {.roles = roles, .executor = executor, .config = config};
    sn_log_set_level((enum sn_log_level)sn_config_choice(config, "SHANNON_LOG"));
    sn_log_set_format((enum sn_log_format)sn_config_choice(config, "SHANNON_LOG_FORMAT"));
    int rc = start(&s, err);
    if (rc == 0) {
        say_ready(&s);
        while (!sn_lifetime_wait(UINT64_C(1000000000) * TIDY_SECONDS))
            tidy(&s);
        sn_log(SN_LOG_INFO, "stopping", NULL);
        sn_lifetime_tell("STOPPING=1");
        sn_lifetime_hurry();
    }
    stop(&s);
    if (rc == 0)
        sn_log(SN_LOG_INFO, "stopped", NULL);
    sn_log_flush();
    return rc;
}
