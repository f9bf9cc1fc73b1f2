/*
 * grpc_service.c - see grpc_service.h.
 *
 * A request is unpacked on gRPC's thread, and answered on one that may wait for the disk.
 */
#include "orchestrator/grpc_service.h"

#include "agent_core/agent_code.h"
#include "orchestrator/grpc_wire.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/message.h"

#include <stdatomic.h>
#include <string.h>

enum {
    SUBMIT_MOST_BYTES = 4 << 20,
    OTHER_MOST_BYTES = 64 << 10,
    FIELDS_MOST = 200000,
    REQUESTS_MOST_BYTES = 256 << 20, /* of all that wait */
};

typedef struct call {
    sn_orchestrator_service *service;
    sn_rpc_call *rpc;
    const struct method *method;
    ProtobufCMessage *message;
    size_t bytes;
    sn_ticket ticket;
} call;

/* 0: it has answered. */
typedef int answer_fn(call *c, sn_error *err);

typedef struct method {
    const char *path;
    const ProtobufCMessageDescriptor *type;
    answer_fn *answer;
    size_t most_bytes;
} method;

/* ---- answering ---- */

static int reply(call *c, const ProtobufCMessage *message, sn_error *err) {
    sn_auto_free uint8_t *data = malloc(protobuf_c_message_get_packed_size(message) + 1);
    if (!data)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an answer");
    sn_rpc_reply(c->rpc, data, protobuf_c_message_pack(message, data));
    return 0;
}

/* The text of a field; NULL: it is empty. */
static int take(char **out, const ProtobufCBinaryData *from, const char *name, sn_error *err) {
    return sn_agent_text(out, from, name, err);
}

/* ---- SubmitTask ---- */

typedef struct texts {
    char *query, *user, *session, *tenant, *key;
    json_t *context;
} texts;

static void drop_texts(texts *t) {
    free(t->query);
    free(t->user);
    free(t->session);
    free(t->tenant);
    free(t->key);
    json_decref(t->context);
}

static int take_metadata(texts *to, const Shannon__Common__TaskMetadata *from, sn_error *err) {
    int rc = take(&to->user, &from->user_id, "metadata.user_id", err);
    if (rc == 0 && !to->session)
        rc = take(&to->session, &from->session_id, "metadata.session_id", err);
    if (rc == 0 && !to->tenant)
        rc = take(&to->tenant, &from->tenant_id, "metadata.tenant_id", err);
    return rc;
}

static int take_texts(texts *to, const call *c, sn_error *err) {
    const Shannon__Orchestrator__SubmitTaskRequest *m =
        (const Shannon__Orchestrator__SubmitTaskRequest *)c->message;
    to->key = sn_rpc_metadata(c->rpc, "idempotency-key");
    to->tenant = sn_rpc_metadata(c->rpc, "shannon-tenant");
    if (m->require_approval)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "require_approval is set, but nobody is asked for approval here");
    int rc = take(&to->query, &m->query, "query", err);
    if (rc == 0 && m->session_context)
        rc = take(&to->session, &m->session_context->session_id, "session_context.session_id", err);
    if (rc == 0 && m->metadata)
        rc = take_metadata(to, m->metadata, err);
    if (rc == 0 && m->context && !(to->context = sn_grpc_json_of_struct(m->context)))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT,
                     "context is no JSON: a text is not valid UTF-8, or a name contains a NUL");
    if (rc == 0 && !to->tenant) {
        const char *whose = to->user ? to->user : to->session;
        to->tenant = whose ? strdup(whose) : sn_rpc_peer(c->rpc);
    }
    return rc;
}

/* context.mode: there is no field for it. */
static int mode_of(const json_t *context) {
    const char *mode = json_string_value(json_object_get(context, "mode"));
    return mode ? sn_task_mode_of(mode) : 0;
}

static int submit(call *c, sn_error *err) {
    texts t = {0};
    char id[SN_TASK_ID_BYTES] = "";
    Shannon__Orchestrator__SubmitTaskResponse response =
        SHANNON__ORCHESTRATOR__SUBMIT_TASK_RESPONSE__INIT;
    int rc = take_texts(&t, c, err);
    if (rc == 0)
        rc = sn_tasks_submit(id, c->service->tasks,
                             &(sn_task_request){.query = t.query,
                                                .context = t.context,
                                                .mode = mode_of(t.context),
                                                .session_id = t.session,
                                                .user_id = t.user,
                                                .tenant = t.tenant,
                                                .key = t.key},
                             err);
    response.task_id = response.workflow_id = sn_grpc_text(id);
    response.status = SHANNON__COMMON__STATUS_CODE__STATUS_CODE_OK;
    response.message = sn_grpc_text(rc == 1 ? "the task was there already" : "the task is queued");
    drop_texts(&t);
    return rc < 0 ? rc : reply(c, &response.base, err);
}

/* ---- GetTaskStatus, CancelTask ---- */

static int take_id(char **out, const ProtobufCBinaryData *from, sn_error *err) {
    int rc = take(out, from, "task_id", err);
    return rc == 0 && !*out ? sn_fail(err, SN_EINVALID_ARGUMENT, "task_id is missing") : rc;
}

static int get_status(call *c, sn_error *err) {
    const Shannon__Orchestrator__GetTaskStatusRequest *m =
        (const Shannon__Orchestrator__GetTaskStatusRequest *)c->message;
    Shannon__Orchestrator__GetTaskStatusResponse response =
        SHANNON__ORCHESTRATOR__GET_TASK_STATUS_RESPONSE__INIT;
    Shannon__Common__ExecutionMetrics metrics = SHANNON__COMMON__EXECUTION_METRICS__INIT;
    Shannon__Common__TokenUsage usage;
    sn_task task;
    sn_auto_free char *id = NULL;
    int rc = take_id(&id, &m->task_id, err);
    if (rc == 0)
        rc = sn_tasks_get(&task, c->service->tasks, id, err);
    if (rc < 0)
        return rc;
    sn_grpc_fill_usage(&usage, &task.head.usage, task.head.model);
    metrics.token_usage = &usage;
    metrics.mode = (Shannon__Common__ExecutionMode)task.head.mode;
    metrics.agents_used = task.plan ? (int32_t)json_array_size(task.plan) : 1;
    if (task.head.started_ms && task.head.ended_ms)
        metrics.latency_ms = task.head.ended_ms - task.head.started_ms;
    response.task_id = sn_grpc_text(task.head.id);
    response.status = (Shannon__Orchestrator__TaskStatus)task.head.state;
    response.progress = task.head.progress;
    response.result = sn_grpc_text(task.result);
    response.error_message = sn_grpc_text(task.head.error);
    response.metrics = &metrics;
    rc = reply(c, &response.base, err);
    sn_task_clear(&task);
    return rc;
}

static int cancel(call *c, sn_error *err) {
    const Shannon__Orchestrator__CancelTaskRequest *m =
        (const Shannon__Orchestrator__CancelTaskRequest *)c->message;
    Shannon__Orchestrator__CancelTaskResponse response =
        SHANNON__ORCHESTRATOR__CANCEL_TASK_RESPONSE__INIT;
    sn_auto_free char *id = NULL, *reason = NULL;
    sn_task_state state = SN_TASK_QUEUED;
    char message[64];
    int rc = take_id(&id, &m->task_id, err);
    if (rc == 0)
        rc = take(&reason, &m->reason, "reason", err);
    if (rc == 0)
        rc = sn_tasks_cancel(&state, c->service->tasks, id, reason, err);
    if (rc < 0)
        return rc;
    snprintf(message, sizeof message, rc ? "the task had ended: %s" : "the task is %s",
             sn_task_state_name(state));
    response.success = rc == 0;
    response.message = sn_grpc_text(message);
    return reply(c, &response.base, err);
}

/* ---- ListTasks, GetSessionContext ---- */

typedef struct summaries {
    sn_task_head *heads;
    sn_grpc_summary *all;
    Shannon__Orchestrator__TaskSummary **list;
    size_t count, total;
} summaries;

static void drop_summaries(summaries *s) {
    free(s->heads);
    free(s->all);
    free(s->list);
}

static int list_into(summaries *out, const call *c, const sn_task_filter *filter, sn_error *err) {
    *out = (summaries){0};
    int rc = sn_tasks_list(&out->heads, &out->count, &out->total, c->service->tasks, filter, err);
    if (rc < 0)
        return rc;
    out->all = calloc(out->count + 1, sizeof *out->all);
    out->list = calloc(out->count + 1, sizeof(Shannon__Orchestrator__TaskSummary *));
    if (!out->all || !out->list) {
        drop_summaries(out);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a list");
    }
    for (size_t i = 0; i < out->count; i++) {
        sn_grpc_fill_summary(&out->all[i], &out->heads[i]);
        out->list[i] = &out->all[i].message;
    }
    return 0;
}

static int list_tasks(call *c, sn_error *err) {
    const Shannon__Orchestrator__ListTasksRequest *m =
        (const Shannon__Orchestrator__ListTasksRequest *)c->message;
    Shannon__Orchestrator__ListTasksResponse response =
        SHANNON__ORCHESTRATOR__LIST_TASKS_RESPONSE__INIT;
    sn_auto_free char *user = NULL, *session = NULL;
    summaries s;
    int rc = take(&user, &m->user_id, "user_id", err);
    if (rc == 0)
        rc = take(&session, &m->session_id, "session_id", err);
    if (rc == 0 && (m->limit < 0 || m->offset < 0))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "limit and offset are less than 0");
    if (rc == 0)
        rc = list_into(&s, c,
                       &(sn_task_filter){.state = (int)m->filter_status,
                                         .session_id = session,
                                         .user_id = user,
                                         .offset = (size_t)m->offset,
                                         .limit = (size_t)m->limit},
                       err);
    if (rc < 0)
        return rc;
    response.tasks = s.list;
    response.n_tasks = s.count;
    response.total_count = (int32_t)s.total;
    rc = reply(c, &response.base, err);
    drop_summaries(&s);
    return rc;
}

static sn_struct *describe(const call *c, const char *id) {
    sn_session_info *info;
    if (!c->service->sessions || sn_session_show(&info, c->service->sessions, id, NULL) < 0)
        return NULL;
    json_t *json =
        json_pack("{s:I, s:f, s:f, s:I, s:I}", "step", (json_int_t)info->step, "created",
                  info->created, "used", info->used, "memory_bytes", (json_int_t)info->memory_bytes,
                  "stored_bytes", (json_int_t)info->stored_bytes);
    sn_struct *made = sn_struct_of_json(json);
    json_decref(json);
    sn_session_info_free(info, 1);
    return made;
}

enum { RECENT_TASKS = 20 };

static int get_session(call *c, sn_error *err) {
    const Shannon__Orchestrator__GetSessionContextRequest *m =
        (const Shannon__Orchestrator__GetSessionContextRequest *)c->message;
    Shannon__Orchestrator__GetSessionContextResponse response =
        SHANNON__ORCHESTRATOR__GET_SESSION_CONTEXT_RESPONSE__INIT;
    sn_auto_free char *id = NULL;
    Shannon__Common__TokenUsage usage;
    sn_model_usage sum = {0};
    summaries s;
    int rc = take(&id, &m->session_id, "session_id", err);
    if (rc == 0 && !id)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "session_id is missing");
    if (rc == 0)
        rc = list_into(&s, c, &(sn_task_filter){.session_id = id, .limit = RECENT_TASKS}, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < s.count; i++) {
        sum.input_tokens += s.heads[i].usage.input_tokens;
        sum.output_tokens += s.heads[i].usage.output_tokens;
    }
    sn_grpc_fill_usage(&usage, &sum, NULL);
    response.session_id = sn_grpc_text(id);
    response.context = describe(c, id);
    response.recent_tasks = s.list;
    response.n_recent_tasks = s.count;
    response.session_token_usage = &usage;
    rc = response.context || s.count > 0
             ? reply(c, &response.base, err)
             : sn_fail(err, SN_ENOT_FOUND, "there is no session '%.128s', and no task in it", id);
    if (response.context)
        google__protobuf__struct__free_unpacked(response.context, NULL);
    drop_summaries(&s);
    return rc;
}

/* ---- calls ---- */

static void end(call *c) {
    atomic_fetch_sub(&c->service->requests_bytes, c->bytes);
    protobuf_c_message_free_unpacked(c->message, NULL);
    free(c);
}

static void on_turn(void *user, sn_admission_outcome outcome) {
    static const sn_error late = {SN_EUNAVAILABLE, "the server is shutting down, or too busy",
                                  "try again"};
    call *c = user;
    sn_error err = SN_ERROR_INIT;
    if (outcome != SN_ADMITTED)
        sn_rpc_fail(c->rpc, &late);
    else if (c->method->answer(c, &err) < 0)
        sn_rpc_fail(c->rpc, &err);
    end(c);
}

static int start(call *c, const void *request, sn_error *err) {
    if (c->bytes > c->method->most_bytes)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the message has %zu bytes, more than %zu",
                       c->bytes, c->method->most_bytes);
    if (atomic_load(&c->service->requests_bytes) > REQUESTS_MOST_BYTES)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "too many requests wait to be stored");
    c->message = sn_message_unpack(c->method->type, request, c->bytes, FIELDS_MOST, err);
    if (!c->message)
        return err->code;
    c->ticket = (sn_ticket){.tenant = "grpc", .fn = on_turn, .user = c};
    return sn_admission_submit(sn_tasks_others(c->service->tasks), &c->ticket, err);
}

static void begin(void *service, sn_rpc_call *rpc, const method *m, const void *request,
                  size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    call *c = malloc(sizeof *c);
    if (!c)
        return sn_rpc_fail(rpc, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a call", ""});
    *c = (call){.service = service, .rpc = rpc, .method = m, .bytes = bytes};
    atomic_fetch_add(&c->service->requests_bytes, bytes);
    if (start(c, request, &err) == 0)
        return;
    sn_rpc_fail(rpc, &err);
    end(c);
}

#define METHOD(function, name, message, fn, most)                                                  \
    static const method function##_method = {                                                      \
        "/shannon.orchestrator.OrchestratorService/" name,                                         \
        &shannon__orchestrator__##message##_request__descriptor, fn, most};                        \
    static void function(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {     \
        begin(service, rpc, &function##_method, request, bytes);                                   \
    }

METHOD(on_submit, "SubmitTask", submit_task, submit, SUBMIT_MOST_BYTES)
METHOD(on_status, "GetTaskStatus", get_task_status, get_status, OTHER_MOST_BYTES)
METHOD(on_cancel, "CancelTask", cancel_task, cancel, OTHER_MOST_BYTES)
METHOD(on_list, "ListTasks", list_tasks, list_tasks, OTHER_MOST_BYTES)
METHOD(on_session, "GetSessionContext", get_session_context, get_session, OTHER_MOST_BYTES)

void sn_orchestrator_service_add(sn_rpc_methods *methods, sn_orchestrator_service *service) {
    static const struct {
        const method *method;
        sn_rpc_begin_fn begin;
    } all[] = {
        {&on_submit_method, on_submit},   {&on_status_method, on_status},
        {&on_cancel_method, on_cancel},   {&on_list_method, on_list},
        {&on_session_method, on_session},
    };
    for (size_t i = 0; i < SN_COUNT(all); i++)
        sn_rpc_methods_add(methods,
                           (sn_rpc_method){all[i].method->path, all[i].begin, service, false});
}
