/* cmd_serve.c - `shannon agent-core`, `llm-service`, `orchestrator` and `serve`: services that run
 * until they are told to end. */
#include "cli/cli.h"

#include "cli/services.h"
#include "service/lifetime.h"
#include "service/settings_table.h"
#include "util/auto.h"
#include "util/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HTTP = 256, KEY_GRPC, KEY_TASKS, KEY_CONFIG, KEY_PRINT, KEY_WEAK };

static const struct argp_option options[] = {
    {"grpc", KEY_GRPC, "ADDR:PORT", 0,
     "where gRPC is served (default 127.0.0.1:50051); port 0 picks one", 0},
    {"http", KEY_HTTP, "ADDR:PORT", 0, "where HTTP is served; port 0 picks one", 0},
    {"tasks", KEY_TASKS, "ADDR:PORT", 0,
     "where tasks are served over gRPC (default 127.0.0.1:50052); port 0 picks one", 0},
    {"config", KEY_CONFIG, "FILE", 0, "settings, as lines of NAME=VALUE (default: SHANNON_CONFIG)",
     0},
    {"print-config", KEY_PRINT, 0, 0, "check the settings, print those in force, and end", 0},
    {"allow-weak-sandbox", KEY_WEAK, 0, 0, "see `shannon run --help`", 0},
    {0},
};

typedef struct serve_args {
    const char *grpc, *http, *tasks, *file;
    const sn_roles *roles;
    bool print, allow_weak;
} serve_args;

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    serve_args *a = state->input;
    switch (key) {
    case KEY_GRPC:
        if (!a->roles->agent_core)
            argp_error(state, "it does not serve gRPC");
        a->grpc = arg;
        return 0;
    case KEY_HTTP:
        a->http = arg;
        return 0;
    case KEY_TASKS:
        if (!a->roles->orchestrator)
            argp_error(state, "it does not serve tasks");
        a->tasks = arg;
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
    if (a->roles->usual_http)
        sn_settings_set_usual("SHANNON_HTTP_ADDR", a->roles->usual_http);
    const sn_override overrides[] = {
        {.name = "SHANNON_GRPC_ADDR", .option = "--grpc", .value = a->grpc},
        {.name = a->roles->llm_service || a->roles->agent_core ? "SHANNON_HTTP_ADDR"
                                                               : "SHANNON_TASKS_HTTP_ADDR",
         .option = "--http",
         .value = a->http},
        {.name = "SHANNON_TASKS_ADDR", .option = "--tasks", .value = a->tasks},
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

/* An agent-core elsewhere has to be shown the token; nothing is forked for it. */
static int open_elsewhere(sn_executor **out, const sn_config *config, sn_error *err) {
    sn_executor_options executor = SN_EXECUTOR_OPTIONS_INIT;
    executor.agent_core_addr = sn_config_string(config, "AGENT_CORE_ADDR");
    executor.api_token = sn_config_string(config, "SHANNON_API_TOKEN");
    executor.ca_path = sn_config_string(config, "SHANNON_CA_FILE");
    return sn_executor_open(out, &executor, err);
}

static int open_here(sn_executor **out, const serve_args *a, sn_error *err) {
    sn_executor_options executor = SN_EXECUTOR_OPTIONS_INIT;
    executor.agent_core_addr = "";
    executor.allow_weak_sandbox = a->allow_weak;
    executor.on_notice = sn_cli_notice;
    return sn_executor_open(out, &executor, err);
}

/* What the layers below need to know, without what they must not: the process that executions are
 * forked from begins here, and has no secrets. */
static int open_executor(sn_executor **out, const serve_args *a, sn_error *err) {
    sn_buffer problems = {0};
    sn_config *config;
    int rc = open_settings(&config, a, &problems, err);
    if (rc < 0)
        fwrite(problems.data, 1, problems.bytes, stderr);
    sn_buffer_free(&problems);
    if (rc < 0)
        return rc;
    bool is_elsewhere = !a->roles->agent_core && sn_config_is_set(config, "AGENT_CORE_ADDR");
    rc = a->print ? print_settings(config, err) : sn_settings_export(config, err);
    if (rc == 0 && is_elsewhere && !a->print)
        rc = open_elsewhere(out, config, err);
    sn_config_close(config);
    return rc < 0 || is_elsewhere || a->print ? rc : open_here(out, a, err);
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
        rc = sn_services_run(a->roles, executor, config, err);
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

static const char llm_service_doc[] =
    "Serves executions, sessions and tools over HTTP (by default on 127.0.0.1:8000) until it is "
    "told to end by SIGTERM or Ctrl-C. They run in this process, or on the agent-core that "
    "AGENT_CORE_ADDR names.\n"
    "\v"
    "It logs JSON lines to standard error. The settings, from the environment or a file, are "
    "listed by --print-config. Other machines are served only with a token (SHANNON_API_TOKEN).";

static const char orchestrator_doc[] =
    "Takes tasks over gRPC (by default on 127.0.0.1:50052) and HTTP (127.0.0.1:8080), has them "
    "carried out, keeps them, and streams what happens in them, until it is told to end by SIGTERM "
    "or Ctrl-C. They run in this process, or on the agent-core that AGENT_CORE_ADDR names.\n"
    "\v"
    "It logs JSON lines to standard error. The settings, from the environment or a file, are "
    "listed by --print-config. Other machines are served only with a token (SHANNON_API_TOKEN).";

static const char serve_doc[] =
    "Serves everything at once, in one process: executions and sessions over gRPC (by default on "
    "127.0.0.1:50051), all that HTTP has (127.0.0.1:8000), and tasks (gRPC on 127.0.0.1:50052, "
    "HTTP on 127.0.0.1:8080).\n"
    "\v"
    "It logs JSON lines to standard error. The settings, from the environment or a file, are "
    "listed by --print-config. Other machines are served only with a token (SHANNON_API_TOKEN).";

static int command(int argc, char **argv, const char *text, const sn_roles *is) {
    const struct argp argp = {options, parse_option, NULL, text, NULL, NULL, NULL};
    serve_args a = {.roles = is};
    sn_error err = SN_ERROR_INIT;
    argp_err_exit_status = SN_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    return run(&a, &err) < 0 ? sn_cli_error(&err, false) : 0;
}

int sn_cmd_agent_core(int argc, char **argv) {
    return command(argc, argv, agent_core_doc, &(sn_roles){.agent_core = true});
}

int sn_cmd_llm_service(int argc, char **argv) {
    return command(argc, argv, llm_service_doc,
                   &(sn_roles){.llm_service = true, .usual_http = "127.0.0.1:8000"});
}

int sn_cmd_serve(int argc, char **argv) {
    return command(argc, argv, serve_doc,
                   &(sn_roles){.agent_core = true,
                               .llm_service = true,
                               .orchestrator = true,
                               .usual_http = "127.0.0.1:8000"});
}

int sn_cmd_orchestrator(int argc, char **argv) {
    return command(argc, argv, orchestrator_doc, &(sn_roles){.orchestrator = true});
}
