/* damage_test.c - a disk that has lost some of what was on it: that is found, named, and does not
 * touch anything else. */
#include "stores.h"

#include "session/log.h"

#include <string.h>

enum { MB = 1 << 20, BIG = 8 * MB };

static char *folder, *segment;
static sn_store *store;

static int begin(void **state) {
    (void)state;
    folder = stores_folder();
    segment = stores_segment(folder, 1);
    store = stores_open(folder);
    return 0;
}

static int finish(void **state) {
    (void)state;
    sn_store_close(store);
    sn_remove_tree(folder);
    free(segment);
    free(folder);
    return 0;
}

/* ---- verifying ---- */

typedef struct faults {
    size_t count;
    char lines[8][256];
} faults;

static void note(void *user, const char *line) {
    faults *f = user;
    assert_true(f->count < SN_COUNT(f->lines));
    snprintf(f->lines[f->count++], sizeof *f->lines, "%s", line);
}

static faults verify(void) {
    faults found = {0};
    int count = sn_store_verify(store, note, &found, NULL);
    assert_int_equal(count, found.count);
    return found;
}

static void read_fails(const char *id) {
    sn_record record;
    sn_stored_node node;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_store_get(&record, store, id, &err), 0);
    assert_int_equal(sn_store_read(&node, store, sn_record_last(&record)->node, &err),
                     SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "00000001.seg is damaged at byte"));
    sn_record_clear(&record);
}

static void one_byte_is_found_and_named(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 3000);
    stores_must_step(store, "b", 2, 3000);
    int64_t from = stores_end(folder, 1);
    stores_must_step(store, "b", 3, 3000);
    int64_t to = stores_end(folder, 1);
    stores_must_step(store, "c", 4, 3000);
    for (int64_t at = from; at < to; at += at < from + 200 ? 1 : 501) {
        stores_flip(segment, (uint64_t)at);
        faults found = verify();
        assert_int_equal(found.count, 1);
        sn_auto_free char *line =
            sn_format("session b, step 2: %s is damaged at byte %lld", segment, (long long)from);
        assert_string_equal(found.lines[0], line);
        read_fails("b");
        assert_int_equal(stores_last(store, "a"), 1);
        assert_int_equal(stores_last(store, "c"), 4);
        stores_flip(segment, (uint64_t)at);
    }
    stores_check(store);
}

static void steps_over_it_are_named_too(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 3000);
    stores_flip(segment, (uint64_t)stores_end(folder, 1) - 1);
    stores_must_fork(store, "fork", "a");
    stores_must_step(store, "a", 2, 3000);
    faults found = verify();
    assert_int_equal(found.count, 3);
    assert_non_null(strstr(found.lines[0], "session a, step 1:"));
    assert_non_null(strstr(found.lines[1], "session a, step 2:"));
    assert_non_null(strstr(found.lines[2], "session fork, step 1:"));
}

/* ---- tidying ---- */

static void write_dead(void) {
    for (uint64_t done = 0; done < SN_SEGMENT_BYTES; done += BIG)
        stores_must_step(store, "dead", 1000 + done, BIG);
    stores_must_remove(store, "dead");
}

/* A segment with damage in it, and one without. */
static void tidy_around(int64_t offset) {
    stores_must_step(store, "a", 1, 3000);
    int64_t before = stores_end(folder, 1);
    stores_must_step(store, "b", 2, 3000);
    stores_must_step(store, "c", 3, 3000);
    write_dead();
    stores_must_step(store, "d", 4, 3000);
    write_dead();
    stores_must_step(store, "e", 5, 3000);
    stores_flip(segment, (uint64_t)(before + offset));
    uint64_t disk_bytes = stores_totals(store).disk_bytes;
    stores_tidy(store);
    assert_true(stores_totals(store).disk_bytes < disk_bytes - SN_SEGMENT_BYTES);
    read_fails("b");
    assert_int_equal(verify().count, 1);
    assert_int_equal(stores_last(store, "a"), 1);
    assert_int_equal(stores_last(store, "c"), 3);
    assert_int_equal(stores_last(store, "d"), 4);
    assert_int_equal(stores_last(store, "e"), 5);
    stores_flip(segment, (uint64_t)(before + offset));
    assert_int_equal(stores_last(store, "b"), 2);
}

static void tidying_loses_nothing_behind_damage(void **state) {
    (void)state;
    tidy_around(8);
}

static void damage_does_not_keep_tidying_off(void **state) {
    (void)state;
    tidy_around(2000);
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_STORE(one_byte_is_found_and_named),
        IN_A_STORE(steps_over_it_are_named_too),
        IN_A_STORE(tidying_loses_nothing_behind_damage),
        IN_A_STORE(damage_does_not_keep_tidying_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
