/* run.c - carries a task out: code, or one question. (Several steps: steps.c.) */
#include "orchestrator/live.h"

#include "agent.pb-c.h"
#include "agent_core/agent_request.h"
#include "agent_core/struct_json.h"
#include "llm_service/in_turn.h"
#include "orchestrator/answer.h"
#include "orchestrator/report.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>

/* ---- code ---- */

/* Where the code is, and how it wants to be executed, agent_core's rules say: tool parameters of
 * both kinds, and code in the query. So the task is put into the words that those are for. */
static int read_code(sn_agent_request *out, const sn_live *l, sn_error *err) {
    Shannon__Agent__ExecuteTaskRequest message = SHANNON__AGENT__EXECUTE_TASK_REQUEST__INIT;
    const sn_agent *agent = l->tasks->options.agent;
    message.query = (ProtobufCBinaryData){strlen(l->task.query), (uint8_t *)l->task.query};
    message.mode = SHANNON__COMMON__EXECUTION_MODE__EXECUTION_MODE_SIMPLE;
    message.context = l->task.context ? sn_struct_of_json(l->task.context) : NULL;
    size_t bytes = shannon__agent__execute_task_request__get_packed_size(&message);
    sn_auto_free uint8_t *packed = malloc(bytes + 1);
    if (packed)
        shannon__agent__execute_task_request__pack(&message, packed);
    if (message.context)
        google__protobuf__struct__free_unpacked(message.context, NULL);
    const char *path = agent->limits.interpreter_path;
    return packed ? sn_agent_request_read(out, packed, bytes, path ? path : "", err)
                  : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the task");
}

static int end_of(const sn_result *result, sn_error *err) {
    char why[SN_TASK_ERROR_MOST_BYTES];
    if (result->status == SN_STATUS_OK)
        return 0;
    sn_report_error(why, sizeof why, result);
    return sn_fail(
        err, result->status == SN_STATUS_TIMEOUT ? SN_EDEADLINE_EXCEEDED : SN_EINVALID_ARGUMENT,
        "%s", why);
}

static int execute(sn_live *l, const sn_request *request, sn_error *err) {
    sn_report report = {.live = l};
    sn_result *result;
    sn_auto_free char *code = strndup(request->code, request->code_bytes);
    sn_report_invoked(&report, "python_executor", code);
    const sn_agent *agent = l->tasks->options.agent;
    int rc = sn_execute_in_turn(&result, agent->executor, request, agent->executions,
                                l->task.head.tenant, sn_report_execution, &report, err);
    if (rc == 0) {
        sn_report_result(&report, "python_executor", result, NULL);
        l->task.result = sn_report_text(result);
        rc = end_of(result, err);
        sn_result_free(result);
    } else
        sn_report_result(&report, "python_executor", NULL, err->message);
    sn_report_end(&report);
    return rc;
}

static int run_code(sn_live *l, sn_error *err) {
    sn_agent_request wire = {.request = SN_REQUEST_INIT};
    sn_request *request = &wire.request;
    int rc = 0;
    if (l->route.is_bare) {
        request->code = l->task.query;
        request->code_bytes = strlen(l->task.query);
    } else
        rc = read_code(&wire, l, err);
    if (rc < 0)
        return rc;
    if (!request->session_id && l->task.head.session_id[0])
        request->session_id = l->task.head.session_id;
    request->cancel_fd = l->cancel_fd;
    request->cancel_at_once = !request->session_id;
    rc = execute(l, request, err);
    sn_agent_request_clear(&wire);
    return rc;
}

/* ---- a question ---- */

int sn_answer(char **out, sn_live *l, sn_query *query, sn_report *report, sn_error *err) {
    sn_agent_reply reply = {0};
    const sn_tasks_options *o = &l->tasks->options;
    query->cancel_fd = l->cancel_fd;
    query->deadline_ns = l->began_ns + o->timeout_ns;
    query->request_id = l->task.head.id;
    query->streams = report != NULL;
    int rc = o->answer(&reply, o->agent, query, report ? sn_report_agent : NULL, report, err);
    if (rc < 0)
        return rc;
    sn_live_add_usage(l, &reply.usage, reply.model);
    if (!reply.used_model && reply.calls_count > 0 && reply.calls[0].result)
        rc = end_of(reply.calls[0].result, err);
    *out =
        sn_report_cut(reply.text, reply.text ? strlen(reply.text) : 0, SN_TASK_RESULT_MOST_BYTES);
    for (size_t i = 0; i < reply.calls_count; i++) {
        free(reply.calls[i].code);
        free(reply.calls[i].error);
        sn_result_free(reply.calls[i].result);
    }
    free(reply.calls);
    free(reply.text);
    free(reply.model);
    return rc < 0 || *out ? rc : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the answer");
}

static int ask(sn_live *l, sn_query_mode mode, sn_error *err) {
    sn_report report = {.live = l};
    sn_query query = SN_QUERY_INIT;
    query.query = l->task.query;
    query.context = l->task.context;
    query.session_id = l->task.head.session_id[0] ? l->task.head.session_id : NULL;
    query.mode = mode;
    int rc = sn_answer(&l->task.result, l, &query, &report, err);
    sn_report_end(&report);
    return rc;
}

int sn_live_run_standard(sn_live *l, sn_error *err) {
    return ask(l, SN_MODE_STANDARD, err);
}

int sn_live_run(sn_live *l, sn_error *err) {
    if (l->route.is_code && l->tasks->options.agent->executor)
        return run_code(l, err);
    if (l->task.head.mode == SN_MODE_COMPLEX)
        return sn_live_run_plan(l, err);
    return ask(l, l->task.head.mode, err);
}
