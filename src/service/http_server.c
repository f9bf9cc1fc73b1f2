/* http_server.c - starting and stopping, and what libmicrohttpd calls. See http.h. */
#include "service/http_private.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Half of a connection's memory holds what it receives. */
enum { CONNECTION_BYTES = 2 * SN_HTTP_HEAD_MOST_BYTES, FLUSHING_NS = 1000000000 };

void sn_http_routes_add(sn_http_routes *routes, const sn_http_route *route) {
    assert(routes->count < SN_HTTP_ROUTES_MOST && sn_http_pattern_is_valid(route->pattern));
    assert(route->body_most_bytes <= SN_HTTP_BODY_MOST_BYTES && route->handler);
    routes->all[routes->count] = *route;
    if (route->body_most_bytes == 0)
        routes->all[routes->count].body_most_bytes = SN_HTTP_BODY_USUAL_BYTES;
    routes->count++;
}

/* ---- what libmicrohttpd calls, on its thread ---- */

static void on_connection(void *user, struct MHD_Connection *mhd, void **place,
                          enum MHD_ConnectionNotificationCode what) {
    sn_http_server *s = user;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            s->mhd->get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        *place = info ? sn_http_watch(s, info->connect_fd) : NULL;
    } else if (*place) {
        sn_http_unwatch(s, *place);
    }
}

/* The target is taken apart by us: what libmicrohttpd would decode stays as it is. */
static size_t keep_escapes(void *user, struct MHD_Connection *mhd, char *text) {
    (void)user, (void)mhd;
    return strlen(text);
}

static void *on_request_line(void *user, const char *target, struct MHD_Connection *mhd) {
    return sn_http_request_new(user, mhd, target);
}

static void on_completed(void *user, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode how) {
    (void)user, (void)mhd;
    if (*context)
        sn_http_request_completed(*context, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    *context = NULL;
}

/* libmicrohttpd closes a connection that is answered before its body was read. So that is done only
 * where reading it is not wanted. */
static bool answers_early(const sn_http_request *r) {
    return r->is_answered &&
           (r->framing.is_chunked || r->framing.content_length > SN_HTTP_SWALLOW_BYTES ||
            (r->framing.expects_continue && r->framing.content_length > 0));
}

static enum MHD_Result queue(sn_http_request *r) {
    struct MHD_Response *response = SN_STEAL(r->response);
    if (!response)
        return MHD_NO;
    enum MHD_Result rc = r->server->mhd->queue_response(r->mhd, r->status, response);
    r->server->mhd->destroy_response(response);
    return rc;
}

static enum MHD_Result meet(sn_http_request *r, const char *method, const char *target,
                            const char *version) {
    sn_http_server *s = r->server;
    r->is_met = true;
    sn_http_door(r, method, target, version);
    sn_http_due(s, r->connection, sn_now_ns() + s->options.body_most_ns);
    return answers_early(r) ? queue(r) : MHD_YES;
}

/* The request is whole; or its connection goes on after it was suspended. */
static enum MHD_Result answer(sn_http_request *r) {
    if (!r->is_begun && !r->is_answered)
        sn_http_request_begin(r);
    pthread_mutex_lock(&r->lock);
    bool is_answered = r->is_answered;
    if (!is_answered) {
        r->is_suspended = true;
        r->server->mhd->suspend_connection(r->mhd);
    }
    pthread_mutex_unlock(&r->lock);
    return is_answered ? queue(r) : MHD_YES;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *target,
                                  const char *method, const char *version, const char *data,
                                  size_t *bytes, void **context) {
    sn_http_request *r = *context;
    (void)user, (void)mhd;
    if (!r)
        return MHD_NO;
    if (!r->is_met)
        return meet(r, method, target, version);
    if (*bytes == 0)
        return answer(r);
    bool goes_on = sn_http_body_take(r, data, *bytes);
    *bytes = 0;
    return goes_on ? MHD_YES : MHD_NO;
}

/* ---- starting ---- */

static int add_metrics(sn_http_server *s, sn_metrics *metrics, sn_error *err);

/* Signals are the main thread's. */
static int start_daemon(sn_http_server *s, sn_error *err) {
    sigset_t all, before;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)s->connections_most, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)s->options.connections_per_address_most,
         NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, s},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_request_line, s},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->daemon =
        s->mhd->start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC,
                             0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
                             MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (s->daemon)
        return 0;
    s->listen_fd = -1; /* it has closed it */
    return sn_fail_errno(err, SN_EUNAVAILABLE, failed, "cannot start the HTTP server");
}

static sn_http_server *make(const sn_http_options *options, const sn_http_routes *routes) {
    sn_http_server *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    if (!s)
        return NULL;
    s->options = *options;
    s->routes = *routes;
    s->token = options->token ? strdup(options->token) : NULL;
    s->connections_most = options->connections_most + SN_HTTP_SURPLUS;
    s->listen_fd = s->epoll_fd = s->wake_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->quiet, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return s;
}

int sn_http_server_start(sn_http_server **out, const sn_http_options *options,
                         const sn_http_routes *routes, sn_error *err) {
    sn_http_server *s = make(options, routes);
    if (!s || (options->token && !s->token)) {
        free(s);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an HTTP server");
    }
    int rc = sn_mhd_load(&s->mhd, err);
    if (rc == 0)
        rc = sn_http_listen(s, err);
    if (rc == 0 && options->metrics)
        rc = add_metrics(s, options->metrics, err);
    if (rc == 0)
        rc = sn_http_watch_start(s, err);
    if (rc == 0)
        rc = start_daemon(s, err);
    if (rc < 0) {
        sn_http_server_stop(s, 0);
        return rc;
    }
    *out = s;
    return 0;
}

int sn_http_server_port(const sn_http_server *s) {
    return s->port;
}

/* ---- what is counted ---- */

static int add_metrics(sn_http_server *s, sn_metrics *metrics, sn_error *err) {
    sn_metric *connections;
    const sn_metric_options all[] = {
        {.kind = SN_COUNTER,
         .name = "shannon_http_requests_total",
         .help = "HTTP requests by route, method and status.",
         .labels = {"route", "method", "status"},
         .series_most = 512},
        {.kind = SN_HISTOGRAM,
         .name = "shannon_http_request_seconds",
         .help = "From the request line to the last byte of the answer.",
         .labels = {"route"},
         .series_most = SN_HTTP_ROUTES_MOST + 1},
        {.kind = SN_GAUGE, .name = "shannon_http_connections", .help = "Open HTTP connections."},
    };
    sn_metric **places[] = {&s->requests, &s->seconds, &connections};
    int rc = 0;
    for (size_t i = 0; i < SN_COUNT(all) && rc == 0; i++)
        rc = sn_metrics_add(places[i], metrics, &all[i], err);
    if (rc == 0)
        s->open = sn_metric_series(connections, NULL);
    return rc;
}

/* ---- stopping ---- */

/* Waits until a count is 0, or the time has come. */
static void wait_for(sn_http_server *s, const unsigned *count, uint64_t until_ns) {
    struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int waited = 0;
    pthread_mutex_lock(&s->lock);
    while (*count > 0 && waited == 0)
        waited = until_ns == UINT64_MAX ? pthread_cond_wait(&s->quiet, &s->lock)
                                        : pthread_cond_timedwait(&s->quiet, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static void cancel_one(sn_http_server *s, unsigned place) {
    pthread_mutex_lock(&s->lock);
    sn_http_request *r = s->connections[place].request;
    if (r)
        atomic_fetch_add(&r->references, 1);
    pthread_mutex_unlock(&s->lock);
    if (!r)
        return;
    sn_http_request_lost(r);
    sn_http_request_release(r);
}

static void stop_daemon(sn_http_server *s, uint64_t patience_ns) {
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    s->mhd->quiesce_daemon(s->daemon);
    shutdown(s->listen_fd, SHUT_RDWR);
    wait_for(s, &s->busy, sn_now_ns() + patience_ns);
    for (unsigned i = 0; i < s->connections_most; i++)
        cancel_one(s, i);
    wait_for(s, &s->handling, UINT64_MAX);
    wait_for(s, &s->busy, sn_now_ns() + FLUSHING_NS);
    s->mhd->stop_daemon(s->daemon);
}

void sn_http_server_stop(sn_http_server *s, uint64_t patience_ns) {
    if (!s)
        return;
    if (s->daemon)
        stop_daemon(s, patience_ns);
    sn_http_watch_stop(s);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    pthread_cond_destroy(&s->quiet);
    pthread_mutex_destroy(&s->lock);
    free(s->token);
    free(s);
}
