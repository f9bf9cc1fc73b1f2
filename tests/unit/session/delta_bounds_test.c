/* delta_bounds_test.c - what a delta may say: refused before memory is taken for it; and threads.
 */
#include "test.h"

#include "session/delta.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = SN_STATE_PAGE_BYTES,
    HEAD_BYTES = 32,
    PAGES_COUNT_AT = 16,
};

static sn_state *new_state(uint64_t memory_bytes, const uint32_t *numbers, size_t count) {
    sn_state *state;
    assert_int_equal(sn_state_new(&state, NULL), 0);
    state->memory_bytes = memory_bytes;
    state->pages.numbers = malloc(count * sizeof *numbers + 1);
    state->pages.count = count;
    state->extents = calloc(1, sizeof *state->extents);
    state->extents_count = 1;
    state->blob = (uint8_t *)strdup("blob");
    state->blob_bytes = 4;
    assert_true(state->pages.numbers && state->extents && state->blob);
    state->extents[0] = (sn_extent){3, 2};
    for (size_t i = 0; i < count; i++) {
        state->pages.numbers[i] = numbers[i];
        memset(sn_state_page(state, numbers[i]), (int)numbers[i] + 1, 100);
    }
    return state;
}

static sn_buffer write_all(const sn_state *state) {
    sn_buffer bytes = {0};
    assert_int_equal(sn_delta_write(&bytes, state, NULL, &state->pages, NULL), 0);
    return bytes;
}

static void expect(const sn_state *state, const sn_state *as) {
    assert_int_equal(state->memory_bytes, as->memory_bytes);
    assert_int_equal(state->pages.count, as->pages.count);
    for (size_t i = 0; i < as->pages.count; i++) {
        uint32_t number = as->pages.numbers[i];
        assert_int_equal(state->pages.numbers[i], number);
        assert_memory_equal(sn_state_page(state, number), sn_state_page(as, number), PAGE);
    }
    assert_int_equal(state->blob_bytes, as->blob_bytes);
    assert_memory_equal(state->blob, as->blob, as->blob_bytes);
    assert_int_equal(state->extents_count, as->extents_count);
    assert_memory_equal(state->extents, as->extents, as->extents_count * sizeof *as->extents);
}

static void there_and_back(uint64_t memory_bytes, const uint32_t *numbers, size_t count) {
    sn_state *state = new_state(memory_bytes, numbers, count), *again;
    sn_buffer bytes = write_all(state);
    assert_int_equal(sn_state_new(&again, NULL), 0);
    assert_int_equal(sn_delta_read(again, NULL, 1, bytes.data, bytes.bytes, NULL), 0);
    expect(again, state);
    sn_state_free(again);
    sn_state_free(state);
    sn_buffer_free(&bytes);
}

static void a_state_comes_back(void **state) {
    (void)state;
    there_and_back(0, NULL, 0);
    there_and_back(65536, (const uint32_t[]){0, 15}, 2);
    there_and_back(1 << 20, (const uint32_t[]){7, SN_STATE_FILES + 3, SN_STATE_FILES + 4}, 3);
}

static void all_memory_there_can_be_comes_back(void **state) {
    (void)state;
    there_and_back(1ull << 32, (const uint32_t[]){SN_STATE_FILES - 1}, 1);
}

static void many_pages_come_back(void **state) {
    enum { MANY = 5000 };
    static uint32_t numbers[MANY];
    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        numbers[i] = 2 * i;
    there_and_back(1 << 26, numbers, MANY);
}

static void the_newest_layer_counts(void **state) {
    (void)state;
    sn_state *old = new_state(2 * 65536, (const uint32_t[]){1, 2, 17}, 3);
    sn_state *young = new_state(65536, (const uint32_t[]){2, 3}, 2), *both;
    memset(sn_state_page(young, 2), 'y', PAGE);
    sn_buffer below = write_all(old), above = write_all(young);
    assert_int_equal(sn_state_new(&both, NULL), 0);
    assert_int_equal(sn_delta_read(both, NULL, 2, above.data, above.bytes, NULL), 0);
    assert_int_equal(sn_delta_read(both, NULL, 1, below.data, below.bytes, NULL), 0);
    assert_int_equal(both->pages.count, 3); /* of 17 there is no memory any more */
    assert_memory_equal(sn_state_page(both, 1), sn_state_page(old, 1), PAGE);
    assert_memory_equal(sn_state_page(both, 2), sn_state_page(young, 2), PAGE);
    assert_memory_equal(sn_state_page(both, 3), sn_state_page(young, 3), PAGE);
    sn_state_free(both);
    sn_state_free(old);
    sn_state_free(young);
    sn_buffer_free(&below);
    sn_buffer_free(&above);
}

static int read_alone(const void *data, size_t bytes) {
    sn_state *state;
    assert_int_equal(sn_state_new(&state, NULL), 0);
    int rc = sn_delta_read(state, NULL, 1, data, bytes, NULL);
    sn_state_free(state);
    return rc;
}

static void damage_is_refused(void **state) {
    (void)state;
    sn_state *whole = new_state(65536, (const uint32_t[]){0, 1, 2}, 3);
    sn_buffer bytes = write_all(whole);
    uint32_t pages;
    for (size_t cut = 0; cut < bytes.bytes - 1; cut++)
        assert_int_equal(read_alone(bytes.data, cut), SN_EUNAVAILABLE);
    assert_int_equal(sn_delta_count(&pages, bytes.data, bytes.bytes, NULL), 0);
    assert_int_equal(pages, 3);
    assert_int_equal(sn_delta_count(&pages, bytes.data, HEAD_BYTES - 1, NULL), SN_EUNAVAILABLE);
    uint32_t number = 1; /* twice the same */
    memcpy(bytes.data + HEAD_BYTES, &number, sizeof number);
    assert_int_equal(read_alone(bytes.data, bytes.bytes), SN_EUNAVAILABLE);
    number = 0;
    memcpy(bytes.data + HEAD_BYTES, &number, sizeof number);
    assert_int_equal(read_alone(bytes.data, bytes.bytes), 0);
    number = 16; /* outside of memory */
    memcpy(bytes.data + HEAD_BYTES + 8, &number, sizeof number);
    assert_int_equal(read_alone(bytes.data, bytes.bytes), SN_EUNAVAILABLE);
    number = UINT32_MAX; /* more pages than there are numbers */
    memcpy(bytes.data + PAGES_COUNT_AT, &number, sizeof number);
    assert_int_equal(sn_delta_count(&pages, bytes.data, bytes.bytes, NULL), SN_EUNAVAILABLE);
    sn_state_free(whole);
    sn_buffer_free(&bytes);
}

static void *in_thread(void *unused) {
    (void)unused;
    there_and_back(65536, (const uint32_t[]){1}, 1);
    return NULL;
}

/* The address sanitizer sees what a thread leaves behind. */
static void threads_leave_nothing_behind(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_comes_back),
        cmocka_unit_test(all_memory_there_can_be_comes_back),
        cmocka_unit_test(many_pages_come_back),
        cmocka_unit_test(the_newest_layer_counts),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(threads_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("delta", tests, NULL, NULL);
}
