/* lock_test.c - who gets a session when several want it. */
#include "stores.h"

#include "session/lock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

static const uint64_t MS = 1000000, LONG_NS = 20000000000;

static char *folder;
static sn_locks *locks;

static int begin(void **state) {
    (void)state;
    folder = stores_folder();
    return sn_locks_open(&locks, folder, NULL);
}

static int finish(void **state) {
    (void)state;
    sn_locks_close(locks);
    sn_remove_tree(folder);
    free(folder);
    return 0;
}

static void wait_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void take(const char *id) {
    sn_error err = SN_ERROR_INIT;
    if (sn_lock_take(locks, id, LONG_NS, -1, &err) < 0)
        fail_msg("%s", err.message);
}

static bool is_free(const char *id) {
    if (sn_lock_take(locks, id, 0, -1, NULL) < 0)
        return false;
    sn_lock_release(locks, id);
    return true;
}

/* ---- one thread ---- */

static void a_session_is_taken_once(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    take("a");
    assert_int_equal(sn_lock_take(locks, "a", 0, -1, &err), SN_ERESOURCE_EXHAUSTED);
    assert_string_equal(err.message, "session 'a' is in use by another execution");
    assert_non_null(strstr(err.hint, "fork the session"));
    assert_true(is_free("b"));
    sn_lock_release(locks, "b"); /* nobody has it */
    sn_lock_release(locks, "a");
    assert_true(is_free("a"));
}

static void waiting_has_an_end(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    take("a");
    uint64_t start = sn_now_ns();
    assert_int_equal(sn_lock_take(locks, "a", 100 * MS, -1, &err), SN_ERESOURCE_EXHAUSTED);
    assert_true(sn_now_ns() - start >= 100 * MS);
    assert_true(sn_now_ns() - start < LONG_NS);
    sn_lock_release(locks, "a");
    assert_true(is_free("a"));
}

/* ---- threads ---- */

typedef struct waiter {
    pthread_t thread;
    int cancel_fd;
    int rc;
    sn_error err;
    int turn; /* which one it was */
} waiter;

static atomic_int turns;

static void *wait_turn(void *user) {
    waiter *w = user;
    w->rc = sn_lock_take(locks, "a", LONG_NS, w->cancel_fd, &w->err);
    if (w->rc == 0) {
        w->turn = atomic_fetch_add(&turns, 1);
        wait_ms(1);
        sn_lock_release(locks, "a");
    }
    return NULL;
}

static void start(waiter *w, int cancel_fd) {
    *w = (waiter){.cancel_fd = cancel_fd, .err = SN_ERROR_INIT, .turn = -1};
    assert_int_equal(pthread_create(&w->thread, NULL, wait_turn, w), 0);
}

static void who_came_first_is_served_first(void **state) {
    (void)state;
    enum { WAITERS = 8 };
    waiter waiters[WAITERS];
    atomic_store(&turns, 0);
    take("a");
    for (int i = 0; i < WAITERS; i++) {
        start(&waiters[i], -1);
        wait_ms(20); /* so that they come in this order */
    }
    assert_int_equal(atomic_load(&turns), 0);
    sn_lock_release(locks, "a");
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].rc, 0);
        assert_int_equal(waiters[i].turn, i);
    }
    assert_true(is_free("a"));
}

static void waiting_is_cancelled(void **state) {
    (void)state;
    waiter first, second;
    int ends[2];
    atomic_store(&turns, 0);
    assert_int_equal(pipe(ends), 0);
    take("a");
    start(&first, ends[0]);
    wait_ms(20);
    start(&second, -1);
    assert_int_equal(write(ends[1], "x", 1), 1);
    pthread_join(first.thread, NULL);
    assert_int_equal(first.rc, SN_EDEADLINE_EXCEEDED);
    assert_string_equal(first.err.message, "cancelled while session 'a' was in use");
    sn_lock_release(locks, "a");
    pthread_join(second.thread, NULL); /* whom the first does not keep waiting */
    assert_int_equal(second.rc, 0);
    close(ends[0]);
    close(ends[1]);
}

typedef struct counter {
    pthread_t thread;
    const char *id;
    int *inside; /* of that session */
    bool together;
} counter;

static void *count_up(void *user) {
    counter *c = user;
    for (int i = 0; i < 50; i++) {
        if (sn_lock_take(locks, c->id, LONG_NS, -1, NULL) < 0)
            return NULL;
        c->together |= ++*c->inside != 1;
        sched_yield();
        --*c->inside;
        sn_lock_release(locks, c->id);
    }
    return c;
}

static void never_are_two_in_one_session(void **state) {
    (void)state;
    enum { COUNTERS = 6 };
    counter counters[COUNTERS];
    int inside[2] = {0};
    for (int i = 0; i < COUNTERS; i++) {
        counters[i] = (counter){.id = i % 2 ? "a" : "b", .inside = &inside[i % 2]};
        assert_int_equal(pthread_create(&counters[i].thread, NULL, count_up, &counters[i]), 0);
    }
    for (int i = 0; i < COUNTERS; i++) {
        void *done;
        pthread_join(counters[i].thread, &done);
        assert_non_null(done);
        assert_false(counters[i].together);
    }
}

/* ---- processes ---- */

/* Takes the session, says so, and lets it go when it is told to, or never. */
static void hold(int says, int told) {
    sn_locks *own;
    char byte = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* also if an assertion fails */
    if (sn_locks_open(&own, folder, NULL) < 0 || sn_lock_take(own, "a", LONG_NS, -1, NULL) < 0 ||
        write(says, "x", 1) != 1 || read(told, &byte, 1) != 1)
        _exit(1);
    wait_ms(50);
    sn_lock_release(own, "a");
    sleep(10);
    _exit(0);
}

static pid_t start_holder(int *tell) {
    int says[2], told[2];
    char byte;
    assert_int_equal(pipe(says), 0);
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0)
        hold(says[1], told[0]);
    close(says[1]);
    close(told[0]);
    assert_int_equal(read(says[0], &byte, 1), 1);
    close(says[0]);
    *tell = told[1];
    return pid;
}

static void end_holder(pid_t pid, int tell) {
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(tell);
}

static void another_process_is_waited_for(void **state) {
    (void)state;
    int tell;
    sn_error err = SN_ERROR_INIT;
    pid_t pid = start_holder(&tell);
    assert_false(is_free("a"));
    assert_true(is_free("b"));
    assert_int_equal(sn_lock_take(locks, "a", 50 * MS, -1, &err), SN_ERESOURCE_EXHAUSTED);
    uint64_t start_ns = sn_now_ns();
    assert_int_equal(write(tell, "x", 1), 1);
    take("a");
    assert_true(sn_now_ns() - start_ns >= 40 * MS);
    sn_lock_release(locks, "a");
    end_holder(pid, tell);
}

static void what_a_killed_process_had_is_free(void **state) {
    (void)state;
    int tell;
    pid_t pid = start_holder(&tell);
    assert_false(is_free("a"));
    end_holder(pid, tell);
    assert_true(is_free("a"));
}

#define WITH_LOCKS(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LOCKS(a_session_is_taken_once),           WITH_LOCKS(waiting_has_an_end),
        WITH_LOCKS(who_came_first_is_served_first),    WITH_LOCKS(waiting_is_cancelled),
        WITH_LOCKS(never_are_two_in_one_session),      WITH_LOCKS(another_process_is_waited_for),
        WITH_LOCKS(what_a_killed_process_had_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
