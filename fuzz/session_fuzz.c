/*
 * session_fuzz.c - takes what it is given for a session's file and imports it, as it is and again
 * with the checksum made right, which chance would not do; and for what such a file and the log are
 * made of: a record, a delta, a delta before it was compressed. Whatever is taken keeps to its
 * bounds, and is written and read again as the same.
 */
#include "require.h"
#include "session/delta.h"
#include "session/record.h"
#include "session/sessions.h"
#include "session/transfer.h"
#include "util/auto.h"

#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PAGE = SN_STATE_PAGE_BYTES,
    SESSION_MB = 1,
    IMAGE_PAGES = 2,
    /* Of a session's file (transfer.c). */
    HEAD_BYTES = 48,
    CHECK_AT = 32,
    /* Of a delta (delta.c). */
    DELTA_HEAD_BYTES = 32,
    PAGES_COUNT_AT = 16,
    UNPACKED_MOST_BYTES = 1 << 16,
};

/* ---- what there is beside the input ---- */

/* Holds the session that was put last. */
typedef struct one_store {
    sn_store store;
    sn_record record;
    sn_buffer code, delta;
    bool is_there;
} one_store;

static int store_get(sn_record *out, sn_store *store, const char *id, sn_error *err) {
    const one_store *s = (const one_store *)store;
    if (!s->is_there || strcmp(id, s->record.id) != 0)
        return SN_ENOT_FOUND;
    return sn_record_copy(out, &s->record, err);
}

static int store_put(sn_store *store, sn_record *record, const sn_new_node *node, sn_error *err) {
    one_store *s = (one_store *)store;
    REQUIRE(!s->is_there && node && node->below == 0 && record->steps_count == 1);
    record->steps[0].node = 1;
    s->is_there = true;
    REQUIRE(sn_buffer_add(&s->code, node->code, node->code_bytes) &&
            sn_buffer_add(&s->delta, node->delta, node->delta_bytes));
    return sn_record_copy(&s->record, record, err);
}

static int store_read(sn_stored_node *out, sn_store *store, uint64_t node, sn_error *err) {
    const one_store *s = (const one_store *)store;
    (void)err;
    REQUIRE(s->is_there && node == 1);
    *out = (sn_stored_node){.code = s->code.data,
                            .code_bytes = s->code.bytes,
                            .delta = s->delta.data,
                            .delta_bytes = s->delta.bytes};
    return 0;
}

static int store_totals(sn_store_totals *out, sn_store *store, sn_error *err) {
    (void)store;
    (void)err;
    *out = (sn_store_totals){0};
    return 0;
}

static const sn_store_operations operations = {
    .get = store_get, .put = store_put, .read = store_read, .totals = store_totals};

static void forget(one_store *s) {
    sn_record_clear(&s->record);
    sn_buffer_free(&s->code);
    sn_buffer_free(&s->delta);
    *s = (one_store){.store = {&operations}};
}

static sn_locks *open_locks(void) {
    char folder[] = "/tmp/session-fuzz-XXXXXX";
    sn_locks *locks;
    REQUIRE(mkdtemp(folder) && sn_locks_open(&locks, folder, NULL) == 0);
    sn_auto_free char *file = NULL;
    REQUIRE(asprintf(&file, "%s/sessions.lock", folder) > 0);
    REQUIRE(unlink(file) == 0 && rmdir(folder) == 0);
    return locks;
}

static const sn_image *the_image(void) {
    static sn_saved_run run = {PAGE, IMAGE_PAGES * PAGE, 0};
    static uint8_t pages[IMAGE_PAGES * PAGE];
    static sn_image image = {
        .saved = {.fd = -1, .runs = &run, .runs_count = 1}, .runs = &run, .map = pages};
    for (size_t i = 0; i < sizeof pages; i += 64)
        pages[i] = (uint8_t)(i >> 6);
    return &image;
}

/* ---- states ---- */

static void check_state(const sn_state *s) {
    for (size_t i = 0; i < s->pages.count; i++) {
        REQUIRE(i == 0 || s->pages.numbers[i] > s->pages.numbers[i - 1]);
        REQUIRE(s->pages.numbers[i] < SN_STATE_PAGES_MOST);
        REQUIRE(sn_state_uses(s, s->pages.numbers[i]));
    }
    REQUIRE(s->memory_bytes % SN_WASM_PAGE_BYTES == 0 &&
            s->memory_bytes <= (uint64_t)SN_STATE_FILES * PAGE);
    REQUIRE(s->blob_bytes <= SN_STATE_BLOB_MOST_BYTES);
    REQUIRE(sn_extents_rise(s->extents, s->extents_count));
}

static void compare(const sn_state *a, const sn_state *b) {
    REQUIRE(a->memory_bytes == b->memory_bytes && a->pages.count == b->pages.count);
    REQUIRE(a->extents_count == b->extents_count && a->blob_bytes == b->blob_bytes);
    REQUIRE(memcmp(a->extents, b->extents, a->extents_count * sizeof *a->extents) == 0);
    REQUIRE(memcmp(a->blob, b->blob, a->blob_bytes) == 0);
    for (size_t i = 0; i < a->pages.count; i++) {
        uint32_t number = a->pages.numbers[i];
        REQUIRE(number == b->pages.numbers[i]);
        REQUIRE(memcmp(sn_state_page(a, number), sn_state_page(b, number), PAGE) == 0);
    }
}

static sn_state *new_state(void) {
    sn_state *state;
    REQUIRE(sn_state_new(&state, NULL) == 0);
    return state;
}

/* As a step would write it that changed every page. */
static void write_again(const sn_state *state, const sn_image *image) {
    sn_buffer bytes = {0};
    sn_pages covered;
    size_t keep;
    REQUIRE(sn_delta_plan(&covered, &keep, state, &state->pages, NULL) == 0);
    REQUIRE(sn_delta_write(&bytes, state, image, &covered, NULL) == 0);
    REQUIRE(covered.count == state->pages.count);
    sn_state *again = new_state();
    REQUIRE(sn_delta_read(again, image, 1, bytes.data, bytes.bytes, NULL) == 0);
    check_state(again);
    compare(state, again);
    sn_state_free(again);
    free(covered.numbers);
    sn_buffer_free(&bytes);
}

static void try_delta(const void *data, size_t size) {
    const sn_image *image = the_image();
    sn_state *state = new_state();
    sn_error err = SN_ERROR_INIT;
    uint32_t count;
    if (sn_delta_read(state, image, 1, data, size, &err) == 0) {
        REQUIRE(sn_delta_count(&count, data, size, NULL) == 0 && state->pages.count <= count);
        check_state(state);
        write_again(state, image);
        sn_state *other = new_state(); /* without the image, and twice, one over the other */
        REQUIRE(sn_delta_read(other, NULL, 1, data, size, NULL) == 0);
        REQUIRE(sn_delta_read(other, NULL, 2, data, size, NULL) == 0);
        check_state(other);
        write_again(other, NULL);
        sn_state_free(other);
    }
    sn_state_free(state);
}

/* The input is a delta whose part that would be compressed is not. */
static void try_unpacked(const uint8_t *data, size_t size) {
    uint32_t count;
    if (size < DELTA_HEAD_BYTES)
        return;
    memcpy(&count, data + PAGES_COUNT_AT, sizeof count);
    size_t before = DELTA_HEAD_BYTES + (uint64_t)count * sizeof count;
    if (before > size || size - before > UNPACKED_MOST_BYTES)
        return;
    size_t most = ZSTD_compressBound(size - before);
    sn_auto_free uint8_t *packed = malloc(before + most);
    REQUIRE(packed);
    memcpy(packed, data, before);
    size_t bytes = ZSTD_compress(packed + before, most, data + before, size - before, 1);
    REQUIRE(!ZSTD_isError(bytes));
    try_delta(packed, before + bytes);
}

/* ---- records and files ---- */

static void try_record(const void *data, size_t size) {
    sn_record record, again;
    sn_buffer bytes = {0};
    sn_error err = SN_ERROR_INIT;
    if (sn_record_read(&record, data, size, &err) < 0)
        return;
    for (size_t i = 0; i < record.steps_count; i++)
        REQUIRE(record.steps[i].step > (i ? record.steps[i - 1].step : 0));
    REQUIRE(record.steps_count <= SN_STEPS_MOST);
    REQUIRE(strlen(record.id) >= 1 && strlen(record.id) <= SN_SESSION_ID_MAX_BYTES);
    REQUIRE(sn_record_write(&bytes, &record) && bytes.bytes == size);
    REQUIRE(sn_record_read(&again, bytes.data, bytes.bytes, NULL) == 0);
    REQUIRE(strcmp(again.id, record.id) == 0 && again.steps_count == record.steps_count);
    REQUIRE(memcmp(again.steps, record.steps, record.steps_count * sizeof *record.steps) == 0);
    sn_record_clear(&again);
    sn_record_clear(&record);
    sn_buffer_free(&bytes);
}

static int file_of(const void *data, size_t size) {
    int fd = memfd_create("session", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int import(sn_sessions *s, const char *id, int fd) {
    sn_error err = SN_ERROR_INIT;
    char *made = NULL;
    int rc = sn_session_import(s, id, fd, &made, &err);
    REQUIRE(rc == 0 ? sn_session_id_is_valid(made) : rc == err.code && *err.message);
    free(made);
    return rc;
}

/* What was imported can be read and gone on from, and its export be imported. */
static void check_imported(sn_sessions *s, one_store *store) {
    sn_state *state, *again;
    REQUIRE(sn_state_read(&state, s->store, NULL, 1, NULL) == 0);
    check_state(state);
    REQUIRE(state->pages.count <= ((uint64_t)SESSION_MB << 20) / PAGE);
    sn_record_step *step = &store->record.steps[0];
    REQUIRE(step->step + 1 > step->step && step->memory_bytes == state->memory_bytes);
    sn_auto_fd int fd = file_of("", 0);
    REQUIRE(sn_session_export(s, store->record.id, fd, NULL) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    forget(store);
    REQUIRE(import(s, "again", fd) == 0);
    REQUIRE(sn_state_read(&again, s->store, NULL, 1, NULL) == 0);
    compare(state, again);
    sn_state_free(again);
    sn_state_free(state);
}

/* What a file says of itself, as those see it who carry it. */
static bool check_beginning(const void *data, size_t size) {
    sn_transfer transfer;
    sn_error err = SN_ERROR_INIT;
    int rc = sn_transfer_begin(&transfer, data, size, &err);
    REQUIRE(rc == 0 ? sn_session_id_is_valid(transfer.id) && transfer.bytes > HEAD_BYTES
                    : rc == SN_EINVALID_ARGUMENT && *err.message);
    return rc == 0;
}

static bool try_file(const void *data, size_t size) {
    static sn_locks *locks;
    if (!locks)
        locks = open_locks();
    one_store store = {.store = {&operations}};
    sn_sessions s = {.options = {.session_mb = SESSION_MB, .sessions_most = 1, .disk_mb = 1},
                     .store = &store.store,
                     .locks = locks,
                     .image = the_image()};
    sn_auto_fd int fd = file_of(data, size);
    bool has_begun = check_beginning(data, size);
    bool taken = import(&s, NULL, fd) == 0;
    REQUIRE(taken == store.is_there && (has_begun || !taken));
    if (taken)
        check_imported(&s, &store);
    forget(&store);
    return taken;
}

static void try_sealed(const uint8_t *data, size_t size) {
    if (size < HEAD_BYTES)
        return;
    sn_auto_free uint8_t *sealed = malloc(size);
    REQUIRE(sealed);
    memcpy(sealed, data, size);
    XXH128_hash_t check = XXH3_128bits(sealed + HEAD_BYTES, size - HEAD_BYTES);
    XXH128_canonicalFromHash((XXH128_canonical_t *)(sealed + CHECK_AT), check);
    (void)try_file(sealed, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!try_file(data, size))
        try_sealed(data, size);
    try_record(data, size);
    try_delta(data, size);
    try_unpacked(data, size);
    return 0;
}
