/*
 * agent_services_server.c - agent-core's services for the tests that drive them. Says its port, and
 * does what the lines of its standard input say ("serving", "not serving", "shut down") until that
 * ends.
 */
#include "agent_core/agent_service.h"
#include "agent_core/executor_service.h"
#include "agent_core/health_service.h"
#include "agent_core/reflection_service.h"
#include "rpc/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const sn_error *err) {
    fprintf(stderr, "%s; %s\n", err->message, err->hint);
    return 1;
}

static void obey(sn_health *health) {
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "shut down\n") == 0)
            sn_health_shut_down(health);
        else
            sn_health_set(health, strcmp(line, "serving\n") == 0);
        puts("done");
        fflush(stdout);
    }
}

static int serve(sn_core *core, sn_health *health, sn_error *err) {
    static sn_rpc_methods methods;
    sn_rpc_options options = SN_RPC_OPTIONS_INIT;
    sn_rpc_server *server;
    options.address = "127.0.0.1:0";
    options.token = getenv("TOKEN");
    sn_health_service_add(&methods, health);
    sn_executor_service_add(&methods, core);
    sn_agent_service_add(&methods, core);
    sn_reflection_service_add(&methods);
    if (sn_rpc_server_start(&server, &options, methods.list, err) < 0)
        return complain(err);
    printf("%d\n", sn_rpc_server_port(server));
    fflush(stdout);
    obey(health);
    sn_health_shut_down(health);
    sn_rpc_server_stop(server, 5000000000u);
    puts("stopped");
    return 0;
}

int main(void) {
    sn_core_options options = SN_CORE_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_health *health = NULL;
    sn_core *core = NULL;
    sn_executor *executor;
    sn_metrics *metrics;
    if (sn_executor_open(&executor, NULL, &err) < 0 || sn_metrics_open(&metrics, &err) < 0)
        return complain(&err);
    options.executor = executor;
    options.registry = metrics;
    if (sn_core_open(&core, &options, &err) < 0 || sn_health_new(&health, &err) < 0)
        return complain(&err);
    int status = serve(core, health, &err);
    sn_health_free(health);
    sn_core_close(core);
    sn_metrics_close(metrics);
    sn_executor_close(executor);
    return status;
}
