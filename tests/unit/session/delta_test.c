/* delta_test.c - states become chains of deltas and are read again, also from bytes that are not
 * what was written. */
#include "guests.h"
#include "stores.h"

#include "sandbox/image.h"
#include "session/delta.h"

#include <string.h>

enum { PAGE = SN_STATE_PAGE_BYTES, PAGES_IN_ONE = 16, FILE_PAGES = 300, STEPS = 150 };

static const char wat[] = "(module (memory (export \"memory\") 5 400)"
                          " (data (i32.const 70000) \"placed\") (data (i32.const 4096) \"here\"))";

static sn_image *image;
static uint64_t random_state;

static uint64_t below(uint64_t most) {
    return stores_random(&random_state) % most;
}

static int put(void *user, const void *data, size_t bytes) {
    return sn_buffer_add(user, data, bytes) ? 0 : -1;
}

static int make_image(void **state) {
    (void)state;
    static const sn_image_origin origin = {"module", "archive"};
    sn_error err = SN_ERROR_INIT;
    sn_buffer file = {0};
    sn_native *native = guests_native("delta", wat);
    sn_instance *instance = guests_instance(native, 40);
    if (sn_image_write(put, &file, instance, sn_instance_memory(instance), &err) < 0 ||
        sn_image_seal(file.data, file.bytes, &origin, &err) < 0 ||
        sn_image_parse(&image, file.data, file.bytes, &origin, &err) < 0)
        fail_msg("%s", err.message);
    sn_instance_free(instance);
    sn_native_close(native);
    sn_buffer_free(&file);
    return 0;
}

/* ---- what an execution leaves ---- */

static bool has(const sn_extent *extents, size_t count, uint32_t page) {
    for (size_t i = 0; i < count; i++)
        if (page >= extents[i].first && page - extents[i].first < extents[i].count)
            return true;
    return false;
}

static size_t some_extents(sn_extent out[FILE_PAGES]) {
    size_t count = 0;
    for (uint32_t page = (uint32_t)below(20); page < FILE_PAGES;) {
        uint32_t length = 1 + (uint32_t)below(12);
        length = length < FILE_PAGES - page ? length : FILE_PAGES - page;
        out[count++] = (sn_extent){page, length};
        page += length + (uint32_t)below(30);
    }
    return count;
}

/* As the image has it, empty, with a few bytes changed, or quite another. */
static void make_page(uint8_t *page, uint32_t number) {
    const uint8_t *base = number < SN_STATE_FILES ? sn_image_page(image, number) : NULL;
    uint64_t kind = below(8);
    memset(page, 0, PAGE);
    if (base && kind > 1)
        memcpy(page, base, PAGE);
    for (uint64_t i = 0; kind >= 3 && i < (kind == 7 ? PAGE : 1 + below(20)); i++)
        page[below(PAGE)] = (uint8_t)below(256);
}

static void change_page(sn_changes *c, uint32_t number) {
    if (c->count == c->capacity) {
        c->capacity = 2 * c->capacity + 8;
        c->numbers = realloc(c->numbers, c->capacity * sizeof *c->numbers);
        c->pages = realloc(c->pages, c->capacity * PAGE);
    }
    make_page(c->pages + c->count * (size_t)PAGE, number);
    c->numbers[c->count++] = number;
}

/* Pages of files that the state did not have are among the changes. */
static void make_changes(sn_changes *c, const sn_state *state, uint64_t one_in) {
    sn_extent extents[FILE_PAGES];
    size_t count = some_extents(extents);
    if (below(3) && state->extents_count) {
        count = state->extents_count;
        memcpy(extents, state->extents, count * sizeof *extents);
    }
    uint64_t memory_bytes = state->memory_bytes ? state->memory_bytes : 5 * SN_WASM_PAGE_BYTES;
    memory_bytes += below(10) ? 0 : SN_WASM_PAGE_BYTES * below(20);
    *c = (sn_changes){.head = {memory_bytes, (uint32_t)count, (uint32_t)below(200)}};
    for (uint32_t i = 0; i < memory_bytes / PAGE; i++)
        if (below(one_in) == 0)
            change_page(c, i);
    for (uint32_t i = 0; i < FILE_PAGES; i++)
        if (has(extents, count, i) &&
            (!has(state->extents, state->extents_count, i) || below(one_in) == 0))
            change_page(c, SN_STATE_FILES + i);
    c->tail = malloc(count * sizeof *extents + c->head.blob_bytes + 1);
    memcpy(c->tail, extents, count * sizeof *extents);
    for (uint32_t i = 0; i < c->head.blob_bytes; i++)
        c->tail[count * sizeof *extents + i] = (uint8_t)below(256);
}

/* ---- a chain ---- */

typedef struct piece {
    uint64_t below;
    sn_buffer delta;
} piece;

typedef struct chain {
    sn_state *state; /* what was applied to it, and never read */
    piece pieces[STEPS + 1];
    uint64_t last; /* number of a piece; 0: none */
} chain;

static void put_layer(sn_state *state, size_t keep, uint64_t node, sn_pages covered) {
    size_t gone = state->layers_count - keep;
    for (size_t i = 0; i < gone; i++)
        free(state->layers[i].pages.numbers);
    memmove(state->layers + 1, state->layers + gone, keep * sizeof *state->layers);
    state->layers[0] = (sn_layer){node, covered};
    state->layers_count = keep + 1;
}

static void add_changes(chain *c, sn_changes changes) {
    sn_pages covered;
    size_t keep;
    assert_int_equal(sn_state_apply(c->state, &changes, NULL), 0);
    sn_pages changed = {changes.numbers, changes.count};
    assert_int_equal(sn_delta_plan(&covered, &keep, c->state, &changed, NULL), 0);
    piece *next = &c->pieces[++c->last];
    next->below = keep ? c->state->layers[c->state->layers_count - keep].node : 0;
    assert_int_equal(sn_delta_write(&next->delta, c->state, image, &covered, NULL), 0);
    put_layer(c->state, keep, c->last, covered);
    sn_changes_clear(&changes);
}

static void add_piece(chain *c, uint64_t one_in) {
    sn_changes changes;
    make_changes(&changes, c->state, one_in);
    add_changes(c, changes);
}

/* A few hundred bytes. */
static void add_small_piece(chain *c) {
    static const sn_extent extents[] = {{0, 1}, {4, 2}};
    static const uint32_t pages[] = {1, 17, SN_STATE_FILES, SN_STATE_FILES + 5};
    sn_changes changes = {.head = {5 * SN_WASM_PAGE_BYTES, SN_COUNT(extents), 9}};
    for (size_t i = 0; i < SN_COUNT(pages); i++) {
        change_page(&changes, pages[i]);
        memset(changes.pages + i * PAGE, 0, PAGE);
        memset(changes.pages + i * PAGE + 100 * i, 7, 90);
    }
    changes.tail = malloc(sizeof extents + 9);
    memcpy(changes.tail, extents, sizeof extents);
    memcpy(changes.tail + sizeof extents, "some blob", 9);
    add_changes(c, changes);
}

/* The one that is read into: to map another each time takes long with AddressSanitizer. */
static sn_state *empty_state(void) {
    static sn_state *state;
    if (!state)
        assert_int_equal(sn_state_new(&state, NULL), 0);
    for (size_t i = 0; i < state->layers_count; i++)
        free(state->layers[i].pages.numbers);
    free(state->pages.numbers);
    free(state->blob);
    free(state->extents);
    *state = (sn_state){.fd = state->fd, .map = state->map};
    return state;
}

static sn_state *read_chain(const chain *c) {
    sn_state *state = empty_state();
    sn_error err = SN_ERROR_INIT;
    for (uint64_t i = c->last; i; i = c->pieces[i].below)
        if (sn_delta_read(state, image, i, c->pieces[i].delta.data, c->pieces[i].delta.bytes,
                          &err) < 0)
            fail_msg("%s", err.message);
    return state;
}

static void begin_chain(chain *c) {
    *c = (chain){0};
    assert_int_equal(sn_state_new(&c->state, NULL), 0);
}

static void drop_chain(chain *c) {
    sn_state_free(c->state);
    for (size_t i = 0; i <= STEPS; i++)
        sn_buffer_free(&c->pieces[i].delta);
}

static void check_equal(const sn_state *a, const sn_state *b) {
    assert_int_equal(a->memory_bytes, b->memory_bytes);
    assert_int_equal(a->blob_bytes, b->blob_bytes);
    assert_memory_equal(a->blob, b->blob, a->blob_bytes);
    assert_int_equal(a->extents_count, b->extents_count);
    assert_memory_equal(a->extents, b->extents, a->extents_count * sizeof *a->extents);
    assert_int_equal(a->pages.count, b->pages.count);
    for (size_t i = 0; i < a->pages.count; i++) {
        assert_int_equal(a->pages.numbers[i], b->pages.numbers[i]);
        assert_memory_equal(sn_state_page(a, a->pages.numbers[i]),
                            sn_state_page(b, a->pages.numbers[i]), PAGE);
    }
    assert_int_equal(a->layers_count, b->layers_count);
    for (size_t i = 0; i < a->layers_count; i++) {
        assert_int_equal(a->layers[i].node, b->layers[i].node);
        assert_int_equal(a->layers[i].pages.count, b->layers[i].pages.count);
    }
}

/* Behind a layer come at most two before one that is more than four times as large. */
static void check_short(const sn_state *state) {
    assert_true(state->layers_count <= SN_LAYERS_MOST);
    for (size_t i = 0; i < state->layers_count; i++) {
        size_t next = i + 1, most = 4 * state->layers[i].pages.count;
        while (next < state->layers_count && state->layers[next].pages.count <= most)
            next++;
        assert_true(next - i <= 3);
    }
}

static void a_chain_says_what_was_done(void **state) {
    (void)state;
    static const uint64_t one_in[] = {2, 10, 50, 200, 200, 2000, 2000, 2000};
    chain *c = malloc(sizeof *c);
    size_t longest = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        random_state = seed;
        begin_chain(c);
        for (int i = 0; i < STEPS; i++) {
            add_piece(c, one_in[below(SN_COUNT(one_in))]);
            check_short(c->state);
            longest = c->state->layers_count > longest ? c->state->layers_count : longest;
            if (i % 5)
                continue;
            check_equal(read_chain(c), c->state);
        }
        drop_chain(c);
    }
    free(c);
    print_message("# the longest chain: %zu\n", longest);
    assert_true(longest >= 4);
}

/* More pages than are packed at once. */
static void a_large_delta_is_read_again(void **state) {
    (void)state;
    chain *c = malloc(sizeof *c);
    random_state = 5;
    begin_chain(c);
    c->state->memory_bytes = 250 * SN_WASM_PAGE_BYTES;
    add_piece(c, 1);
    assert_true(c->state->pages.count > 250 * PAGES_IN_ONE);
    add_piece(c, 100);
    check_equal(read_chain(c), c->state);
    drop_chain(c);
    free(c);
}

/* ---- bytes that are not what was written ---- */

static void check_well_formed(const sn_state *state) {
    assert_int_equal(state->memory_bytes % SN_WASM_PAGE_BYTES, 0);
    assert_true(sn_extents_rise(state->extents, state->extents_count));
    for (size_t i = 0; i < state->pages.count; i++) {
        assert_true(sn_state_uses(state, state->pages.numbers[i]));
        assert_true(i == 0 || state->pages.numbers[i] > state->pages.numbers[i - 1]);
    }
}

/* By itself, or under a good one. */
static int read_bad(const void *data, size_t bytes, const piece *good) {
    sn_state *state = empty_state();
    int rc = good ? sn_delta_read(state, image, 1, good->delta.data, good->delta.bytes, NULL) : 0;
    if (rc == 0)
        rc = sn_delta_read(state, image, 2, data, bytes, NULL);
    if (rc == 0)
        check_well_formed(state);
    else
        assert_int_equal(rc, SN_EUNAVAILABLE);
    return rc;
}

static void garbled_deltas_do_no_harm(void **state) {
    (void)state;
    chain *c = malloc(sizeof *c);
    random_state = 6;
    begin_chain(c);
    add_small_piece(c);
    add_small_piece(c);
    const piece *good = &c->pieces[1];
    const sn_buffer *delta = &c->pieces[2].delta;
    sn_auto_free char *bad = malloc(delta->bytes);
    unsigned refused = 0;
    for (size_t i = 0; i < delta->bytes; i++) {
        memcpy(bad, delta->data, delta->bytes);
        bad[i] ^= (char)(1 << below(8));
        refused += read_bad(bad, delta->bytes, i % 2 ? good : NULL) < 0;
    }
    for (size_t bytes = 0; bytes < delta->bytes; bytes++) {
        sn_auto_free char *exact = malloc(bytes + 1); /* so that a byte too far is noticed */
        memcpy(exact, delta->data, bytes);
        assert_int_equal(read_bad(exact, bytes, bytes % 2 ? good : NULL), SN_EUNAVAILABLE);
    }
    assert_int_equal(read_bad(delta->data, delta->bytes, good), 0);
    print_message("# %zu bytes; a changed bit is noticed in %u of them\n", delta->bytes, refused);
    assert_true(refused > 30);
    drop_chain(c);
    free(c);
}

/* Places in the head, and what is not believed there. */
static void heads_that_make_no_sense_are_refused(void **state) {
    static const struct {
        size_t at;
        uint64_t value;
        size_t bytes;
    } cases[] = {
        {0, 0, 4},                                 /* not a delta */
        {4, 2, 4},                                 /* another format */
        {8, 5 * SN_WASM_PAGE_BYTES + PAGE, 8},     /* memory: not whole pages, */
        {8, (1ull << 32) + SN_WASM_PAGE_BYTES, 8}, /* too much, */
        {8, 0, 8},                                 /* less than there are pages of */
        {16, UINT32_MAX, 4},                       /* pages: too many */
        {20, UINT32_MAX, 4},                       /* extents: the same */
        {24, UINT32_MAX, 4},                       /* the blob: too large, */
        {24, SN_STATE_BLOB_MOST_BYTES, 4},         /* or larger than what is there */
        {32, SN_STATE_PAGES_MOST, 4},              /* a page that cannot be, */
        {32, SN_STATE_FILES - 1, 4},               /* or is not memory any more, */
        {36, 0, 4},                                /* or comes too late */
    };
    (void)state;
    chain *c = malloc(sizeof *c);
    random_state = 7;
    begin_chain(c);
    add_piece(c, 3);
    sn_buffer *delta = &c->pieces[1].delta;
    sn_auto_free char *bad = malloc(delta->bytes);
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        memcpy(bad, delta->data, delta->bytes);
        memcpy(bad + cases[i].at, &cases[i].value, cases[i].bytes);
        assert_int_equal(read_bad(bad, delta->bytes, NULL), SN_EUNAVAILABLE);
    }
    drop_chain(c);
    free(c);
}

static int drop_image(void **state) {
    (void)state;
    sn_image_close(image);
    sn_state_free(empty_state());
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_says_what_was_done),
        cmocka_unit_test(a_large_delta_is_read_again),
        cmocka_unit_test(garbled_deltas_do_no_harm),
        cmocka_unit_test(heads_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, make_image, drop_image);
}
