/* channel_test.c - the gRPC client against our own server, in one process. What only other servers
 * do is in tests/e2e/remote_test.py. */
#include "rpc/channel.h"
#include "rpc/rpc.h"
#include "test.h"
#include "util/auto.h"
#include "util/buffer.h"
#include "util/io.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static sn_rpc_server *server;
static sn_rpc_channel *channel;

/* ---- a server ---- */

static void echo(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service;
    sn_rpc_reply(call, request, bytes);
}

static void refuse(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    sn_error err = {SN_ERESOURCE_EXHAUSTED, "bad\nthing; very\x1b[31m\xc2\x9b", "do that"};
    (void)service, (void)request, (void)bytes;
    sn_rpc_fail(call, &err);
}

static void be_full(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service, (void)request, (void)bytes;
    sn_rpc_refuse(call, &(sn_error){SN_ERESOURCE_EXHAUSTED, "full", ""});
}

static void count_up(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service, (void)request, (void)bytes;
    for (uint32_t i = 0; i < 100; i++)
        (void)!sn_rpc_send(call, &i, sizeof i, UINT64_MAX, NULL);
    sn_rpc_reply(call, NULL, 0);
}

/* Tells once that it has begun, and answers when nobody wants it any more. */
static atomic_int ended;

static bool gone(void *user) {
    (void)user;
    atomic_fetch_add(&ended, 1);
    return true;
}

static void hang(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service;
    sn_rpc_on_gone(call, gone, NULL);
    (void)!sn_rpc_send(call, request, bytes, UINT64_MAX, NULL);
}

static void tell_metadata(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    (void)service, (void)request, (void)bytes;
    sn_auto_free char *value = sn_rpc_metadata(call, "x-request-id");
    sn_rpc_reply(call, value, value ? strlen(value) : 0);
}

/* Takes all messages, and says how many there were; what ended it otherwise is kept. */
static atomic_int collect_rc;
static atomic_bool collected;

enum { PATIENCE_MS = 400 };

static void *collect_work(void *user) {
    sn_rpc_call *call = user;
    size_t messages = 1, all_bytes = 0, bytes;
    sn_error err = SN_ERROR_INIT;
    void *message;
    int rc;
    while ((rc = sn_rpc_wait(call, &message, &bytes, PATIENCE_MS * 1000000ull, &err)) > 0) {
        messages++;
        all_bytes += bytes;
        free(message);
    }
    sn_auto_free char *text = sn_format("%zu %zu", messages, all_bytes);
    if (rc == 0)
        sn_rpc_reply(call, text, strlen(text));
    else
        sn_rpc_fail(call, &err);
    atomic_store(&collect_rc, rc);
    atomic_store(&collected, true);
    return NULL;
}

static void collect(void *service, sn_rpc_call *call, const void *request, size_t bytes) {
    pthread_t thread;
    (void)service, (void)request, (void)bytes;
    atomic_store(&collected, false);
    assert_int_equal(pthread_create(&thread, NULL, collect_work, call), 0);
    pthread_detach(thread);
}

static const sn_rpc_method methods[] = {{"/t.T/Echo", echo, NULL, false},
                                        {"/t.T/Refuse", refuse, NULL, false},
                                        {"/t.T/Full", be_full, NULL, false},
                                        {"/t.T/Count", count_up, NULL, false},
                                        {"/t.T/Hang", hang, NULL, false},
                                        {"/t.T/Collect", collect, NULL, false},
                                        {"/t.T/Metadata", tell_metadata, NULL, false},
                                        {0}};

static int serve(const char *address) {
    sn_rpc_options options = SN_RPC_OPTIONS_INIT;
    options.address = address;
    options.token = "secret";
    assert_int_equal(sn_rpc_server_start(&server, &options, methods, NULL), 0);
    return sn_rpc_server_port(server);
}

static void open_channel(sn_rpc_channel **out, int port, const char *token) {
    sn_rpc_channel_options options = SN_RPC_CHANNEL_OPTIONS_INIT;
    sn_auto_free char *address = sn_format("127.0.0.1:%d", port);
    options.address = address;
    options.token = token;
    options.message_most_bytes = 4 << 20;
    assert_int_equal(sn_rpc_channel_open(out, &options, NULL), 0);
}

static int set_up(void **state) {
    (void)state;
    open_channel(&channel, serve("127.0.0.1:0"), "secret");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sn_rpc_channel_close(channel);
    sn_rpc_server_stop(server, 0);
    server = NULL;
    return 0;
}

/* ---- a client ---- */

typedef struct taken {
    sn_buffer data;
    size_t messages;
    size_t messages_most; /* 0: all */
    int signal_fd;        /* -1, or made readable by the first message */
} taken;

static int take(void *user, const void *message, size_t bytes) {
    taken *t = user;
    uint64_t one = 1;
    t->messages++;
    assert_true(sn_buffer_add(&t->data, message, bytes));
    if (t->signal_fd >= 0)
        assert_int_equal(write(t->signal_fd, &one, sizeof one), sizeof one);
    return t->messages_most && t->messages >= t->messages_most;
}

static sn_rpc_invocation invocation_of(const char *path) {
    sn_rpc_invocation i = SN_RPC_INVOCATION_INIT;
    i.path = path;
    i.request = "hello";
    i.request_bytes = 5;
    i.deadline_ns = sn_now_ns() + 30ull * 1000000000u;
    return i;
}

static void it_answers(void **state) {
    (void)state;
    taken t = {.signal_fd = -1};
    sn_rpc_invocation i = invocation_of("/t.T/Echo");
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), 0);
    assert_string_equal(t.data.data, "hello");
    sn_buffer_free(&t.data);
    static char large[3 << 20];
    memset(large, 'x', sizeof large);
    i.request = large;
    i.request_bytes = sizeof large;
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), 0);
    assert_int_equal(t.data.bytes, sizeof large);
    assert_memory_equal(t.data.data, large, sizeof large);
    sn_buffer_free(&t.data);
}

static void a_message_is_bounded(void **state) {
    (void)state;
    static const char larger[5 << 20];
    taken t = {.signal_fd = -1};
    sn_error err = SN_ERROR_INIT;
    sn_rpc_invocation i = invocation_of("/t.T/Echo");
    i.request = larger;
    i.request_bytes = sizeof larger;
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, &err), SN_ERESOURCE_EXHAUSTED);
    assert_int_equal(t.messages, 0);
    assert_non_null(strstr(err.message, "larger than max"));
}

static void what_the_server_says_is_an_error(void **state) {
    (void)state;
    taken t = {.signal_fd = -1};
    sn_error err = SN_ERROR_INIT;
    sn_rpc_invocation i = invocation_of("/t.T/Refuse");
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, &err), SN_ERESOURCE_EXHAUSTED);
    assert_string_equal(err.message, "bad thing; very [31m  ");
    assert_string_equal(err.hint, "do that");
    i.path = "/t.T/Nothing";
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, &err), SN_EINTERNAL);
    assert_int_equal(t.messages, 0);
}

static void messages_come_in_order(void **state) {
    (void)state;
    taken t = {.signal_fd = -1};
    sn_rpc_invocation i = invocation_of("/t.T/Count");
    i.streams = true;
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), 0);
    assert_int_equal(t.messages, 100);
    for (uint32_t n = 0; n < 100; n++)
        assert_memory_equal(t.data.data + n * sizeof n, &n, sizeof n);
    sn_buffer_free(&t.data);
    t = (taken){.signal_fd = -1, .messages_most = 3};
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), SN_RPC_GIVEN_UP);
    assert_int_equal(t.messages, 3);
    sn_buffer_free(&t.data);
}

static void one_answer_is_one_message(void **state) {
    (void)state;
    taken t = {.signal_fd = -1};
    sn_error err = SN_ERROR_INIT;
    sn_rpc_invocation i = invocation_of("/t.T/Count");
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, &err), SN_EINTERNAL);
    assert_non_null(strstr(err.message, "more than one"));
    assert_int_equal(t.messages, 0);
}

static void it_can_be_given_up(void **state) {
    (void)state;
    sn_auto_fd int fd = eventfd(0, EFD_CLOEXEC);
    taken t = {.signal_fd = fd};
    sn_rpc_invocation i = invocation_of("/t.T/Hang");
    i.streams = true;
    i.cancel_fd = fd;
    atomic_store(&ended, 0);
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), SN_RPC_GIVEN_UP);
    sn_buffer_free(&t.data);
    while (atomic_load(&ended) == 0) /* the server hears of it */
        usleep(1000);
}

static void it_has_a_deadline(void **state) {
    (void)state;
    taken t = {.signal_fd = -1};
    sn_error err = SN_ERROR_INIT;
    sn_rpc_invocation i = invocation_of("/t.T/Hang");
    i.streams = true;
    i.deadline_ns = sn_now_ns() + 200000000u;
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, &err), SN_EDEADLINE_EXCEEDED);
    assert_true(sn_now_ns() >= i.deadline_ns && sn_now_ns() < i.deadline_ns + 5000000000u);
    sn_buffer_free(&t.data);
}

static void metadata_and_token_go_along(void **state) {
    (void)state;
    taken t = {.signal_fd = -1};
    sn_error err = SN_ERROR_INIT;
    const sn_rpc_pair pair = {"x-request-id", "r-1"};
    sn_rpc_invocation i = invocation_of("/t.T/Metadata");
    i.metadata = &pair;
    i.metadata_count = 1;
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), 0);
    assert_string_equal(t.data.data, "r-1");
    sn_buffer_free(&t.data);
    sn_rpc_channel *stranger;
    open_channel(&stranger, sn_rpc_server_port(server), NULL);
    assert_int_equal(sn_rpc_invoke(stranger, &i, take, &t, &err), SN_EUNAUTHENTICATED);
    sn_rpc_channel_close(stranger);
}

enum { THREADS = 8, CALLS = 40 };

static void *call_often(void *user) {
    atomic_int *right = user;
    for (int n = 0; n < CALLS; n++) {
        char text[32];
        taken t = {.signal_fd = -1};
        sn_rpc_invocation i = invocation_of("/t.T/Echo");
        i.request_bytes = (size_t)snprintf(text, sizeof text, "%p %d", (void *)&t, n);
        i.request = text;
        if (sn_rpc_invoke(channel, &i, take, &t, NULL) == 0 && strcmp(t.data.data, text) == 0)
            atomic_fetch_add(right, 1);
        sn_buffer_free(&t.data);
    }
    return NULL;
}

static void many_threads_call(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    atomic_int right = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &right), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&right), THREADS * CALLS);
}

/* ---- several messages of the client ---- */

typedef struct upload {
    int left; /* then `then` */
    int then; /* 0: they end; negative: it is given up; 1: the next is late */
} upload;

static int more(void *user, const void **message, size_t *bytes) {
    static const char block[100000];
    upload *u = user;
    if (u->left == 0 && u->then <= 0)
        return u->then;
    if (u->left == 0) {
        usleep(3 * PATIENCE_MS * 1000);
        return 0;
    }
    u->left--;
    *message = block;
    *bytes = sizeof block;
    return 1;
}

static sn_rpc_invocation upload_of(const char *path, upload *u) {
    sn_rpc_invocation i = invocation_of(path);
    i.more = more;
    i.more_user = u;
    return i;
}

static void wait_until_collected(void) {
    while (!atomic_load(&collected))
        usleep(1000);
}

static void messages_go_in_order_and_have_an_end(void **state) {
    (void)state;
    static const struct {
        int count;
        const char *answer;
    } cases[] = {{0, "1 0"}, {1, "2 100000"}, {200, "201 20000000"}};
    for (size_t n = 0; n < SN_COUNT(cases); n++) {
        upload u = {.left = cases[n].count};
        taken t = {.signal_fd = -1};
        sn_rpc_invocation i = upload_of("/t.T/Collect", &u);
        assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), 0);
        assert_string_equal(t.data.data, cases[n].answer);
        sn_buffer_free(&t.data);
        wait_until_collected();
    }
}

static void a_client_that_falls_silent_is_not_waited_for(void **state) {
    (void)state;
    upload u = {.left = 3, .then = 1};
    taken t = {.signal_fd = -1};
    sn_error err = SN_ERROR_INIT;
    sn_rpc_invocation i = upload_of("/t.T/Collect", &u);
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, &err), SN_EDEADLINE_EXCEEDED);
    assert_string_equal(err.message, "no message came in time");
    wait_until_collected();
    assert_int_equal(atomic_load(&collect_rc), SN_EDEADLINE_EXCEEDED);
}

static void messages_can_be_given_up(void **state) {
    (void)state;
    upload u = {.left = 3, .then = -1};
    taken t = {.signal_fd = -1};
    sn_rpc_invocation i = upload_of("/t.T/Collect", &u);
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), SN_RPC_GIVEN_UP);
    wait_until_collected();
    assert_int_equal(t.messages, 0);
}

static void a_server_may_answer_before_the_end(void **state) {
    (void)state;
    taken t = {.signal_fd = -1};
    upload u = {.left = INT32_MAX};
    sn_rpc_invocation i = upload_of("/t.T/Refuse", &u);
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), SN_ERESOURCE_EXHAUSTED);
    u.left = INT32_MAX;
    i.path = "/t.T/Echo";
    assert_int_equal(sn_rpc_invoke(channel, &i, take, &t, NULL), 0);
    assert_string_equal(t.data.data, "hello");
    sn_buffer_free(&t.data);
}

/* ---- what may be tried elsewhere ---- */

static sn_rpc_fate fate_of(sn_rpc_channel *at, const char *path, uint64_t patience_ns) {
    sn_rpc_fate fate = SN_RPC_ANSWERED;
    taken t = {.signal_fd = -1};
    sn_rpc_invocation i = invocation_of(path);
    i.fate = &fate;
    i.streams = true;
    i.deadline_ns = sn_now_ns() + patience_ns;
    (void)!sn_rpc_invoke(at, &i, take, &t, NULL);
    sn_buffer_free(&t.data);
    return fate;
}

static void only_what_was_not_sent_is_called_so(void **state) {
    (void)state;
    const uint64_t second = 1000000000u;
    sn_rpc_channel *stranger;
    int port = sn_rpc_server_port(server);
    assert_int_equal(fate_of(channel, "/t.T/Echo", 20 * second), SN_RPC_ANSWERED);
    assert_int_equal(fate_of(channel, "/t.T/Refuse", 20 * second), SN_RPC_ANSWERED);
    assert_int_equal(fate_of(channel, "/t.T/Nothing", 20 * second), SN_RPC_ANSWERED);
    assert_int_equal(fate_of(channel, "/t.T/Hang", second), SN_RPC_LOST);
    assert_int_equal(fate_of(channel, "/t.T/Full", 20 * second), SN_RPC_REFUSED);
    open_channel(&stranger, port, "other");
    assert_int_equal(fate_of(stranger, "/t.T/Echo", 20 * second), SN_RPC_ANSWERED);
    sn_rpc_server_stop(SN_STEAL(server), 0);
    /* The client learns of it a moment later, and what it sends in that moment is lost. */
    uint64_t until_ns = sn_now_ns() + 10 * second;
    while (fate_of(stranger, "/t.T/Echo", 20 * second) == SN_RPC_LOST)
        assert_true(sn_now_ns() < until_ns);
    for (int n = 0; n < 3; n++)
        assert_int_equal(fate_of(stranger, "/t.T/Echo", 20 * second), SN_RPC_NOT_SENT);
    sn_rpc_channel_close(stranger);
}

/* ---- servers that are not there ---- */

/* A port that nobody listens on while the socket is open. */
static int hold_port(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, bytes) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &bytes) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void nobody_there_is_told_at_once(void **state) {
    (void)state;
    int port;
    sn_auto_fd int fd = hold_port(&port);
    (void)fd;
    sn_rpc_channel *nowhere;
    taken t = {.signal_fd = -1};
    sn_error err = SN_ERROR_INIT;
    open_channel(&nowhere, port, NULL);
    for (int n = 0; n < 3; n++) {
        uint64_t start = sn_now_ns();
        sn_rpc_invocation i = invocation_of("/t.T/Echo");
        assert_int_equal(sn_rpc_invoke(nowhere, &i, take, &t, &err), SN_EUNAVAILABLE);
        assert_non_null(strstr(err.message, "cannot reach agent-core at 127.0.0.1:"));
        assert_non_null(strstr(err.hint, "AGENT_CORE_ADDR"));
        assert_true(sn_now_ns() - start < 2000000000u);
    }
    sn_rpc_channel_close(nowhere);
}

static void *stop_server(void *user) {
    uint64_t begun;
    assert_int_equal(read(*(int *)user, &begun, sizeof begun), sizeof begun);
    sn_rpc_server_stop(server, 0);
    server = NULL;
    return NULL;
}

static void a_server_that_ends_ends_its_calls(void **state) {
    (void)state;
    pthread_t thread;
    sn_auto_fd int begun = eventfd(0, EFD_CLOEXEC);
    taken t = {.signal_fd = begun};
    int port = sn_rpc_server_port(server);
    sn_rpc_invocation i = invocation_of("/t.T/Hang");
    i.streams = true;
    assert_int_equal(pthread_create(&thread, NULL, stop_server, &begun), 0);
    sn_error err = SN_ERROR_INIT;
    sn_rpc_fate fate = SN_RPC_ANSWERED;
    i.fate = &fate;
    int rc = sn_rpc_invoke(channel, &i, take, &t, &err);
    assert_int_not_equal(fate, SN_RPC_NOT_SENT);
    if (rc != SN_EUNAVAILABLE)
        fail_msg("%d: %s", rc, err.message);
    pthread_join(thread, NULL);
    sn_buffer_free(&t.data);
    sn_auto_free char *address = sn_format("127.0.0.1:%d", port);
    serve(address);
    uint64_t until = sn_now_ns() + 10ull * 1000000000u;
    rc = -1;
    t = (taken){.signal_fd = -1};
    while (rc != 0 && sn_now_ns() < until) { /* there is a pause between tries to connect */
        i = invocation_of("/t.T/Echo");
        rc = sn_rpc_invoke(channel, &i, take, &t, NULL);
        usleep(1000);
    }
    assert_int_equal(rc, 0);
    assert_string_equal(t.data.data, "hello");
    sn_buffer_free(&t.data);
}

/* ---- a server that comes and goes ---- */

typedef struct caller {
    atomic_bool *stop;
    unsigned right, lost, wrong;
} caller;

static void *call_until_stopped(void *user) {
    caller *c = user;
    while (!atomic_load(c->stop)) {
        taken t = {.signal_fd = -1};
        sn_rpc_invocation i = invocation_of("/t.T/Echo");
        int rc = sn_rpc_invoke(channel, &i, take, &t, NULL);
        bool whole = rc == 0 && t.data.bytes == 5;
        c->right += whole;
        c->lost += rc == SN_EUNAVAILABLE;
        c->wrong += !whole && rc != SN_EUNAVAILABLE;
        sn_buffer_free(&t.data);
        if (rc < 0)
            usleep(1000);
    }
    return NULL;
}

static void callers_outlive_servers(void **state) {
    (void)state;
    enum { CALLERS = 4, TIMES = 5, BETWEEN_US = 150000 };
    pthread_t threads[CALLERS];
    caller callers[CALLERS] = {0};
    atomic_bool stop = false;
    sn_auto_free char *address = sn_format("127.0.0.1:%d", sn_rpc_server_port(server));
    for (int i = 0; i < CALLERS; i++) {
        callers[i].stop = &stop;
        assert_int_equal(pthread_create(&threads[i], NULL, call_until_stopped, &callers[i]), 0);
    }
    for (int i = 0; i < TIMES; i++) {
        usleep(BETWEEN_US);
        sn_rpc_server_stop(SN_STEAL(server), 0);
        usleep(BETWEEN_US);
        serve(address);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(callers[i].wrong, 0);
        assert_true(callers[i].right > 0 && callers[i].lost > 0);
    }
}

static void what_is_no_address_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",     "host",          ":50051", "host:",  "h:0",       "h:65536",
        "h:1x", "unix:/tmp/x:1", "h h:1",  "h%00:1", "dns:///x:1"};
    for (size_t i = 0; i < SN_COUNT(wrong); i++) {
        sn_rpc_channel *made;
        sn_error err = SN_ERROR_INIT;
        sn_rpc_channel_options options = SN_RPC_CHANNEL_OPTIONS_INIT;
        options.address = wrong[i];
        assert_int_equal(sn_rpc_channel_open(&made, &options, &err), SN_EINVALID_ARGUMENT);
        assert_non_null(strstr(err.hint, "HOST:PORT"));
        options.address = "h:1";
        options.token = "a\nb";
        assert_int_equal(sn_rpc_channel_open(&made, &options, &err), SN_EINVALID_ARGUMENT);
        options.token = NULL;
        options.ca_path = "/dev/null";
        assert_int_equal(sn_rpc_channel_open(&made, &options, &err), SN_EINVALID_ARGUMENT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_server_says_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_come_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_answer_is_one_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_can_be_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_a_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metadata_and_token_go_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_go_in_order_and_have_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_falls_silent_is_not_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(messages_can_be_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_may_answer_before_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_was_not_sent_is_called_so, set_up, tear_down),
        cmocka_unit_test(nobody_there_is_told_at_once),
        cmocka_unit_test_setup_teardown(a_server_that_ends_ends_its_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(callers_outlive_servers, set_up, tear_down),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
