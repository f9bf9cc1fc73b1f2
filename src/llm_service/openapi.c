/* openapi.c - see openapi.h, and doors.h for the door. */
#include "llm_service/openapi.h"

#include "llm_service/doors.h"
#include "util/auto.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "/a/{path...}" is "/a/{path}" there. */
static char *path_of(const char *pattern) {
    char *path = strdup(pattern);
    char *dots = path ? strstr(path, "...}") : NULL;
    if (dots)
        memmove(dots, dots + 3, strlen(dots + 3) + 1);
    return path;
}

static void lower(char *text) {
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

static json_t *undescribed(const sn_http_route *route) {
    return json_pack("{s:s+++, s:b, s:{s:{s:s}}}", "summary", route->method, " ", route->pattern,
                     "", "x-undescribed", true, "responses", "default", "description",
                     "Whatever it answers");
}

/* What is said of a path as a whole goes with each of its methods. */
static void add_path(json_t *paths, const json_t *described, const sn_http_route *route) {
    sn_auto_free char *path = path_of(route->pattern);
    sn_auto_free char *method = strdup(route->method);
    if (!path || !method)
        return;
    lower(method);
    const json_t *from = json_object_get(described, path);
    json_t *to = json_object_get(paths, path);
    json_t *parameters = json_object_get(from, "parameters");
    json_t *operation = json_object_get(from, method);
    if (!to) {
        to = json_object();
        json_object_set_new(paths, path, to);
    }
    if (parameters)
        json_object_set(to, "parameters", parameters);
    json_object_set_new(to, method, operation ? json_incref(operation) : undescribed(route));
}

static void set_limits(json_t *document, const sn_executor_figures *limits) {
    json_t *components = json_object_get(document, "components");
    json_t *request = json_object_get(json_object_get(components, "schemas"), "Request");
    json_t *properties = json_object_get(request, "properties");
    json_object_set_new(json_object_get(properties, "timeout_seconds"), "maximum",
                        json_real(limits->timeout_seconds));
    json_object_set_new(json_object_get(properties, "memory_limit_mb"), "maximum",
                        json_integer(limits->memory_limit_mb));
    json_object_set_new(json_object_get(properties, "memory_limit_mb"), "default",
                        json_integer(limits->memory_limit_mb));
}

json_t *sn_openapi(const sn_http_routes *routes, const sn_executor_figures *limits,
                   bool has_token) {
    json_t *document = json_loads(sn_openapi_text, 0, NULL);
    json_t *paths = json_object();
    for (size_t i = 0; document && paths && i < routes->count; i++)
        add_path(paths, json_object_get(document, "paths"), &routes->all[i]);
    json_object_set_new(document, "paths", paths);
    json_object_set_new(json_object_get(document, "info"), "version", json_string(SN_VERSION));
    if (!has_token)
        json_object_set_new(document, "security", json_pack("[{}]"));
    set_limits(document, limits);
    return document;
}

/* ---- GET /openapi.json ---- */

static void on_openapi(void *user, sn_http_request *request) {
    const sn_doors *doors = user;
    sn_http_reply_json(request, 200, doors->openapi);
}

void sn_openapi_door_add(sn_http_routes *routes, sn_doors *doors, bool has_token) {
    sn_http_routes_add(routes, &(sn_http_route){.method = "GET",
                                                .pattern = "/openapi.json",
                                                .handler = on_openapi,
                                                .user = doors});
    doors->openapi = sn_openapi(routes, &doors->core->limits, has_token);
}
