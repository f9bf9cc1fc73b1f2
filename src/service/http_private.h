/*
 * http_private.h - what the files of the HTTP server share.
 *
 * A request is counted: by libmicrohttpd, until it says that the request is completed, and by who
 * has to answer it. The last one frees it. A connection's place is the server's; what it is busy
 * with is looked at under the server's lock, so a thread that is not libmicrohttpd's holds on to a
 * connection through that alone.
 *
 * Locks: the server's may be held when a request's is taken, never the other way round.
 * libmicrohttpd's own come after both.
 */
#ifndef SN_SERVICE_HTTP_PRIVATE_H
#define SN_SERVICE_HTTP_PRIVATE_H

#include "service/http.h"
#include "service/http_route.h"
#include "service/mhd.h"
#include "util/buffer.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    SN_HTTP_SURPLUS = 32,            /* connections above the limit that are told so */
    SN_HTTP_SWALLOW_BYTES = 1 << 20, /* of a refused body, to keep its connection */
    SN_HTTP_PIECE_BYTES = 64 << 10,  /* of a body or an answer, in options.body_most_ns */
    SN_HTTP_CLIENT_GONE = 499,       /* the status that is logged where none was sent */
};

/* A client's, from accepting to closing. */
typedef struct sn_http_connection {
    int fd;
    uint32_t generation;      /* of its place: a late event is of an older one */
    uint64_t deadline_ns;     /* something is due then; UINT64_MAX: nothing */
    sn_http_request *request; /* that a handler was given and that is not completed */
    unsigned next_free;
    bool is_used;
    bool is_surplus;
    bool is_gone;
} sn_http_connection;

struct sn_http_server {
    const sn_mhd *mhd;
    struct MHD_Daemon *daemon;
    sn_http_options options;
    sn_http_routes routes;
    char *token; /* NULL: none is asked for */
    bool is_watching;
    int listen_fd, port;
    int epoll_fd, wake_fd;
    pthread_t watcher;
    sn_metric *requests, *seconds; /* NULL: nobody counts */
    sn_series *open;
    atomic_size_t bodies_bytes;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t quiet; /* `handling` or `busy` became 0 */
    sn_http_connection *connections;
    unsigned connections_count, connections_most; /* with surplus */
    unsigned first_free;
    unsigned handling; /* requests to be answered */
    unsigned busy;     /* and those whose answer is on its way */
    uint64_t wakes_ns; /* the watcher, by itself */
    bool stopping, over;
};

/* What the head says of the body. */
typedef struct sn_http_framing {
    uint64_t content_length; /* 0: none */
    bool is_chunked;
    bool expects_continue;
} sn_http_framing;

typedef struct sn_http_stream {
    sn_buffer unsent;
    size_t sent; /* of unsent */
    bool is_begun, is_sse;
    bool is_writing; /* in the middle of something */
    bool is_ended;
    bool is_broken; /* something is missing in it */
    uint64_t written_ns;
} sn_http_stream;

struct sn_http_request {
    sn_http_server *server;
    struct MHD_Connection *mhd;
    sn_http_connection *connection;
    atomic_uint references;
    uint64_t began_ns;
    char *text; /* the target as it came */
    char method[32];
    char id[SN_HTTP_REQUEST_ID_MOST_BYTES + 1];
    char peer[INET6_ADDRSTRLEN];
    sn_buffer headers; /* each: name NUL value NUL */
    size_t headers_count;
    sn_http_framing framing;
    const char *tenant;         /* NULL: none's */
    const sn_http_route *route; /* NULL: none fits */
    sn_http_target target;
    sn_buffer body;
    size_t body_due_bytes; /* by the connection's deadline */
    bool is_met;           /* its head was seen */
    bool is_begun;         /* its handler was called */
    sn_buffer added;       /* headers of the answer: name NUL value NUL */
    size_t added_count;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool is_answered, is_suspended, is_gone;
    bool was_gone; /* before it was answered */
    unsigned status;
    struct MHD_Response *response;
    uint64_t cut_ns; /* the client must have read the answer by then */
    sn_http_stream stream;
    int cancel_fd;
    sn_http_gone_fn *on_gone;
    void *gone_user;
};

/* ---- http_listen.c ---- */

/* Sets the listening socket and the port. */
SN_WARN_UNUSED int sn_http_listen(sn_http_server *server, sn_error *err);

/* ---- http_watch.c ---- */

SN_WARN_UNUSED int sn_http_watch_start(sn_http_server *server, sn_error *err);
void sn_http_watch_stop(sn_http_server *server);

/* Of libmicrohttpd's thread: takes a place, gives it back. NULL: there is none. */
sn_http_connection *sn_http_watch(sn_http_server *server, int fd);
void sn_http_unwatch(sn_http_server *server, sn_http_connection *connection);

/* Something is due on the connection at that time. */
void sn_http_due(sn_http_server *server, sn_http_connection *connection, uint64_t time_ns);
/* The same, if the connection is still busy with the request; of any thread. */
void sn_http_request_due(sn_http_request *request, uint64_t time_ns);

/* ---- http_request.c ---- */

sn_http_request *sn_http_request_new(sn_http_server *server, struct MHD_Connection *mhd,
                                     const char *target);
void sn_http_request_release(sn_http_request *request);

/* Its handler is called. */
void sn_http_request_begin(sn_http_request *request);
void sn_http_request_lost(sn_http_request *request);

/* Does what is due, or says when something will be: 0 cuts the connection. */
uint64_t sn_http_request_tick(sn_http_request *request, uint64_t now_ns);

/* libmicrohttpd has done with it. */
void sn_http_request_completed(sn_http_request *request, bool is_answer_whole);

/* Lets the request's connection go on; its lock is held. */
void sn_http_wake(sn_http_request *request);
/* Nobody has to answer it any more. */
void sn_http_handled(sn_http_request *request);

/* ---- http_answer.c ---- */

unsigned sn_http_status_of(int code);

/* free() it; NULL: no memory. */
char *sn_http_error_json(const sn_error *error);

/* A response with what every response has; the request's lock need not be held. NULL: no memory. */
struct MHD_Response *sn_http_response(sn_http_request *request, unsigned status,
                                      const char *content_type, const void *body, size_t bytes);
struct MHD_Response *sn_http_stream_response(sn_http_request *request, const char *content_type,
                                             MHD_ContentReaderCallback read);

/* When a client must have read so much. */
uint64_t sn_http_read_by(const sn_http_server *server, size_t bytes);

/* The answer of a request that no handler is given. */
void sn_http_refuse(sn_http_request *request, unsigned status, const sn_error *error);

/* ---- http_head.c ---- */

/* Takes over a head if it is well-formed. A code, and the status in `*status`, or 0. */
SN_WARN_UNUSED int sn_http_head_take(unsigned *status, sn_http_request *request, const char *method,
                                     const char *target, const char *version, sn_error *err);

/* ---- http_door.c ---- */

/* Finds the request's route, or refuses the request. */
void sn_http_door(sn_http_request *request, const char *method, const char *target,
                  const char *version);

/* ---- http_body.c ---- */

/* Takes so much more of the body. False: the connection is to be closed. */
bool sn_http_body_take(sn_http_request *request, const void *data, size_t bytes);

/* ---- http_stream.c ---- */

uint64_t sn_http_stream_tick(sn_http_request *request, uint64_t now_ns);

#endif
