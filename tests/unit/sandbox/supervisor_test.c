/*
 * supervisor_test.c - the supervisor against workers that were taken over: the test plays the
 * worker, and the zygote that kills it.
 */
#include "test.h"

#include "sandbox/request.h"
#include "sandbox/supervisor.h"
#include "util/auto.h"
#include "util/io.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

typedef struct fake {
    int fd;   /* the worker's end */
    int life; /* the zygote's end */
    void (*act)(struct fake *);
    bool killed; /* the supervisor asked for it */
} fake;

static void send_header(const fake *f, uint32_t kind, uint32_t bytes) {
    sn_frame_header header = {kind, bytes};
    (void)!send(f->fd, &header, sizeof header, MSG_NOSIGNAL);
}

/* The worker's part, then the zygote's: waits to be told to kill, and reports. */
static void *play(void *user) {
    fake *f = user;
    sn_received request;
    char byte;
    if (sn_request_receive(&request, f->fd, NULL) == 0)
        sn_received_free(&request);
    f->act(f);
    ssize_t n = recv(f->life, &byte, 1, 0);
    f->killed = n == 1;
    sn_exit_report report = {SIGKILL, 0, 5};
    (void)!send(f->life, &report, sizeof report, MSG_NOSIGNAL);
    close(f->fd);
    close(f->life);
    return NULL;
}

static sn_job_end supervise_with(fake *f, const sn_job *job) {
    int sockets[2], life[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, life), 0);
    f->fd = sockets[1];
    f->life = life[1];
    pthread_create(&thread, NULL, play, f);
    sn_ready worker = {sockets[0], life[0]};
    sn_job_end end = {0};
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_supervise(&end, &worker, job, true, sn_now_ns(), &err), 0);
    sn_ready_release(&worker);
    pthread_join(thread, NULL);
    return end;
}

static const sn_job usual = {
    .code = "1",
    .code_bytes = 1,
    .stdin_fd = -1,
    .cancel_fd = -1,
    .timeout_ns = 10000000000u,
    .output_limit_bytes = 1 << 20,
};

static void check_lost(void (*act)(fake *)) {
    fake f = {.act = act};
    sn_job_end end = supervise_with(&f, &usual);
    assert_int_equal(end.ending, SN_JOB_LOST);
    assert_true(f.killed);
    assert_int_equal(end.signal, SIGKILL);
}

static void unknown_kind(fake *f) {
    send_header(f, SN_FRAME_KINDS, 4);
}
static void kind_zero(fake *f) {
    send_header(f, 0, 0);
}
static void too_long(fake *f) {
    send_header(f, SN_FRAME_STDOUT, SN_FRAME_CHUNK_BYTES + 1);
}
static void far_too_long(fake *f) {
    send_header(f, SN_FRAME_RESULT, UINT32_MAX);
}
static void image_unasked(fake *f) {
    sn_frame_header header = {SN_FRAME_IMAGE, 4};
    (void)!send(f->fd, &header, sizeof header, MSG_NOSIGNAL);
    (void)!send(f->fd, "abcd", 4, MSG_NOSIGNAL);
}
static void short_done(fake *f) {
    send_header(f, SN_FRAME_DONE, 0);
}
static void asks_for_much(fake *f) {
    uint32_t want = SN_FRAME_INPUT_MOST_BYTES + 1;
    (void)!sn_frame_send(f->fd, SN_FRAME_INPUT, &want, sizeof want);
}

static void what_makes_no_sense_ends_it(void **state) {
    (void)state;
    static void (*const acts[])(fake *) = {unknown_kind,  kind_zero,  too_long,     far_too_long,
                                           image_unasked, short_done, asks_for_much};
    for (size_t i = 0; i < SN_COUNT(acts); i++)
        check_lost(acts[i]);
}

static void ends_in_the_middle(fake *f) {
    send_header(f, SN_FRAME_STDOUT, 100);
    shutdown(f->fd, SHUT_RDWR);
}

static void half_a_frame_is_a_loss(void **state) {
    (void)state;
    check_lost(ends_in_the_middle);
}

/* Asks for input again and again and reads none of it. */
static void does_not_read(fake *f) {
    uint32_t want = SN_FRAME_INPUT_MOST_BYTES;
    for (int i = 0; i < 200; i++)
        if (sn_frame_send(f->fd, SN_FRAME_INPUT, &want, sizeof want) < 0)
            return;
}

static void one_that_does_not_read_holds_nobody_up(void **state) {
    (void)state;
    sn_auto_free char *input = calloc(8 << 20, 1);
    sn_job job = usual;
    job.stdin_data = input;
    job.stdin_bytes = 8 << 20;
    fake f = {.act = does_not_read};
    uint64_t start = sn_now_ns();
    sn_job_end end = supervise_with(&f, &job);
    assert_int_equal(end.ending, SN_JOB_LOST);
    assert_true(f.killed && sn_now_ns() - start < 6000000000u);
}

static void says_nothing(fake *f) {
    (void)f;
}

static void silence_ends_at_the_limit_and_the_grace(void **state) {
    (void)state;
    sn_job job = usual;
    job.timeout_ns = 200000000;
    fake f = {.act = says_nothing};
    sn_job_end end = supervise_with(&f, &job);
    assert_int_equal(end.ending, SN_JOB_TIMEOUT);
    assert_true(f.killed);
    assert_true(end.wall_ns > 1190000000u && end.wall_ns < 1400000000u);
    assert_int_equal(end.cpu_ns, 5); /* as the zygote reported */
}

static void never_stops_talking(fake *f) {
    static const char data[SN_FRAME_CHUNK_BYTES];
    while (sn_frame_send(f->fd, SN_FRAME_STDOUT, data, sizeof data) == 0)
        ;
}

static void output_is_bounded(void **state) {
    (void)state;
    fake f = {.act = never_stops_talking};
    sn_job_end end = supervise_with(&f, &usual);
    assert_int_equal(end.ending, SN_JOB_OUTPUT_LIMIT);
    assert_in_range(end.output_bytes, usual.output_limit_bytes,
                    usual.output_limit_bytes + (1 << 17));
}

/* Says that it is done, long before it began and with all the CPU time there is, and goes on. */
static void lies(fake *f) {
    sn_frame_done done = {
        .outcome = 77, .started_ns = 1, .cpu_ns = UINT64_MAX, .memory_bytes = UINT64_MAX};
    (void)!sn_frame_send(f->fd, SN_FRAME_DONE, &done, sizeof done);
}

static void one_that_says_it_is_done_is_believed_no_more(void **state) {
    (void)state;
    fake f = {.act = lies};
    sn_job_end end = supervise_with(&f, &usual);
    assert_int_equal(end.ending, SN_JOB_DONE);
    assert_true(end.startup_ns <= end.wall_ns);
    assert_false(
        f.killed); /* not asked to; the end of `life`, that came instead, kills it as well */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_ends_it),
        cmocka_unit_test(half_a_frame_is_a_loss),
        cmocka_unit_test(one_that_does_not_read_holds_nobody_up),
        cmocka_unit_test(silence_ends_at_the_limit_and_the_grace),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(one_that_says_it_is_done_is_believed_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
