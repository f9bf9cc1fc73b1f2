/* http_request.c - the life of a request, and what its handler may ask of it. */
#include "service/http_private.h"

#include "service/log.h"
#include "util/auto.h"
#include "util/io.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>

/* ---- life ---- */

static void init_locks(sn_http_request *r) {
    pthread_condattr_t monotonic;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void take_peer(sn_http_request *r) {
    const union MHD_ConnectionInfo *info =
        r->server->mhd->get_connection_info(r->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, r->peer,
                  sizeof r->peer);
    else if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, r->peer,
                  sizeof r->peer);
}

sn_http_request *sn_http_request_new(sn_http_server *server, struct MHD_Connection *mhd,
                                     const char *target) {
    const union MHD_ConnectionInfo *info =
        server->mhd->get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    sn_http_request *r = info && info->socket_context ? calloc(1, sizeof *r) : NULL;
    char *text = r ? strdup(target) : NULL;
    if (!text) {
        free(r);
        return NULL;
    }
    r->server = server;
    r->mhd = mhd;
    r->connection = info->socket_context;
    r->text = text;
    r->began_ns = sn_now_ns();
    r->cancel_fd = -1;
    sn_request_id(r->id);
    take_peer(r);
    r->headers.limit_bytes = SN_HTTP_HEAD_MOST_BYTES * 2;
    atomic_init(&r->references, 1);
    init_locks(r);
    return r;
}

static void free_request(sn_http_request *r) {
    atomic_fetch_sub(&r->server->bodies_bytes, r->body.bytes);
    if (r->response)
        r->server->mhd->destroy_response(r->response);
    if (r->cancel_fd >= 0)
        close(r->cancel_fd);
    sn_http_target_free(&r->target);
    sn_buffer_free(&r->headers);
    sn_buffer_free(&r->added);
    sn_buffer_free(&r->body);
    sn_buffer_free(&r->stream.unsent);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->text);
    free(r);
}

void sn_http_request_release(sn_http_request *r) {
    if (atomic_fetch_sub(&r->references, 1) == 1)
        free_request(r);
}

/* ---- under way ---- */

void sn_http_request_begin(sn_http_request *r) {
    sn_http_server *s = r->server;
    r->is_begun = true;
    atomic_fetch_add(&r->references, 1); /* of who answers */
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping;
    s->handling++;
    s->busy++;
    r->connection->request = r;
    r->connection->deadline_ns = UINT64_MAX;
    r->is_gone = r->connection->is_gone;
    pthread_mutex_unlock(&s->lock);
    if (stopping) {
        sn_http_add_header(r, "Connection", "close");
        sn_http_reply_error(r,
                            &(sn_error){SN_EUNAVAILABLE, "the service is stopping", "try again"});
        return;
    }
    r->route->handler(r->route->user, r);
}

void sn_http_wake(sn_http_request *r) {
    if (r->is_suspended)
        r->server->mhd->resume_connection(r->mhd);
    r->is_suspended = false;
}

void sn_http_handled(sn_http_request *r) {
    sn_http_server *s = r->server;
    sn_http_request_release(r);
    pthread_mutex_lock(&s->lock);
    if (--s->handling == 0)
        pthread_cond_broadcast(&s->quiet);
    pthread_mutex_unlock(&s->lock);
}

void sn_http_request_lost(sn_http_request *r) {
    uint64_t one = 1;
    bool is_ours = false;
    pthread_mutex_lock(&r->lock);
    r->is_gone = true;
    if (r->cancel_fd >= 0)
        (void)!write(r->cancel_fd, &one, sizeof one);
    if (r->on_gone && !r->is_answered) {
        sn_http_gone_fn *gone = r->on_gone;
        r->on_gone = NULL;
        is_ours = gone(r->gone_user);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (is_ours)
        sn_http_reply(r, SN_HTTP_CLIENT_GONE, "text/plain", "", 0);
}

uint64_t sn_http_request_tick(sn_http_request *r, uint64_t now_ns) {
    pthread_mutex_lock(&r->lock);
    uint64_t next_ns = UINT64_MAX;
    if (r->stream.is_begun && !r->stream.is_ended)
        next_ns = sn_http_stream_tick(r, now_ns);
    else if (r->is_answered)
        next_ns = r->cut_ns;
    pthread_mutex_unlock(&r->lock);
    return next_ns;
}

/* ---- afterwards ---- */

/* A client may make up methods. */
static const char *known_method(const char *method) {
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < SN_COUNT(known); i++)
        if (strcmp(known[i], method) == 0)
            return known[i];
    return "other";
}

/* What libmicrohttpd refused has a status of its own. */
static unsigned status_sent(const sn_http_request *r) {
    if (r->status)
        return r->status;
    const union MHD_ConnectionInfo *info =
        r->server->mhd->get_connection_info(r->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info && info->http_status ? info->http_status : SN_HTTP_CLIENT_GONE;
}

static void report(const sn_http_request *r, bool is_gone) {
    double seconds = (double)(sn_now_ns() - r->began_ns) / 1e9;
    const char *route = r->route ? r->route->pattern : "none";
    unsigned status = status_sent(r);
    char text[16];
    snprintf(text, sizeof text, "%u", status);
    if (r->server->requests) {
        const char *const labels[] = {route, known_method(r->method), text};
        sn_series_add(sn_metric_series(r->server->requests, labels), 1);
        sn_series_observe(sn_metric_series(r->server->seconds, labels), seconds);
    }
    sn_log(SN_LOG_INFO, "http",
           (sn_field[]){SN_STRING("request_id", r->id),
                        SN_STRING("method", r->method),
                        SN_STRING("route", route),
                        SN_INTEGER("status", status),
                        SN_NUMBER("ms", seconds * 1e3),
                        SN_BOOLEAN("gone", is_gone),
                        {0}});
}

void sn_http_request_completed(sn_http_request *r, bool is_answer_whole) {
    sn_http_server *s = r->server;
    pthread_mutex_lock(&r->lock);
    bool is_gone = !is_answer_whole || r->was_gone || r->stream.is_broken;
    pthread_mutex_unlock(&r->lock);
    report(r, is_gone);
    if (r->is_begun)
        sn_http_request_lost(r); /* a stream's writer may still be there */
    pthread_mutex_lock(&s->lock);
    r->connection->request = NULL;
    if (r->is_begun && --s->busy == 0)
        pthread_cond_broadcast(&s->quiet);
    pthread_mutex_unlock(&s->lock);
    sn_http_due(s, r->connection, sn_now_ns() + s->options.idle_most_ns);
    sn_http_request_release(r);
}

/* ---- looking at it ---- */

const char *sn_http_method(const sn_http_request *r) {
    return r->method;
}

const char *sn_http_request_id(const sn_http_request *r) {
    return r->id;
}

const char *sn_http_peer(const sn_http_request *r) {
    return r->peer;
}

const char *sn_http_tenant(const sn_http_request *r) {
    return r->tenant;
}

const char *sn_http_param(const sn_http_request *r, const char *name) {
    const char *value = sn_http_pattern_param(r->route->pattern, &r->target, name);
    assert(value);
    return value;
}

const char *sn_http_query(const sn_http_request *r, const char *name) {
    return sn_http_target_query(&r->target, name);
}

const char *sn_http_header(const sn_http_request *r, const char *name) {
    const char *at = r->headers.data;
    for (size_t i = 0; i < r->headers_count; i++) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

const void *sn_http_body(size_t *bytes, const sn_http_request *r) {
    *bytes = r->body.bytes;
    return r->body.data ? r->body.data : "";
}

int sn_http_cancel_fd(sn_http_request *r) {
    pthread_mutex_lock(&r->lock);
    if (r->cancel_fd < 0)
        r->cancel_fd = eventfd(r->is_gone, EFD_CLOEXEC | EFD_NONBLOCK);
    int fd = r->cancel_fd;
    pthread_mutex_unlock(&r->lock);
    return fd;
}

void sn_http_on_gone(sn_http_request *r, sn_http_gone_fn *gone, void *user) {
    pthread_mutex_lock(&r->lock);
    bool is_ours = r->is_gone && gone(user);
    if (!r->is_gone) {
        r->on_gone = gone;
        r->gone_user = user;
    }
    pthread_mutex_unlock(&r->lock);
    if (is_ours)
        sn_http_reply(r, SN_HTTP_CLIENT_GONE, "text/plain", "", 0);
}
