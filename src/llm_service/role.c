/* role.c - see role.h. */
#include "llm_service/role.h"

#include "llm_service/doors.h"
#include "service/settings_table.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKS_MOST = 8, RUNNING_USUAL = 64 };
enum { QUERIES_MOST = 64 }; /* at once; most of the time they wait for a model */

struct sn_llm_service {
    sn_doors doors;
    sn_tenants *tenants; /* NULL: none but the operator */
    sn_core *own_core;   /* NULL: another one's is used */
    sn_readiness checks[CHECKS_MOST + 2];
    sn_operations operations;
    sn_http_server *http;
    char *address;
};

/* Where agent-core is elsewhere it has turns of its own: these are for threads alone. */
static unsigned running_most(const sn_config *config) {
    if (sn_config_is_set(config, "SHANNON_WORKERS"))
        return (unsigned)sn_config_number(config, "SHANNON_WORKERS");
    return sn_config_is_set(config, "AGENT_CORE_ADDR") ? RUNNING_USUAL : 0;
}

static int open_core(sn_llm_service *s, const sn_llm_service_options *options, sn_error *err) {
    const sn_config *config = options->config;
    sn_core_options core = SN_CORE_OPTIONS_INIT;
    core.executor = options->executor;
    core.registry = options->registry;
    core.running_most = running_most(config);
    core.queue_most = (unsigned)sn_config_number(config, "SHANNON_QUEUE");
    core.wait_most_ns = (uint64_t)(sn_config_seconds(config, "SHANNON_QUEUE_SECONDS") * 1e9);
    core.requests_most_bytes = sn_config_number(config, "SHANNON_REQUESTS_MB") << 20;
    core.log_code = sn_config_boolean(config, "SHANNON_LOG_CODE");
    int rc = sn_core_open(&s->own_core, &core, err);
    s->doors.core = s->own_core;
    return rc;
}

static int open_agent(sn_llm_service *s, const sn_llm_service_options *options, sn_error *err) {
    const sn_core *core = s->doors.core;
    sn_admission_options turns = SN_ADMISSION_OPTIONS_INIT;
    turns.running_most = QUERIES_MOST;
    turns.queue_most = (unsigned)sn_config_number(options->config, "SHANNON_QUEUE");
    turns.wait_most_ns =
        (uint64_t)(sn_config_seconds(options->config, "SHANNON_QUEUE_SECONDS") * 1e9);
    s->doors.agent = (sn_agent){.executor = core->executor,
                                .model = options->model,
                                .limits = core->limits,
                                .rounds_most = SN_AGENT_ROUNDS,
                                .executions = core->executions};
    return sn_admission_new(&s->doors.queries, &turns, err);
}

static bool is_ready(void *user, char *why, size_t why_bytes) {
    sn_llm_service *s = user;
    bool stopping = sn_doors_are_closed(&s->doors);
    if (stopping)
        snprintf(why, why_bytes, "it is shutting down");
    return !stopping;
}

static void add_pages(sn_llm_service *s, const sn_llm_service_options *options,
                      sn_http_routes *routes) {
    size_t count = 0;
    for (; options->checks && options->checks[count].name && count < CHECKS_MOST; count++)
        s->checks[count] = options->checks[count];
    s->checks[count] = (sn_readiness){"llm-service", is_ready, s};
    s->operations = (sn_operations){.checks = s->checks, .metrics = options->registry};
    sn_operations_add_routes(routes, &s->operations);
}

static int serve(sn_llm_service *s, const sn_llm_service_options *options, sn_error *err) {
    sn_auto_free char *address = sn_settings_address(options->config, "SHANNON_HTTP_ADDR");
    sn_http_options http = SN_HTTP_OPTIONS_INIT;
    sn_http_routes routes = {0};
    http.address = address;
    http.token = sn_config_string(options->config, "SHANNON_API_TOKEN");
    http.tenants = s->tenants;
    http.metrics = options->registry;
    add_pages(s, options, &routes);
    sn_execute_door_add(&routes, &s->doors);
    sn_tool_door_add(&routes, &s->doors);
    sn_query_door_add(&routes, &s->doors);
    sn_session_door_add(&routes, &s->doors);
    sn_session_file_door_add(&routes, &s->doors);
    if (options->add_routes)
        options->add_routes(options->user, &routes);
    sn_openapi_door_add(&routes, &s->doors, http.token != NULL); /* knows those before it */
    int rc = sn_http_server_start(&s->http, &http, &routes, err);
    if (rc < 0)
        return rc;
    s->address = sn_format("%.*s:%d", (int)(strrchr(address, ':') - address), address,
                           sn_http_server_port(s->http));
    return 0;
}

int sn_llm_service_start(sn_llm_service **out, const sn_llm_service_options *options,
                         sn_error *err) {
    sn_llm_service *s = calloc(1, sizeof *s);
    if (!s)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the service");
    sn_doors_init(&s->doors);
    s->doors.core = options->core;
    int rc = sn_settings_tenants(&s->tenants, NULL, options->config, err);
    if (rc == 0 && !options->core)
        rc = open_core(s, options, err);
    if (rc == 0)
        rc = open_agent(s, options, err);
    if (rc == 0)
        rc = serve(s, options, err);
    if (rc < 0)
        sn_llm_service_stop(s, 0);
    else
        *out = s;
    return rc;
}

const char *sn_llm_service_address(const sn_llm_service *s) {
    return s->address;
}

void sn_llm_service_tidy(sn_llm_service *s) {
    sn_sessions_tidy(s->doors.core->sessions);
}

void sn_llm_service_drain(sn_llm_service *s) {
    sn_doors_close(&s->doors);
}

void sn_llm_service_stop(sn_llm_service *s, uint64_t patience_ns) {
    if (!s)
        return;
    sn_llm_service_drain(s);
    sn_doors_wait(&s->doors, sn_now_ns() + patience_ns); /* while /ready tells what is going on */
    sn_http_server_stop(s->http, 0);
    sn_doors_wait(&s->doors, UINT64_MAX); /* all are answered, and about to leave */
    sn_admission_free(s->doors.queries);
    sn_core_close(s->own_core);
    sn_tenants_close(s->tenants);
    sn_doors_destroy(&s->doors);
    free(s->address);
    free(s);
}
