/*
 * http.c - what the HTTP server costs: requests over kept connections to a handler that answers at
 * once, and to one that answers from another thread.
 *
 *   bench-http [CONNECTIONS [SECONDS]]
 *
 * Prints, asserts nothing but that every answer is a 200.
 */
#include "service/http.h"
#include "service/log.h"
#include "util/io.h"

#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAMPLES_MOST = 1 << 20, CONNECTIONS_MOST = 64, WAITING_MOST = CONNECTIONS_MOST };

static void must(bool is, const char *what) {
    if (is)
        return;
    perror(what);
    exit(1);
}

/* ---- handlers ---- */

static void at_once(void *user, sn_http_request *request) {
    (void)user;
    sn_http_reply(request, 200, "text/plain", "hello\n", 6);
}

static struct {
    pthread_mutex_t lock;
    sem_t count;
    sn_http_request *waiting[WAITING_MOST];
    unsigned first, last;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void by_thread(void *user, sn_http_request *request) {
    (void)user;
    pthread_mutex_lock(&queue.lock);
    queue.waiting[queue.last++ % WAITING_MOST] = request;
    pthread_mutex_unlock(&queue.lock);
    sem_post(&queue.count);
}

static void *answer(void *user) {
    (void)user;
    for (;;) {
        sem_wait(&queue.count);
        pthread_mutex_lock(&queue.lock);
        bool over = queue.first == queue.last;
        sn_http_request *request = over ? NULL : queue.waiting[queue.first++ % WAITING_MOST];
        pthread_mutex_unlock(&queue.lock);
        if (over)
            return NULL;
        sn_http_reply(request, 200, "text/plain", "hello\n", 6);
    }
}

/* ---- clients ---- */

typedef struct client {
    pthread_t thread;
    int port;
    const char *path;
    uint64_t until_ns;
    uint32_t *samples;
    size_t count;
} client;

static int connect_to(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}

static void *ask(void *user) {
    client *c = user;
    char request[256], reply[4096];
    int fd = connect_to(c->port);
    int bytes =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", c->path);
    for (uint64_t now = sn_now_ns(); now < c->until_ns && c->count < SAMPLES_MOST;) {
        must(send(fd, request, (size_t)bytes, 0) == bytes, "send");
        ssize_t got = recv(fd, reply, sizeof reply - 1, 0); /* as it is sent: at once */
        must(got > 6 && memcmp(reply, "HTTP/1.1 200", 12) == 0 &&
                 memcmp(reply + got - 6, "hello\n", 6) == 0,
             "answer");
        uint64_t then = sn_now_ns();
        c->samples[c->count++] = (uint32_t)(then - now);
        now = then;
    }
    close(fd);
    return NULL;
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(int port, const char *path, unsigned connections, unsigned seconds) {
    static client clients[CONNECTIONS_MOST];
    uint32_t *all = malloc(sizeof *all * SAMPLES_MOST * connections);
    size_t count = 0;
    must(all, "memory");
    for (unsigned i = 0; i < connections; i++) {
        clients[i] = (client){.port = port,
                              .path = path,
                              .until_ns = sn_now_ns() + seconds * 1000000000ull,
                              .samples = all + (size_t)i * SAMPLES_MOST};
        must(pthread_create(&clients[i].thread, NULL, ask, &clients[i]) == 0, "thread");
    }
    for (unsigned i = 0; i < connections; i++) {
        pthread_join(clients[i].thread, NULL);
        memmove(all + count, clients[i].samples, clients[i].count * sizeof *all);
        count += clients[i].count;
    }
    qsort(all, count, sizeof *all, by_size);
    printf("%-8s %2u connections: %7.0f requests/s, p50 %.3f ms, p99 %.3f ms\n", path, connections,
           (double)count / seconds, all[count / 2] / 1e6, all[count * 99 / 100] / 1e6);
    free(all);
}

int main(int argc, char **argv) {
    static sn_http_routes routes;
    unsigned connections = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    unsigned seconds = argc > 2 ? (unsigned)atoi(argv[2]) : 3;
    sn_http_options options = SN_HTTP_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_http_server *server;
    pthread_t thread;
    must(connections > 0 && connections <= CONNECTIONS_MOST && seconds > 0, "1 to 64 connections");
    sn_log_set_level(SN_LOG_WARN);
    sn_http_routes_add(&routes, &(sn_http_route){"GET", "/once", at_once, NULL, 0, false});
    sn_http_routes_add(&routes, &(sn_http_route){"GET", "/thread", by_thread, NULL, 0, false});
    options.address = "127.0.0.1:0";
    if (sn_http_server_start(&server, &options, &routes, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    sem_init(&queue.count, 0, 0);
    must(pthread_create(&thread, NULL, answer, NULL) == 0, "thread");
    int port = sn_http_server_port(server);
    measure(port, "/once", 1, seconds);
    measure(port, "/once", connections, seconds);
    measure(port, "/thread", 1, seconds);
    measure(port, "/thread", connections, seconds);
    sem_post(&queue.count);
    pthread_join(thread, NULL);
    sn_http_server_stop(server, 0);
    return 0;
}
