/* server.c - the server around the calls. See rpc.h. */
#include "rpc/begin.h"
#include "rpc/private.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum {
    CERTIFICATE_MOST_BYTES = 1 << 20,
    METADATA_MOST_BYTES = 16 << 10,
    STREAMS_MOST = 1024,  /* of one connection */
    KEEPALIVE_MS = 30000, /* a connection that is half open is found after that */
    KEEPALIVE_PATIENCE_MS = 10000,
    HANDSHAKE_MS = 10000,    /* until a connection says that it is one of HTTP/2 */
    IDLE_MS = 600000,        /* a connection without calls is closed after that */
    PINGS_LEAST_MS = 10000,  /* clients look for such connections, too: not more often than this */
    QUOTA_BYTES = 512 << 20, /* of gRPC's buffers */
    LOOK_MS = 1000,          /* at calls that nobody reads, at least so often */
};

/* ---- threads ---- */

static void *serve(void *user) {
    sn_rpc_server *s = user;
    for (;;) {
        gpr_timespec soon =
            gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(LOOK_MS, GPR_TIMESPAN));
        grpc_event event = grpc_completion_queue_next(s->queue, soon, NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        sn_rpc_drop_unread(s);
        const sn_rpc_tag *tag = event.tag;
        if (event.type == GRPC_OP_COMPLETE && tag->done)
            tag->done(tag->call, event.success);
    }
}

/* Signals are the main thread's. */
static int start_threads(sn_rpc_server *s, sn_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = 0;
    while (rc == 0 && s->threads_count < SN_RPC_THREADS) {
        rc = pthread_create(&s->threads[s->threads_count], NULL, serve, s);
        if (rc == 0)
            pthread_setname_np(s->threads[s->threads_count++], "shannon-grpc");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc ? sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, rc, "no thread for the gRPC server") : 0;
}

/* ---- credentials ---- */

static int read_pem(char **out, const char *path, sn_error *err) {
    size_t bytes;
    int rc = sn_read_file(out, &bytes, path, CERTIFICATE_MOST_BYTES, err);
    if (rc == 0 && (bytes == 0 || strlen(*out) != bytes || !strstr(*out, "-----BEGIN ")))
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "%s is no PEM file", path);
    return rc;
}

static int make_credentials(grpc_server_credentials **out, const sn_rpc_options *options,
                            sn_error *err) {
    sn_auto_free char *certificate = NULL;
    sn_auto_free char *key = NULL;
    if (!options->certificate_path && !options->key_path) {
        *out = grpc_insecure_server_credentials_create();
        return 0;
    }
    if (!options->certificate_path || !options->key_path)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "TLS needs both, a certificate and the key that belongs to it");
    int rc = read_pem(&certificate, options->certificate_path, err);
    if (rc == 0)
        rc = read_pem(&key, options->key_path, err);
    if (rc < 0)
        return rc;
    grpc_ssl_pem_key_cert_pair pair = {key, certificate};
    *out = grpc_ssl_server_credentials_create(NULL, &pair, 1, 0, NULL);
    return *out ? 0
                : sn_fail(err, SN_EINVALID_ARGUMENT, "%s and %s cannot be used for TLS",
                          options->certificate_path, options->key_path);
}

/* ---- starting ---- */

static grpc_arg integer(const char *key, size_t value) {
    return (grpc_arg){GRPC_ARG_INTEGER, (char *)key,
                      .value.integer = value > INT32_MAX ? INT32_MAX : (int)value};
}

static grpc_server *make_server(const sn_rpc_options *options) {
    grpc_resource_quota *quota = grpc_resource_quota_create("shannon");
    grpc_resource_quota_resize(quota, QUOTA_BYTES);
    grpc_arg args[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, options->request_most_bytes),
        integer(GRPC_ARG_MAX_METADATA_SIZE, METADATA_MOST_BYTES),
        integer(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_MOST),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_PATIENCE_MS),
        integer(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS),
        integer(GRPC_ARG_MAX_CONNECTION_IDLE_MS, IDLE_MS),
        integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PINGS_LEAST_MS),
        integer(GRPC_ARG_ALLOW_REUSEPORT, 0), /* somebody else's port is an error */
        {GRPC_ARG_POINTER, GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {quota, grpc_resource_quota_arg_vtable()}},
    };
    grpc_channel_args all = {SN_COUNT(args), args};
    grpc_server *server = grpc_server_create(&all, NULL);
    grpc_resource_quota_unref(quota);
    return server;
}

static int listen_on(sn_rpc_server *s, const sn_rpc_options *options, sn_error *err) {
    grpc_server_credentials *credentials;
    int rc = make_credentials(&credentials, options, err);
    if (rc < 0)
        return rc;
    s->port = grpc_server_add_http2_port(s->server, options->address, credentials);
    grpc_server_credentials_release(credentials);
    if (s->port > 0)
        return 0;
    sn_fail(err, SN_EUNAVAILABLE, "cannot listen on %s", options->address);
    return sn_hint(err, "another program may have that port; port 0 picks a free one");
}

int sn_rpc_server_start(sn_rpc_server **out, const sn_rpc_options *options,
                        const sn_rpc_method *methods, sn_error *err) {
    sn_rpc_server *s = calloc(1, sizeof *s);
    if (!s)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a gRPC server");
    sn_rpc_begin();
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->methods = methods;
    s->token = options->token ? strdup(options->token) : NULL;
    s->calls_most = options->calls_most;
    s->unread_most_ns = options->unread_most_ns;
    s->request_most_bytes = options->request_most_bytes;
    s->queue = grpc_completion_queue_create_for_next(NULL);
    s->server = make_server(options);
    grpc_server_register_completion_queue(s->server, s->queue, NULL);
    int rc = listen_on(s, options, err);
    if (rc == 0) {
        grpc_server_start(s->server);
        for (int i = 0; i < SN_RPC_REQUESTED; i++)
            sn_rpc_call_request(s);
        rc = start_threads(s, err);
    }
    if (rc < 0) {
        sn_rpc_server_stop(s, 0);
        return rc;
    }
    *out = s;
    return 0;
}

int sn_rpc_server_port(const sn_rpc_server *server) {
    return server->port;
}

/* ---- stopping ---- */

/* Whether no call is left. */
static bool wait_idle(sn_rpc_server *s, uint64_t until_ns) {
    struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int waited = 0;
    pthread_mutex_lock(&s->lock);
    while (s->calls > 0 && waited == 0)
        waited = until_ns == UINT64_MAX ? pthread_cond_wait(&s->idle, &s->lock)
                                        : pthread_cond_timedwait(&s->idle, &s->lock, &until);
    bool idle = s->calls == 0;
    pthread_mutex_unlock(&s->lock);
    return idle;
}

void sn_rpc_server_stop(sn_rpc_server *s, uint64_t patience_ns) {
    static sn_rpc_tag stopped; /* nothing is to be done */
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    grpc_server_shutdown_and_notify(s->server, s->queue, &stopped);
    sn_rpc_end_conversations(s);
    bool idle = s->threads_count == 0 || wait_idle(s, sn_now_ns() + patience_ns);
    grpc_server_cancel_all_calls(
        s->server); /* and closes connections, however long they are idle */
    if (!idle)
        wait_idle(s, UINT64_MAX);
    grpc_completion_queue_shutdown(s->queue);
    if (s->threads_count == 0)
        serve(s);
    for (unsigned i = 0; i < s->threads_count; i++)
        pthread_join(s->threads[i], NULL);
    grpc_server_destroy(s->server);
    grpc_completion_queue_destroy(s->queue);
    grpc_shutdown();
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    free(s->token);
    free(s);
}
