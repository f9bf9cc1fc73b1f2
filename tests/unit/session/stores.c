/* stores.c - see stores.h. */
#include "stores.h"

#include "session/log.h"

#include "session/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { CODE_BYTES = 1000, CHAIN = 6 };

char *stores_folder(void) {
    const char *parent = getenv("TMPDIR");
    char *folder = sn_format("%s/shannon-store-XXXXXX", parent && *parent ? parent : "/tmp");
    assert_non_null(mkdtemp(folder));
    return folder;
}

sn_store *stores_open(const char *folder) {
    sn_store *store;
    sn_error err = SN_ERROR_INIT;
    if (sn_local_store_open(&store, folder, &err) < 0)
        fail_msg("%s", err.message);
    return store;
}

void stores_forget_index(const char *folder) {
    sn_auto_free char *boot = sn_format("%s/boot", folder);
    (void)unlink(boot);
}

sn_store *stores_rebuilt(sn_store *store, const char *folder) {
    sn_store_close(store);
    stores_forget_index(folder);
    return stores_open(folder);
}

/* ---- contents ---- */

uint64_t stores_random(uint64_t *seed) {
    uint64_t x = *seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static char *contents(uint64_t tag, size_t bytes) {
    char *made = malloc(bytes + sizeof tag);
    assert_non_null(made);
    for (size_t i = 0; i < bytes; i += sizeof tag) {
        uint64_t word = stores_random(&tag);
        memcpy(made + i, &word, sizeof word);
    }
    return made;
}

static void check_contents(const sn_stored_node *node, const sn_record_step *step) {
    size_t bytes = node->code_bytes + node->delta_bytes;
    sn_auto_free char *wanted = contents(step->memory_bytes, bytes);
    assert_int_equal(bytes, step->stored_bytes);
    assert_memory_equal(node->code, wanted, node->code_bytes);
    assert_memory_equal(node->delta, wanted + node->code_bytes, node->delta_bytes);
}

/* ---- sessions ---- */

static int get_or_begin(sn_record *out, sn_store *store, const char *id, sn_error *err) {
    int rc = sn_store_get(out, store, id, err);
    if (rc != SN_ENOT_FOUND)
        return rc;
    *out = (sn_record){0};
    snprintf(out->id, sizeof out->id, "%s", id);
    return 0;
}

int stores_step(sn_store *store, const char *id, uint64_t tag, size_t bytes, sn_error *err) {
    sn_record record;
    int rc = get_or_begin(&record, store, id, err);
    if (rc < 0)
        return rc;
    const sn_record_step *last = sn_record_last(&record);
    sn_auto_free char *made = contents(tag, bytes);
    size_t code_bytes = bytes < CODE_BYTES ? bytes : CODE_BYTES;
    sn_new_node node = {last && last->step % CHAIN ? last->node : 0, made, code_bytes,
                        made + code_bytes, bytes - code_bytes};
    sn_record_step step = {.step = last ? last->step + 1 : 1, .memory_bytes = tag};
    record.steps = realloc(record.steps, (record.steps_count + 1) * sizeof step);
    assert_non_null(record.steps);
    record.steps[record.steps_count++] = step;
    record.used_ms = (int64_t)tag;
    sn_limits_thin(&record, STORES_STEPS_MOST);
    rc = sn_store_put(store, &record, &node, err);
    sn_record_clear(&record);
    return rc;
}

int stores_fork(sn_store *store, const char *to, const char *from, sn_error *err) {
    sn_record record;
    int rc = sn_store_get(&record, store, from, err);
    if (rc < 0)
        return rc;
    snprintf(record.id, sizeof record.id, "%s", to);
    rc = sn_store_put(store, &record, NULL, err);
    sn_record_clear(&record);
    return rc;
}

int stores_rewind(sn_store *store, const char *id, size_t steps, sn_error *err) {
    sn_record record;
    int rc = sn_store_get(&record, store, id, err);
    if (rc < 0)
        return rc;
    record.steps_count -= steps < record.steps_count ? steps : record.steps_count;
    rc = sn_store_put(store, &record, NULL, err);
    sn_record_clear(&record);
    return rc;
}

static void must(int rc, const sn_error *err) {
    if (rc < 0)
        fail_msg("%s", err->message);
}

void stores_must_step(sn_store *store, const char *id, uint64_t tag, size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    must(stores_step(store, id, tag, bytes, &err), &err);
}

void stores_must_fork(sn_store *store, const char *to, const char *from) {
    sn_error err = SN_ERROR_INIT;
    must(stores_fork(store, to, from, &err), &err);
}

void stores_must_rewind(sn_store *store, const char *id, size_t steps) {
    sn_error err = SN_ERROR_INIT;
    must(stores_rewind(store, id, steps, &err), &err);
}

void stores_must_remove(sn_store *store, const char *id) {
    sn_error err = SN_ERROR_INIT;
    must(sn_store_remove(store, id, &err), &err);
}

uint64_t stores_last(sn_store *store, const char *id) {
    sn_record record;
    sn_error err = SN_ERROR_INIT;
    int rc = sn_store_get(&record, store, id, &err);
    if (rc == SN_ENOT_FOUND)
        return STORES_NONE;
    must(rc, &err);
    assert_string_equal(record.id, id);
    for (size_t i = 0; i < record.steps_count; i++) {
        sn_stored_node node;
        must(sn_store_read(&node, store, record.steps[i].node, &err), &err);
        check_contents(&node, &record.steps[i]);
        sn_stored_node_clear(&node);
    }
    const sn_record_step *last = sn_record_last(&record);
    uint64_t tag = last ? last->memory_bytes : 0;
    sn_record_clear(&record);
    return tag;
}

static void print_fault(void *user, const char *line) {
    (void)user;
    print_error("# %s\n", line);
}

void stores_check(sn_store *store) {
    sn_error err = SN_ERROR_INIT;
    int faults = sn_store_verify(store, print_fault, NULL, &err);
    must(faults, &err);
    assert_int_equal(faults, 0);
}

sn_store_totals stores_totals(sn_store *store) {
    sn_store_totals totals;
    sn_error err = SN_ERROR_INIT;
    must(sn_store_get_totals(&totals, store, &err), &err);
    return totals;
}

void stores_tidy(sn_store *store) {
    sn_error err = SN_ERROR_INIT;
    uint64_t before;
    do {
        before = stores_totals(store).disk_bytes;
        must(sn_store_tidy(store, &err), &err);
    } while (stores_totals(store).disk_bytes < before);
}

/* ---- files ---- */

char *stores_segment(const char *folder, uint32_t segment) {
    return sn_format("%s/%08u.seg", folder, segment);
}

int64_t stores_size(const char *path) {
    struct stat st;
    return stat(path, &st) < 0 ? -1 : st.st_size;
}

static int add_bytes(void *user, const sn_log_head *head, const sn_log_place *place,
                     const sn_buffer *record) {
    (void)head, (void)record;
    *(int64_t *)user += (int64_t)place->bytes;
    return 0;
}

int64_t stores_end(const char *folder, uint32_t segment) {
    sn_log_end end = {0};
    int64_t bytes = 0;
    return sn_log_walk(&end, folder, segment, add_bytes, &bytes, NULL) < 0 ? 0
                                                                           : (int64_t)end.offset;
}

int64_t stores_bytes(const char *folder, uint32_t segment) {
    sn_log_end end;
    int64_t bytes = 0;
    (void)!sn_log_walk(&end, folder, segment, add_bytes, &bytes, NULL);
    return bytes;
}

void stores_flip(const char *path, uint64_t offset) {
    uint8_t byte;
    sn_auto_fd int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
}

void stores_copy(const char *to, const char *from) {
    sn_auto_fd int in = open(from, O_RDONLY | O_CLOEXEC);
    sn_auto_fd int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    while (sendfile(out, in, NULL, 1 << 30) > 0) {
    }
}
