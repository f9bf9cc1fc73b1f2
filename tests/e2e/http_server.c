/*
 * http_server.c - a server for http_test.py: handlers that answer at once, later, in pieces, or not
 * well. Says its port, then what happens to its requests, and stops when its standard input ends.
 */
#include "service/http.h"
#include "service/operations.h"
#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS 1000000ull

static unsigned long number(const char *text, unsigned long usual) {
    return text ? strtoul(text, NULL, 10) : usual;
}

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    flockfile(stdout);
    vprintf(format, ap);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
    va_end(ap);
}

static void start_job(void *(*work)(void *), sn_http_request *request) {
    pthread_t thread;
    if (sn_http_query(request, "say"))
        say("%s", sn_http_query(request, "say"));
    pthread_create(&thread, NULL, work, request);
    pthread_detach(thread);
}

static void answer_text(sn_http_request *request, const char *text) {
    sn_http_reply(request, 200, "text/plain", text, strlen(text));
}

/* ---- at once ---- */

static void hello(void *user, sn_http_request *request) {
    (void)user;
    answer_text(request, "hello\n");
}

static void echo(void *user, sn_http_request *request) {
    size_t bytes;
    const void *body = sn_http_body(&bytes, request);
    (void)user;
    sn_http_reply(request, 200, "application/octet-stream", body, bytes);
}

static void json(void *user, sn_http_request *request) {
    sn_error err = SN_ERROR_INIT;
    json_t *body;
    (void)user;
    if (sn_http_json_body(&body, request, &err) < 0)
        return sn_http_reply_error(request, &err);
    sn_http_reply_json(request, 201, body);
    json_decref(body);
}

/* What it knows of the request. */
static void look(void *user, sn_http_request *request) {
    const char *query = sn_http_query(request, "q"), *agent = sn_http_header(request, "user-AGENT");
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "method", sn_http_method(request), "pattern",
                  (const char *)user, "param", sn_http_param(request, "id"), "id",
                  sn_http_request_id(request), "agent", agent ? agent : "", "query", query);
    sn_http_add_header(request, "X-Added", "one");
    sn_http_add_header(request, "X-Added-Too", "two");
    sn_http_reply_json(request, 200, root);
    json_decref(root);
}

static void fail(void *user, sn_http_request *request) {
    sn_error err = SN_ERROR_INIT;
    (void)user;
    sn_fail(&err, -(int)number(sn_http_query(request, "code"), 7), "\xff it %s", "failed");
    sn_hint(&err, "do \"this\"");
    sn_http_reply_error(request, &err);
}

static void big(void *user, sn_http_request *request) {
    unsigned long bytes = number(sn_http_query(request, "bytes"), 0);
    char *body = calloc(1, bytes);
    (void)user;
    sn_http_reply(request, 200, "application/octet-stream", body, bytes);
    free(body);
}

/* ---- later ---- */

static void *sleep_work(void *user) {
    sn_http_request *request = user;
    usleep((useconds_t)number(sn_http_query(request, "ms"), 10) * 1000);
    answer_text(request, "slept\n");
    return NULL;
}

static void sleeping(void *user, sn_http_request *request) {
    (void)user;
    start_job(sleep_work, request);
}

static void *wait_work(void *user) {
    sn_http_request *request = user;
    struct pollfd gone = {sn_http_cancel_fd(request), POLLIN, 0};
    say("waiting");
    say("gone %d", poll(&gone, 1, 20000));
    answer_text(request, "waited\n");
    return NULL;
}

static void waiting(void *user, sn_http_request *request) {
    (void)user;
    start_job(wait_work, request);
}

static bool when_gone(void *user) {
    (void)user;
    say("taken back");
    return true;
}

static void leave(void *user, sn_http_request *request) {
    (void)user;
    sn_http_on_gone(request, when_gone, NULL);
    say("left");
}

/* ---- in pieces ---- */

static void *stream_work(void *user) {
    sn_http_request *request = user;
    unsigned long count = number(sn_http_query(request, "count"), 3);
    unsigned long bytes = number(sn_http_query(request, "bytes"), 5);
    unsigned long ms = number(sn_http_query(request, "ms"), 0);
    unsigned long until_ms = number(sn_http_query(request, "until_ms"), 20000);
    sn_error err = SN_ERROR_INIT;
    char *piece = malloc(bytes + 1);
    unsigned long sent = 0;
    memset(piece, 'x', bytes);
    sn_http_stream_begin(request, "text/plain");
    while (sent < count &&
           sn_http_stream_write(request, piece, bytes, sn_now_ns() + until_ms * MS, &err) == 0) {
        sent++;
        usleep((useconds_t)ms * 1000);
    }
    free(piece);
    say("sent %lu %s", sent, err.message);
    sn_http_stream_end(request);
    return NULL;
}

static void streaming(void *user, sn_http_request *request) {
    (void)user;
    start_job(stream_work, request);
}

/* Without a thread. */
static void short_stream(void *user, sn_http_request *request) {
    sn_error err = SN_ERROR_INIT;
    (void)user;
    sn_http_stream_begin(request, "text/plain");
    int rc = sn_http_stream_write(request, "one ", 4, 0, &err);
    if (rc == 0)
        rc = sn_http_stream_write(request, "two", 3, 0, &err);
    say("short %d", rc);
    sn_http_stream_end(request);
}

static void *events_work(void *user) {
    sn_http_request *request = user;
    unsigned long ms = number(sn_http_query(request, "ms"), 0);
    sn_error err = SN_ERROR_INIT;
    sn_http_sse_begin(request);
    int rc = sn_http_sse_event(request, "stdout", "1", "a\nb", 3, UINT64_MAX, &err);
    usleep((useconds_t)ms * 1000);
    if (rc == 0)
        rc = sn_http_sse_event(request, NULL, NULL, "end", 3, UINT64_MAX, &err);
    say("events %d", rc);
    sn_http_stream_end(request);
    return NULL;
}

static void events(void *user, sn_http_request *request) {
    (void)user;
    start_job(events_work, request);
}

/* ---- the server ---- */

static bool is_ready(void *user, char *why, size_t why_bytes) {
    snprintf(why, why_bytes, "%s", (const char *)user);
    return !user;
}

static void add_routes(sn_http_routes *routes) {
    static const sn_http_route all[] = {
        {"GET", "/hello", hello, NULL, 0, false},
        {"GET", "/open", hello, NULL, 0, true},
        {"POST", "/echo", echo, NULL, 0, false},
        {"POST", "/small", echo, NULL, 1000, false},
        {"PUT", "/large", echo, NULL, SN_HTTP_BODY_MOST_BYTES, false},
        {"POST", "/json", json, NULL, 0, false},
        {"GET", "/things/special", hello, NULL, 0, false},
        {"GET", "/things/{id}", look, "/things/{id}", 0, false},
        {"DELETE", "/things/{id}", look, "/things/{id}", 0, false},
        {"GET", "/files/{id...}", look, "/files/{id...}", 0, false},
        {"GET", "/big", big, NULL, 0, false},
        {"GET", "/fail", fail, NULL, 0, false},
        {"POST", "/sleep", sleeping, NULL, 0, false},
        {"GET", "/sleep", sleeping, NULL, 0, false},
        {"GET", "/wait", waiting, NULL, 0, false},
        {"GET", "/leave", leave, NULL, 0, false},
        {"GET", "/stream", streaming, NULL, 0, false},
        {"GET", "/short", short_stream, NULL, 0, false},
        {"GET", "/events", events, NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sn_http_routes_add(routes, &all[i]);
}

static void take_ms(uint64_t *to, const char *name) {
    *to = number(getenv(name), *to / MS) * MS;
}

static void take_options(sn_http_options *options) {
    options->address = getenv("ADDRESS") ? getenv("ADDRESS") : "127.0.0.1:0";
    options->token = getenv("TOKEN");
    options->connections_most = (unsigned)number(getenv("CONNECTIONS"), options->connections_most);
    options->connections_per_address_most =
        (unsigned)number(getenv("PER_ADDRESS"), options->connections_per_address_most);
    options->bodies_most_bytes = number(getenv("BODIES"), options->bodies_most_bytes);
    take_ms(&options->head_most_ns, "HEAD_MS");
    take_ms(&options->body_most_ns, "BODY_MS");
    take_ms(&options->idle_most_ns, "IDLE_MS");
    take_ms(&options->keep_alive_ns, "KEEP_ALIVE_MS");
}

int main(void) {
    static sn_http_routes routes;
    const sn_readiness checks[] = {
        {"always", is_ready, NULL}, {"workers", is_ready, getenv("UNREADY")}, {0}};
    sn_operations operations = {.checks = checks};
    sn_http_options options = SN_HTTP_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_http_server *server;
    char byte;
    if (sn_metrics_open(&operations.metrics, &err) < 0)
        return 1;
    take_options(&options);
    options.metrics = operations.metrics;
    add_routes(&routes);
    sn_operations_add_routes(&routes, &operations);
    if (sn_http_server_start(&server, &options, &routes, &err) < 0) {
        say("%s: %s; %s", sn_error_name(err.code), err.message, err.hint);
        sn_metrics_close(operations.metrics);
        return 1;
    }
    say("%d", sn_http_server_port(server));
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    sn_http_server_stop(server, number(getenv("PATIENCE_MS"), 300) * MS);
    sn_metrics_close(operations.metrics);
    say("stopped");
    return 0;
}
