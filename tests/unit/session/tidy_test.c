/* tidy_test.c - space that nothing needs is given back, and nothing else is. */
#include "stores.h"

#include "session/log.h"

#include <string.h>

enum { MB = 1 << 20, BIG = 8 * MB };

static char *folder;
static sn_store *store;

static int begin(void **state) {
    (void)state;
    folder = stores_folder();
    store = stores_open(folder);
    return 0;
}

static int finish(void **state) {
    (void)state;
    sn_store_close(store);
    sn_remove_tree(folder);
    free(folder);
    return 0;
}

/* What the segments' files take. */
static int64_t disk_bytes(void) {
    int64_t bytes = 0;
    for (uint32_t i = 1; i < 32; i++) {
        sn_auto_free char *segment = stores_segment(folder, i);
        int64_t size = stores_size(segment);
        bytes += size > 0 ? size : 0;
    }
    return bytes;
}

/* What the entries in them take. */
static int64_t log_bytes(void) {
    int64_t bytes = 0;
    for (uint32_t i = 1; i < 32; i++)
        bytes += stores_bytes(folder, i);
    return bytes;
}

static bool has_segment(uint32_t number) {
    sn_auto_free char *segment = stores_segment(folder, number);
    return stores_size(segment) >= 0;
}

/* Steps of a session that goes again. */
static void write_dead(uint64_t bytes) {
    for (uint64_t done = 0; done < bytes; done += BIG)
        stores_must_step(store, "dead", 1000 + done, BIG);
    stores_must_remove(store, "dead");
}

static void check_living(void) {
    assert_int_equal(stores_last(store, "dead"), STORES_NONE);
    assert_int_equal(stores_last(store, "gone"), STORES_NONE);
    assert_int_equal(stores_last(store, "fork"), 11);
    assert_int_equal(stores_last(store, "other"), 12);
    assert_int_equal(stores_last(store, "back"), 13);
    assert_int_equal(stores_totals(store).sessions, 3);
    stores_check(store);
}

static void dead_entries_are_given_back(void **state) {
    (void)state;
    stores_must_step(store, "gone", 10, 100);
    stores_must_step(store, "gone", 11, MB);
    stores_must_fork(store, "fork", "gone");
    write_dead(SN_SEGMENT_BYTES);
    stores_must_step(store, "other", 12, MB);
    stores_must_step(store, "back", 13, MB);
    stores_must_step(store, "back", 14, MB);
    stores_must_rewind(store, "back", 1);
    write_dead(SN_SEGMENT_BYTES);
    stores_must_remove(store, "gone");
    assert_true(disk_bytes() > 2 * (int64_t)SN_SEGMENT_BYTES);
    for (int i = 0; i < 2; i++) {
        stores_tidy(store);
        assert_true(disk_bytes() < 8 * MB);
        assert_int_equal(stores_totals(store).disk_bytes, log_bytes());
        check_living();
        store = stores_rebuilt(store, folder);
        assert_int_equal(stores_totals(store).disk_bytes, log_bytes());
        check_living();
    }
}

static void what_lives_stays_where_it_is(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 5; i++)
        stores_must_step(store, "a", i, MB);
    stores_must_step(store, "b", 9, 3 * MB);
    stores_must_remove(store, "b");
    int64_t before = log_bytes();
    stores_tidy(store);
    assert_int_equal(log_bytes(), before);
    assert_true(has_segment(1));
}

/* Its node lives on in a fork and is moved behind the entry that tells the end; then that goes. */
static void what_was_deleted_stays_deleted(void **state) {
    (void)state;
    stores_must_step(store, "gone", 11, MB);
    stores_must_fork(store, "fork", "gone");
    write_dead(SN_SEGMENT_BYTES); /* fills the first segment */
    stores_must_step(store, "other", 12, MB);
    stores_must_step(store, "back", 13, MB);
    stores_must_remove(store, "gone");
    write_dead(SN_SEGMENT_BYTES);
    stores_must_step(store, "other", 12, MB);
    stores_tidy(store);
    assert_false(has_segment(1) || has_segment(2));
    store = stores_rebuilt(store, folder);
    check_living();
}

/* A process that dies between the two steps of giving a segment back. */
static void a_segment_that_was_left_goes(void **state) {
    (void)state;
    sn_auto_free char *first = stores_segment(folder, 1);
    sn_auto_free char *kept = sn_format("%s/kept", folder);
    stores_must_step(store, "gone", 11, MB);
    stores_must_fork(store, "fork", "gone");
    stores_must_step(store, "other", 12, MB);
    stores_must_step(store, "back", 13, MB);
    write_dead(SN_SEGMENT_BYTES);
    stores_copy(kept, first);
    stores_tidy(store);
    assert_false(has_segment(1));
    stores_must_remove(store, "gone");
    for (int rebuild = 0; rebuild < 2; rebuild++) {
        stores_copy(first, kept);
        if (rebuild)
            store = stores_rebuilt(store, folder);
        check_living();
        stores_tidy(store);
        assert_false(has_segment(1));
        store = stores_rebuilt(store, folder);
        check_living();
        stores_must_step(store, "back", 13, MB);
    }
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_STORE(dead_entries_are_given_back),
        IN_A_STORE(what_lives_stays_where_it_is),
        IN_A_STORE(what_was_deleted_stays_deleted),
        IN_A_STORE(a_segment_that_was_left_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
