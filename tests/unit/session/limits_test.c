/* limits_test.c - what goes, and what is refused, when there is too much. */
#include "stores.h"

#include "session/limits.h"

#include <string.h>

enum { MB = 1 << 20 };

static char *home;
static sn_sessions *sessions;

static void open_with(sn_sessions_options options) {
    sn_error err = SN_ERROR_INIT;
    options.home = home;
    if (sn_sessions_open(&sessions, &options, &err) < 0)
        fail_msg("%s", err.message);
}

static int begin(void **state) {
    (void)state;
    home = stores_folder();
    return 0;
}

static int finish(void **state) {
    (void)state;
    sn_sessions_close(SN_STEAL(sessions));
    sn_remove_tree(home);
    free(home);
    return 0;
}

/* ---- history ---- */

static void check_thin(const sn_record *record, size_t most) {
    size_t count = record->steps_count;
    uint64_t last = record->steps[count - 1].step;
    assert_true(count <= most);
    for (size_t i = count / 2; i < count; i++)
        assert_int_equal(record->steps[i].step, last - (count - 1 - i));
    for (size_t i = 1; i < count; i++)
        assert_true(record->steps[i].step > record->steps[i - 1].step);
}

/* Step by step, as it goes on. The older half reaches far back, with gaps that grow. */
static void old_steps_are_thinned_out(void **state) {
    (void)state;
    enum { MOST = 20, STEPS = 2000 };
    sn_record_step steps[MOST + 1];
    sn_record record = {.steps = steps};
    for (uint64_t step = 1; step <= STEPS; step++) {
        steps[record.steps_count++] = (sn_record_step){.step = step};
        sn_limits_thin(&record, MOST);
        check_thin(&record, MOST);
        assert_int_equal(record.steps_count, step < MOST ? step : MOST);
    }
    uint64_t oldest = steps[1].step - steps[0].step, newest = steps[9].step - steps[8].step;
    assert_true(steps[0].step < STEPS / 2);
    assert_true(oldest > 4 * newest);
}

static void a_short_history_stays(void **state) {
    (void)state;
    sn_record_step steps[] = {{.step = 1}, {.step = 2}, {.step = 7}};
    sn_record record = {.steps = steps, .steps_count = 3};
    sn_limits_thin(&record, 3);
    assert_int_equal(record.steps_count, 3);
    sn_limits_thin(&record, 2);
    assert_int_equal(record.steps_count, 2);
    assert_int_equal(steps[1].step, 7);
}

/* ---- number, disk, time ---- */

static void fill(void) {
    stores_must_step(sessions->store, "old", 1, 100);
    stores_must_step(sessions->store, "older", 2, 100);
    stores_must_step(sessions->store, "new", 3, 100);
    stores_must_step(sessions->store, "old", 4, 100);
}

static void too_many_are_deleted(void **state) {
    (void)state;
    open_with((sn_sessions_options){.sessions_most = 3});
    fill();
    assert_int_equal(sn_limits_make_room(sessions, false, "old", NULL), 0);
    assert_int_equal(stores_totals(sessions->store).sessions, 3);
    assert_int_equal(sn_limits_make_room(sessions, true, "another", NULL), 0);
    assert_int_equal(stores_last(sessions->store, "older"), STORES_NONE);
    assert_int_equal(stores_last(sessions->store, "old"), 4);
    assert_int_equal(stores_last(sessions->store, "new"), 3);
}

static void what_is_in_use_stays(void **state) {
    (void)state;
    open_with((sn_sessions_options){.sessions_most = 3});
    fill();
    assert_int_equal(sn_lock_take(sessions->locks, "older", 0, -1, NULL), 0);
    assert_int_equal(sn_limits_make_room(sessions, true, "another", NULL), 0);
    assert_int_equal(stores_last(sessions->store, "older"), 2);
    assert_int_equal(stores_last(sessions->store, "new"), STORES_NONE);
    sn_lock_release(sessions->locks, "older");
}

static void too_many_are_refused(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    open_with((sn_sessions_options){.sessions_most = 3, .refuse_when_full = true});
    fill();
    assert_int_equal(sn_limits_make_room(sessions, false, "old", &err), 0);
    assert_int_equal(sn_limits_make_room(sessions, true, "another", &err), SN_ERESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "there are 3 sessions"));
    assert_non_null(strstr(err.hint, "shannon session delete"));
    assert_int_equal(stores_totals(sessions->store).sessions, 3);
}

static void a_full_disk_is_emptied(void **state) {
    (void)state;
    open_with((sn_sessions_options){.disk_mb = 10});
    stores_must_step(sessions->store, "large", 1, 8 * MB);
    stores_must_step(sessions->store, "small", 2, 100);
    assert_int_equal(sn_limits_make_room(sessions, false, "small", NULL), 0);
    assert_int_equal(stores_last(sessions->store, "large"), 1);
    stores_must_step(sessions->store, "small", 3, 4 * MB);
    assert_int_equal(sn_limits_make_room(sessions, false, "small", NULL), 0);
    assert_int_equal(stores_last(sessions->store, "large"), STORES_NONE);
    assert_int_equal(stores_last(sessions->store, "small"), 3);
    assert_true(stores_totals(sessions->store).disk_bytes < 5 * MB);
}

static void a_full_disk_is_refused(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    open_with((sn_sessions_options){.disk_mb = 10, .refuse_when_full = true});
    stores_must_step(sessions->store, "large", 1, 12 * MB);
    assert_int_equal(sn_limits_make_room(sessions, false, "small", &err), SN_ERESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "12 MB of disk, more than the limit of 10"));
    assert_int_equal(stores_last(sessions->store, "large"), 1);
}

static void idle_sessions_go(void **state) {
    (void)state;
    open_with((sn_sessions_options){.idle_seconds = 3600});
    int64_t now = sn_now_ms();
    stores_must_step(sessions->store, "idle", (uint64_t)(now - 3700 * 1000), 100);
    stores_must_step(sessions->store, "used", (uint64_t)(now - 3500 * 1000), 100);
    sn_limits_expire(sessions);
    assert_int_equal(stores_last(sessions->store, "idle"), STORES_NONE);
    assert_int_equal(stores_last(sessions->store, "used"), (uint64_t)(now - 3500 * 1000));
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_steps_are_thinned_out),
        cmocka_unit_test(a_short_history_stays),
        IN_A_HOME(too_many_are_deleted),
        IN_A_HOME(what_is_in_use_stays),
        IN_A_HOME(too_many_are_refused),
        IN_A_HOME(a_full_disk_is_emptied),
        IN_A_HOME(a_full_disk_is_refused),
        IN_A_HOME(idle_sessions_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
