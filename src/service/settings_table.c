/* settings_table.c - see settings_table.h. */
#include "service/settings_table.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const char *const full_choices[] = {"delete", "refuse", NULL};
static const char *const llm_choices[] = {"chat", "responses", "messages", NULL};
static const char *const log_choices[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_formats[] = {"json", "text", NULL};

sn_setting sn_settings_table[] = {
    {.name = "SHANNON_GRPC_ADDR",
     .type = SN_SETTING_ADDRESS,
     .usual = "127.0.0.1:50051",
     .help = "Where agent-core serves gRPC; port 0 picks one."},
    {.name = "SHANNON_HTTP_ADDR", .type = SN_SETTING_ADDRESS, .help = "Where HTTP is served."},
    {.name = "AGENT_CORE_ADDR",
     .type = SN_SETTING_ADDRESS,
     .least = 1,
     .help = "llm-service: the agent-core that executes; unset: this process."},
    {.name = "SHANNON_CA_FILE",
     .type = SN_SETTING_PATH,
     .help = "TLS to agent-core: who vouches for it (PEM)."},
    {.name = "SHANNON_TASKS_ADDR",
     .type = SN_SETTING_ADDRESS,
     .usual = "127.0.0.1:50052",
     .help = "Where the orchestrator serves gRPC; port 0 picks one."},
    {.name = "SHANNON_TASKS_HTTP_ADDR",
     .type = SN_SETTING_ADDRESS,
     .usual = "127.0.0.1:8080",
     .help = "Where the orchestrator serves HTTP; port 0 picks one."},
    {.name = "SHANNON_API_TOKEN",
     .type = SN_SETTING_STRING,
     .least = 16,
     .secret = true,
     .help = "What callers have to show; without one only this machine is served."},
    {.name = "SHANNON_TENANTS_FILE",
     .type = SN_SETTING_PATH,
     .help = "Who else may call over HTTP: lines of NAME TOKEN; sessions are each one's own."},
    {.name = "SHANNON_TLS_CERTIFICATE",
     .type = SN_SETTING_PATH,
     .help = "TLS: the certificate, with those that vouch for it (PEM)."},
    {.name = "SHANNON_TLS_KEY", .type = SN_SETTING_PATH, .help = "TLS: its key (PEM)."},
    {.name = "SHANNON_WORKERS",
     .type = SN_SETTING_NUMBER,
     .least = 1,
     .most = 1024,
     .help = "Executions at once; unset: what memory and processors carry."},
    {.name = "SHANNON_QUEUE",
     .type = SN_SETTING_NUMBER,
     .usual = "1024",
     .most = 1 << 20,
     .help = "Executions that wait their turn; a quarter of them may be one tenant's."},
    {.name = "SHANNON_QUEUE_SECONDS",
     .type = SN_SETTING_SECONDS,
     .usual = "30",
     .least = 1,
     .most = 3600,
     .help = "How long one waits at most."},
    {.name = "SHANNON_REQUESTS_MB",
     .type = SN_SETTING_NUMBER,
     .usual = "512",
     .least = 100,
     .most = 1 << 20,
     .help = "Requests that wait or are under way, all together."},
    {.name = "SHANNON_CALLS",
     .type = SN_SETTING_NUMBER,
     .usual = "4096",
     .least = 1,
     .most = 1 << 20,
     .help = "Calls at once, of whatever kind."},
    {.name = "SHANNON_TASKS",
     .type = SN_SETTING_NUMBER,
     .usual = "10000",
     .least = 1,
     .most = 1000000,
     .help = "How many tasks are kept."},
    {.name = "SHANNON_TASK_SECONDS",
     .type = SN_SETTING_SECONDS,
     .usual = "86400",
     .most = 31536000,
     .help = "How long a task is kept after it has ended."},
    {.name = "SHANNON_TASK_TIMEOUT_SECONDS",
     .type = SN_SETTING_SECONDS,
     .usual = "600",
     .least = 1,
     .most = 86400,
     .help = "Time of a task, from its turn to its end."},
    {.name = "SHANNON_TASKS_RUNNING",
     .type = SN_SETTING_NUMBER,
     .usual = "16",
     .least = 1,
     .most = 256,
     .help = "Tasks under way at once."},
    {.name = "SHANNON_SHUTDOWN_SECONDS",
     .type = SN_SETTING_SECONDS,
     .usual = "10",
     .most = 3600,
     .help = "How long calls under way may go on when the service is told to end."},
    {.name = "SHANNON_LOG",
     .type = SN_SETTING_CHOICE,
     .choices = log_choices,
     .usual = "info",
     .help = "What is logged."},
    {.name = "SHANNON_LOG_FORMAT",
     .type = SN_SETTING_CHOICE,
     .choices = log_formats,
     .usual = "json",
     .help = "How: JSON for programs, or text for a person."},
    {.name = "SHANNON_LOG_CODE",
     .type = SN_SETTING_BOOLEAN,
     .usual = "false",
     .help = "Log the beginning of the code that is executed."},
    {.name = "SHANNON_HOME",
     .type = SN_SETTING_STRING,
     .help = "Native code, images and sessions; unset: the user's data folder."},
    {.name = "PYTHON_WASI_WASM_PATH",
     .type = SN_SETTING_PATH,
     .help = "The interpreter; unset: the built one."},
    {.name = "WASI_MEMORY_LIMIT_MB",
     .type = SN_SETTING_NUMBER,
     .usual = "256",
     .least = 32,
     .most = 4096,
     .help = "Memory of an execution: the most, and the default."},
    {.name = "WASI_TIMEOUT_SECONDS",
     .type = SN_SETTING_SECONDS,
     .usual = "60",
     .least = 1,
     .most = 60,
     .help = "Time of an execution: the most."},
    {.name = "WASI_TABLE_ELEMENTS_LIMIT",
     .type = SN_SETTING_NUMBER,
     .usual = "10000",
     .least = 1,
     .most = UINT32_MAX,
     .help = "Of each table of a module that is built."},
    {.name = "WASI_INSTANCES_LIMIT",
     .type = SN_SETTING_NUMBER,
     .usual = "10",
     .least = 1,
     .most = UINT32_MAX,
     .help = "Of a module that is built."},
    {.name = "WASI_TABLES_LIMIT",
     .type = SN_SETTING_NUMBER,
     .usual = "10",
     .least = 1,
     .most = UINT32_MAX,
     .help = "Of a module that is built."},
    {.name = "WASI_MEMORIES_LIMIT",
     .type = SN_SETTING_NUMBER,
     .usual = "4",
     .least = 1,
     .most = UINT32_MAX,
     .help = "Of a module that is built."},
    {.name = "SHANNON_CPU_SECONDS",
     .type = SN_SETTING_NUMBER,
     .least = 1,
     .most = 120,
     .help = "CPU time of an execution; unset: its time limit and 2."},
    {.name = "SHANNON_SESSIONS",
     .type = SN_SETTING_NUMBER,
     .usual = "100000",
     .least = 1,
     .most = UINT32_MAX,
     .help = "How many sessions there may be."},
    {.name = "SHANNON_SESSIONS_DISK_MB",
     .type = SN_SETTING_NUMBER,
     .usual = "10240",
     .least = 1,
     .most = UINT32_MAX,
     .help = "What sessions may take on disk."},
    {.name = "SHANNON_SESSIONS_FULL",
     .type = SN_SETTING_CHOICE,
     .choices = full_choices,
     .usual = "delete",
     .help = "Then: delete the session used longest ago, or refuse new steps."},
    {.name = "SHANNON_SESSION_IDLE_SECONDS",
     .type = SN_SETTING_NUMBER,
     .least = 1,
     .most = UINT32_MAX,
     .help = "A session that was not used for so long is deleted."},
    {.name = "SHANNON_SESSION_MB",
     .type = SN_SETTING_NUMBER,
     .usual = "1024",
     .least = 1,
     .most = 6144,
     .help = "Memory and files of one session."},
    {.name = "SHANNON_SESSION_STEPS",
     .type = SN_SETTING_NUMBER,
     .usual = "100",
     .least = 2,
     .most = 1000,
     .help = "Steps of a history; old ones are thinned out."},
    {.name = "SHANNON_SESSION_WAIT_SECONDS",
     .type = SN_SETTING_SECONDS,
     .usual = "30",
     .most = 3600,
     .help = "How long an execution waits for another one in its session."},
    {.name = "LLM_BASE_URL",
     .type = SN_SETTING_STRING,
     .most = 2048,
     .help = "The language model's server: http://127.0.0.1:8080/v1; unset: no model."},
    {.name = "LLM_MODEL",
     .type = SN_SETTING_STRING,
     .most = 256,
     .help = "The model's name there."},
    {.name = "LLM_API_KEY",
     .type = SN_SETTING_STRING,
     .most = 4000,
     .secret = true,
     .help = "What that server wants to be shown."},
    {.name = "LLM_API",
     .type = SN_SETTING_CHOICE,
     .choices = llm_choices,
     .usual = "chat",
     .help = "What it speaks: OpenAI's chat completions or responses, Anthropic's messages."},
    {.name = "LLM_CA_FILE",
     .type = SN_SETTING_PATH,
     .help = "Who vouches for that server (PEM); unset: whom this machine trusts."},
    {.name = "LLM_TIMEOUT_SECONDS",
     .type = SN_SETTING_SECONDS,
     .usual = "300",
     .least = 1,
     .most = 3600,
     .help = "How long one answer of the model may take."},
    {.name = "LLM_RETRIES",
     .type = SN_SETTING_NUMBER,
     .usual = "4",
     .most = 20,
     .help = "How often it is asked again when that may help."},
};
const size_t sn_settings_count = SN_COUNT(sn_settings_table);

void sn_settings_set_usual(const char *name, const char *usual) {
    for (size_t i = 0; i < sn_settings_count; i++)
        if (strcmp(sn_settings_table[i].name, name) == 0)
            sn_settings_table[i].usual = usual;
}

/* ---- rules between settings ---- */

static bool is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0;
}

static int check_addresses(const sn_config *config, sn_error *err) {
    static const char *const names[] = {"SHANNON_GRPC_ADDR", "SHANNON_HTTP_ADDR",
                                        "SHANNON_TASKS_ADDR", "SHANNON_TASKS_HTTP_ADDR"};
    for (size_t i = 0; i < SN_COUNT(names); i++) {
        if (!sn_config_is_set(config, names[i]))
            continue;
        const sn_address *address = sn_config_address(config, names[i]);
        if (is_loopback(address->host) || sn_config_is_set(config, "SHANNON_API_TOKEN"))
            continue;
        sn_fail(err, SN_EINVALID_ARGUMENT,
                "%s is %s, where other machines can reach it, but there is no SHANNON_API_TOKEN",
                names[i], sn_config_string(config, names[i]));
        return sn_hint(err, "set a token that callers have to show, or serve 127.0.0.1");
    }
    return 0;
}

static int check_tls(const sn_config *config, sn_error *err) {
    bool certificate = sn_config_is_set(config, "SHANNON_TLS_CERTIFICATE");
    if (certificate == sn_config_is_set(config, "SHANNON_TLS_KEY"))
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is set, but %s is not: TLS needs both",
                   certificate ? "SHANNON_TLS_CERTIFICATE" : "SHANNON_TLS_KEY",
                   certificate ? "SHANNON_TLS_KEY" : "SHANNON_TLS_CERTIFICATE");
}

static int check_model(const sn_config *config, sn_error *err) {
    bool has_url = sn_config_is_set(config, "LLM_BASE_URL");
    if (has_url == sn_config_is_set(config, "LLM_MODEL"))
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is set, but %s is not: a model needs both",
                   has_url ? "LLM_BASE_URL" : "LLM_MODEL", has_url ? "LLM_MODEL" : "LLM_BASE_URL");
}

/* Whoever has no tenant's token would be the operator. */
static int check_tenants_alone(const sn_config *config, sn_error *err) {
    if (!sn_config_is_set(config, "SHANNON_TENANTS_FILE") ||
        sn_config_is_set(config, "SHANNON_API_TOKEN"))
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT,
            "SHANNON_TENANTS_FILE is set, but there is no SHANNON_API_TOKEN, which is the "
            "operator's");
    return sn_hint(err, "set a token that no tenant has");
}

static int check_rules(const sn_config *config, sn_buffer *problems, sn_error *err) {
    int (*const rules[])(const sn_config *, sn_error *) = {check_addresses, check_tls, check_model,
                                                           check_tenants_alone};
    int rc = 0;
    for (size_t i = 0; i < SN_COUNT(rules); i++) {
        sn_error wrong = SN_ERROR_INIT;
        if (rules[i](config, &wrong) == 0)
            continue;
        if (problems && sn_buffer_add(problems, wrong.message, strlen(wrong.message)))
            (void)!sn_buffer_add(problems, "\n", 1);
        if (rc == 0 && err)
            *err = wrong;
        rc = SN_EINVALID_ARGUMENT;
    }
    return rc;
}

/* Its lines are settings, too: all that is wrong in them is told with the rest. */
static int check(const sn_config *config, sn_buffer *problems, sn_error *err) {
    sn_error of_tenants = SN_ERROR_INIT;
    int rc = check_rules(config, problems, err);
    int tenants_rc = sn_config_is_set(config, "SHANNON_TENANTS_FILE")
                         ? sn_settings_tenants(NULL, problems, config, &of_tenants)
                         : 0;
    if (rc == 0 && tenants_rc < 0 && err)
        *err = of_tenants;
    return rc < 0 ? rc : tenants_rc;
}

int sn_settings_open(sn_config **out, sn_buffer *problems, const char *file,
                     const sn_override *overrides, size_t overrides_count, sn_error *err) {
    sn_config_options options = {.settings = sn_settings_table,
                                 .settings_count = sn_settings_count,
                                 .file = file,
                                 .overrides = overrides,
                                 .overrides_count = overrides_count};
    int rc = sn_config_open(out, problems, &options, err);
    if (rc == 0 && (rc = check(*out, problems, err)) < 0)
        sn_config_close(*out);
    return rc;
}

/* ---- for those who use them ---- */

int sn_settings_export(const sn_config *config, sn_error *err) {
    for (size_t i = 0; i < sn_settings_count; i++) {
        const sn_setting *setting = &sn_settings_table[i];
        if (setting->secret || !sn_config_is_set(config, setting->name))
            continue;
        if (setenv(setting->name, sn_config_string(config, setting->name), 1) < 0)
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the settings");
    }
    return 0;
}

int sn_settings_tenants(sn_tenants **out, sn_buffer *problems, const sn_config *config,
                        sn_error *err) {
    const char *path = sn_config_string(config, "SHANNON_TENANTS_FILE");
    if (out)
        *out = NULL;
    return path ? sn_tenants_open(out, problems, path,
                                  sn_config_string(config, "SHANNON_API_TOKEN"), err)
                : 0;
}

char *sn_settings_address(const sn_config *config, const char *name) {
    const sn_address *address = sn_config_address(config, name);
    return sn_format(strchr(address->host, ':') ? "[%s]:%u" : "%s:%u", address->host,
                     address->port);
}
