/*
 * http.h - an HTTP/1.1 server: routes whose handlers are given a whole request and answer it with
 * one body, or with a stream. The one user of libmicrohttpd (0.9.75, loaded when a server starts;
 * docs/design/http.md tells how a request goes through).
 *
 *     static void hello(void *user, sn_http_request *request) {
 *         sn_http_reply(request, 200, "text/plain", "hello\n", 6);
 *     }
 *     sn_http_routes routes = {0};
 *     sn_http_routes_add(&routes, &(sn_http_route){.method = "GET", .pattern = "/hello",
 *                                                  .handler = hello});
 *     sn_http_options options = SN_HTTP_OPTIONS_INIT;
 *     sn_http_server *server;
 *     if (sn_http_server_start(&server, &options, &routes, &err) < 0) ...
 *
 * Theory of operation: one thread of libmicrohttpd's does all reading, parsing and writing, and
 * calls handlers; a second one, the watcher, notices clients that have gone away, cuts those that
 * are too slow, and keeps idle streams alive. Neither ever waits for a handler: one that takes time
 * does it on a thread of its own and answers from there, while the connection is suspended.
 *
 * A handler is called when the request is whole and was let in: the head is well-formed and means
 * one thing only, the host and the origin are ours, the token is there, the path is a route's, the
 * body is within the route's limit. Whatever is not is answered without it, as is an error of a
 * handler's: {"error": {"code", "message", "hint"}}, with a status by the code. (What is no HTTP at
 * all, libmicrohttpd refuses in its own words.)
 *
 * A client that closes its connection, or only its sending side, has gone away: nobody waits for
 * the answer any more as far as a handler needs to know. It is still written if it comes.
 */
#ifndef SN_SERVICE_HTTP_H
#define SN_SERVICE_HTTP_H

#include "service/metrics.h"
#include "service/tenants.h"
#include "shannon.h"

#include <jansson.h>

enum {
    SN_HTTP_ROUTES_MOST = 64,
    SN_HTTP_HEAD_MOST_BYTES = 16 << 10, /* request line and headers; a little more may pass */
    SN_HTTP_TARGET_MOST_BYTES = 8 << 10,
    SN_HTTP_HEADERS_MOST = 100,
    SN_HTTP_BODY_USUAL_BYTES = 2 << 20,
    SN_HTTP_BODY_MOST_BYTES = 100 << 20,
    SN_HTTP_STREAM_BYTES = 1 << 20, /* what a stream may have unsent */
    SN_HTTP_REQUEST_ID_MOST_BYTES = 128,
    SN_HTTP_JSON_VALUES_MOST = 100000,
};

typedef struct sn_http_server sn_http_server;
typedef struct sn_http_request sn_http_request;

/* On the server's thread: must not block. Whoever has the request must answer it, once. */
typedef void (*sn_http_handler_fn)(void *user, sn_http_request *request);

typedef struct sn_http_route {
    const char *method; /* "GET", which answers HEAD as well; "POST", ... */
    /* "/v1/sessions/{id}": {id} is one part of the path, not empty. {path...} may be the last, and
     * is all that is left. Of two routes that fit, the first counts. */
    const char *pattern;
    sn_http_handler_fn handler;
    void *user;
    size_t body_most_bytes; /* 0: SN_HTTP_BODY_USUAL_BYTES; at most SN_HTTP_BODY_MOST_BYTES */
    bool is_open;           /* also to clients without a token */
    bool is_operators;      /* and not for tenants */
} sn_http_route;

typedef struct sn_http_routes {
    sn_http_route all[SN_HTTP_ROUTES_MOST];
    size_t count;
} sn_http_routes;

/* The texts stay the caller's and live as long as the server. One too many, or a pattern that is
 * none, is a fault of the program (assert). */
void sn_http_routes_add(sn_http_routes *routes, const sn_http_route *route);

/* ---- the server ---- */

typedef struct sn_http_options {
    const char *address; /* "127.0.0.1:8000", "[::1]:8000", "localhost:0"; port 0: any */
    const char *token; /* NULL, or what "Authorization: Bearer" must say; without, loopback only */
    const sn_tenants *tenants; /* NULL, or whose tokens count, too; outlive the server. There is a
                                  token then, which is the operator's */
    unsigned connections_most; /* at once; a few more are told to come back */
    unsigned connections_per_address_most; /* at once; one more is closed at once; 0: any number */
    size_t bodies_most_bytes;              /* of all requests together */
    uint64_t head_most_ns;                 /* for a whole head, from connecting */
    uint64_t body_most_ns;                 /* for each 64 KiB of a body, and of an answer */
    uint64_t idle_most_ns;                 /* for another request over the same connection */
    uint64_t keep_alive_ns;                /* an idle stream of events says so this often */
    sn_metrics *metrics; /* NULL, or where shannon_http_... are added; outlives the server, and is
                            of no other server */
} sn_http_options;

#define SN_HTTP_SECONDS(count) ((uint64_t)(count) * 1000000000u)

#define SN_HTTP_OPTIONS_INIT                                                                       \
    {.address = "127.0.0.1:8000",                                                                  \
     .connections_most = 1024,                                                                     \
     .connections_per_address_most = 512,                                                          \
     .bodies_most_bytes = 256 << 20,                                                               \
     .head_most_ns = SN_HTTP_SECONDS(10),                                                          \
     .body_most_ns = SN_HTTP_SECONDS(30),                                                          \
     .idle_most_ns = SN_HTTP_SECONDS(60),                                                          \
     .keep_alive_ns = SN_HTTP_SECONDS(5)}

/* Routes and texts of options are copied. SN_EINVALID_ARGUMENT: the address is none, or is not of
 * this machine alone and there is no token; SN_EUNAVAILABLE: it cannot be had, or libmicrohttpd
 * cannot be loaded; SN_ERESOURCE_EXHAUSTED: no memory, no thread. */
SN_WARN_UNUSED int sn_http_server_start(sn_http_server **out, const sn_http_options *options,
                                        const sn_http_routes *routes, sn_error *err);
int sn_http_server_port(const sn_http_server *server);

/* Takes no more connections and requests, waits so long for requests under way, cancels what is
 * left (as if the clients were gone) and waits for its handlers to answer. NULL is allowed. */
void sn_http_server_stop(sn_http_server *server, uint64_t patience_ns);

/* ---- looking at a request: any thread, until it is answered ---- */

const char *sn_http_method(const sn_http_request *request);
const char *sn_http_request_id(const sn_http_request *request); /* the client's, or ours */
/* Where the client is: its address, without the port. It is the request's. */
const char *sn_http_peer(const sn_http_request *request);
/* The tenant whose token it came with; NULL: the operator's, or it needed none. */
const char *sn_http_tenant(const sn_http_request *request);
/* Valid UTF-8 without control characters. An unknown name is a fault of the program. */
const char *sn_http_param(const sn_http_request *request, const char *name);
/* Valid UTF-8 without NUL; NULL: it was not given. */
const char *sn_http_query(const sn_http_request *request, const char *name);
/* Of several of one name, the first; NULL: there is none. */
const char *sn_http_header(const sn_http_request *request, const char *name);
/* NUL-terminated, never NULL. */
const void *sn_http_body(size_t *bytes, const sn_http_request *request);

/* Parses the body, which must call itself application/json; names in an object may not be there
 * twice, nothing may be nested deeper than SN_JSON_DEPTH_MOST (util/parse.h), and there may be
 * SN_HTTP_JSON_VALUES_MOST values in all, since each takes more memory than text. Release with
 * json_decref(). SN_EINVALID_ARGUMENT, saying where. Takes a millisecond for some hundred KB. */
SN_WARN_UNUSED int sn_http_json_body(json_t **out, const sn_http_request *request, sn_error *err);

/* Readable once nobody waits for the answer any more. -1: there was no descriptor left. It is the
 * request's. */
int sn_http_cancel_fd(sn_http_request *request);

/* Lets the server end the request by itself when its client has gone away: asks `gone`, at most
 * once, on a thread of its own or at once, and with the request locked, so it must neither block
 * nor use the request. True: nobody will answer the request, and the server does. It is not asked
 * once the request is answered. */
typedef bool sn_http_gone_fn(void *user);
void sn_http_on_gone(sn_http_request *request, sn_http_gone_fn *gone, void *user);

/* ---- answering it: any thread, once; it must not be touched any more ---- */

/* For the answer to come, at most 16. Line feeds and the like in it are a fault of the program. */
void sn_http_add_header(sn_http_request *request, const char *name, const char *value);

/* Copies the body. */
void sn_http_reply(sn_http_request *request, unsigned status, const char *content_type,
                   const void *body, size_t bytes);
/* Takes over the descriptor of a regular file, whose first `bytes` are the body; they are read when
 * they are sent. */
void sn_http_reply_file(sn_http_request *request, unsigned status, const char *content_type, int fd,
                        uint64_t bytes);
void sn_http_reply_json(sn_http_request *request, unsigned status, const json_t *json);
void sn_http_reply_error(sn_http_request *request, const sn_error *error);

/* The body of an answer with an error, for those who tell it in another way. NULL: no memory. */
json_t *sn_http_error_value(const sn_error *error);

/* ---- or in pieces: begin, write..., end; one thread at a time ---- */

void sn_http_stream_begin(sn_http_request *request, const char *content_type);

/* Copies the data, which leave at once. Waits while the client does not read, until `until_ns` of
 * the monotonic clock at most; so not on the server's thread, if it may be more than
 * SN_HTTP_STREAM_BYTES in all. SN_EUNAVAILABLE: the client is gone; SN_EDEADLINE_EXCEEDED: it still
 * does not read. After an error the stream only needs to be ended, and the client sees that it is
 * not whole. */
SN_WARN_UNUSED int sn_http_stream_write(sn_http_request *request, const void *data, size_t bytes,
                                        uint64_t until_ns, sn_error *err);
void sn_http_stream_end(sn_http_request *request);

/* A stream of server-sent events. While nothing is written the server sends comments, so that
 * proxies see that it lives. `event` and `id` (NULL: none) are one line each; what ends a line in
 * `data` arrives as a line feed. */
void sn_http_sse_begin(sn_http_request *request);
SN_WARN_UNUSED int sn_http_sse_event(sn_http_request *request, const char *event, const char *id,
                                     const void *data, size_t bytes, uint64_t until_ns,
                                     sn_error *err);

#endif
