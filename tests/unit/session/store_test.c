/* store_test.c - what the local store promises while nothing goes wrong. */
#include "stores.h"

#include "session/record.h"

#include <string.h>
#include <sys/wait.h>

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

static void check_again_after_rebuild(void (*check)(void)) {
    stores_check(store);
    check();
    store = stores_rebuilt(store, folder);
    stores_check(store);
    check();
}

/* ---- records and nodes ---- */

static void check_two_steps(void) {
    assert_int_equal(stores_last(store, "a"), 8);
    assert_int_equal(stores_last(store, "b"), 9);
    assert_int_equal(stores_totals(store).sessions, 2);
    sn_record record;
    sn_stored_node first, second;
    assert_int_equal(sn_store_get(&record, store, "a", NULL), 0);
    assert_int_equal(record.steps_count, 2);
    assert_int_equal(sn_store_read(&first, store, record.steps[0].node, NULL), 0);
    assert_int_equal(sn_store_read(&second, store, record.steps[1].node, NULL), 0);
    assert_int_equal(first.below, 0);
    assert_int_equal(second.below, record.steps[0].node);
    sn_stored_node_clear(&first);
    sn_stored_node_clear(&second);
    sn_record_clear(&record);
}

static void what_is_put_is_there(void **state) {
    (void)state;
    stores_must_step(store, "a", 7, 3000);
    stores_must_step(store, "a", 8, 0);
    stores_must_step(store, "b", 9, 1 << 20);
    check_again_after_rebuild(check_two_steps);
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    sn_record record;
    sn_stored_node node;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_store_get(&record, store, "nobody", &err), SN_ENOT_FOUND);
    assert_string_equal(err.message, "there is no session 'nobody'");
    err = (sn_error)SN_ERROR_INIT;
    assert_int_equal(sn_store_remove(store, "nobody", &err), SN_ENOT_FOUND);
    assert_string_equal(err.message, "there is no session 'nobody'");
    assert_int_equal(sn_store_read(&node, store, 77, &err), SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "node 77"));
    assert_int_equal(stores_totals(store).sessions, 0);
}

static void check_ends_are_kept(void) {
    assert_int_equal(stores_last(store, "a"), STORES_NONE);
    assert_int_equal(stores_last(store, "b"), 0);
    assert_int_equal(stores_last(store, "c"), 4);
}

static void sessions_end_and_begin_again(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 100);
    stores_must_remove(store, "a");
    stores_must_step(store, "b", 2, 100);
    stores_must_rewind(store, "b", 1);
    stores_must_step(store, "c", 3, 100);
    stores_must_remove(store, "c");
    stores_must_step(store, "c", 4, 100);
    check_again_after_rebuild(check_ends_are_kept);
}

static uint64_t last_node(const char *id) {
    sn_record record;
    assert_int_equal(sn_store_get(&record, store, id, NULL), 0);
    uint64_t node = sn_record_last(&record)->node;
    sn_record_clear(&record);
    return node;
}

static bool has_node(uint64_t number) {
    sn_stored_node node;
    if (sn_store_read(&node, store, number, NULL) < 0)
        return false;
    sn_stored_node_clear(&node);
    return true;
}

static void nodes_live_as_long_as_they_are_named(void **state) {
    (void)state;
    stores_must_step(store, "a", 1, 100);
    uint64_t below = last_node("a");
    stores_must_step(store, "a", 2, 100);
    uint64_t shared = last_node("a");
    stores_must_fork(store, "b", "a");
    stores_must_step(store, "b", 3, 100);
    uint64_t top = last_node("b");
    stores_must_remove(store, "a");
    assert_int_equal(stores_last(store, "b"), 3);
    store = stores_rebuilt(store, folder);
    assert_true(has_node(below) && has_node(shared) && has_node(top));
    stores_must_rewind(store, "b", 1);
    assert_false(has_node(top));
    assert_true(has_node(below) && has_node(shared));
    stores_must_remove(store, "b");
    assert_false(has_node(below) || has_node(shared));
}

/* The step below is not in the record any more, but its node is needed. */
static void nodes_live_under_others(void **state) {
    (void)state;
    for (uint64_t tag = 1; tag <= 5 * STORES_STEPS_MOST; tag++)
        stores_must_step(store, "a", tag, 100);
    stores_check(store);
    store = stores_rebuilt(store, folder);
    stores_check(store);
    assert_int_equal(stores_last(store, "a"), 5 * STORES_STEPS_MOST);
}

static void the_longest_id_is_an_id(void **state) {
    (void)state;
    char longest[SN_SESSION_ID_MAX_BYTES + 1] = {0};
    char other[SN_SESSION_ID_MAX_BYTES + 1] = {0};
    memset(longest, 'x', SN_SESSION_ID_MAX_BYTES);
    memset(other, 'x', SN_SESSION_ID_MAX_BYTES - 1);
    stores_must_step(store, longest, 1, 100);
    stores_must_step(store, other, 2, 100);
    store = stores_rebuilt(store, folder);
    assert_int_equal(stores_last(store, longest), 1);
    stores_must_remove(store, longest);
    assert_int_equal(stores_last(store, longest), STORES_NONE);
    assert_int_equal(stores_last(store, other), 2);
}

/* ---- all of them ---- */

typedef struct seen {
    char ids[8];
    size_t count, most;
} seen;

static int note(void *user, const sn_record *record) {
    seen *s = user;
    s->ids[s->count++] = record->id[0];
    return s->count == s->most ? 5 : 0;
}

static void they_are_walked_by_id_or_by_idleness(void **state) {
    (void)state;
    seen by_id = {0}, by_idleness = {0}, some = {.most = 2};
    stores_must_step(store, "c", 1, 10);
    stores_must_step(store, "a", 2, 10);
    stores_must_step(store, "b", 3, 10);
    stores_must_step(store, "d", 4, 10);
    stores_must_step(store, "c", 5, 10);
    stores_must_remove(store, "d");
    store = stores_rebuilt(store, folder);
    assert_int_equal(sn_store_each(store, false, note, &by_id, NULL), 0);
    assert_string_equal(by_id.ids, "abc");
    assert_int_equal(sn_store_each(store, true, note, &by_idleness, NULL), 0);
    assert_string_equal(by_idleness.ids, "abc");
    stores_must_step(store, "a", 6, 10);
    assert_int_equal(sn_store_each(store, true, note, &some, NULL), 5);
    assert_string_equal(some.ids, "bc");
}

static void totals_say_what_the_disk_holds(void **state) {
    (void)state;
    assert_int_equal(stores_totals(store).disk_bytes, 0);
    stores_must_step(store, "a", 1, 5000);
    stores_must_step(store, "b", 2, 100);
    stores_must_remove(store, "b");
    assert_int_equal(stores_totals(store).sessions, 1);
    assert_int_equal(stores_totals(store).disk_bytes, stores_bytes(folder, 1));
    store = stores_rebuilt(store, folder);
    assert_int_equal(stores_totals(store).sessions, 1);
    assert_int_equal(stores_totals(store).disk_bytes, stores_bytes(folder, 1));
}

/* ---- more than one ---- */

static void a_folder_is_opened_twice(void **state) {
    (void)state;
    sn_store *other = stores_open(folder);
    stores_must_step(store, "a", 1, 100);
    assert_int_equal(stores_last(other, "a"), 1);
    stores_must_step(other, "a", 2, 100);
    sn_store_close(other);
    assert_int_equal(stores_last(store, "a"), 2);
}

/* Without assertions: it also runs in a child, which is not to go on with other tests. */
static int step_many(const char *id, uint64_t first) {
    sn_store *mine;
    int rc = sn_local_store_open(&mine, folder, NULL);
    if (rc < 0)
        return rc;
    for (uint64_t i = 0; rc == 0 && i < 100; i++)
        rc = stores_step(mine, id, first + i, 100 + 37 * i, NULL);
    sn_store_close(mine);
    return rc;
}

static void check_both(void) {
    assert_int_equal(stores_last(store, "left"), 1099);
    assert_int_equal(stores_last(store, "right"), 2099);
    assert_int_equal(stores_totals(store).sessions, 2);
}

static void two_processes_write_at_once(void **state) {
    (void)state;
    int status;
    sn_store_close(store);
    pid_t child = fork();
    if (child == 0)
        _exit(step_many("left", 1000) < 0);
    assert_int_equal(step_many("right", 2000), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store = stores_open(folder);
    check_again_after_rebuild(check_both);
}

/* ---- versions ---- */

static void a_record_of_another_version_is_refused(void **state) {
    (void)state;
    sn_record record = {.id = "a"}, again;
    sn_buffer bytes = {0};
    sn_error err = SN_ERROR_INIT;
    assert_true(sn_record_write(&bytes, &record));
    bytes.data[0]++;
    assert_int_equal(sn_record_read(&again, bytes.data, bytes.bytes, &err), SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "format 2, which this version does not know"));
    sn_buffer_free(&bytes);
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_STORE(what_is_put_is_there),
        IN_A_STORE(what_is_not_there_is_not_found),
        IN_A_STORE(sessions_end_and_begin_again),
        IN_A_STORE(nodes_live_as_long_as_they_are_named),
        IN_A_STORE(nodes_live_under_others),
        IN_A_STORE(the_longest_id_is_an_id),
        IN_A_STORE(they_are_walked_by_id_or_by_idleness),
        IN_A_STORE(totals_say_what_the_disk_holds),
        IN_A_STORE(a_folder_is_opened_twice),
        IN_A_STORE(two_processes_write_at_once),
        IN_A_STORE(a_record_of_another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
