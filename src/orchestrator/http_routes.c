/* http_routes.c - see http_routes.h. */
#include "orchestrator/http_routes.h"

#include "orchestrator/pump.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MOST_BYTES = 4 << 20 };

struct sn_task_pages {
    sn_tasks *tasks;
    sn_pump *pump;
};

typedef struct job job;
struct job {
    sn_task_pages *pages;
    sn_http_request *request;
    int (*run)(job *j, sn_error *err); /* 0: it has answered */
    sn_ticket ticket;
};

/* ---- to a thread that may wait for the disk ---- */

static void on_turn(void *user, sn_admission_outcome outcome) {
    static const sn_error late = {SN_EUNAVAILABLE, "the server is shutting down, or too busy",
                                  "try again"};
    job *j = user;
    sn_error err = SN_ERROR_INIT;
    if (outcome != SN_ADMITTED)
        sn_http_reply_error(j->request, &late);
    else if (j->run(j, &err) < 0)
        sn_http_reply_error(j->request, &err);
    free(j);
}

static void start(void *user, sn_http_request *request, int (*run)(job *j, sn_error *err)) {
    sn_error err = SN_ERROR_INIT;
    sn_task_pages *pages = user;
    job *j = malloc(sizeof *j);
    if (j) {
        *j = (job){.pages = pages, .request = request, .run = run};
        j->ticket = (sn_ticket){.tenant = "http", .fn = on_turn, .user = j};
        if (sn_admission_submit(sn_tasks_others(pages->tasks), &j->ticket, &err) == 0)
            return;
    } else
        sn_fail(&err, SN_ERESOURCE_EXHAUSTED, "no memory for a request");
    sn_http_reply_error(request, &err);
    free(j);
}

static int reply(job *j, unsigned status, json_t *json, sn_error *err) {
    if (!json)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an answer");
    sn_http_reply_json(j->request, status, json);
    json_decref(json);
    return 0;
}

/* ---- submitting ---- */

/* NULL: it is not there, or null. */
static int take_text(const char **out, const json_t *body, const char *name, sn_error *err) {
    const json_t *text = json_object_get(body, name);
    *out = NULL;
    if (!text || json_is_null(text))
        return 0;
    if (!json_is_string(text))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is not a text", name);
    *out = json_string_value(text);
    if (strlen(*out) != json_string_length(text))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s contains a NUL", name);
    return 0;
}

static int take_mode(int *out, const json_t *body, sn_error *err) {
    const char *mode;
    int rc = take_text(&mode, body, "mode", err);
    *out = mode ? sn_task_mode_of(mode) : 0;
    if (rc == 0 && mode && *out == 0)
        rc =
            sn_fail(err, SN_EINVALID_ARGUMENT,
                    "mode is '%.32s'; it may be simple, standard or complex, or be left out", mode);
    return rc;
}

static int take_request(sn_task_request *to, const json_t *body, sn_http_request *request,
                        sn_error *err) {
    if (!json_is_object(body))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the body is not an object");
    *to = (sn_task_request){.context = json_object_get(body, "context"),
                            .tenant = sn_http_header(request, "Shannon-Tenant"),
                            .key = sn_http_header(request, "Idempotency-Key")};
    if (json_is_null(to->context))
        to->context = NULL;
    int rc = take_text(&to->query, body, "query", err);
    if (rc == 0)
        rc = take_text(&to->session_id, body, "session_id", err);
    if (rc == 0)
        rc = take_text(&to->user_id, body, "user_id", err);
    if (rc == 0)
        rc = take_mode(&to->mode, body, err);
    if (rc == 0 && !to->tenant)
        to->tenant = to->user_id ? to->user_id : to->session_id ? to->session_id : "http";
    return rc;
}

static int submit_task(char id[SN_TASK_ID_BYTES], job *j, sn_error *err) {
    sn_task_request request;
    json_t *body = NULL;
    int rc = sn_http_json_body(&body, j->request, err);
    if (rc == 0)
        rc = take_request(&request, body, j->request, err);
    if (rc == 0)
        rc = sn_tasks_submit(id, j->pages->tasks, &request, err);
    json_decref(body);
    return rc;
}

static int submit(job *j, sn_error *err) {
    char id[SN_TASK_ID_BYTES];
    sn_task task;
    int rc = submit_task(id, j, err);
    if (rc >= 0)
        rc = sn_tasks_get(&task, j->pages->tasks, id, err);
    if (rc < 0)
        return rc;
    json_t *json = sn_task_summary_json(&task.head);
    sn_task_clear(&task);
    return reply(j, 200, json, err);
}

static int submit_and_stream(job *j, sn_error *err) {
    char id[SN_TASK_ID_BYTES];
    int rc = submit_task(id, j, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *url = sn_format("/api/v1/stream/sse?workflow_id=%s", id);
    return reply(j, 201,
                 json_pack("{s:s, s:s, s:s, s:s}", "task_id", id, "workflow_id", id, "status",
                           "queued", "stream_url", url),
                 err);
}

/* ---- asking ---- */

static int get(job *j, sn_error *err) {
    sn_task task;
    int rc = sn_tasks_get(&task, j->pages->tasks, sn_http_param(j->request, "id"), err);
    if (rc < 0)
        return rc;
    json_t *json = sn_task_json(&task);
    sn_task_clear(&task);
    return reply(j, 200, json, err);
}

static int take_number(uint64_t *out, const char *name, const char *text, sn_error *err) {
    *out = 0;
    if (!text || sn_parse_u64(out, text, 0, INT64_MAX))
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is '%.32s', which is no number of 0 or more",
                   name, text);
}

static int take_filter(sn_task_filter *to, const sn_http_request *request, sn_error *err) {
    uint64_t limit, offset;
    const char *status = sn_http_query(request, "status");
    int rc = take_number(&limit, "limit", sn_http_query(request, "limit"), err);
    if (rc == 0)
        rc = take_number(&offset, "offset", sn_http_query(request, "offset"), err);
    *to = (sn_task_filter){.state = status ? sn_task_state_of(status) : 0,
                           .session_id = sn_http_query(request, "session_id"),
                           .user_id = sn_http_query(request, "user_id")};
    if (rc == 0 && status && to->state == 0)
        rc =
            sn_fail(err, SN_EINVALID_ARGUMENT,
                    "status is '%.32s'; it may be queued, running, completed, failed, cancelled or "
                    "timeout",
                    status);
    if (rc == 0) {
        to->limit = limit;
        to->offset = offset;
    }
    return rc;
}

static int list(job *j, sn_error *err) {
    sn_task_filter filter;
    sn_task_head *heads;
    size_t count, total;
    int rc = take_filter(&filter, j->request, err);
    if (rc == 0)
        rc = sn_tasks_list(&heads, &count, &total, j->pages->tasks, &filter, err);
    if (rc < 0)
        return rc;
    json_t *tasks = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(tasks, sn_task_summary_json(&heads[i]));
    free(heads);
    return reply(j, 200, json_pack("{s:o, s:I}", "tasks", tasks, "total_count", (json_int_t)total),
                 err);
}

/* The body may be empty, or {"reason"}. */
static int cancel(job *j, sn_error *err) {
    const char *id = sn_http_param(j->request, "id"), *reason = NULL;
    sn_task_state state = SN_TASK_QUEUED;
    json_t *body = NULL;
    size_t bytes;
    (void)sn_http_body(&bytes, j->request);
    int rc = bytes > 0 ? sn_http_json_body(&body, j->request, err) : 0;
    if (rc == 0)
        rc = take_text(&reason, body, "reason", err);
    if (rc == 0)
        rc = sn_tasks_cancel(&state, j->pages->tasks, id, reason, err);
    json_decref(body);
    if (rc < 0)
        return rc;
    const char *now = sn_task_state_name(state);
    return reply(j, 200,
                 json_pack("{s:s, s:s, s:b, s:s, s:s}", "task_id", id, "workflow_id", id, "success",
                           rc == 0, "status", now, "message",
                           rc == 0 ? "the task is cancelled" : "the task had ended"),
                 err);
}

/* ---- following ---- */

static int follow(job *j, const char *id, sn_error *err) {
    uint64_t after;
    const char *last = sn_http_query(j->request, "last_event_id");
    const char *header = sn_http_header(j->request, "Last-Event-ID");
    int rc = take_number(&after, "the last event's id", header && *header ? header : last, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *copy = strdup(id);
    if (!copy)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a follower");
    sn_pump_follow(j->pages->pump, j->request, copy, after);
    return 0;
}

static int follow_path(job *j, sn_error *err) {
    return follow(j, sn_http_param(j->request, "id"), err);
}

static int follow_query(job *j, sn_error *err) {
    const char *id = sn_http_query(j->request, "workflow_id");
    if (!id)
        id = sn_http_query(j->request, "task_id");
    return id ? follow(j, id, err)
              : sn_fail(err, SN_EINVALID_ARGUMENT, "the query has no workflow_id");
}

/* ---- routes ---- */

#define HANDLER(name, run)                                                                         \
    static void name(void *user, sn_http_request *request) {                                       \
        start(user, request, run);                                                                 \
    }

HANDLER(on_submit, submit)
HANDLER(on_submit_stream, submit_and_stream)
HANDLER(on_list, list)
HANDLER(on_get, get)
HANDLER(on_cancel, cancel)
HANDLER(on_follow_path, follow_path)
HANDLER(on_follow_query, follow_query)

void sn_task_pages_add_routes(sn_http_routes *routes, sn_task_pages *pages) {
    static const struct {
        const char *method, *pattern;
        sn_http_handler_fn handler;
        size_t body_most_bytes;
    } all[] = {
        {"POST", "/api/v1/tasks", on_submit, BODY_MOST_BYTES},
        {"POST", "/api/v1/tasks/stream", on_submit_stream, BODY_MOST_BYTES},
        {"GET", "/api/v1/tasks", on_list, 0},
        {"GET", "/api/v1/tasks/{id}", on_get, 0},
        {"POST", "/api/v1/tasks/{id}/cancel", on_cancel, 0},
        {"GET", "/api/v1/tasks/{id}/stream", on_follow_path, 0},
        {"GET", "/api/v1/tasks/{id}/events", on_follow_path, 0},
        {"GET", "/api/v1/stream/sse", on_follow_query, 0},
    };
    for (size_t i = 0; i < SN_COUNT(all); i++)
        sn_http_routes_add(routes, &(sn_http_route){.method = all[i].method,
                                                    .pattern = all[i].pattern,
                                                    .handler = all[i].handler,
                                                    .user = pages,
                                                    .body_most_bytes = all[i].body_most_bytes});
}

/* ---- life ---- */

int sn_task_pages_open(sn_task_pages **out, sn_tasks *tasks, sn_error *err) {
    sn_task_pages *pages = calloc(1, sizeof *pages);
    if (!pages)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the tasks' pages");
    pages->tasks = tasks;
    int rc = sn_pump_open(&pages->pump, tasks, err);
    if (rc < 0)
        free(pages);
    else
        *out = pages;
    return rc;
}

void sn_task_pages_close(sn_task_pages *pages) {
    if (!pages)
        return;
    sn_pump_close(pages->pump);
    free(pages);
}
