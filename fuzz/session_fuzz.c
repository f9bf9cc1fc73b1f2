/*
 * session_fuzz.c - reads what it is given as a file that a session was exported to, as it is and
 * again with the checksum made right; and as what is in one: a record, and a delta, whose
 * compressed part it also takes as it is before compression. What is taken is well formed, and the
 * same again when it is written and read.
 */
#include "session/delta.h"
#include "session/record.h"
#include "session/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGES_MOST = 512, DELTA_HEAD_BYTES = 32 };

static void require(bool condition) {
    if (!condition)
        abort();
}

/* ---- records ---- */

static void try_record(const uint8_t *data, size_t size) {
    sn_record record, again;
    sn_buffer written = {0};
    if (sn_record_read(&record, data, size, NULL) < 0)
        return;
    require(sn_record_write(&written, &record));
    require(sn_record_read(&again, written.data, written.bytes, NULL) == 0);
    require(strcmp(again.id, record.id) == 0 && again.steps_count == record.steps_count);
    sn_record_clear(&again);
    sn_record_clear(&record);
    sn_buffer_free(&written);
}

/* ---- deltas ---- */

static void check_state(const sn_state *state) {
    require(sn_extents_rise(state->extents, state->extents_count));
    for (size_t i = 0; i < state->pages.count; i++) {
        require(i == 0 || state->pages.numbers[i - 1] < state->pages.numbers[i]);
        require(sn_state_uses(state, state->pages.numbers[i]));
    }
}

static void check_same(const sn_state *a, const sn_state *b) {
    require(a->memory_bytes == b->memory_bytes && a->pages.count == b->pages.count &&
            a->blob_bytes == b->blob_bytes && a->extents_count == b->extents_count);
    require(memcmp(a->blob, b->blob, a->blob_bytes) == 0);
    for (size_t i = 0; i < a->pages.count; i++) {
        uint32_t number = a->pages.numbers[i];
        require(number == b->pages.numbers[i] &&
                memcmp(sn_state_page(a, number), sn_state_page(b, number), SN_STATE_PAGE_BYTES) ==
                    0);
    }
}

static void write_and_read(const sn_state *state) {
    sn_buffer written = {0};
    sn_state *again;
    require(sn_state_new(&again, NULL) == 0);
    require(sn_delta_write(&written, state, NULL, &state->pages, NULL) == 0);
    require(sn_delta_read(again, NULL, 2, written.data, written.bytes, NULL) == 0);
    check_same(state, again);
    sn_state_free(again);
    sn_buffer_free(&written);
}

static void try_delta(const uint8_t *data, size_t size) {
    sn_state *state;
    if (sn_delta_pages(data, size) > PAGES_MOST)
        return;
    require(sn_state_new(&state, NULL) == 0);
    if (sn_delta_read(state, NULL, 1, data, size, NULL) == 0) {
        check_state(state);
        write_and_read(state);
    }
    sn_state_free(state);
}

/* Chance does not make anything that can be decompressed. */
static void try_delta_compressed(const uint8_t *data, size_t size) {
    uint32_t pages = sn_delta_pages(data, size);
    size_t before = DELTA_HEAD_BYTES + pages * sizeof(uint32_t);
    if (pages > PAGES_MOST || size < before)
        return;
    size_t most = ZSTD_compressBound(size - before);
    uint8_t *packed = malloc(before + most);
    require(packed != NULL);
    memcpy(packed, data, before);
    size_t bytes = ZSTD_compress(packed + before, most, data + before, size - before, 1);
    require(!ZSTD_isError(bytes));
    try_delta(packed, before + bytes);
    free(packed);
}

/* ---- files ---- */

static void try_file(const void *data, size_t size) {
    sn_record record = {0};
    sn_new_node node;
    if (sn_transfer_parse(&record, &node, data, size, NULL) < 0)
        return;
    require(record.steps_count == 1);
    require((const uint8_t *)node.delta + node.delta_bytes == (const uint8_t *)data + size);
    if (sn_transfer_check_delta(&record, &node, PAGES_MOST, NULL) == 0)
        try_delta(node.delta, node.delta_bytes);
    sn_record_clear(&record);
}

static void try_file_sealed(const uint8_t *data, size_t size) {
    if (size < sizeof(sn_transfer_head))
        return;
    void *sealed = malloc(size);
    require(sealed != NULL);
    memcpy(sealed, data, size);
    sn_transfer_seal(sealed, size);
    try_file(sealed, size);
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_record(data, size);
    try_delta(data, size);
    try_delta_compressed(data, size);
    try_file(data, size);
    try_file_sealed(data, size);
    return 0;
}
