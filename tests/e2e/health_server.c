/*
 * health_server.c - the health service alone, for health_test.py. Says its port, and does what the
 * lines of its standard input say ("serving", "not serving", "shut down") until that ends.
 */
#include "agent_core/health_service.h"
#include "rpc/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void no_method(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service, (void)request, (void)bytes;
    sn_rpc_fail(call, &(sn_error){SN_ENOT_FOUND, "it is not what is tested here", ""});
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

int main(void) {
    static sn_rpc_methods methods;
    sn_rpc_options options = SN_RPC_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_rpc_server *server;
    sn_health *health;
    options.address = "127.0.0.1:0";
    options.token = getenv("TOKEN");
    if (sn_health_new(&health, &err) < 0)
        return 1;
    sn_health_service_add(&methods, health);
    sn_rpc_methods_add(&methods,
                       (sn_rpc_method){.path = "/shannon.v1.Executor/Execute", .begin = no_method});
    sn_rpc_methods_add(&methods, (sn_rpc_method){.path = "/shannon.agent.AgentService/ExecuteTask",
                                                 .begin = no_method});
    if (sn_rpc_server_start(&server, &options, methods.list, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%d\n", sn_rpc_server_port(server));
    fflush(stdout);
    obey(health);
    sn_health_shut_down(health);
    sn_rpc_server_stop(server, 20000000000u);
    sn_health_free(health);
    puts("stopped");
    return 0;
}
