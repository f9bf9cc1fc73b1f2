/*
 * rpc_server.c - a server for rpc_test.py: methods that answer at once, slowly, or not well. Says
 * its port, and stops when its standard input ends.
 */
#include "rpc/rpc.h"
#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES = 20 };

typedef struct job {
    sn_rpc_call *call;
    void *data;
    size_t bytes;
} job;

static void start_job(void *(*work)(void *), sn_rpc_call *call, const void *data, size_t bytes) {
    pthread_t thread;
    job *j = malloc(sizeof *j);
    *j = (job){call, malloc(bytes + 1), bytes};
    memcpy(j->data, data, bytes);
    pthread_create(&thread, NULL, work, j);
    pthread_detach(thread);
}

static void end_job(job *j) {
    free(j->data);
    free(j);
}

/* ---- methods ---- */

static void echo(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service;
    sn_rpc_reply(call, request, bytes);
}

static void fail(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    (void)service;
    sn_fail(&err, SN_ENOT_FOUND, "no such %.*s", (int)bytes, (const char *)request);
    sn_hint(&err, "look elsewhere");
    sn_rpc_fail(call, &err);
}

static void *repeat_work(void *user) {
    job *j = user;
    sn_error err = SN_ERROR_INIT;
    int sent = 0;
    while (sent < MESSAGES &&
           sn_rpc_send(j->call, j->data, j->bytes, sn_now_ns() + 300000000u, &err) == 0)
        sent++;
    printf("sent %d %s\n", sent, err.message);
    fflush(stdout);
    if (sent == MESSAGES)
        sn_rpc_reply(j->call, "end", 3);
    else
        sn_rpc_fail(j->call, &err);
    end_job(j);
    return NULL;
}

static void repeat(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service;
    start_job(repeat_work, call, request, bytes);
}

/* Until its client is gone. */
static void *wait_work(void *user) {
    job *j = user;
    struct pollfd gone = {sn_rpc_cancel_fd(j->call), POLLIN, 0};
    uint64_t deadline_ns = sn_rpc_deadline_ns(j->call);
    double left = deadline_ns == UINT64_MAX ? -1 : (double)(deadline_ns - sn_now_ns()) / 1e9;
    int ready = poll(&gone, 1, 20000);
    printf("gone %d, had %.1f s\n", ready, left);
    fflush(stdout);
    sn_rpc_reply(j->call, NULL, 0);
    end_job(j);
    return NULL;
}

static void wait_for_end(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service;
    start_job(wait_work, call, request, bytes);
}

static void metadata(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service, (void)request, (void)bytes;
    char *value = sn_rpc_metadata(call, "shannon-tenant");
    sn_rpc_reply(call, value ? value : "", value ? strlen(value) : 0);
    free(value);
}

/* Sends each message back, and says how many there were. */
static void chat(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    atomic_uint *count = service;
    char text[16];
    if (!request) {
        snprintf(text, sizeof text, "%u", atomic_exchange(count, 0));
        return sn_rpc_reply(call, text, strlen(text));
    }
    atomic_fetch_add(count, 1);
    if (bytes == 4 && memcmp(request, "fail", 4) == 0)
        return sn_rpc_fail(call, &(sn_error){SN_EINVALID_ARGUMENT, "as was asked for", ""});
    (void)!sn_rpc_send(call, request, bytes, 0, NULL); /* it may be gone */
    sn_rpc_receive(call);
}

int main(void) {
    static atomic_uint chat_count;

    static const sn_rpc_method methods[] = {
        {"/t.T/Echo", echo, NULL, false},
        {"/t.T/Fail", fail, NULL, false},
        {"/t.T/Repeat", repeat, NULL, false},
        {"/t.T/Wait", wait_for_end, NULL, false},
        {"/t.T/Metadata", metadata, NULL, false},
        {"/t.T/Open", echo, NULL, true},
        {"/t.T/Chat", chat, &chat_count, false, chat},
        {0},
    };
    sn_rpc_options options = SN_RPC_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_rpc_server *server;
    char byte;
    options.address = "127.0.0.1:0";
    options.request_most_bytes = 1 << 20;
    options.token = getenv("TOKEN");
    options.certificate_path = getenv("CERTIFICATE");
    options.key_path = getenv("KEY");
    if (getenv("ADDRESS"))
        options.address = getenv("ADDRESS");
    if (getenv("CALLS"))
        options.calls_most = (unsigned)atoi(getenv("CALLS"));
    if (getenv("UNREAD_SECONDS"))
        options.unread_most_ns = (uint64_t)atoi(getenv("UNREAD_SECONDS")) * 1000000000u;
    if (sn_rpc_server_start(&server, &options, methods, &err) < 0) {
        printf("%s: %s\n", sn_error_name(err.code), err.message);
        return 1;
    }
    printf("%d\n", sn_rpc_server_port(server));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    const char *patience = getenv("PATIENCE_SECONDS");
    sn_rpc_server_stop(server, patience ? (uint64_t)atoi(patience) * 1000000000u : 300000000u);
    puts("stopped");
    return 0;
}
