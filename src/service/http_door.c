/*
 * http_door.c - who is let in: a head's request finds its route here, or its refusal. In this
 * order, so that what is told to strangers is little: is it HTTP, is there room, is it for this
 * host, has it the token, is there such a path and method, is its body not too large.
 */
#include "service/http_private.h"

#include "service/http_text.h"
#include "util/error.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

/* 0, or refused: the status. The error says why. */
typedef unsigned status;

static status refuse(status is, int code, sn_error *err, const char *why, const char *hint) {
    sn_fail(err, code, "%s", why);
    sn_hint(err, "%s", hint);
    return is;
}

static void take_request_id(sn_http_request *r) {
    const char *theirs = sn_http_header(r, "X-Request-Id");
    if (theirs && sn_http_is_request_id(theirs))
        strcpy(r->id, theirs);
}

static status check_room(const sn_http_request *r, sn_error *err) {
    if (!r->connection->is_surplus)
        return 0;
    return refuse(503, SN_EUNAVAILABLE, err, "the server has too many connections", "try again");
}

/*
 * Without a token, whoever reaches the port is let in, and a web page in a browser on this machine
 * reaches it: under a name of its own that it lets point to 127.0.0.1, or across origins. Both show
 * in the head.
 */
static status check_host(const sn_http_request *r, sn_error *err) {
    const char *host = sn_http_header(r, "Host");
    const char *origin = sn_http_header(r, "Origin");
    if (r->server->token)
        return 0;
    if (!host || !sn_http_is_loopback_host(host))
        return refuse(403, SN_EUNAUTHENTICATED, err,
                      "the request is for a host that is not this machine's loopback",
                      "ask localhost, 127.0.0.1 or [::1], or set SHANNON_API_TOKEN");
    if (origin && !sn_http_is_same_origin(origin, host))
        return refuse(403, SN_EUNAUTHENTICATED, err, "the request comes from another origin",
                      "set SHANNON_API_TOKEN to let other origins in");
    return 0;
}

/* NULL: there is none. */
static const char *token_of(const sn_http_request *r) {
    static const char scheme[] = "Bearer ";
    const char *value = sn_http_header(r, "Authorization");
    bool is_one = value && strncasecmp(value, scheme, sizeof scheme - 1) == 0;
    return is_one ? value + sizeof scheme - 1 : NULL;
}

/* The operator's, or a tenant's, which is then the request's. */
static bool is_let_in(sn_http_request *r) {
    const char *token = token_of(r);
    const char *ours = r->server->token;
    if (!token)
        return false;
    if (strlen(token) == strlen(ours) && CRYPTO_memcmp(token, ours, strlen(ours)) == 0)
        return true;
    if (r->server->options.tenants)
        r->tenant = sn_tenants_find(r->server->options.tenants, token);
    return r->tenant != NULL;
}

/* ---- routes ---- */

static bool answers(const sn_http_route *route, const char *method) {
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* What the routes of a path have in common. */
typedef struct path {
    bool is_known, is_open;
    char allow[128]; /* methods */
} path;

static void allow(path *p, const char *method) {
    size_t used = strlen(p->allow);
    if (!strstr(p->allow, method))
        snprintf(p->allow + used, sizeof p->allow - used, "%s%s", used ? ", " : "", method);
}

static path find_route(sn_http_request *r) {
    const sn_http_routes *routes = &r->server->routes;
    path p = {0};
    for (size_t i = 0; i < routes->count; i++) {
        const sn_http_route *route = &routes->all[i];
        if (!sn_http_pattern_fits(route->pattern, &r->target))
            continue;
        p.is_known = true;
        p.is_open |= route->is_open;
        allow(&p, route->method);
        if (strcmp(route->method, "GET") == 0)
            allow(&p, "HEAD");
        if (!r->route && answers(route, r->method))
            r->route = route;
    }
    allow(&p, "OPTIONS");
    return p;
}

static status check_token(sn_http_request *r, const path *p, sn_error *err) {
    bool is_open = r->route ? r->route->is_open : p->is_open;
    if (!r->server->token || is_open)
        return 0;
    if (!is_let_in(r))
        return refuse(401, SN_EUNAUTHENTICATED, err,
                      "the request needs the header \"Authorization: Bearer TOKEN\"",
                      "the token is what SHANNON_API_TOKEN of the service says");
    if (r->tenant && r->route && r->route->is_operators)
        return refuse(403, SN_EUNAUTHENTICATED, err, "this is for the operator",
                      "the token of SHANNON_API_TOKEN is needed here");
    return 0;
}

static status check_body(const sn_http_request *r, sn_error *err) {
    if (r->framing.content_length <= r->route->body_most_bytes)
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT, "the body is longer than %zu bytes",
            r->route->body_most_bytes);
    return 413;
}

static status check_route(sn_http_request *r, const path *p, sn_error *err) {
    if (!p->is_known)
        return refuse(404, SN_ENOT_FOUND, err, "there is nothing at this path", "");
    if (r->route)
        return check_body(r, err);
    sn_http_add_header(r, "Allow", p->allow);
    if (strcmp(r->method, "OPTIONS") == 0)
        return 204;
    sn_fail(err, SN_EINVALID_ARGUMENT, "this path does not take the method %s", r->method);
    sn_hint(err, "it takes %s", p->allow);
    return 405;
}

static status check_target(sn_http_request *r, sn_error *err) {
    if (strlen(r->text) > SN_HTTP_TARGET_MOST_BYTES)
        return refuse(414, SN_EINVALID_ARGUMENT, err, "the path and query are too long", "");
    if (sn_http_target_parse(&r->target, r->text, err) < 0)
        return err->code == SN_EINVALID_ARGUMENT ? 400 : 503;
    return 0;
}

static status find(sn_http_request *r, sn_error *err) {
    status is = check_room(r, err);
    if (!is)
        is = check_host(r, err);
    if (!is)
        is = check_target(r, err);
    if (is)
        return is;
    path p = find_route(r);
    is = check_token(r, &p, err);
    return is ? is : check_route(r, &p, err);
}

void sn_http_door(sn_http_request *r, const char *method, const char *target, const char *version) {
    sn_error err = SN_ERROR_INIT;
    status is = 0;
    if (sn_http_head_take(&is, r, method, target, version, &err) == 0) {
        take_request_id(r);
        is = find(r, &err);
    } else {
        r->framing.is_chunked = true; /* nobody knows where it ends: the connection is closed */
    }
    if (is)
        sn_http_refuse(r, is, &err);
}
