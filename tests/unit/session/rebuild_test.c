/* rebuild_test.c - the index is made anew from the log, of which the end may not be whole. */
#include "stores.h"

#include "session/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

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

/* ---- an index that cannot be used ---- */

static void lose_folder(void) {
    sn_auto_free char *index = sn_format("%s/index", folder);
    sn_remove_tree(index);
}

static void write_file(const char *name, const void *data, size_t bytes) {
    sn_auto_free char *path = sn_format("%s/%s", folder, name);
    sn_auto_fd int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(sn_write_full(fd, data, bytes), 0);
}

static void empty_database(void) {
    write_file("index/data.mdb", "", 0);
}

static void garble_database(void) {
    char garbage[8192];
    memset(garbage, 0xa5, sizeof garbage);
    write_file("index/data.mdb", garbage, sizeof garbage);
}

static void change_boot(void) {
    write_file("boot", "another start", 13);
}

static void forget_boot(void) {
    stores_forget_index(folder);
}

static void check_all(void) {
    assert_int_equal(stores_last(store, "a"), 12);
    assert_int_equal(stores_last(store, "fork"), 11);
    assert_int_equal(stores_last(store, "gone"), STORES_NONE);
    assert_int_equal(stores_totals(store).sessions, 2);
    stores_check(store);
}

static void it_is_made_anew(void **state) {
    static void (*const ways[])(void) = {lose_folder, empty_database, garble_database, change_boot,
                                         forget_boot};
    (void)state;
    stores_must_step(store, "gone", 10, 5000);
    stores_must_step(store, "a", 11, 5000);
    stores_must_fork(store, "fork", "a");
    stores_must_step(store, "a", 12, 100);
    stores_must_remove(store, "gone");
    for (size_t i = 0; i < SN_COUNT(ways); i++) {
        sn_store_close(store);
        ways[i]();
        store = stores_open(folder);
        check_all();
        stores_must_step(store, "fork", 13, 100);
        stores_must_rewind(store, "fork", 1);
        check_all();
    }
}

/* ---- a log whose end is not whole ---- */

static void cut_anywhere_it_ends_before(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 300);
    int64_t before = stores_end(folder, 1);
    stores_must_step(store, "a", 2, 300);
    for (int64_t size = stores_end(folder, 1); size-- > before;) {
        sn_store_close(store);
        assert_int_equal(truncate(segment, size), 0);
        stores_forget_index(folder);
        store = stores_open(folder);
        assert_int_equal(stores_last(store, "a"), 1);
    }
    stores_must_step(store, "a", 3, 300);
    store = stores_rebuilt(store, folder);
    assert_int_equal(stores_last(store, "a"), 3);
    stores_check(store);
}

/* Blocks of a file reach the disk in any order. */
static void an_entry_with_a_hole_never_was(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 300);
    stores_must_step(store, "b", 2, 300);
    int64_t before = stores_end(folder, 1);
    stores_must_step(store, "a", 3, 300);
    int64_t after = stores_end(folder, 1);
    sn_auto_free char *kept = sn_format("%s/kept", folder);
    stores_must_step(store, "b", 4, 300);
    stores_copy(kept, segment);
    for (int64_t at = before; at < after; at++) {
        sn_store_close(store);
        stores_copy(segment, kept);
        stores_flip(segment, (uint64_t)at);
        stores_forget_index(folder);
        store = stores_open(folder);
        assert_int_equal(stores_last(store, "a"), 1);
        assert_int_equal(stores_last(store, "b"), 4);
        stores_check(store);
    }
}

static void what_lies_behind_damage_is_there(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 300);
    int64_t before = stores_end(folder, 1);
    stores_must_step(store, "b", 2, 300);
    stores_must_step(store, "c", 3, 300);
    stores_flip(segment, (uint64_t)before);
    for (int i = 0; i < 3; i++) {
        store = stores_rebuilt(store, folder);
        assert_int_equal(stores_last(store, "b"), i ? 4 : STORES_NONE);
        assert_int_equal(stores_last(store, "c"), 3);
        stores_check(store);
        if (i == 0)
            stores_must_step(store, "b", 4, 300);
    }
}

static void fill_segments(void) {
    for (uint64_t i = 0; i < 9 * SN_SEGMENT_BYTES / BIG / 4; i++)
        stores_must_step(store, i % 2 ? "big" : "large", 100 + i, BIG);
}

static void it_does_not_come_back_later(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 300);
    stores_must_step(store, "a", 2, 300);
    stores_must_fork(store, "fork", "a");
    stores_must_step(store, "a", 3, 300);
    stores_flip(segment, (uint64_t)stores_end(folder, 1) - 1);
    store = stores_rebuilt(store, folder);
    assert_int_equal(stores_last(store, "a"), 2);
    fill_segments();
    for (int i = 0; i < 2; i++) {
        store = stores_rebuilt(store, folder);
        assert_int_equal(stores_last(store, "a"), 2);
        assert_int_equal(stores_last(store, "fork"), 2);
        stores_check(store);
        stores_must_step(store, "a", 4, 300);
        stores_must_rewind(store, "a", 1);
    }
}

/* Step 7 lies over nothing. */
static void only_steps_that_need_it_go_with_it(void **state) {
    (void)state;
    for (uint64_t tag = 1; tag <= 5; tag++)
        stores_must_step(store, "a", tag, 300);
    stores_must_step(store, "a", 6, 300);
    stores_flip(segment, (uint64_t)stores_end(folder, 1) - 1);
    stores_must_fork(store, "fork", "a");
    stores_must_step(store, "a", 7, 300);
    store = stores_rebuilt(store, folder);
    assert_int_equal(stores_last(store, "a"), 7);
    assert_int_equal(stores_last(store, "fork"), 5);
    stores_check(store);
    sn_record record;
    assert_int_equal(sn_store_get(&record, store, "a", NULL), 0);
    assert_null(sn_record_find(&record, 6));
    assert_non_null(sn_record_find(&record, 5));
    sn_record_clear(&record);
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_STORE(it_is_made_anew),
        IN_A_STORE(cut_anywhere_it_ends_before),
        IN_A_STORE(an_entry_with_a_hole_never_was),
        IN_A_STORE(what_lies_behind_damage_is_there),
        IN_A_STORE(it_does_not_come_back_later),
        IN_A_STORE(only_steps_that_need_it_go_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
