/* operations.c - see operations.h. */
#include "service/operations.h"

#include <string.h>

enum { WHY_BYTES = 256, METRICS_MOST_BYTES = 16 << 20 };

static void health(void *user, sn_http_request *request) {
    static const char text[] = "{\"status\":\"ok\"}";
    (void)user;
    sn_http_reply(request, 200, "application/json", text, sizeof text - 1);
}

/* {"status": "ready"}, or {"status": "not_ready", "reasons": {"workers": "none is there"}} */
static void ready(void *user, sn_http_request *request) {
    const sn_operations *operations = user;
    json_t *reasons = json_object();
    for (const sn_readiness *check = operations->checks; check && check->name; check++) {
        char why[WHY_BYTES] = "";
        if (!check->is_ready(check->user, why, sizeof why))
            json_object_set_new(reasons, check->name, json_string(why));
    }
    bool is_ready = json_object_size(reasons) == 0;
    json_t *answer = is_ready ? json_pack("{s:s}", "status", "ready")
                              : json_pack("{s:s, s:O}", "status", "not_ready", "reasons", reasons);
    sn_http_reply_json(request, is_ready ? 200 : 503, answer);
    json_decref(answer);
    json_decref(reasons);
}

static void metrics(void *user, sn_http_request *request) {
    const sn_operations *operations = user;
    sn_error err = SN_ERROR_INIT;
    sn_buffer text = {.limit_bytes = METRICS_MOST_BYTES};
    if (sn_metrics_render(&text, operations->metrics, &err) < 0)
        sn_http_reply_error(request, &err);
    else
        sn_http_reply(request, 200, SN_METRICS_CONTENT_TYPE, text.data, text.bytes);
    sn_buffer_free(&text);
}

void sn_operations_add_routes(sn_http_routes *routes, sn_operations *operations) {
    sn_http_route route = {.method = "GET", .user = operations, .is_open = true};
    route.pattern = "/health";
    route.handler = health;
    sn_http_routes_add(routes, &route);
    route.is_open = false;
    route.pattern = "/ready";
    route.handler = ready;
    sn_http_routes_add(routes, &route);
    route.pattern = "/metrics";
    route.is_operators = true;
    route.handler = metrics;
    if (operations->metrics)
        sn_http_routes_add(routes, &route);
}
