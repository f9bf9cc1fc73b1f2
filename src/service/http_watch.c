/*
 * http_watch.c - the connections' places, and the thread that watches over them.
 *
 * libmicrohttpd does not look at a connection while it is suspended, so it would not notice that a
 * client has gone away while its request is under way. Each connection is therefore also in an
 * epoll of ours, for EPOLLRDHUP, once: it says that the other side sends nothing any more. A place
 * is given back, and the descriptor leaves the epoll, before libmicrohttpd closes it; an event that
 * was already fetched names a generation of the place that is over.
 *
 * The same thread sees to what is due: heads, bodies and readers that take too long (their
 * connections are shut down, which libmicrohttpd notices by itself), streams that want a sign of
 * life.
 */
#include "service/http_private.h"

#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum {
    EVENTS = 64,
    ENDING_NS = 250 * 1000000,
    NO_PLACE = UINT32_MAX,
    /* A client whose machine is gone is found after 30 + 3 * 10 s. */
    PROBE_IDLE_S = 30,
    PROBE_INTERVAL_S = 10,
    PROBES = 3,
};

/* ---- the thread ---- */

static void wake_watcher(sn_http_server *s) {
    uint64_t one = 1;
    (void)!write(s->wake_fd, &one, sizeof one);
}

/* The lock is held. A client that sends nothing any more has to have got what it is to get soon:
 * libmicrohttpd does not always see that. */
static void set_due(sn_http_server *s, sn_http_connection *c, uint64_t time_ns) {
    uint64_t soon_ns = c->is_gone && !c->request ? sn_now_ns() + ENDING_NS : UINT64_MAX;
    if (time_ns > soon_ns)
        time_ns = soon_ns;
    c->deadline_ns = time_ns;
    if (time_ns < s->wakes_ns) {
        s->wakes_ns = time_ns;
        wake_watcher(s);
    }
}

static void lose(sn_http_server *s, uint64_t event) {
    sn_http_connection *c = &s->connections[(uint32_t)event];
    sn_http_request *request = NULL;
    pthread_mutex_lock(&s->lock);
    if (c->is_used && c->generation == event >> 32) {
        c->is_gone = true;
        set_due(s, c, c->deadline_ns);
        request = c->request;
        if (request)
            atomic_fetch_add(&request->references, 1);
    }
    pthread_mutex_unlock(&s->lock);
    if (!request)
        return;
    sn_http_request_lost(request);
    sn_http_request_release(request);
}

/* The lock is held, so the descriptor is still the connection's. */
static void see_to(sn_http_connection *c, uint64_t now_ns) {
    uint64_t next_ns = c->request ? sn_http_request_tick(c->request, now_ns) : 0;
    if (next_ns <= now_ns) {
        /* Who does not take an answer in time gets no more of it, also not what the kernel has. */
        struct linger none = {.l_onoff = 1};
        if (c->request)
            setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        shutdown(c->fd, SHUT_RDWR);
        next_ns = UINT64_MAX;
    }
    c->deadline_ns = next_ns;
}

static void see_to_all(sn_http_server *s) {
    uint64_t now_ns = sn_now_ns();
    pthread_mutex_lock(&s->lock);
    if (now_ns >= s->wakes_ns) {
        s->wakes_ns = UINT64_MAX;
        for (unsigned i = 0; i < s->connections_most; i++) {
            sn_http_connection *c = &s->connections[i];
            if (c->is_used && c->deadline_ns <= now_ns)
                see_to(c, now_ns);
            if (c->is_used && c->deadline_ns < s->wakes_ns)
                s->wakes_ns = c->deadline_ns;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* -1: nothing is due; -2: it is over. */
static int wait_ms(sn_http_server *s) {
    uint64_t now_ns = sn_now_ns();
    pthread_mutex_lock(&s->lock);
    uint64_t wakes_ns = s->wakes_ns;
    bool over = s->over;
    pthread_mutex_unlock(&s->lock);
    if (over || wakes_ns == UINT64_MAX)
        return over ? -2 : -1;
    uint64_t ms = wakes_ns > now_ns ? (wakes_ns - now_ns) / 1000000 + 1 : 0;
    return ms > 60000 ? 60000 : (int)ms;
}

static void *watch(void *user) {
    sn_http_server *s = user;
    struct epoll_event events[EVENTS];
    uint64_t woken;
    for (int ms; (ms = wait_ms(s)) > -2; see_to_all(s)) {
        int count = epoll_wait(s->epoll_fd, events, EVENTS, ms);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == UINT64_MAX)
                (void)!read(s->wake_fd, &woken, sizeof woken);
            else
                lose(s, events[i].data.u64);
        }
    }
    return NULL;
}

/* ---- places ---- */

static void keep_probing(int fd) {
    const int values[][2] = {{TCP_KEEPIDLE, PROBE_IDLE_S},
                             {TCP_KEEPINTVL, PROBE_INTERVAL_S},
                             {TCP_KEEPCNT, PROBES},
                             {TCP_USER_TIMEOUT, (PROBE_IDLE_S + PROBES * PROBE_INTERVAL_S) * 1000}};
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        setsockopt(fd, IPPROTO_TCP, values[i][0], &values[i][1], sizeof values[i][1]);
}

sn_http_connection *sn_http_watch(sn_http_server *s, int fd) {
    keep_probing(fd);
    pthread_mutex_lock(&s->lock);
    unsigned place = s->first_free;
    sn_http_connection *c = place == NO_PLACE ? NULL : &s->connections[place];
    if (c) {
        s->first_free = c->next_free;
        *c = (sn_http_connection){.fd = fd, .generation = c->generation + 1, .is_used = true};
        c->is_surplus = s->connections_count++ >= s->options.connections_most;
        struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT,
                                    .data.u64 = (uint64_t)c->generation << 32 | place};
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event);
        set_due(s, c, sn_now_ns() + s->options.head_most_ns);
    }
    pthread_mutex_unlock(&s->lock);
    if (c && s->open)
        sn_series_change(s->open, 1);
    return c;
}

void sn_http_unwatch(sn_http_server *s, sn_http_connection *c) {
    pthread_mutex_lock(&s->lock);
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    c->is_used = false;
    c->next_free = s->first_free;
    s->first_free = (unsigned)(c - s->connections);
    s->connections_count--;
    pthread_mutex_unlock(&s->lock);
    if (s->open)
        sn_series_change(s->open, -1);
}

void sn_http_due(sn_http_server *s, sn_http_connection *c, uint64_t time_ns) {
    pthread_mutex_lock(&s->lock);
    set_due(s, c, time_ns);
    pthread_mutex_unlock(&s->lock);
}

void sn_http_request_due(sn_http_request *r, uint64_t time_ns) {
    sn_http_server *s = r->server;
    pthread_mutex_lock(&s->lock);
    if (r->connection->is_used && r->connection->request == r)
        set_due(s, r->connection, time_ns);
    pthread_mutex_unlock(&s->lock);
}

/* ---- beginning and ending ---- */

static int open_places(sn_http_server *s, sn_error *err) {
    s->connections = calloc(s->connections_most, sizeof *s->connections);
    if (!s->connections)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the HTTP server's connections");
    for (unsigned i = 0; i < s->connections_most; i++)
        s->connections[i].next_free = i + 1 < s->connections_most ? i + 1 : NO_PLACE;
    s->first_free = 0;
    s->wakes_ns = UINT64_MAX;
    return 0;
}

static int open_descriptors(sn_http_server *s, sn_error *err) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->wake_fd < 0 ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->wake_fd, &event) < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno,
                             "no descriptors for the HTTP server");
    return 0;
}

/* Signals are the main thread's. */
static int start_thread(sn_http_server *s, sn_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&s->watcher, NULL, watch, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, failed, "no thread for the HTTP server");
    pthread_setname_np(s->watcher, "http-watch");
    s->is_watching = true;
    return 0;
}

int sn_http_watch_start(sn_http_server *s, sn_error *err) {
    int rc = open_places(s, err);
    if (rc == 0)
        rc = open_descriptors(s, err);
    return rc < 0 ? rc : start_thread(s, err);
}

void sn_http_watch_stop(sn_http_server *s) {
    if (s->is_watching) {
        pthread_mutex_lock(&s->lock);
        s->over = true;
        pthread_mutex_unlock(&s->lock);
        wake_watcher(s);
        pthread_join(s->watcher, NULL);
    }
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    free(s->connections);
}
