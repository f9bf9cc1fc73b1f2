/* agent.c - see agent.h. */
#include "llm_service/agent.h"

#include "executor/result_words.h"
#include "llm_service/conversation.h"
#include "llm_service/in_turn.h"
#include "llm_service/python_tool.h"
#include "service/query_code.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>

enum { CALLS_MOST = 256 }; /* in one query: a model may want many in one round */

typedef struct answering {
    const sn_agent *agent;
    const sn_query *query;
    sn_agent_reply *reply;
    sn_agent_event_fn on_event;
    void *user;
    sn_conversation said;
    sn_model_tool tool;
    json_t *schema;
    char own_session[32]; /* "": none was needed yet */
} answering;

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the answer");
}

static int cancelled(sn_error *err) {
    return sn_fail(err, SN_EUNAVAILABLE, "the query was cancelled");
}

static int tell(const answering *a, const sn_agent_event *event) {
    return a->on_event ? a->on_event(a->user, event) : 0;
}

static bool is_cancelled(const answering *a) {
    struct pollfd fd = {a->query->cancel_fd, POLLIN, 0};
    return a->query->cancel_fd >= 0 && poll(&fd, 1, 0) == 1;
}

/* ---- executing ---- */

static sn_agent_call *new_call(answering *a, const char *code, size_t bytes) {
    sn_agent_reply *reply = a->reply;
    sn_agent_call *calls = reallocarray(reply->calls, reply->calls_count + 1, sizeof *reply->calls);
    if (!calls)
        return NULL;
    reply->calls = calls;
    calls[reply->calls_count] = (sn_agent_call){.code = strndup(code, bytes)};
    return calls[reply->calls_count].code ? &calls[reply->calls_count++] : NULL;
}

static int pass_on(void *user, const sn_event *event) {
    const answering *a = user;
    return tell(a, &(sn_agent_event){.kind = SN_AGENT_OUTPUT, .event = event});
}

static int tell_result(const answering *a, const sn_agent_call *call) {
    return tell(a, &(sn_agent_event){.kind = SN_AGENT_RESULT,
                                     .name = SN_PYTHON_TOOL,
                                     .result = call->result,
                                     .text = call->error,
                                     .text_bytes = call->error ? strlen(call->error) : 0});
}

/* What the deadline leaves for the code; it is not more than what was asked for. */
static int fit_deadline(const answering *a, sn_request *request, sn_error *err) {
    uint64_t now_ns = sn_now_ns();
    if (a->query->deadline_ns == 0)
        return 0;
    if (a->query->deadline_ns < now_ns + UINT64_C(1000000000))
        return sn_fail(err, SN_EDEADLINE_EXCEEDED, "no time is left to execute code");
    double left = (double)(a->query->deadline_ns - now_ns) / 1e9;
    double most = a->agent->limits.timeout_seconds;
    double asked = request->timeout_seconds ? request->timeout_seconds : most < 30 ? most : 30;
    if (left < asked)
        request->timeout_seconds = left;
    return 0;
}

/* The request's code, in a session or alone. A code of -1 and up: as sn_execute(). */
static int execute(sn_agent_call **out, answering *a, sn_request *request, sn_error *err) {
    const sn_query *q = a->query;
    sn_agent_event begins = {.kind = SN_AGENT_CALL, .name = SN_PYTHON_TOOL};
    sn_agent_call *call = new_call(a, request->code, request->code_bytes);
    if (!call)
        return no_memory(err);
    begins.code = call->code;
    if (tell(a, &begins) != 0)
        return cancelled(err);
    int rc = fit_deadline(a, request, err);
    request->cancel_fd = q->cancel_fd;
    if (rc == 0)
        rc = sn_execute_in_turn(&call->result, a->agent->executor, request, a->agent->executions,
                                q->tenant, a->on_event && q->streams ? pass_on : NULL, a, err);
    *out = call;
    return rc;
}

/* ---- a query that is code ---- */

static int answer_code(answering *a, const char *code, sn_error *err) {
    sn_request request = SN_REQUEST_INIT;
    sn_agent_call *call;
    request.code = code;
    request.code_bytes = strlen(code);
    request.session_id = a->query->session_id;
    request.cancel_at_once = !request.session_id;
    int rc = execute(&call, a, &request, err);
    if (rc < 0)
        return rc;
    a->reply->finish = SN_FINISH_STOP;
    a->reply->text = sn_result_words(&a->reply->text_bytes, call->result);
    if (!a->reply->text)
        return no_memory(err);
    return tell_result(a, call) != 0 ? cancelled(err) : 0;
}

/* ---- the tool loop ---- */

static const char *session_of(answering *a) {
    unsigned char chance[12];
    if (a->query->session_id)
        return a->query->session_id;
    if (!*a->own_session && getrandom(chance, sizeof chance, 0) == sizeof chance) {
        char *at = stpcpy(a->own_session, "query-");
        for (size_t i = 0; i < sizeof chance; i++)
            at += sprintf(at, "%02x", chance[i]);
    }
    return *a->own_session ? a->own_session : NULL;
}

/* What is the model's to mend is told to it; 0 then, too. */
static int run_code(answering *a, const char **told, char **text, const sn_tool_use *use,
                    sn_error *err) {
    sn_python_call asked;
    sn_agent_call *call = NULL;
    sn_error wrong = SN_ERROR_INIT;
    int rc = sn_python_call_read(&asked, use->arguments, &wrong);
    if (rc == 0) {
        asked.request.session_id = session_of(a);
        rc = execute(&call, a, &asked.request, &wrong);
        sn_python_call_clear(&asked);
    }
    if (rc == 0 && is_cancelled(a))
        return cancelled(err);
    if (rc < 0 && rc != SN_EINVALID_ARGUMENT) {
        if (err)
            *err = wrong;
        return rc;
    }
    if (rc < 0 && !call && !(call = new_call(a, use->arguments, strlen(use->arguments))))
        return no_memory(err);
    *text = rc < 0 ? sn_python_tool_tell_error(&wrong) : sn_python_tool_tell(call->result);
    *told = *text;
    if (!*text || (rc < 0 && !(call->error = strdup(wrong.message))))
        return no_memory(err);
    return tell_result(a, call) != 0 ? cancelled(err) : 0;
}

static int run_use(answering *a, const sn_tool_use *use, sn_error *err) {
    sn_auto_free char *text = NULL;
    const char *told = "There is no such tool. There is " SN_PYTHON_TOOL ".";
    int rc = 0;
    if (a->reply->calls_count >= CALLS_MOST)
        told = "This was not run: too many calls were made.";
    else if (strcmp(use->name, SN_PYTHON_TOOL) == 0)
        rc = run_code(a, &told, &text, use, err);
    if (rc < 0)
        return rc;
    size_t calls = a->reply->calls_count;
    const sn_agent_call *last = text && calls ? &a->reply->calls[calls - 1] : NULL;
    bool failed = !last || !last->result || last->result->status != SN_STATUS_OK;
    return sn_conversation_add_result(&a->said, use->id, told, failed, err);
}

static int on_text(void *user, const char *text, size_t bytes) {
    const answering *a = user;
    return tell(a, &(sn_agent_event){.kind = SN_AGENT_TEXT, .text = text, .text_bytes = bytes});
}

static int ask(sn_model_reply *out, answering *a, bool with_tools, sn_error *err) {
    const sn_query *q = a->query;
    const sn_model_request request = {
        .messages = a->said.messages,
        .messages_count = a->said.count,
        .tools = &a->tool,
        .tools_count = with_tools || a->reply->rounds > 0,
        .no_calls = !with_tools,
        .temperature = q->temperature,
        .max_tokens = q->max_tokens,
        .deadline_ns = q->deadline_ns,
        .cancel_fd = q->cancel_fd,
        .request_id = q->request_id,
        .on_text = a->on_event && q->streams ? on_text : NULL,
        .user = a,
    };
    int rc = sn_model_ask(out, a->agent->model, &request, err);
    if (rc == SN_EUNAUTHENTICATED) /* it is not the caller who has the wrong key */
        rc = err->code = SN_EUNAVAILABLE;
    if (rc < 0)
        return rc;
    sn_agent_reply *r = a->reply;
    r->rounds++;
    r->finish = out->finish;
    r->usage.input_tokens += out->usage.input_tokens;
    r->usage.output_tokens += out->usage.output_tokens;
    free(r->model);
    r->model = SN_STEAL(out->model);
    return 0;
}

/* 1: the model has answered; 0: it is to be asked again. */
static int take_reply(answering *a, sn_model_reply *reply, bool with_tools, sn_error *err) {
    if (!with_tools || reply->message.uses_count == 0) {
        a->reply->text = SN_STEAL(reply->message.text);
        if (!a->reply->text && !(a->reply->text = strdup("")))
            return no_memory(err);
        a->reply->text_bytes = strlen(a->reply->text);
        if (a->reply->finish == SN_FINISH_TOOLS)
            a->reply->finish = SN_FINISH_STOP;
        return 1;
    }
    int rc = sn_conversation_add(&a->said, &reply->message, err);
    size_t at = a->said.count - 1; /* the list moves when it grows */
    for (size_t i = 0; rc == 0 && i < a->said.messages[at].uses_count; i++)
        rc = run_use(a, &a->said.messages[at].uses[i], err);
    return rc;
}

static unsigned rounds_of(const answering *a) {
    unsigned most = a->agent->rounds_most;
    return a->query->no_tools                  ? 0
           : a->query->mode == SN_MODE_SIMPLE  ? 1
           : a->query->mode == SN_MODE_COMPLEX ? 2 * most
                                               : most;
}

static int converse(answering *a, sn_error *err) {
    unsigned rounds = rounds_of(a);
    int rc = sn_conversation_begin(&a->said, a->query, rounds > 0, err);
    for (unsigned round = 0; rc == 0; round++) {
        bool with_tools = round < rounds;
        sn_model_reply reply = {0};
        a->reply->stopped = round > 0 && !with_tools;
        rc = ask(&reply, a, with_tools, err);
        if (rc == 0)
            rc = take_reply(a, &reply, with_tools, err);
        sn_model_reply_clear(&reply);
    }
    return rc < 0 ? rc : 0;
}

/* A session that was made for the query goes with it. */
static void drop_session(const answering *a) {
    sn_error err = SN_ERROR_INIT;
    sn_sessions *sessions = *a->own_session ? sn_executor_sessions(a->agent->executor, &err) : NULL;
    if (sessions)
        (void)!sn_session_delete(sessions, a->own_session, &err);
}

static int answer_words(answering *a, sn_error *err) {
    int rc = sn_python_tool_offer(&a->tool, &a->schema, &a->agent->limits, err);
    a->reply->used_model = true;
    if (rc == 0)
        rc = converse(a, err);
    drop_session(a);
    sn_conversation_clear(&a->said);
    json_decref(a->schema);
    return rc;
}

/* ---- */

/* free() it. NULL: the query is for the model. */
static char *code_of(const sn_agent *agent, const sn_query *query) {
    bool anywhere = !agent->model || query->mode == SN_MODE_SIMPLE;
    return query->no_tools
               ? NULL
               : sn_query_code(query->query, anywhere ? SN_CODE_ANYWHERE : SN_CODE_ALONE);
}

static int no_model(sn_error *err) {
    sn_fail(err, SN_EUNAVAILABLE, "this query needs a language model, and none is configured");
    return sn_hint(err, "set LLM_BASE_URL and LLM_MODEL (and LLM_API_KEY), or send code: "
                        "\"Execute Python: ...\" or a ```python block");
}

int sn_agent_check(const sn_agent *agent, const sn_query *query, sn_error *err) {
    sn_error unheard;
    sn_auto_free char *code = code_of(agent, query);
    return code || agent->model ? 0 : no_model(err ? err : &unheard);
}

int sn_agent_answer(sn_agent_reply *out, const sn_agent *agent, const sn_query *query,
                    sn_agent_event_fn on_event, void *user, sn_error *err) {
    sn_error unheard;
    answering a = {.agent = agent, .query = query, .reply = out, .on_event = on_event};
    a.user = user;
    err = err ? err : &unheard; /* sn_hint() returns what is in it */
    *out = (sn_agent_reply){0};
    sn_auto_free char *code = code_of(agent, query);
    int rc = code           ? answer_code(&a, code, err)
             : agent->model ? answer_words(&a, err)
                            : no_model(err);
    if (rc < 0)
        sn_agent_reply_clear(out);
    return rc;
}

void sn_agent_reply_clear(sn_agent_reply *reply) {
    for (size_t i = 0; i < reply->calls_count; i++) {
        free(reply->calls[i].code);
        free(reply->calls[i].error);
        sn_result_free(reply->calls[i].result);
    }
    free(reply->calls);
    free(reply->text);
    free(reply->model);
    *reply = (sn_agent_reply){0};
}
