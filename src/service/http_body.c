/*
 * http_body.c - a body, piece by piece, counted against its route's limit and against what all
 * bodies may take together.
 *
 * libmicrohttpd takes an answer before the body or after it, not in the middle. A body that turns
 * out to be too long in the middle is therefore answered past it, straight to the socket, and the
 * connection is closed.
 */
#include "service/http_private.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>
#include <sys/socket.h>

static void send_past(sn_http_request *r, unsigned status, const char *phrase,
                      const sn_error *err) {
    sn_auto_free char *body = sn_http_error_json(err);
    sn_auto_free char *text =
        sn_format("HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: application/json\r\n"
                  "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                  "X-Request-Id: %s\r\nContent-Length: %zu\r\n\r\n%s",
                  status, phrase, r->id, body ? strlen(body) : 0, body ? body : "");
    r->status = status;
    (void)!send(r->connection->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool refuse_long(sn_http_request *r) {
    sn_error err = SN_ERROR_INIT;
    sn_fail(&err, SN_EINVALID_ARGUMENT, "the body is longer than %zu bytes",
            r->route->body_most_bytes);
    send_past(r, 413, "Content Too Large", &err);
    return false;
}

static bool refuse_busy(sn_http_request *r) {
    sn_error err = SN_ERROR_INIT;
    sn_fail(&err, SN_EUNAVAILABLE, "the server holds too many bodies at once");
    sn_hint(&err, "try again");
    send_past(r, 503, "Service Unavailable", &err);
    return false;
}

/* Each piece renews the time that the next may take. */
static void note_progress(sn_http_request *r) {
    sn_http_server *s = r->server;
    if (r->body.bytes < r->body_due_bytes)
        return;
    r->body_due_bytes = r->body.bytes + SN_HTTP_PIECE_BYTES;
    sn_http_due(s, r->connection, sn_now_ns() + s->options.body_most_ns);
}

bool sn_http_body_take(sn_http_request *r, const void *data, size_t bytes) {
    sn_http_server *s = r->server;
    if (r->is_answered) /* refused, and short enough to be read for the connection's sake */
        return true;
    if (bytes > r->route->body_most_bytes - r->body.bytes)
        return refuse_long(r);
    size_t before = atomic_fetch_add(&s->bodies_bytes, bytes);
    if (before + bytes > s->options.bodies_most_bytes || !sn_buffer_add(&r->body, data, bytes)) {
        atomic_fetch_sub(&s->bodies_bytes, bytes);
        return refuse_busy(r);
    }
    note_progress(r);
    return true;
}
