/*
 * health_service.c - see health_service.h.
 *
 * gRPC holds a call's lock when it says that its client is gone, so ours must not be held while a
 * call is used. Instead a watcher is busy while somebody tells it something, and then belongs to
 * that thread alone: others pass it by, and it looks for what they had to say before it lets go.
 */
#include "agent_core/health_service.h"

#include "health.pb-c.h"
#include "util/auto.h"
#include "util/error.h"

#include <pthread.h>
#include <string.h>

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

enum { REQUEST_MOST_BYTES = 1024, RESPONSE_MOST_BYTES = 16 };

typedef struct watcher {
    sn_health *health;
    sn_rpc_call *call; /* NULL: there is no watcher here */
    bool is_known;     /* what it watches */
    bool busy;
    bool gone;
    serving_status told; /* UNKNOWN: nothing yet */
} watcher;

struct sn_health {
    pthread_mutex_t lock;
    const sn_rpc_methods *methods; /* whose services are known */
    bool serving;
    bool stopped;
    watcher watchers[SN_HEALTH_WATCHERS_MOST];
};

/* ---- messages ---- */

/* The server itself, or a service that it has a method of: "/NAME/Method". */
static bool is_known(const sn_health *health, const ProtobufCBinaryData *name) {
    const sn_rpc_methods *methods = health->methods;
    for (size_t i = 0; name->len > 0 && i < methods->count; i++) {
        const char *path = methods->list[i].path + 1;
        if (strcspn(path, "/") == name->len && memcmp(path, name->data, name->len) == 0)
            return true;
    }
    return name->len == 0;
}

/* Whether it asks for a service that is known: 1 or 0; an error if it is no request. */
static int read_request(const sn_health *health, const void *data, size_t bytes, sn_error *err) {
    Grpc__Health__V1__HealthCheckRequest *message = NULL;
    if (bytes <= REQUEST_MOST_BYTES)
        message = grpc__health__v1__health_check_request__unpack(NULL, bytes, data);
    if (!message)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the message is no grpc.health.v1.HealthCheckRequest of at most %d bytes",
                       REQUEST_MOST_BYTES);
    bool known = is_known(health, &message->service);
    grpc__health__v1__health_check_request__free_unpacked(message, NULL);
    return known;
}

static size_t make_response(uint8_t *message, serving_status status) {
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = status;
    return grpc__health__v1__health_check_response__pack(&response, message);
}

/* The lock is held. */
static serving_status status_of(const sn_health *health, bool known) {
    if (!known)
        return STATUS(SERVICE_UNKNOWN);
    return health->serving ? STATUS(SERVING) : STATUS(NOT_SERVING);
}

/* ---- watchers ---- */

/* The lock is held on entry and on return, but not in between. */
static int send_status(sn_health *health, sn_rpc_call *call, serving_status status, sn_error *err) {
    uint8_t message[RESPONSE_MOST_BYTES];
    pthread_mutex_unlock(&health->lock);
    int rc = sn_rpc_send(call, message, make_response(message, status), 0, err);
    pthread_mutex_lock(&health->lock);
    return rc;
}

/* Tells a watcher that nobody else is telling anything what is new to it. The lock is held on entry
 * and on return, but not in between. */
static void tell(sn_health *health, watcher *w) {
    sn_error err = {SN_EUNAVAILABLE, "the server is shutting down", ""};
    int rc = 0;
    w->busy = true;
    while (rc == 0 && !w->gone && w->told != status_of(health, w->is_known)) {
        w->told = status_of(health, w->is_known);
        rc = send_status(health, w->call, w->told, &err);
    }
    if (rc < 0 || w->gone || health->stopped) {
        pthread_mutex_unlock(&health->lock);
        sn_rpc_fail(w->call, &err);
        pthread_mutex_lock(&health->lock);
        w->call = NULL;
    }
    w->busy = false;
}

static void tell_all(sn_health *health) {
    for (size_t i = 0; i < SN_COUNT(health->watchers); i++)
        if (health->watchers[i].call && !health->watchers[i].busy)
            tell(health, &health->watchers[i]);
}

/* Its client is gone. */
static bool on_gone(void *user) {
    watcher *w = user;
    pthread_mutex_lock(&w->health->lock);
    bool is_ours = !w->busy;
    w->gone = true;
    if (is_ours)
        w->call = NULL;
    pthread_mutex_unlock(&w->health->lock);
    return is_ours;
}

/* The lock is held. NULL: there are too many. */
static watcher *add_watcher(sn_health *health, sn_rpc_call *call, bool known) {
    for (size_t i = 0; i < SN_COUNT(health->watchers); i++)
        if (!health->watchers[i].call) {
            health->watchers[i] =
                (watcher){.health = health, .call = call, .is_known = known, .busy = true};
            return &health->watchers[i];
        }
    return NULL;
}

/* ---- methods ---- */

static void check(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    sn_health *health = service;
    uint8_t message[RESPONSE_MOST_BYTES];
    sn_error err = SN_ERROR_INIT;
    int known = read_request(health, request, bytes, &err);
    if (known == 0)
        known = sn_fail(&err, SN_ENOT_FOUND, "there is no such service here");
    if (known < 0)
        return sn_rpc_fail(call, &err);
    pthread_mutex_lock(&health->lock);
    serving_status status = status_of(health, true);
    pthread_mutex_unlock(&health->lock);
    sn_rpc_reply(call, message, make_response(message, status));
}

static void watch(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    sn_health *health = service;
    sn_error err = SN_ERROR_INIT;
    int known = read_request(health, request, bytes, &err);
    if (known < 0)
        return sn_rpc_fail(call, &err);
    pthread_mutex_lock(&health->lock);
    watcher *w = add_watcher(health, call, known);
    pthread_mutex_unlock(&health->lock);
    if (!w) {
        sn_fail(&err, SN_ERESOURCE_EXHAUSTED, "%d calls watch already", SN_HEALTH_WATCHERS_MOST);
        sn_hint(&err, "use Check");
        return sn_rpc_fail(call, &err);
    }
    sn_rpc_on_gone(call, on_gone, w);
    pthread_mutex_lock(&health->lock);
    tell(health, w);
    pthread_mutex_unlock(&health->lock);
}

void sn_health_service_add(sn_rpc_methods *methods, sn_health *health) {
    health->methods = methods;
    sn_rpc_methods_add(methods,
                       (sn_rpc_method){"/grpc.health.v1.Health/Check", check, health, true});
    sn_rpc_methods_add(methods,
                       (sn_rpc_method){"/grpc.health.v1.Health/Watch", watch, health, true});
}

/* ---- life ---- */

int sn_health_new(sn_health **out, sn_error *err) {
    sn_health *health = calloc(1, sizeof *health);
    if (!health)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the health service");
    pthread_mutex_init(&health->lock, NULL);
    *out = health;
    return 0;
}

void sn_health_free(sn_health *health) {
    if (!health)
        return;
    pthread_mutex_destroy(&health->lock);
    free(health);
}

void sn_health_set(sn_health *health, bool serving) {
    pthread_mutex_lock(&health->lock);
    health->serving = serving && !health->stopped;
    tell_all(health);
    pthread_mutex_unlock(&health->lock);
}

void sn_health_shut_down(sn_health *health) {
    pthread_mutex_lock(&health->lock);
    health->serving = false;
    health->stopped = true;
    tell_all(health);
    pthread_mutex_unlock(&health->lock);
}
