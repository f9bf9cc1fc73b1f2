/* poll_test.c - poll_oneoff: sleeping, descriptors, and what is refused. */
#include "guest.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

enum {
    AT_IN = AT_DATA,
    AT_OUT = AT_DATA + 32768,
};

static sn_abi_subscription clock_of(uint64_t userdata, uint32_t id, uint64_t timeout,
                                    uint16_t flags) {
    sn_abi_subscription s = {.userdata = userdata, .tag = SN_EVENT_TYPE_CLOCK};
    s.u.clock.id = id;
    s.u.clock.timeout = timeout;
    s.u.clock.flags = flags;
    return s;
}

static sn_abi_subscription fd_of(uint64_t userdata, uint8_t tag, uint32_t fd) {
    sn_abi_subscription s = {.userdata = userdata, .tag = tag};
    s.u.fd = fd;
    return s;
}

static uint32_t poll_(guest *g, const sn_abi_subscription *in, uint32_t count) {
    guest_put(g, AT_IN, in, count * sizeof *in);
    return sn_wasi_poll_oneoff(g->wasi, AT_IN, AT_OUT, count, AT_RESULT);
}

static sn_abi_event event(guest *g, uint32_t i) {
    sn_abi_event e;
    assert_true(i < guest_u32(g, AT_RESULT));
    memcpy(&e, g->memory.base + AT_OUT + i * sizeof e, sizeof e);
    return e;
}

static void sleeping(void **state) {
    guest *g = *state;
    sn_abi_subscription s = clock_of(7, 1, 2500, 0);
    assert_done(poll_(g, &s, 1));
    assert_int_equal(guest_u32(g, AT_RESULT), 1);
    assert_int_equal(event(g, 0).userdata, 7);
    assert_int_equal(event(g, 0).type, SN_EVENT_TYPE_CLOCK);
    assert_int_equal(event(g, 0).error, 0);
    assert_int_equal(g->slept_ns, 2500);
    s = clock_of(7, 0, 0, 0);
    assert_done(poll_(g, &s, 1));
    assert_int_equal(g->slept_ns, 2500); /* nothing to wait for */
    s = clock_of(7, 1, 5300, SN_SUBCLOCK_ABSTIME);
    assert_done(poll_(g, &s, 1));
    assert_int_equal(g->slept_ns, 2800);
    s = clock_of(7, 0, 100, SN_SUBCLOCK_ABSTIME); /* long ago */
    assert_done(poll_(g, &s, 1));
    assert_int_equal(g->slept_ns, 2800);
    s = clock_of(7, 1, UINT64_MAX, 0);
    assert_done(poll_(g, &s, 1));
}

static void the_earliest_clock_rings(void **state) {
    guest *g = *state;
    const sn_abi_subscription s[] = {clock_of(1, 1, 300, 0), clock_of(2, 1, 100, 0),
                                     clock_of(3, 0, 100, 0)};
    assert_done(poll_(g, s, 3));
    assert_int_equal(guest_u32(g, AT_RESULT), 2);
    assert_int_equal(event(g, 0).userdata, 2);
    assert_int_equal(event(g, 1).userdata, 3);
    assert_int_equal(g->slept_ns, 100);
}

static void an_interrupted_sleep_rings_early(void **state) {
    guest *g = *state;
    sn_abi_subscription s = clock_of(1, 1, 300, 0);
    g->sleep_errno = SN_WASI_INTR;
    assert_done(poll_(g, &s, 1));
    assert_int_equal(guest_u32(g, AT_RESULT), 1);
    assert_int_equal(event(g, 0).error, 0);
}

static void wrong_clocks_are_events(void **state) {
    guest *g = *state;
    const sn_abi_subscription s[] = {clock_of(1, 2, 300, 0), clock_of(2, 3, 300, 0),
                                     clock_of(3, 4, 300, 0), clock_of(4, 1, 300, 2)};
    assert_done(poll_(g, s, 4));
    assert_int_equal(guest_u32(g, AT_RESULT), 4);
    assert_int_equal(event(g, 0).error, SN_WASI_NOTSUP);
    assert_int_equal(event(g, 1).error, SN_WASI_NOTSUP);
    assert_int_equal(event(g, 2).error, SN_WASI_INVAL);
    assert_int_equal(event(g, 3).error, SN_WASI_INVAL);
    assert_int_equal(g->slept_ns, 0);
}

static void files_and_output_are_ready(void **state) {
    guest *g = *state;
    uint32_t fd = guest_open(g, "ro/file", 0, READING);
    const sn_abi_subscription s[] = {
        fd_of(1, SN_EVENT_TYPE_FD_WRITE, 1), fd_of(2, SN_EVENT_TYPE_FD_WRITE, 2),
        fd_of(3, SN_EVENT_TYPE_FD_READ, fd), fd_of(4, SN_EVENT_TYPE_FD_WRITE, fd),
        fd_of(5, SN_EVENT_TYPE_FD_READ, 99), clock_of(6, 1, 1000, 0),
        fd_of(7, SN_EVENT_TYPE_FD_WRITE, 0),
    };
    assert_done(poll_(g, s, 7));
    assert_int_equal(guest_u32(g, AT_RESULT), 6);
    static const uint16_t errors[] = {
        0, 0, 0, SN_WASI_NOTCAPABLE, SN_WASI_BADF, SN_WASI_NOTCAPABLE};
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(event(g, i).error, errors[i]);
    assert_int_equal(event(g, 2).nbytes, 9);
    assert_int_equal(event(g, 2).type, SN_EVENT_TYPE_FD_READ);
    assert_int_equal(g->slept_ns, 0);
}

static void input_is_waited_for(void **state) {
    guest *g = *state;
    const sn_abi_subscription s[] = {fd_of(1, SN_EVENT_TYPE_FD_READ, 0), clock_of(2, 1, 1000, 0)};
    g->ready = 0;
    assert_done(poll_(g, s, 2));
    assert_int_equal(g->ready_ns, 1000);
    assert_int_equal(guest_u32(g, AT_RESULT), 1);
    assert_int_equal(event(g, 0).userdata, 2);
    g->ready = 1;
    assert_done(poll_(g, s, 2));
    assert_int_equal(guest_u32(g, AT_RESULT), 1);
    assert_int_equal(event(g, 0).userdata, 1);
    assert_done(poll_(g, s, 1));
    assert_true(g->ready_ns == UINT64_MAX);
    g->ready = -SN_WASI_INTR;
    assert_errno(poll_(g, s, 2), SN_WASI_INTR);
    g->ready = -SN_WASI_IO;
    assert_done(poll_(g, s, 2));
    assert_int_equal(event(g, 0).error, SN_WASI_IO);
    /* Something else is ready: one look and no wait. */
    const sn_abi_subscription both[] = {s[0], fd_of(3, SN_EVENT_TYPE_FD_WRITE, 1)};
    g->ready = 0;
    assert_done(poll_(g, both, 2));
    assert_int_equal(g->ready_ns, 0);
    assert_int_equal(guest_u32(g, AT_RESULT), 1);
    assert_int_equal(event(g, 0).userdata, 3);
    assert_int_equal(g->slept_ns, 0);
}

static void input_without_a_way_to_ask_is_ready(void **state) {
    guest *g = *state;
    g->wasi->options.input_ready = NULL;
    sn_abi_subscription s = fd_of(1, SN_EVENT_TYPE_FD_READ, 0);
    assert_done(poll_(g, &s, 1));
    assert_int_equal(event(g, 0).error, 0);
}

static void bad_calls_are_refused(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    sn_abi_subscription s = fd_of(1, 3, 0);
    assert_errno(poll_(g, &s, 1), SN_WASI_INVAL);
    s = clock_of(1, 1, 0, 0);
    guest_put(g, AT_IN, &s, sizeof s);
    assert_errno(sn_wasi_poll_oneoff(w, AT_IN, AT_OUT, 0, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_poll_oneoff(w, AT_IN, AT_OUT, 4097, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_poll_oneoff(w, AT_IN, AT_OUT, UINT32_MAX, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_poll_oneoff(w, END - 47, AT_OUT, 1, AT_RESULT), SN_WASI_FAULT);
    assert_errno(sn_wasi_poll_oneoff(w, AT_IN, END - 31, 1, AT_RESULT), SN_WASI_FAULT);
    assert_errno(sn_wasi_poll_oneoff(w, AT_IN, AT_OUT, 1, END - 3), SN_WASI_FAULT);
    assert_errno(sn_wasi_poll_oneoff(w, UINT32_MAX, AT_OUT, 1, AT_RESULT), SN_WASI_FAULT);
}

static void many_subscriptions_may_overlap_their_events(void **state) {
    guest *g = *state;
    enum { MANY = 600 };
    sn_abi_subscription *s = calloc(MANY, sizeof *s);
    for (uint32_t i = 0; i < MANY; i++)
        s[i] = fd_of(i, SN_EVENT_TYPE_FD_WRITE, 1);
    guest_put(g, AT_IN, s, MANY * sizeof *s);
    free(s);
    assert_done(sn_wasi_poll_oneoff(g->wasi, AT_IN, AT_IN, MANY, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), MANY);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(guest_u64(g, AT_IN + i * (uint32_t)sizeof(sn_abi_event)), i);
}

/* ---- with the host's own clock ---- */

static sn_wasi *sleeper;

static void on_alarm(int sig) {
    (void)sig;
    sn_wasi_interrupt(sleeper);
}

static void use_host(guest *g) {
    g->wasi->sources = sn_wasi_host_sources;
    g->wasi->sources.user = g->wasi;
}

static uint64_t monotonic(guest *g) {
    assert_done(sn_wasi_clock_time_get(g->wasi, 1, 0, AT_RESULT));
    return guest_u64(g, AT_RESULT);
}

static void the_host_sleeps_as_long_as_asked(void **state) {
    guest *g = *state;
    use_host(g);
    uint64_t start = monotonic(g);
    sn_abi_subscription s = clock_of(1, 1, 70000000, 0); /* more than one slice */
    assert_done(poll_(g, &s, 1));
    assert_true(monotonic(g) - start >= 70000000);
    assert_done(sn_wasi_clock_time_get(g->wasi, 0, 0, AT_RESULT));
    s = clock_of(1, 0, guest_u64(g, AT_RESULT) + 2000000, SN_SUBCLOCK_ABSTIME);
    assert_done(poll_(g, &s, 1));
}

static void a_signal_interrupts_the_host_sleep(void **state) {
    guest *g = *state;
    use_host(g);
    sleeper = g->wasi;
    struct sigaction action = {.sa_handler = on_alarm}, old;
    sigaction(SIGALRM, &action, &old);
    struct itimerval timer = {.it_value.tv_usec = 20000};
    setitimer(ITIMER_REAL, &timer, NULL);
    uint64_t start = monotonic(g);
    sn_abi_subscription s = clock_of(1, 1, 60000000000, 0);
    assert_done(poll_(g, &s, 1));
    assert_true(monotonic(g) - start < 30000000000);
    sigaction(SIGALRM, &old, NULL);
    /* One that comes before the sleep ends it too, and only once. */
    start = monotonic(g);
    sn_wasi_interrupt(g->wasi);
    assert_done(poll_(g, &s, 1));
    assert_true(monotonic(g) - start < 30000000000);
    s = clock_of(1, 1, 1000000, 0);
    assert_done(poll_(g, &s, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(sleeping),
        GUEST_TEST(the_earliest_clock_rings),
        GUEST_TEST(an_interrupted_sleep_rings_early),
        GUEST_TEST(wrong_clocks_are_events),
        GUEST_TEST(files_and_output_are_ready),
        GUEST_TEST(input_is_waited_for),
        GUEST_TEST(input_without_a_way_to_ask_is_ready),
        GUEST_TEST(bad_calls_are_refused),
        GUEST_TEST(many_subscriptions_may_overlap_their_events),
        GUEST_TEST(the_host_sleeps_as_long_as_asked),
        GUEST_TEST(a_signal_interrupts_the_host_sleep),
    };
    return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
