/* cmd_serve.c - `shannon agent-core` and `shannon serve`: services that run until they are told to
 * end. */
#include "cli/cli.h"

#include "agent_core/role.h"
#include "service/lifetime.h"
#include "service/log.h"
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

static void say_ready(const sn_agent_core *core, const sn_config *config) {
    const char *address = sn_agent_core_address(core);
    bool has_token = sn_config_is_set(config, "SHANNON_API_TOKEN");
    printf("agent-core serves gRPC on %s%s\n", address,
           has_token ? "" : ", to this machine only: there is no SHANNON_API_TOKEN");
    fflush(stdout);
    sn_log(SN_LOG_INFO, "ready", (sn_field[]){SN_STRING("grpc", address), {0}});
    sn_lifetime_tell("READY=1");
}

static void stop(sn_agent_core *core, const sn_config *config) {
    double patience = sn_config_seconds(config, "SHANNON_SHUTDOWN_SECONDS");
    sn_log(SN_LOG_INFO, "stopping", (sn_field[]){SN_NUMBER("patience_seconds", patience), {0}});
    sn_lifetime_tell("STOPPING=1");
    sn_lifetime_hurry();
    sn_agent_core_stop(core, (uint64_t)(patience * 1e9));
    sn_log(SN_LOG_INFO, "stopped", NULL);
    sn_log_flush();
}

static int serve(sn_executor *executor, const sn_config *config, sn_error *err) {
    sn_metrics *registry;
    sn_agent_core *core;
    sn_log_set_level((enum sn_log_level)sn_config_choice(config, "SHANNON_LOG"));
    int rc = sn_metrics_open(&registry, err);
    if (rc < 0)
        return rc;
    rc = sn_agent_core_start(&core, executor, config, registry, err);
    if (rc == 0) {
        say_ready(core, config);
        while (!sn_lifetime_wait(UINT64_C(1000000000) * TIDY_SECONDS)) {
            sn_agent_core_tidy(core);
            sn_log_flush();
        }
        stop(core, config);
    }
    sn_metrics_close(registry);
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
        rc = serve(executor, config, err);
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

int sn_cmd_agent_core(int argc, char **argv) {
    static const struct argp argp = {options, parse_option, NULL, agent_core_doc, NULL, NULL, NULL};
    serve_args a = {0};
    sn_error err = SN_ERROR_INIT;
    argp_err_exit_status = SN_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    return run(&a, &err) < 0 ? sn_cli_error(&err, false) : 0;
}
