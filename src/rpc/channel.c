/* channel.c - the connection under the calls. See channel.h; invoke.c has the calls. */
#include "rpc/address.h"
#include "rpc/begin.h"
#include "rpc/client.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <signal.h>
#include <string.h>

enum {
    CERTIFICATES_MOST_BYTES = 1 << 20,
    METADATA_MOST_BYTES = 16 << 10,
    CONNECT_MS = 5000,      /* a try to connect may take so long */
    BACKOFF_LEAST_MS = 100, /* between two tries */
    BACKOFF_MOST_MS = 5000,
    KEEPALIVE_MS = 20000,          /* a connection that is half open is found after that, */
    KEEPALIVE_PATIENCE_MS = 10000, /* and this */
};

/* ---- the thread ---- */

static void *wake_callers(void *user) {
    const sn_rpc_channel *c = user;
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(c->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        sn_rpc_wanted *wanted = event.tag;
        if (event.type == GRPC_OP_COMPLETE)
            wanted->done(wanted, event.success);
    }
}

/* Signals are the main thread's. */
static int start_thread(sn_rpc_channel *c, sn_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&c->thread, NULL, wake_callers, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    c->has_thread = rc == 0;
    if (rc)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, rc, "no thread for the gRPC client");
    pthread_setname_np(c->thread, "shannon-channel");
    return 0;
}

/* ---- what it is made of ---- */

static int check_address(const char *address, sn_error *err) {
    if (sn_rpc_address_is_valid(address))
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT, "'%.300s' is no address of an agent-core", address);
    return sn_hint(err, SN_RPC_ADDRESS_HINT);
}

static int make_authorization(char **out, const char *token, sn_error *err) {
    if (!token)
        return 0;
    sn_auto_free char *made = sn_format("Bearer %s", token);
    grpc_slice slice = grpc_slice_from_static_string(made);
    if (strlen(token) > METADATA_MOST_BYTES / 4 || !grpc_header_nonbin_value_is_legal(slice))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the API token has a character that no header may have, or too many");
    *out = SN_STEAL(made);
    return 0;
}

static int make_credentials(grpc_channel_credentials **out, const char *ca_path, sn_error *err) {
    sn_auto_free char *certificates = NULL;
    size_t bytes;
    if (!ca_path) {
        *out = grpc_insecure_credentials_create();
        return 0;
    }
    int rc = sn_read_file(&certificates, &bytes, ca_path, CERTIFICATES_MOST_BYTES, err);
    if (rc < 0)
        return rc;
    if (strlen(certificates) != bytes || !strstr(certificates, "-----BEGIN CERTIFICATE-----"))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s has no certificate; it must be a PEM file",
                       ca_path);
    *out = grpc_ssl_credentials_create_ex(certificates, NULL, NULL, NULL);
    return *out ? 0 : sn_fail(err, SN_EINVALID_ARGUMENT, "%s cannot be used for TLS", ca_path);
}

static grpc_arg integer(const char *key, size_t value) {
    return (grpc_arg){GRPC_ARG_INTEGER, (char *)key,
                      .value.integer = value > INT32_MAX ? INT32_MAX : (int)value};
}

static int make_channel(sn_rpc_channel *c, const sn_rpc_channel_options *options, sn_error *err) {
    grpc_channel_credentials *credentials;
    int rc = make_credentials(&credentials, options->ca_path, err);
    if (rc < 0)
        return rc;
    grpc_arg args[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, options->message_most_bytes),
        integer(GRPC_ARG_MAX_METADATA_SIZE, METADATA_MOST_BYTES),
        integer(GRPC_ARG_ENABLE_RETRIES, 0), /* what may have begun is not begun again */
        integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS), /* not what it is called */
        integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, BACKOFF_LEAST_MS),
        integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, BACKOFF_MOST_MS),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_PATIENCE_MS),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1), /* its pauses are its own */
        integer(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        integer(GRPC_ARG_ENABLE_HTTP_PROXY, 0), /* the address is the one that was said */
    };
    grpc_channel_args all = {SN_COUNT(args), args};
    c->channel = grpc_channel_create(c->address, credentials, &all);
    grpc_channel_credentials_release(credentials);
    return c->channel ? 0 : sn_fail(err, SN_EINTERNAL, "gRPC makes no channel to %s", c->address);
}

/* ---- life ---- */

int sn_rpc_channel_open(sn_rpc_channel **out, const sn_rpc_channel_options *options,
                        sn_error *err) {
    int rc = check_address(options->address, err);
    if (rc < 0)
        return rc;
    sn_rpc_channel *c = calloc(1, sizeof *c);
    if (!c)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a gRPC channel");
    sn_rpc_begin();
    c->queue = grpc_completion_queue_create_for_next(NULL);
    c->address = sn_format("%s", options->address);
    rc = make_authorization(&c->authorization, options->token, err);
    if (rc == 0)
        rc = make_channel(c, options, err);
    if (rc == 0)
        rc = start_thread(c, err);
    if (rc < 0)
        sn_rpc_channel_close(c);
    else
        *out = c;
    return rc;
}

void sn_rpc_channel_close(sn_rpc_channel *c) {
    if (!c)
        return;
    if (c->channel)
        grpc_channel_destroy(c->channel);
    grpc_completion_queue_shutdown(c->queue);
    if (c->has_thread)
        pthread_join(c->thread, NULL);
    else
        wake_callers(c);
    grpc_completion_queue_destroy(c->queue);
    grpc_shutdown();
    free(c->authorization);
    free(c->address);
    free(c);
}
