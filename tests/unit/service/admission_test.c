/*
 * admission_test.c - tickets through threads. The functions of most tickets wait at a gate, so that
 * the tests say what runs when; whose turn it is otherwise, turns_test.c knows better.
 */
#include "test.h"

#include "service/admission.h"
#include "util/auto.h"
#include "util/io.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MS = 1000000, PATIENCE_MS = 20000, NOT_CALLED = -1 };

/* ---- calls ---- */

typedef struct call {
    sn_ticket ticket;
    atomic_int outcome; /* NOT_CALLED, or what it was called with */
    atomic_int times;
    unsigned number; /* it was the how manieth to be called */
    uint64_t called_ns;
    atomic_bool may_end;
} call;

static sn_admission *admission;
static atomic_uint calls_count;

static void pause_ms(unsigned ms) {
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * MS}, NULL);
}

static void on_call(void *user, sn_admission_outcome outcome) {
    call *c = user;
    c->called_ns = sn_now_ns();
    c->number = atomic_fetch_add(&calls_count, 1);
    atomic_fetch_add(&c->times, 1);
    atomic_store(&c->outcome, (int)outcome);
    while (outcome == SN_ADMITTED && !atomic_load(&c->may_end))
        pause_ms(1);
}

static void prepare(call *c, const char *tenant) {
    memset(c, 0, sizeof *c);
    c->outcome = NOT_CALLED;
    c->ticket = (sn_ticket){.tenant = tenant, .fn = on_call, .user = c};
}

static void must_submit(call *c) {
    sn_error err = SN_ERROR_INIT;
    if (sn_admission_submit(admission, &c->ticket, &err) < 0)
        fail_msg("%s", err.message);
}

static void submit(call *c, const char *tenant) {
    prepare(c, tenant);
    must_submit(c);
}

static void await(call *c, int outcome) {
    for (int i = 0; i < PATIENCE_MS && atomic_load(&c->outcome) == NOT_CALLED; i++)
        pause_ms(1);
    assert_int_equal(atomic_load(&c->outcome), outcome);
    assert_int_equal(atomic_load(&c->times), 1);
}

static void let_end(call *c) {
    atomic_store(&c->may_end, true);
}

static sn_admission_figures figures(void) {
    sn_admission_figures found;
    sn_admission_get_figures(&found, admission);
    return found;
}

static void await_running(unsigned running) {
    for (int i = 0; i < PATIENCE_MS && figures().running != running; i++)
        pause_ms(1);
    assert_int_equal(figures().running, running);
}

static void begin(unsigned running_most, unsigned queue_most) {
    sn_admission_options options = SN_ADMISSION_OPTIONS_INIT;
    options.running_most = running_most;
    options.queue_most = queue_most;
    options.queue_per_tenant_most = queue_most;
    assert_int_equal(sn_admission_new(&admission, &options, NULL), 0);
}

/* Also called by the tests themselves while what they submitted is still there. */
static int finish(void **state) {
    (void)state;
    sn_admission_free(admission);
    admission = NULL;
    return 0;
}

/* ---- turns ---- */

static void tenants_take_turns(void **state) {
    (void)state;
    static const char *const come[] = {"a", "a", "a", "b", "b", "c"};
    static const unsigned turn[] = {1, 4, 6, 2, 5, 3};
    call first, calls[SN_COUNT(come)];
    begin(1, 64);
    calls_count = 0;
    submit(&first, "z");
    await(&first, SN_ADMITTED);
    for (size_t i = 0; i < SN_COUNT(come); i++) {
        submit(&calls[i], come[i]);
        let_end(&calls[i]);
    }
    pause_ms(20);
    assert_int_equal(figures().running, 1);
    assert_int_equal(figures().waiting, SN_COUNT(come));
    let_end(&first);
    for (size_t i = 0; i < SN_COUNT(come); i++) {
        await(&calls[i], SN_ADMITTED);
        assert_int_equal(calls[i].number, turn[i]);
    }
    finish(state);
}

enum { FLOOD = 300 };

/* While a flood goes on, with executions that end and others that begin, each ticket of somebody
 * else's that comes by itself starts at once. */
static void a_flood_keeps_nobody_waiting(void **state) {
    (void)state;
    static call flood[FLOOD];
    begin(8, FLOOD);
    for (unsigned i = 0; i < FLOOD; i++)
        submit(&flood[i], "flood");
    await_running(6);
    for (unsigned i = 0; i < 20; i++) {
        call guest;
        submit(&guest, "guest");
        assert_int_equal(figures().waiting, FLOOD - 6 - i);
        await(&guest, SN_ADMITTED);
        let_end(&flood[i]);
        await(&flood[i + 6], SN_ADMITTED);
        assert_int_equal(figures().running, 7);
        let_end(&guest);
        await_running(6);
    }
    for (unsigned i = 0; i < FLOOD; i++)
        let_end(&flood[i]);
    for (unsigned i = 0; i < FLOOD; i++)
        await(&flood[i], SN_ADMITTED);
}

/* ---- bounds ---- */

static void check_refused(call *c, int code, const char *message) {
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_admission_submit(admission, &c->ticket, &err), code);
    assert_string_equal(err.message, message);
    assert_false(sn_admission_withdraw(admission, &c->ticket));
}

static void full_queues_refuse(void **state) {
    (void)state;
    sn_admission_options options = SN_ADMISSION_OPTIONS_INIT;
    call running, calls[8], refused;
    options.running_most = 1;
    options.queue_most = 8;
    assert_int_equal(sn_admission_new(&admission, &options, NULL), 0);
    submit(&running, "a");
    for (unsigned i = 0; i < 8; i++) {
        static const char *const names[] = {"a", "b", "c", "d"};
        submit(&calls[i], names[i / 2]);
        prepare(&refused, names[i / 2]);
        if (i == 1)
            check_refused(&refused, SN_ERESOURCE_EXHAUSTED,
                          "the queue of 'a' is full: 2 of its executions wait");
    }
    prepare(&refused, "e");
    check_refused(&refused, SN_ERESOURCE_EXHAUSTED, "the queue is full: 8 executions wait");
    assert_int_equal(figures().refused, 2);
    assert_int_equal(figures().tenants, 4);
    let_end(&running);
    for (unsigned i = 0; i < 8; i++)
        let_end(&calls[i]);
    for (unsigned i = 0; i < 8; i++)
        await(&calls[i], SN_ADMITTED);
    await_running(0);
    assert_int_equal(figures().tenants, 0);
    assert_int_equal(refused.times, 0);
    finish(state);
}

static void options_out_of_range_are_refused(void **state) {
    (void)state;
    static const sn_admission_options wrong[] = {
        {.running_most = 0, .wait_most_ns = 1},
        {.running_most = SN_RUNNING_MOST + 1, .wait_most_ns = 1},
        {.running_most = 1, .queue_most = SN_QUEUE_MOST + 1, .wait_most_ns = 1},
        {.running_most = 1, .queue_most = 1},
    };
    for (size_t i = 0; i < SN_COUNT(wrong); i++) {
        sn_error err = SN_ERROR_INIT;
        assert_int_equal(sn_admission_new(&admission, &wrong[i], &err), SN_EINVALID_ARGUMENT);
        assert_string_not_equal(err.message, "");
    }
}

/* ---- deadlines ---- */

/* On a busy machine a thread may get its processor late; one that is not woken never does. */
static void check_prompt(const call *c, uint64_t due_ns) {
    assert_true(c->called_ns >= due_ns);
    if (c->called_ns > due_ns + UINT64_C(1000) * MS)
        fail_msg("called %u ms late", (unsigned)((c->called_ns - due_ns) / MS));
    if (c->called_ns > due_ns + UINT64_C(100) * MS)
        print_message("(called %u ms late)\n", (unsigned)((c->called_ns - due_ns) / MS));
}

static void deadlines_pass_while_all_threads_are_busy(void **state) {
    (void)state;
    static const unsigned due_ms[] = {300, 60, 150, 60};
    call busy[2], calls[SN_COUNT(due_ms)];
    begin(2, 64);
    for (int i = 0; i < 2; i++)
        submit(&busy[i], "a");
    uint64_t start_ns = sn_now_ns();
    for (size_t i = 0; i < SN_COUNT(due_ms); i++) {
        prepare(&calls[i], "a");
        calls[i].ticket.deadline_ns = start_ns + due_ms[i] * UINT64_C(1000000);
        must_submit(&calls[i]);
    }
    for (size_t i = 0; i < SN_COUNT(due_ms); i++) {
        await(&calls[i], SN_TOO_LATE);
        check_prompt(&calls[i], start_ns + due_ms[i] * UINT64_C(1000000));
    }
    assert_int_equal(figures().expired, SN_COUNT(due_ms));
    assert_int_equal(figures().running, 2);
    assert_int_equal(figures().waiting, 0);
    for (int i = 0; i < 2; i++)
        let_end(&busy[i]);
    finish(state);
}

static void waiting_has_an_end_without_a_deadline(void **state) {
    (void)state;
    sn_admission_options options = SN_ADMISSION_OPTIONS_INIT;
    call busy, calls[3];
    options.running_most = 1;
    options.wait_most_ns = 100 * MS;
    assert_int_equal(sn_admission_new(&admission, &options, NULL), 0);
    submit(&busy, "a");
    await(&busy, SN_ADMITTED);
    for (int i = 0; i < 3; i++) {
        uint64_t start_ns = sn_now_ns();
        prepare(&calls[i], "a");
        calls[i].ticket.deadline_ns = i == 1 ? UINT64_MAX : 0;
        must_submit(&calls[i]);
        await(&calls[i], SN_TOO_LATE);
        check_prompt(&calls[i], start_ns + 100 * MS);
    }
    let_end(&busy);
    finish(state);
}

static void what_comes_too_late_is_not_executed(void **state) {
    (void)state;
    call c;
    begin(1, 4);
    prepare(&c, "a");
    c.ticket.deadline_ns = sn_now_ns() - 1;
    must_submit(&c);
    await(&c, SN_TOO_LATE);
    await_running(0);
    assert_int_equal(figures().expired, 1);
    finish(state);
}

/* ---- withdrawing ---- */

static void what_waits_can_be_withdrawn(void **state) {
    (void)state;
    call first, second, third;
    begin(1, 4);
    submit(&first, "a");
    submit(&second, "a");
    submit(&third, "b");
    assert_false(sn_admission_withdraw(admission, &first.ticket));
    assert_true(sn_admission_withdraw(admission, &second.ticket));
    assert_false(sn_admission_withdraw(admission, &second.ticket));
    assert_int_equal(figures().waiting, 1);
    let_end(&first);
    await(&third, SN_ADMITTED);
    assert_int_equal(second.times, 0);
    assert_false(sn_admission_withdraw(admission, &third.ticket));
    must_submit(&second); /* it may be used again */
    let_end(&third);
    let_end(&second);
    await(&second, SN_ADMITTED);
    finish(state);
}

/* ---- the end ---- */

static void shutting_down_tells_and_waits(void **state) {
    (void)state;
    call running[2], waiting[2], later;
    begin(2, 4);
    for (int i = 0; i < 2; i++)
        submit(&running[i], "a");
    for (int i = 0; i < 2; i++)
        submit(&waiting[i], "a");
    assert_false(sn_admission_shut_down(admission, sn_now_ns() + 50 * MS));
    for (int i = 0; i < 2; i++)
        await(&waiting[i], SN_SHUT_DOWN);
    prepare(&later, "a");
    check_refused(&later, SN_EUNAVAILABLE, "no more executions: shutting down");
    assert_int_equal(figures().refused, 0);
    assert_int_equal(figures().running, 2);
    let_end(&running[0]);
    assert_false(sn_admission_shut_down(admission, sn_now_ns() + 50 * MS));
    let_end(&running[1]);
    assert_true(sn_admission_shut_down(admission, sn_now_ns() + UINT64_C(20000) * MS));
    for (int i = 0; i < 2; i++)
        await(&running[i], SN_ADMITTED);
    assert_int_equal(figures().running, 0);
}

static void *end_soon(void *arg) {
    pause_ms(50);
    let_end(arg);
    return NULL;
}

static void freeing_waits_for_what_runs(void **state) {
    (void)state;
    call running, waiting;
    pthread_t thread;
    begin(1, 4);
    submit(&running, "a");
    submit(&waiting, "a");
    assert_int_equal(pthread_create(&thread, NULL, end_soon, &running), 0);
    sn_admission_free(admission);
    admission = NULL;
    assert_true(atomic_load(&running.may_end));
    assert_int_equal(waiting.outcome, SN_SHUT_DOWN);
    pthread_join(thread, NULL);
}

/* ---- threads ---- */

static atomic_bool right_thread;

static void look_at_thread(void *user, sn_admission_outcome outcome) {
    sigset_t blocked;
    char name[16];
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_getname_np(pthread_self(), name, sizeof name);
    right_thread = strncmp(name, "exec-", 5) == 0 && sigismember(&blocked, SIGINT) == 1 &&
                   sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGCHLD) == 1;
    on_call(user, outcome);
}

static void threads_have_names_and_no_signals(void **state) {
    (void)state;
    call c;
    begin(1, 4);
    prepare(&c, "a");
    c.ticket.fn = look_at_thread;
    let_end(&c);
    must_submit(&c);
    await(&c, SN_ADMITTED);
    assert_true(right_thread);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
    finish(state);
}

enum { SUBMITTERS = 8, ROUNDS = 1250, OPEN = 16 };

typedef struct submitter {
    pthread_t thread;
    unsigned seed;
    unsigned submitted, refused, withdrawn, called;
} submitter;

typedef struct quick {
    sn_ticket ticket;
    atomic_int times;
    char tenant[8];
} quick;

static void on_quick(void *user, sn_admission_outcome outcome) {
    quick *q = user;
    (void)outcome;
    if ((uintptr_t)q % 3 == 0)
        sched_yield();
    atomic_fetch_add(&q->times, 1);
}

/* Withdraws it or waits for it; how often it was called. */
static int settle(submitter *me, quick *q) {
    if (rand_r(&me->seed) % 2 && sn_admission_withdraw(admission, &q->ticket)) {
        me->withdrawn++;
        return atomic_load(&q->times) == 0 ? 0 : -1;
    }
    for (int i = 0; i < PATIENCE_MS && atomic_load(&q->times) == 0; i++)
        pause_ms(1);
    me->called++;
    return atomic_load(&q->times) == 1 ? 0 : -1;
}

/* Keeps up to OPEN tickets of its own open, which lie in one array and are used again and again. */
static void *submit_at_random(void *arg) {
    submitter *me = arg;
    static _Thread_local quick quicks[OPEN];
    bool open[OPEN] = {false};
    int wrong = 0;
    for (unsigned i = 0; i < ROUNDS + OPEN; i++) {
        quick *q = &quicks[i % OPEN];
        if (open[i % OPEN])
            wrong += settle(me, q);
        open[i % OPEN] = false;
        if (i >= ROUNDS)
            continue;
        snprintf(q->tenant, sizeof q->tenant, "t%d", rand_r(&me->seed) % 30);
        q->ticket = (sn_ticket){.tenant = q->tenant, .fn = on_quick, .user = q};
        if (rand_r(&me->seed) % 4 == 0)
            q->ticket.deadline_ns = sn_now_ns() + (unsigned)rand_r(&me->seed) % 200000;
        atomic_store(&q->times, 0);
        open[i % OPEN] = sn_admission_submit(admission, &q->ticket, NULL) == 0;
        *(open[i % OPEN] ? &me->submitted : &me->refused) += 1;
    }
    return wrong == 0 ? NULL : me;
}

static void every_ticket_is_called_once_or_withdrawn(void **state) {
    (void)state;
    submitter all[SUBMITTERS], sum = {0};
    begin(4, 96);
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        all[i] = (submitter){.seed = i + 1};
        assert_int_equal(pthread_create(&all[i].thread, NULL, submit_at_random, &all[i]), 0);
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        void *failed;
        pthread_join(all[i].thread, &failed);
        assert_null(failed);
        sum.submitted += all[i].submitted;
        sum.refused += all[i].refused;
        sum.withdrawn += all[i].withdrawn;
        sum.called += all[i].called;
    }
    await_running(0);
    sn_admission_figures found = figures();
    print_message("(%u taken: %u called, %u of them too late, %u withdrawn; %u refused)\n",
                  sum.submitted, sum.called, (unsigned)found.expired, sum.withdrawn, sum.refused);
    assert_int_equal(sum.submitted, sum.called + sum.withdrawn);
    assert_int_equal(found.refused, sum.refused);
    assert_int_equal(found.waiting, 0);
    assert_int_equal(found.tenants, 0);
    assert_true(sum.called > 0 && sum.withdrawn > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(tenants_take_turns, finish),
        cmocka_unit_test_teardown(a_flood_keeps_nobody_waiting, finish),
        cmocka_unit_test_teardown(full_queues_refuse, finish),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test_teardown(deadlines_pass_while_all_threads_are_busy, finish),
        cmocka_unit_test_teardown(waiting_has_an_end_without_a_deadline, finish),
        cmocka_unit_test_teardown(what_comes_too_late_is_not_executed, finish),
        cmocka_unit_test_teardown(what_waits_can_be_withdrawn, finish),
        cmocka_unit_test_teardown(shutting_down_tells_and_waits, finish),
        cmocka_unit_test_teardown(freeing_waits_for_what_runs, finish),
        cmocka_unit_test_teardown(threads_have_names_and_no_signals, finish),
        cmocka_unit_test_teardown(every_ticket_is_called_once_or_withdrawn, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
