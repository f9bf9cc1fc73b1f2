/* retry_test.c - pauses, and what servers want them to be. */
#include "test.h"

#include "model/retry.h"
#include "util/io.h"

#include <unistd.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

static void pauses(void **state) {
    (void)state;
    const uint64_t most[] = {500 * MS, 1 * S, 2 * S, 4 * S, 8 * S, 8 * S};
    for (unsigned tries = 1; tries <= 6; tries++) {
        assert_true(sn_retry_pause_ns(tries, 500 * MS, 0) == most[tries - 1] / 2);
        assert_true(sn_retry_pause_ns(tries, 500 * MS, UINT32_MAX) == most[tries - 1]);
        uint64_t between = sn_retry_pause_ns(tries, 500 * MS, UINT32_MAX / 2);
        assert_true(between > most[tries - 1] / 2 && between < most[tries - 1]);
    }
    assert_true(sn_retry_pause_ns(UINT32_MAX, 1, UINT32_MAX) == 8 * S);
    assert_true(sn_retry_pause_ns(1, UINT64_MAX, UINT32_MAX) == 8 * S);
    assert_true(sn_retry_pause_ns(5, 0, UINT32_MAX) == 0);
}

static void wishes(void **state) {
    (void)state;
    const time_t now = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
    const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"0", 0},
        {"120", 120 * S},
        {"1.5", 1500 * MS},
        {"1e30", UINT64_C(316224000) * S},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:00 GMT", 23 * S},
        {"Mon, 07 Nov 1994 08:49:37 GMT", 86400 * S},
        {"Fri, 31 Dec 1993 23:59:59 GMT", 0},
    };
    static const char *const bad[] = {
        "",
        "soon",
        "-1",
        "0x10",
        "1 s",
        "nan",
        "inf",
        "Sun, 06 Nov 1994 08:49:37",
        "1,5",
        " 1",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Now 1994 08:49:37 GMT",
        "Sun, 06 ovD 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 -8:49:37 GMT",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t ns = 1;
        assert_true(sn_retry_after_ns(&ns, good[i].text, now));
        assert_true(ns == good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t ns;
        if (sn_retry_after_ns(&ns, bad[i], now))
            fail_msg("%s", bad[i]);
    }
}

static void waiting(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    int fds[2];
    uint64_t began = sn_now_ns();
    assert_int_equal(sn_retry_wait(20 * MS, 0, -1, &err), 0);
    assert_true(sn_now_ns() - began >= 20 * MS);
    assert_int_equal(sn_retry_wait(3600 * S, sn_now_ns() + 10 * MS, -1, &err),
                     SN_EDEADLINE_EXCEEDED);
    assert_int_equal(pipe(fds), 0);
    assert_false(sn_is_cancelled(fds[0]));
    assert_int_equal(sn_retry_wait(1 * MS, 0, fds[0], NULL), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_true(sn_is_cancelled(fds[0]));
    assert_int_equal(sn_retry_wait(3600 * S, 0, fds[0], &err), SN_EUNAVAILABLE);
    assert_int_equal(read(fds[0], &(char){0}, 1), 1);
    close(fds[1]); /* its other end being closed counts, too */
    assert_int_equal(sn_retry_wait(3600 * S, 0, fds[0], &err), SN_EUNAVAILABLE);
    assert_true(sn_is_cancelled(fds[0]));
    close(fds[0]);
    assert_false(sn_is_cancelled(-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses),
        cmocka_unit_test(wishes),
        cmocka_unit_test(waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
