/*
 * doors.c - what an execution costs over HTTP: POST /v1/execute of print(1) over kept connections,
 * 1 to 8 at once, and how soon the first event of a stream is there. bench/doors starts the
 * service.
 *
 *   bench-doors PORT [SECONDS]
 *
 * Prints, asserts nothing but that every answer is a 200 with what was printed.
 */
#include "util/io.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAMPLES_MOST = 1 << 18, CONNECTIONS_MOST = 64, ANSWER_MOST = 8192 };

static void must(bool is, const char *what) {
    if (is)
        return;
    perror(what);
    exit(1);
}

static int connect_to(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0, "TCP_NODELAY");
    return fd;
}

/* ---- requests ---- */

static void send_request(int fd, const char *accept) {
    static const char body[] = "{\"code\":\"print(1)\"}";
    char request[512];
    int bytes = snprintf(request, sizeof request,
                         "POST /v1/execute HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: %s\r\n"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                         accept, sizeof body - 1, body);
    must(send(fd, request, (size_t)bytes, 0) == bytes, "send");
}

/* Until `end` is in what came. */
static void receive(int fd, char *answer, size_t *got, const char *end) {
    while (!memmem(answer, *got, end, strlen(end))) {
        ssize_t more = recv(fd, answer + *got, ANSWER_MOST - 1 - *got, 0);
        must(more > 0, "answer");
        *got += (size_t)more;
        answer[*got] = '\0';
    }
    must(memcmp(answer, "HTTP/1.1 200", 12) == 0, answer);
}

/* An answer ends with the usage, and a stream with an empty chunk. Nanoseconds to the first event
 * of a stream, or to the end. */
static uint64_t ask_once(int fd, bool streams) {
    char answer[ANSWER_MOST];
    size_t got = 0;
    uint64_t began_ns = sn_now_ns();
    send_request(fd, streams ? "text/event-stream" : "application/json");
    receive(fd, answer, &got, streams ? "event: stdout\ndata: {\"text\":\"1\\n\"}\n\n" : "}}");
    uint64_t took_ns = sn_now_ns() - began_ns;
    if (streams)
        receive(fd, answer, &got, "\r\n0\r\n\r\n");
    return took_ns;
}

/* ---- clients ---- */

typedef struct client {
    pthread_t thread;
    int port;
    bool streams;
    uint64_t until_ns;
    uint32_t *samples;
    size_t count;
} client;

static void *ask(void *user) {
    client *c = user;
    int fd = connect_to(c->port);
    while (sn_now_ns() < c->until_ns && c->count < SAMPLES_MOST)
        c->samples[c->count++] = (uint32_t)ask_once(fd, c->streams);
    close(fd);
    return NULL;
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(int port, bool streams, unsigned connections, unsigned seconds) {
    static client clients[CONNECTIONS_MOST];
    uint32_t *all = malloc(sizeof *all * SAMPLES_MOST * connections);
    size_t count = 0;
    must(all, "memory");
    for (unsigned i = 0; i < connections; i++) {
        clients[i] = (client){.port = port,
                              .streams = streams,
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
    printf("%-17s %2u connections: %6.0f executions/s, p50 %.2f ms, p99 %.2f ms\n",
           streams ? "first event after" : "answer after", connections, (double)count / seconds,
           all[count / 2] / 1e6, all[count * 99 / 100] / 1e6);
    free(all);
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 0;
    unsigned seconds = argc > 2 ? (unsigned)atoi(argv[2]) : 2;
    static const unsigned connections[] = {1, 2, 8};
    if (port <= 0 || seconds == 0) {
        fputs("usage: bench-doors PORT [SECONDS]\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < 3; i++)
        measure(port, false, connections[i], seconds);
    for (unsigned i = 0; i < 3; i++)
        measure(port, true, connections[i], seconds);
    return 0;
}
