/* execute_door.c - POST /v1/execute: the request in, the result or its events out. See doors.h. */
#include "llm_service/accept.h"
#include "llm_service/http_execution.h"

#include <stdlib.h>

static int read_request(sn_http_execution *x, json_t *body, sn_error *err) {
    return sn_request_json_read(&x->asked, body, err);
}

static void answer(sn_http_execution *x, const sn_result *result, json_t *json) {
    (void)result;
    sn_http_work_reply_json(&x->work, 200, json);
}

static void on_execute(void *user, sn_http_request *request) {
    sn_http_execution *x = calloc(1, sizeof *x);
    if (!x)
        return sn_http_reply_error(
            request, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a request", ""});
    x->work = (sn_http_work){.doors = user, .request = request, .method = "POST /v1/execute"};
    x->read = read_request;
    x->answer = answer;
    x->streams = sn_accept_events(sn_http_header(request, "Accept"));
    sn_http_execution_submit(x);
}

void sn_execute_door_add(sn_http_routes *routes, sn_doors *doors) {
    sn_http_routes_add(routes, &(sn_http_route){.method = "POST",
                                                .pattern = "/v1/execute",
                                                .handler = on_execute,
                                                .user = doors,
                                                .body_most_bytes = SN_HTTP_BODY_MOST_BYTES});
}
