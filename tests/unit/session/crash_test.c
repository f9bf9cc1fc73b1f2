/*
 * crash_test.c - processes that are killed while they write. Each session opens as it was reported
 * last or as the change makes it that was being written, and nothing is damaged.
 *
 * SHANNON_TEST_KILLS says how often (500), SHANNON_TEST_SEED repeats a run.
 */
#include "writer.h"

#include <time.h>

static char *folder;
static uint64_t random_state;
static unsigned kills = 500;

static uint64_t below(uint64_t most) {
    return stores_random(&random_state) % most;
}

/* While it opens the store, or later, however slow the machine is. */
static void wait_some(const writer *w) {
    if (below(4))
        writer_wait(w);
    nanosleep(&(struct timespec){0, (long)below(6000) * 1000}, NULL);
}

static int begin(void **state) {
    (void)state;
    folder = stores_folder();
    return 0;
}

static int finish(void **state) {
    (void)state;
    sn_remove_tree(folder);
    free(folder);
    return 0;
}

static uint64_t count_there(const writer_expected *expected) {
    uint64_t there = 0;
    for (size_t i = 0; i < WRITER_SESSIONS; i++)
        there += expected[i].now != STORES_NONE;
    return there;
}

/* Nobody else is writing. */
static unsigned check_all(writer_expected *expected, const writer_options *all, bool rebuild) {
    if (rebuild)
        stores_forget_index(folder);
    sn_store *store = stores_open(folder);
    unsigned further = writer_compare(expected, all, store, rebuild);
    assert_true(further <= 1);
    assert_int_equal(stores_totals(store).sessions, count_there(expected));
    stores_check(store);
    sn_store_close(store);
    return further;
}

typedef struct figures {
    unsigned changes, interrupted, further;
} figures;

static void hear(figures *f, writer_expected *expected, const writer_options *of, writer *w) {
    for (size_t i = 0; i < w->count; i++) {
        writer_expect(expected, of, &w->messages[i]);
        f->changes += w->messages[i].is_done;
    }
    f->interrupted += w->count && !w->messages[w->count - 1].is_done;
    writer_clear(w);
}

static void say(const char *what, const figures *f, unsigned times) {
    print_message("# %s: %u kills, %u changes done, %u interrupted, of which %u are there\n", what,
                  times, f->changes, f->interrupted, f->further);
}

static void killed_at_any_moment(void **state) {
    (void)state;
    writer_expected expected[WRITER_SESSIONS];
    figures f = {0};
    writer_expect_nothing(expected);
    for (unsigned i = 0; i < kills; i++) {
        const writer_options options = {folder, below(UINT64_MAX), 0, WRITER_SESSIONS, 7, false};
        writer w;
        if (below(10) ==
            0) { /* it is killed while it makes the index anew, which finds nothing new */
            f.further += check_all(expected, &options, true);
            stores_forget_index(folder);
        }
        writer_start(&w, &options);
        wait_some(&w);
        writer_kill(&w);
        hear(&f, expected, &options, &w);
        f.further += check_all(expected, &options, below(8) == 0);
    }
    say("one process", &f, kills);
    assert_true(f.changes + f.interrupted > kills / 2 && f.interrupted > kills / 10);
}

/* The other one goes on, and may be the next. */
static void killed_beside_another(void **state) {
    (void)state;
    enum { WRITERS = 2, EACH = WRITER_SESSIONS / WRITERS };
    const writer_options all = {.count = WRITER_SESSIONS};
    writer_expected expected[WRITER_SESSIONS];
    writer_options options[WRITERS];
    writer writers[WRITERS];
    figures f = {0};
    writer_expect_nothing(expected);
    for (unsigned i = 0; i < kills / 5; i++) {
        for (uint32_t k = 0; k < WRITERS; k++) {
            options[k] = (writer_options){folder, below(UINT64_MAX), k * EACH, EACH, 7, false};
            writer_start(&writers[k], &options[k]);
        }
        for (uint32_t k = 0; k < WRITERS; k++) {
            wait_some(&writers[k]);
            writer_kill(&writers[k]);
            hear(&f, expected, &options[k], &writers[k]);
            sn_store *store = stores_open(folder);
            f.further += writer_compare(expected, &options[k], store, false);
            sn_store_close(store);
        }
        f.further += check_all(expected, &all, below(8) == 0);
    }
    say("two processes", &f, 2 * (kills / 5));
    assert_true(f.changes + f.interrupted > kills / 5);
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const char *wanted = getenv("SHANNON_TEST_KILLS"), *seed = getenv("SHANNON_TEST_SEED");
    const struct CMUnitTest tests[] = {
        IN_A_STORE(killed_at_any_moment),
        IN_A_STORE(killed_beside_another),
    };
    kills = wanted ? (unsigned)strtoul(wanted, NULL, 10) : kills;
    random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    print_message("# SHANNON_TEST_SEED=%llu\n", (unsigned long long)random_state);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
