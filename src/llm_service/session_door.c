/* session_door.c - /v1/sessions/...: what there is, and what can be done with it. See doors.h. */
#include "llm_service/json_value.h"
#include "llm_service/session_call.h"
#include "llm_service/session_json.h"
#include "util/error.h"
#include "util/parse.h"

#include <string.h>

enum { PAGE_USUAL = 100, PAGE_MOST = 1000 };

static sn_sessions *sessions_of(const sn_session_call *call) {
    return call->work.doors->core->sessions;
}

/* ---- GET /v1/sessions ---- */

static int read_list(sn_session_call *call, sn_error *err) {
    const char *limit = sn_http_query(call->work.request, "limit");
    const char *after = sn_http_query(call->work.request, "after");
    call->limit = PAGE_USUAL;
    if (limit && !sn_parse_u64(&call->limit, limit, 1, PAGE_MOST))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "limit is no number from 1 to %d", PAGE_MOST);
    return after ? sn_tenant_session(call->id, sn_http_tenant(call->work.request), "after", after,
                                     err)
                 : 0;
}

/* The sessions are in order, and only the caller's count. */
static json_t *page_of(const sn_session_call *call, const sn_session_info *infos, size_t count) {
    json_t *page = json_array();
    const char *last = NULL, *next = NULL;
    for (size_t i = 0; page && i < count && !next; i++) {
        const char *name = sn_session_call_name(call, infos[i].id);
        if (!name || strcmp(infos[i].id, call->id) <= 0)
            continue;
        if (json_array_size(page) == call->limit)
            next = last;
        else
            json_array_append_new(page, sn_session_json(&infos[i], name));
        last = name;
    }
    return json_pack("{s:o, s:s?}", "sessions", page, "next", next);
}

static int run_list(sn_session_call *call, sn_error *err) {
    sn_session_info *infos;
    size_t count;
    int rc = sn_session_list(&infos, &count, sessions_of(call), err);
    if (rc < 0)
        return rc;
    json_t *json = page_of(call, infos, count);
    sn_session_info_free(infos, count);
    sn_http_work_reply_json(&call->work, 200, json);
    json_decref(json);
    return 0;
}

/* ---- one session ---- */

static int run_show(sn_session_call *call, sn_error *err) {
    return sn_session_call_show(call, call->id, 200, err);
}

static int run_history(sn_session_call *call, sn_error *err) {
    sn_session_info *info;
    int rc = sn_session_show(&info, sessions_of(call), call->id, err);
    if (rc < 0)
        return rc;
    json_t *json = sn_session_history_json(info, sn_session_call_name(call, call->id));
    sn_session_info_free(info, 1);
    sn_http_work_reply_json(&call->work, 200, json);
    json_decref(json);
    return 0;
}

static int run_delete(sn_session_call *call, sn_error *err) {
    int rc = sn_session_delete(sessions_of(call), call->id, err);
    if (rc == 0)
        sn_http_work_reply(&call->work, 204, NULL, "", 0);
    return rc;
}

/* ---- POST .../fork, .../rewind ---- */

static int take_step(sn_session_call *call, const json_t *body, sn_error *err) {
    const json_t *step = sn_json_get(body, "step");
    return step ? sn_json_whole(&call->step, "step", step, 0, INT64_MAX, err) : 0;
}

static int take_fork(sn_session_call *call, const json_t *body, sn_error *err) {
    static const char *const names[] = {"new_id", "step", NULL};
    const json_t *new_id = sn_json_get(body, "new_id");
    const char *id;
    call->step = SN_STEP_LAST;
    if (!json_is_object(body))
        return sn_json_not_a("the request", body, "an object of new_id and step", err);
    int rc = sn_json_known(body, names, "", err);
    if (rc == 0 && !new_id)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "there is no new_id in the request");
    if (rc == 0)
        rc = sn_json_take_text(&id, "new_id", new_id, err);
    if (rc == 0)
        rc = sn_tenant_session(call->new_id, sn_http_tenant(call->work.request), "new_id", id, err);
    return rc < 0 ? rc : take_step(call, body, err);
}

static int take_rewind(sn_session_call *call, const json_t *body, sn_error *err) {
    static const char *const names[] = {"step", NULL};
    if (!json_is_object(body))
        return sn_json_not_a("the request", body, "an object of step", err);
    int rc = sn_json_known(body, names, "", err);
    if (rc == 0 && !sn_json_get(body, "step"))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "there is no step in the request");
    return rc < 0 ? rc : take_step(call, body, err);
}

static int read_body(sn_session_call *call,
                     int (*take)(sn_session_call *call, const json_t *body, sn_error *err),
                     sn_error *err) {
    json_t *body;
    int rc = sn_http_json_body(&body, call->work.request, err);
    if (rc < 0)
        return rc;
    rc = take(call, body, err);
    json_decref(body);
    return rc;
}

static int read_fork(sn_session_call *call, sn_error *err) {
    return read_body(call, take_fork, err);
}

static int run_fork(sn_session_call *call, sn_error *err) {
    int rc = sn_session_fork(sessions_of(call), call->id, call->step, call->new_id, err);
    return rc < 0 ? rc : sn_session_call_show(call, call->new_id, 201, err);
}

static int read_rewind(sn_session_call *call, sn_error *err) {
    return read_body(call, take_rewind, err);
}

static int run_rewind(sn_session_call *call, sn_error *err) {
    int rc = sn_session_rewind(sessions_of(call), call->id, call->step, err);
    return rc < 0 ? rc : sn_session_call_show(call, call->id, 200, err);
}

/* ---- routes ---- */

enum { BODY_MOST_BYTES = 4096 };

#define METHOD(function, name, has_id, read, run)                                                  \
    static void function(void *doors, sn_http_request *request) {                                  \
        static const sn_session_method method = {name, has_id, read, run};                         \
        sn_session_call_begin(doors, request, &method);                                            \
    }

METHOD(on_list, "GET /v1/sessions", false, read_list, run_list)
METHOD(on_show, "GET /v1/sessions/{id}", true, NULL, run_show)
METHOD(on_history, "GET /v1/sessions/{id}/history", true, NULL, run_history)
METHOD(on_delete, "DELETE /v1/sessions/{id}", true, NULL, run_delete)
METHOD(on_fork, "POST /v1/sessions/{id}/fork", true, read_fork, run_fork)
METHOD(on_rewind, "POST /v1/sessions/{id}/rewind", true, read_rewind, run_rewind)

void sn_session_door_add(sn_http_routes *routes, sn_doors *doors) {
    static const struct {
        const char *method, *pattern;
        sn_http_handler_fn handler;
    } all[] = {
        {"GET", "/v1/sessions", on_list},
        {"GET", "/v1/sessions/{id}", on_show},
        {"DELETE", "/v1/sessions/{id}", on_delete},
        {"GET", "/v1/sessions/{id}/history", on_history},
        {"POST", "/v1/sessions/{id}/fork", on_fork},
        {"POST", "/v1/sessions/{id}/rewind", on_rewind},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sn_http_routes_add(routes, &(sn_http_route){.method = all[i].method,
                                                    .pattern = all[i].pattern,
                                                    .handler = all[i].handler,
                                                    .user = doors,
                                                    .body_most_bytes = BODY_MOST_BYTES});
}
