/*
 * power_test.c - the power goes while the store is written to. The index is of no use then, and of
 * what the log got since it was last waited for there may be any part on disk. Each session opens
 * as it was reported last or as the change makes it that was not reported, and nothing is damaged.
 *
 * SHANNON_TEST_CUTS says how often (400), SHANNON_TEST_SEED repeats a run.
 */
#include "writer.h"

#include "session/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static char *folder;
static uint64_t random_state;
static unsigned cuts = 400;

static uint64_t below(uint64_t most) {
    return stores_random(&random_state) % most;
}

typedef struct end {
    uint32_t segment;
    uint64_t bytes;
} end;

static end log_end(void) {
    uint32_t *segments;
    size_t count;
    end found = {0};
    assert_int_equal(sn_log_segments(&segments, &count, folder, NULL), 0);
    if (count) {
        found.segment = segments[count - 1];
        found.bytes = (uint64_t)stores_end(folder, found.segment);
    }
    free(segments);
    return found;
}

/* ---- what is lost ---- */

/* Blocks that were never written hold zeros, or what was in their place before. */
static void lose_blocks(int fd, uint64_t from, uint64_t size) {
    enum { BLOCK = 512 };
    uint64_t one_in = 1 + below(8);
    for (uint64_t at = from; at < size;) {
        uint64_t to = (at / BLOCK + 1) * BLOCK;
        to = to < size ? to : size;
        if (below(one_in) == 0) {
            uint8_t block[BLOCK];
            memset(block, below(2) ? 0 : (int)below(256), sizeof block);
            assert_int_equal(pwrite(fd, block, to - at, (off_t)at), to - at);
        }
        at = to;
    }
}

static void lose_behind(const end *safe) {
    uint32_t last = log_end().segment;
    for (uint32_t i = safe->segment ? safe->segment : 1; i <= last; i++) {
        sn_auto_free char *path = stores_segment(folder, i);
        sn_auto_fd int fd = open(path, O_RDWR | O_CLOEXEC);
        uint64_t from = i == safe->segment ? safe->bytes : 0;
        int64_t size = stores_size(path);
        if (fd < 0 || (uint64_t)size <= from)
            continue;
        uint64_t way = below(4);
        if (way == 0)
            assert_int_equal(ftruncate(fd, (off_t)(from + below((uint64_t)size - from))), 0);
        else if (way == 1)
            stores_flip(path, from + below((uint64_t)size - from));
        else if (way == 2)
            lose_blocks(fd, from, (uint64_t)size);
    }
}

static void lose_index(void) {
    sn_auto_free char *database = sn_format("%s/index/data.mdb", folder);
    int64_t size = stores_size(database);
    if (below(2) && size > 0)
        assert_int_equal(truncate(database, (off_t)below((uint64_t)size)), 0);
    stores_forget_index(folder);
}

/* ---- which changes it was too early for ---- */

/* Whoever changes a session waits for the disk before it is changed again, or forked; so only of
 * changes to different sessions can several be on their way. The message from which on none was
 * reported. */
static size_t first_lost(const writer *w) {
    bool seen[WRITER_SESSIONS] = {0};
    size_t first = w->count;
    for (size_t i = w->count; i-- > 0;) {
        const writer_message *m = &w->messages[i];
        if (m->is_done)
            continue;
        if (seen[m->session] || seen[m->from])
            break;
        seen[m->session] = seen[m->from] = true;
        first = i;
        if (below(4) == 0)
            break;
    }
    return first;
}

static unsigned expect(writer_expected *expected, const writer_options *all, const writer *w,
                       size_t lost) {
    unsigned changes = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (i >= lost && w->messages[i].is_done)
            continue;
        writer_expect(expected, all, &w->messages[i]);
        changes += i >= lost;
    }
    return changes;
}

static void check_all(writer_expected *expected, const writer_options *all, unsigned *further) {
    uint64_t there = 0;
    sn_store *store = stores_open(folder);
    *further += writer_compare(expected, all, store, true);
    for (size_t i = 0; i < WRITER_SESSIONS; i++)
        there += expected[i].now != STORES_NONE;
    assert_int_equal(stores_totals(store).sessions, there);
    stores_check(store);
    if (below(5) == 0)
        stores_tidy(store);
    sn_store_close(store);
}

static void the_power_goes(void **state) {
    (void)state;
    writer_expected expected[WRITER_SESSIONS];
    unsigned lost_changes = 0, further = 0;
    writer_expect_nothing(expected);
    for (unsigned i = 0; i < cuts; i++) {
        const writer_options options = {folder, below(UINT64_MAX), 0, WRITER_SESSIONS, 0, true};
        end safe = log_end();
        writer w;
        writer_start(&w, &options);
        writer_wait(&w);
        nanosleep(&(struct timespec){0, (long)(2000 + below(10000)) * 1000}, NULL);
        writer_kill(&w);
        size_t lost = first_lost(&w);
        for (size_t k = 0; k < lost; k++)
            if (w.messages[k].is_done)
                safe = (end){w.messages[k].segment, w.messages[k].bytes};
        lost_changes += expect(expected, &options, &w, lost);
        writer_clear(&w);
        lose_behind(&safe);
        lose_index();
        check_all(expected, &options, &further);
    }
    print_message("# %u times: %u changes were on their way, of which %u are there; %u segments\n",
                  cuts, lost_changes, further, log_end().segment);
    assert_true(lost_changes > cuts / 2 && further > 0 && further < lost_changes);
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

int main(void) {
    const char *wanted = getenv("SHANNON_TEST_CUTS"), *seed = getenv("SHANNON_TEST_SEED");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_power_goes, begin, finish),
    };
    cuts = wanted ? (unsigned)strtoul(wanted, NULL, 10) : cuts;
    random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    print_message("# SHANNON_TEST_SEED=%llu\n", (unsigned long long)random_state);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
