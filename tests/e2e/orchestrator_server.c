/*
 * orchestrator_server.c - the orchestrator with an answer function of our own instead of a model,
 * for orchestrator_test.py. What it answers is in the query:
 *
 *     say TEXT        TEXT, in pieces
 *     wait            nothing, until it is ended
 *     flood N         N pieces of text of 1,000 bytes
 *     python: CODE    executes CODE in the query's session, and says what it printed
 *     ... PLAN JSON   the plan of a complex task
 *
 * Settings come from the environment. Says its ports, and ends on SIGTERM.
 */
#include "orchestrator/role.h"
#include "service/lifetime.h"
#include "service/settings_table.h"
#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(sn_agent_event_fn on_event, void *user, const char *text, size_t bytes) {
    if (on_event)
        on_event(user, &(sn_agent_event){.kind = SN_AGENT_TEXT, .text = text, .text_bytes = bytes});
}

static int say(sn_agent_reply *out, const char *text, sn_agent_event_fn on_event, void *user) {
    size_t bytes = strlen(text);
    for (size_t at = 0; at < bytes; at += 7)
        tell(on_event, user, text + at, bytes - at < 7 ? bytes - at : 7);
    *out = (sn_agent_reply){.text = strdup(text),
                            .used_model = true,
                            .model = strdup("none"),
                            .usage = {3, 4},
                            .rounds = 1};
    return 0;
}

static int wait_for_end(const sn_query *query, sn_error *err) {
    struct pollfd cancel = {query->cancel_fd, POLLIN, 0};
    while (poll(&cancel, 1, -1) != 1)
        continue;
    return sn_fail(err, SN_EUNAVAILABLE, "it was cancelled");
}

typedef struct listener {
    sn_agent_event_fn on_event;
    void *user;
} listener;

static int on_output(void *user, const sn_event *event) {
    const listener *l = user;
    if (l->on_event)
        l->on_event(l->user, &(sn_agent_event){.kind = SN_AGENT_OUTPUT, .event = event});
    return 0;
}

static int execute(sn_agent_reply *out, const sn_agent *agent, const sn_query *query,
                   const char *code, listener l, sn_error *err) {
    sn_request request = SN_REQUEST_INIT;
    sn_result *result;
    request.code = code;
    request.code_bytes = strlen(code);
    request.session_id = query->session_id;
    request.cancel_fd = query->cancel_fd;
    l.on_event(l.user,
               &(sn_agent_event){.kind = SN_AGENT_CALL, .name = "python_executor", .code = code});
    int rc = sn_execute(&result, agent->executor, &request, on_output, &l, err);
    if (rc < 0)
        return rc;
    l.on_event(l.user, &(sn_agent_event){
                           .kind = SN_AGENT_RESULT, .name = "python_executor", .result = result});
    rc = say(out, result->error_name ? result->error_value : result->stdout_text, NULL, NULL);
    sn_result_free(result);
    return rc;
}

static int flood(sn_agent_reply *out, unsigned long count, sn_agent_event_fn on_event, void *user) {
    char text[1000];
    memset(text, 'f', sizeof text);
    for (unsigned long i = 0; i < count; i++)
        tell(on_event, user, text, sizeof text);
    return say(out, "flooded", NULL, NULL);
}

static int answer(sn_agent_reply *out, const sn_agent *agent, const sn_query *query,
                  sn_agent_event_fn on_event, void *user, sn_error *err) {
    static const char step[] = "Carry out this step";
    char *text = strdup(query->query), *at = text;
    int rc;
    if (strncmp(at, step, sizeof step - 1) == 0) {
        at = strchr(at, '\n') + 1;
        strstr(at, "\n\n")[0] = '\0';
    }
    if (strncmp(at, "Make a plan", 11) == 0)
        rc = say(out, strstr(at, "PLAN ") ? strstr(at, "PLAN ") + 5 : "none", on_event, user);
    else if (strncmp(at, "wait", 4) == 0)
        rc = wait_for_end(query, err);
    else if (strncmp(at, "flood ", 6) == 0)
        rc = flood(out, strtoul(at + 6, NULL, 10), on_event, user);
    else if (strncmp(at, "python: ", 8) == 0)
        rc = execute(out, agent, query, at + 8, (listener){on_event, user}, err);
    else
        rc = say(out, strncmp(at, "say ", 4) == 0 ? at + 4 : at, on_event, user);
    free(text);
    return rc;
}

static int serve(sn_executor *executor, const sn_config *config, sn_error *err) {
    sn_agent agent = {.executor = executor};
    sn_metrics *registry;
    sn_orchestrator *o;
    sn_orchestrator_options options = {.config = config,
                                       .has_http_metrics = true,
                                       .agent = &agent,
                                       .answer = answer,
                                       .has_model = true};
    options.sessions = sn_executor_sessions(executor, err);
    if (!options.sessions || sn_executor_get_figures(&agent.limits, executor, err) < 0 ||
        sn_metrics_open(&registry, err) < 0)
        return err->code;
    options.registry = registry;
    int rc = sn_orchestrator_start(&o, &options, err);
    if (rc == 0) {
        printf("%s %s\n", sn_orchestrator_address(o), sn_orchestrator_http_address(o));
        fflush(stdout);
        while (!sn_lifetime_wait(UINT64_C(1000000000)))
            sn_orchestrator_tidy(o);
        sn_orchestrator_free(o);
    }
    sn_metrics_close(registry);
    return rc;
}

int main(void) {
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_executor *executor;
    sn_config *config;
    options.agent_core_addr = "";
    int rc = sn_lifetime_begin(&err);
    if (rc == 0)
        rc = sn_executor_open(&executor, &options, &err);
    if (rc == 0)
        rc = sn_settings_open(&config, NULL, NULL, NULL, 0, &err);
    if (rc == 0)
        rc = serve(executor, config, &err);
    if (rc < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    sn_config_close(config);
    sn_executor_close(executor);
    puts("stopped");
    return 0;
}
