/* cmd_serve.c - `shannon agent-core` and `shannon serve`: services that run until they are told to
 * end. */
#include "cli/cli.h"

#include "agent_core/role.h"
#include "service/lifetime.h"
#include "service/log.h"
#include "service/operations.h"
#include "service/process_metrics.h"
#include "service/settings_table.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HTTP = 256, KEY_GRPC, KEY_CONFIG, KEY_PRINT, KEY_WEAK };
enum { TIDY_SECONDS = 60 };

static const struct argp_option options[] = {
    {"grpc", KEY_GRPC, "ADDR:PORT", 0,
     "where gRPC is served (default 127.0.0.1:50051); port 0 picks one", 0},
    {"http", KEY_HTTP, "ADDR:PORT", 0, "where /health, /ready and /metrics are", 0},
    {"config", KEY_CONFIG, "FILE", 0, "settings, as lines of NAME=VALUE (default: SHANNON_CONFIG)",
     0},
    {"print-config", KEY_PRINT, 0, 0, "check the settings, print those in force, and end", 0},
    {"allow-weak-sandbox", KEY_WEAK, 0, 0, "see `shannon run --help`", 0},
    {0},
};

typedef struct serve_args {
    const char *grpc, *http, *file;
    const char *usual_http; /* where HTTP is served if nothing says where; NULL: nowhere */
    bool print, allow_weak;
} serve_args;

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    serve_args *a = state->input;
    switch (key) {
    case KEY_GRPC:
        a->grpc = arg;
        return 0;
    case KEY_HTTP:
        a->http = arg;
        return 0;
    case KEY_CONFIG:
        a->file = arg;
        return 0;
    case KEY_PRINT:
        a->print = true;
        return 0;
    case KEY_WEAK:
        a->allow_weak = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is not expected here", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- settings ---- */

static int open_settings(sn_config **out, const serve_args *a, sn_buffer *problems, sn_error *err) {
    if (a->usual_http)
        sn_settings_set_usual("SHANNON_HTTP_ADDR", a->usual_http);
    const sn_override overrides[] = {
        {.name = "SHANNON_GRPC_ADDR", .option = "--grpc", .value = a->grpc},
        {.name = "SHANNON_HTTP_ADDR", .option = "--http", .value = a->http},
    };
    return sn_settings_open(out, problems, a->file, overrides, SN_COUNT(overrides), err);
}

static int print_settings(const sn_config *config, sn_error *err) {
    sn_buffer text = {0};
    int rc = sn_config_print(&text, config, err);
    if (rc == 0)
        fwrite(text.data, 1, text.bytes, stdout);
    sn_buffer_free(&text);
    return rc;
}

/* What the layers below need to know, without what they must not: the process that executions are
 * forked from begins here, and has no secrets. */
static int open_executor(sn_executor **out, const serve_args *a, sn_error *err) {
    sn_executor_options executor = SN_EXECUTOR_OPTIONS_INIT;
    sn_buffer problems = {0};
    sn_config *config;
    int rc = open_settings(&config, a, &problems, err);
    if (rc < 0)
        fwrite(problems.data, 1, problems.bytes, stderr);
    sn_buffer_free(&problems);
    if (rc < 0)
        return rc;
    rc = a->print ? print_settings(config, err) : sn_settings_export(config, err);
    sn_config_close(config);
    if (rc < 0 || a->print)
        return rc;
    executor.agent_core_addr = ""; /* it is the agent-core */
    executor.allow_weak_sandbox = a->allow_weak;
    executor.on_notice = sn_cli_notice;
    return sn_executor_open(out, &executor, err);
}

/* ---- serving ---- */

typedef struct services {
    sn_executor *executor;
    const sn_config *config;
    sn_metrics *registry;
    sn_agent_core *core;
    sn_readiness checks[2];
    sn_operations operations;
    sn_http_server *http; /* NULL: none is wanted */
} services;

static int start_http(services *s, sn_error *err) {
    sn_http_options http = SN_HTTP_OPTIONS_INIT;
    sn_http_routes routes = {0};
    if (!sn_config_is_set(s->config, "SHANNON_HTTP_ADDR"))
        return 0;
    sn_auto_free char *address = sn_settings_address(s->config, "SHANNON_HTTP_ADDR");
    s->checks[0] = (sn_readiness){"agent-core", sn_agent_core_is_ready, s->core};
    s->operations = (sn_operations){.checks = s->checks, .metrics = s->registry};
    sn_operations_add_routes(&routes, &s->operations);
    http.address = address;
    http.token = sn_config_string(s->config, "SHANNON_API_TOKEN");
    http.metrics = s->registry;
    return sn_http_server_start(&s->http, &http, &routes, err);
}

static int start(services *s, sn_error *err) {
    int rc = sn_metrics_open(&s->registry, err);
    if (rc == 0)
        rc = sn_process_metrics_add(s->registry, err);
    if (rc == 0)
        rc = sn_agent_core_start(&s->core, s->executor, s->config, s->registry, err);
    return rc < 0 ? rc : start_http(s, err);
}

static void say_ready(const services *s) {
    const char *grpc = sn_agent_core_address(s->core);
    bool has_token = sn_config_is_set(s->config, "SHANNON_API_TOKEN");
    sn_auto_free char *http = NULL;
    printf("agent-core serves gRPC on %s%s\n", grpc,
           has_token ? "" : ", to this machine only: there is no SHANNON_API_TOKEN");
    if (s->http) {
        http = sn_format("%s:%d", sn_config_address(s->config, "SHANNON_HTTP_ADDR")->host,
                         sn_http_server_port(s->http));
        printf("/health, /ready and /metrics are on http://%s\n", http);
    }
    fflush(stdout);
    sn_log(SN_LOG_INFO, "ready",
           (sn_field[]){SN_STRING("grpc", grpc), SN_STRING("http", http), {0}});
    sn_lifetime_tell("READY=1");
}

static void stop(services *s) {
    uint64_t patience_ns =
        (uint64_t)(sn_config_seconds(s->config, "SHANNON_SHUTDOWN_SECONDS") * 1e9);
    sn_agent_core_stop(s->core, patience_ns);
    sn_http_server_stop(s->http, 0);
    sn_metrics_close(s->registry);
}

static int serve(services *s, sn_error *err) {
    sn_log_set_level((enum sn_log_level)sn_config_choice(s->config, "SHANNON_LOG"));
    int rc = start(s, err);
    if (rc == 0) {
        say_ready(s);
        while (!sn_lifetime_wait(UINT64_C(1000000000) * TIDY_SECONDS)) {
            sn_agent_core_tidy(s->core);
            sn_log_flush();
        }
        sn_log(SN_LOG_INFO, "stopping", NULL);
        sn_lifetime_tell("STOPPING=1");
        sn_lifetime_hurry();
    }
    stop(s);
    if (rc == 0)
        sn_log(SN_LOG_INFO, "stopped", NULL);
    sn_log_flush();
    return rc;
}

static int run(const serve_args *a, sn_error *err) {
    sn_executor *executor = NULL;
    sn_config *config;
    int rc = sn_lifetime_begin(err);
    if (rc == 0)
        rc = open_executor(&executor, a, err);
    if (rc < 0 || !executor)
        return rc;
    rc = open_settings(&config, a, NULL, err);
    if (rc == 0) {
        rc = serve(&(services){.executor = executor, .config = config}, err);
        sn_config_close(config);
    }
    sn_executor_close(executor);
    return rc;
}

static const char agent_core_doc[] =
    "Serves executions and sessions over gRPC (proto/shannon/v1/executor.proto) until it is told "
    "to end "
    "by SIGTERM or Ctrl-C.\n"
    "\v"
    "It logs JSON lines to standard error. The settings, from the environment or a file, are "
    "listed by --print-config. Other machines are served only with a token (SHANNON_API_TOKEN).";

static const char serve_doc[] =
    "Serves everything at once, in one process: executions and sessions over gRPC, and over HTTP "
    "/health, /ready and /metrics (by default on 127.0.0.1:8000).\n"
    "\v"
    "It logs JSON lines to standard error. The settings, from the environment or a file, are "
    "listed by --print-config. Other machines are served only with a token (SHANNON_API_TOKEN).";

static int command(int argc, char **argv, const char *text, const char *usual_http) {
    const struct argp argp = {options, parse_option, NULL, text, NULL, NULL, NULL};
    serve_args a = {.usual_http = usual_http};
    sn_error err = SN_ERROR_INIT;
    argp_err_exit_status = SN_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    return run(&a, &err) < 0 ? sn_cli_error(&err, false) : 0;
}

int sn_cmd_agent_core(int argc, char **argv) {
    return command(argc, argv, agent_core_doc, NULL);
}

int sn_cmd_serve(int argc, char **argv) {
    return command(argc, argv, serve_doc, "127.0.0.1:8000");
}
