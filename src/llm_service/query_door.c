/*
 * query_door.c - POST /agent/query: a question over HTTP (query_json.h), answered at once or, with
 * "stream": true or by the header Accept, as events (query_stream.h). See doors.h.
 */
#include "llm_service/accept.h"
#include "llm_service/query_json.h"
#include "llm_service/query_stream.h"
#include "llm_service/work.h"
#include "util/error.h"
#include "util/io.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_MOST_BYTES = 4 << 20 };

typedef struct asking {
    sn_http_work work;
    sn_query_body body;
    bool streams;
    const char *told_session; /* what the caller calls it; NULL: it named none */
    char session_id[SN_SESSION_ID_BYTES];
    char *model; /* of the answer, for the log */
    sn_query_stream stream;
} asking;

static void release(sn_http_work *work) {
    asking *a = (asking *)work;
    sn_query_body_clear(&a->body);
    free(a->model);
    free(a);
}

/* ---- answering ---- */

static void describe(asking *a, const sn_agent_reply *reply) {
    a->model = reply->model ? strdup(reply->model) : NULL;
    const sn_field fields[] = {
        SN_STRING("session_id", a->body.query.session_id),
        SN_STRING("model", a->model),
        SN_INTEGER("rounds", reply->rounds),
        SN_INTEGER("executions", reply->calls_count),
        SN_INTEGER("input_tokens", reply->usage.input_tokens),
        SN_INTEGER("output_tokens", reply->usage.output_tokens),
        {0},
    };
    _Static_assert(sizeof fields <= sizeof a->work.fields, "there is room");
    memcpy(a->work.fields, fields, sizeof fields);
}

static json_t *answer_of(const asking *a, const sn_agent_reply *reply) {
    const sn_model *model = a->work.doors->agent.model;
    return sn_query_answer_json(reply, &a->body.query, model ? sn_model_api(model) : NULL,
                                a->told_session);
}

static void end(asking *a, const sn_agent_reply *reply) {
    for (size_t i = 0; i < reply->calls_count; i++) {
        sn_result *result = reply->calls[i].result;
        if (!result)
            continue;
        sn_tenant_session_tell(a->work.owner, result->unsaved);
        sn_core_count(a->work.doors->core, result);
    }
    json_t *json = answer_of(a, reply);
    describe(a, reply);
    if (a->streams) {
        (void)sn_event_stream_send(&a->stream.events, "done", json);
        sn_http_work_end_stream(&a->work, NULL);
    } else {
        sn_http_work_reply_json(&a->work, 200, json);
    }
    json_decref(json);
}

/* A stream that has begun tells its reader itself. */
static int fail(asking *a, sn_error *err) {
    if (!a->streams)
        return err->code;
    sn_tenant_session_tell(a->work.owner, err->message);
    sn_tenant_session_tell(a->work.owner, err->hint);
    (void)sn_event_stream_failed(&a->stream.events, err);
    sn_http_work_end_stream(&a->work, err);
    return 0;
}

static int run(sn_http_work *work, sn_error *err) {
    asking *a = (asking *)work;
    sn_query *query = &a->body.query;
    const sn_agent *agent = &work->doors->agent;
    sn_agent_reply reply;
    int rc = sn_agent_check(agent, query, err); /* before there is a stream */
    if (rc < 0)
        return rc;
    query->cancel_fd = sn_http_cancel_fd(work->request);
    query->request_id = work->request_id;
    query->tenant = work->tenant;
    query->streams = a->streams;
    query->deadline_ns = work->came_ns + (uint64_t)(a->body.timeout_seconds * 1e9);
    if (a->streams)
        sn_event_stream_begin(&a->stream.events, work->request, query->deadline_ns);
    rc = sn_agent_answer(&reply, agent, query, a->streams ? sn_query_stream_tell : NULL, &a->stream,
                         err);
    if (rc < 0)
        return fail(a, err);
    end(a, &reply);
    sn_agent_reply_clear(&reply);
    return 0;
}

/* ---- taking it in ---- */

static int take(asking *a, sn_error *err) {
    json_t *json;
    int rc = sn_http_json_body(&json, a->work.request, err);
    if (rc == 0)
        rc = sn_query_body_read(&a->body, json, err);
    a->told_session = a->stream.session_id = a->body.query.session_id;
    if (rc == 0 && a->told_session) {
        rc = sn_tenant_session(a->session_id, sn_http_tenant(a->work.request), "session_id",
                               a->told_session, err);
        a->body.query.session_id = a->session_id;
    }
    a->streams = a->body.streams || sn_accept_events(sn_http_header(a->work.request, "Accept"));
    return rc;
}

static void on_query(void *user, sn_http_request *request) {
    sn_error err = SN_ERROR_INIT;
    sn_doors *doors = user;
    asking *a = calloc(1, sizeof *a);
    if (!a)
        return sn_http_reply_error(
            request, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a query", ""});
    a->work = (sn_http_work){.doors = doors,
                             .request = request,
                             .method = "POST /agent/query",
                             .run = run,
                             .release = release};
    (void)sn_http_body(&a->work.bytes, request);
    if (take(a, &err) < 0)
        sn_http_work_refuse(&a->work, &err);
    else
        sn_http_work_submit(&a->work, doors->queries, a->body.query.session_id);
}

void sn_query_door_add(sn_http_routes *routes, sn_doors *doors) {
    sn_http_routes_add(routes, &(sn_http_route){.method = "POST",
                                                .pattern = "/agent/query",
                                                .handler = on_query,
                                                .user = doors,
                                                .body_most_bytes = BODY_MOST_BYTES});
}
