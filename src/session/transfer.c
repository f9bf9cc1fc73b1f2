/*
 * transfer.c - sessions as files, from one machine to another. See shannon.h.
 *
 * The file, little-endian: head; the record (record.h) with its last step alone; that step's code;
 * one delta (delta.h) that lies over nothing. A file that is read may come from anywhere: sizes are
 * bounded before memory is taken, the delta is decoded before it is kept, and what is in it reaches
 * only workers, in their jail.
 */
#include "session/transfer.h"
#include "sandbox/interpreter.h"
#include "session/delta.h"
#include "session/limits.h"
#include "session/local.h"
#include "session/record.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <xxhash.h>

enum {
    FORMAT = 1,
    STEP_MOST = INT32_MAX, /* from which a session can still go on for long */
};

static const char magic[8] = "SNSESSN";

typedef struct file_head {
    char magic[8];
    uint32_t format;
    uint32_t record_bytes;
    uint32_t code_bytes;
    uint32_t unused;
    uint64_t delta_bytes;
    uint8_t check[16]; /* XXH3 of all that follows */
} file_head;

static void check_of(uint8_t out[16], const void *data, size_t bytes) {
    XXH128_canonicalFromHash((XXH128_canonical_t *)out, XXH3_128bits(data, bytes));
}

/* The image that this machine's interpreter has. */
static int find_base(uint8_t base[SN_BASE_BYTES], const sn_sessions *s, sn_error *err) {
    if (s->image) {
        memcpy(base, s->image->checksum, SN_BASE_BYTES);
        return 0;
    }
    sn_interpreter interpreter = {0};
    int rc = sn_interpreter_open(&interpreter, s->home, NULL, NULL, NULL, err);
    if (rc < 0)
        return rc;
    if (interpreter.image)
        memcpy(base, interpreter.image->checksum, SN_BASE_BYTES);
    else
        rc = sn_fail(err, SN_EUNAVAILABLE, "%s is no Python interpreter", interpreter.path);
    sn_interpreter_close(&interpreter);
    return rc;
}

/* ---- export ---- */

static int all_in_one(sn_buffer *out, sn_sessions *s, const sn_record_step *step, sn_error *err) {
    sn_state *state;
    /* without the image, what differs from it comes as it is stored, and is stored again */
    int rc = sn_state_read(&state, s->store, NULL, step->node, err);
    if (rc < 0)
        return rc;
    rc = sn_delta_write(out, state, NULL, &state->pages, err);
    sn_state_free(state);
    return rc;
}

static int gather(sn_buffer *out, sn_sessions *s, const sn_record *record, sn_error *err) {
    const sn_record_step *last = sn_record_last(record);
    file_head head = {.format = FORMAT};
    sn_record alone = *record;
    sn_stored_node node = {0};
    memcpy(head.magic, magic, sizeof magic);
    if (!last)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "session '%s' has no step to export", record->id);
    alone.steps = (sn_record_step *)last;
    alone.steps_count = 1;
    int rc = sn_store_read(&node, s->store, last->node, err);
    if (rc < 0)
        return rc;
    size_t record_at = sizeof head;
    bool ok = sn_buffer_add(out, &head, sizeof head) && sn_record_write(out, &alone);
    head.record_bytes = (uint32_t)(out->bytes - record_at);
    head.code_bytes = (uint32_t)node.code_bytes;
    ok = ok && sn_buffer_add(out, node.code, node.code_bytes);
    sn_stored_node_clear(&node);
    size_t before = out->bytes;
    rc = ok ? all_in_one(out, s, last, err)
            : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    if (rc < 0)
        return rc;
    head.delta_bytes = out->bytes - before;
    check_of(head.check, out->data + sizeof head, out->bytes - sizeof head);
    memcpy(out->data, &head, sizeof head);
    return 0;
}

int sn_local_session_export(sn_sessions *s, const char *id, int fd, sn_error *err) {
    sn_record record;
    sn_buffer file = {0};
    int rc = sn_store_get(&record, s->store, id, err);
    if (rc < 0)
        return rc;
    rc = gather(&file, s, &record, err);
    sn_record_clear(&record);
    if (rc == 0) {
        int written = sn_write_full(fd, file.data, file.bytes);
        if (written < 0)
            rc = sn_fail_errno(err, SN_EUNAVAILABLE, -written, "cannot write the session's file");
    }
    sn_buffer_free(&file);
    return rc;
}

/* ---- import ---- */

static int read_all(sn_buffer *out, int fd, uint64_t most_bytes, sn_error *err) {
    char room[1 << 16];
    for (;;) {
        ssize_t n = read(fd, room, sizeof room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot read the session's file");
        if (n == 0)
            return 0;
        if (out->bytes + (size_t)n > most_bytes)
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "the file is larger than a session may be (SHANNON_SESSION_MB)");
        if (!sn_buffer_add(out, room, (size_t)n))
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
    }
}

static int no_session(sn_error *err, const char *why) {
    return sn_fail(err, SN_EINVALID_ARGUMENT, "the file is no session: %s", why);
}

/* Of `bytes`, which are all of the file or its beginning, those behind the head are `*left`. */
static int read_head(file_head *out, size_t *left, const void *data, size_t bytes, sn_error *err) {
    if (bytes < sizeof *out)
        return no_session(err, "it is cut off");
    memcpy(out, data, sizeof *out);
    *left = bytes - sizeof *out;
    if (memcmp(out->magic, magic, sizeof magic) != 0)
        return no_session(err, "it does not begin like one");
    if (out->format != FORMAT)
        return no_session(err, "its format is of another version of Shannon");
    if (out->code_bytes > SN_NODE_CODE_MOST_BYTES)
        return no_session(err, "its sizes make no sense");
    return 0;
}

static int read_record(sn_record *out, const void *data, size_t bytes, sn_error *err) {
    sn_error why = SN_ERROR_INIT;
    if (sn_record_read(out, data, bytes, &why) < 0)
        return no_session(err, why.message);
    if (out->steps_count == 1 && out->steps[0].step <= STEP_MOST && sn_session_id_is_valid(out->id))
        return 0;
    sn_record_clear(out);
    return no_session(err, "its record makes no sense");
}

static int parse(sn_record *record, sn_new_node *node, const sn_buffer *file, sn_error *err) {
    file_head head;
    uint8_t check[16];
    size_t left = 0;
    int rc = read_head(&head, &left, file->data, file->bytes, err);
    if (rc < 0)
        return rc;
    const char *at = file->data + sizeof head;
    if (head.record_bytes > left || head.code_bytes > left - head.record_bytes ||
        head.delta_bytes != left - head.record_bytes - head.code_bytes)
        return no_session(err, "its sizes make no sense");
    check_of(check, at, left);
    if (memcmp(check, head.check, sizeof check) != 0)
        return no_session(err, "it is damaged, its checksum differs");
    *node = (sn_new_node){
        .code = at + head.record_bytes,
        .code_bytes = head.code_bytes,
        .delta = at + head.record_bytes + head.code_bytes,
        .delta_bytes = head.delta_bytes,
    };
    return read_record(record, at, head.record_bytes, err);
}

/* That the delta is not larger than a session may be, before memory is taken for it, and can be
 * read. */
static int check_delta(sn_sessions *s, sn_record *record, const sn_new_node *node, sn_error *err) {
    uint64_t most = ((uint64_t)s->options.session_mb << 20) / SN_STATE_PAGE_BYTES;
    uint32_t pages;
    sn_state *state;
    if (sn_delta_count(&pages, node->delta, node->delta_bytes, NULL) < 0)
        return no_session(err, "its pages are damaged");
    if (pages > most)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                       "the session is larger than a session may be (SHANNON_SESSION_MB)");
    int rc = sn_state_new(&state, err);
    if (rc < 0)
        return rc;
    if (sn_delta_read(state, NULL, 0, node->delta, node->delta_bytes, NULL) < 0)
        rc = no_session(err, "its pages are damaged");
    record->steps[0].memory_bytes = state->memory_bytes;
    sn_state_free(state);
    return rc;
}

static int check_base(sn_sessions *s, const sn_record *record, sn_error *err) {
    uint8_t base[SN_BASE_BYTES];
    int rc = find_base(base, s, err);
    if (rc < 0 || memcmp(base, record->base, sizeof base) == 0)
        return rc;
    sn_fail(err, SN_EINVALID_ARGUMENT,
            "session '%s' was made with another interpreter than the one that is here", record->id);
    return sn_hint(err,
                   "both machines need the same python .wasm and .zip, and version of Shannon");
}

static int put(sn_sessions *s, sn_record *record, const sn_new_node *node, sn_error *err) {
    sn_record other = {0};
    int rc = sn_store_get(&other, s->store, record->id, NULL);
    sn_record_clear(&other);
    if (rc != SN_ENOT_FOUND) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "there is a session '%s' already", record->id);
        return sn_hint(err, "import it under another name, or delete the one that is there");
    }
    rc = sn_limits_make_room(s, true, record->id, err);
    record->used_ms = sn_now_ms();
    return rc < 0 ? rc : sn_store_put(s->store, record, node, err);
}

int sn_local_session_import(sn_sessions *s, const char *id, int fd, char **made_id, sn_error *err) {
    sn_buffer file = {0};
    sn_record record = {0};
    sn_new_node node;
    int rc = id && !sn_session_id_is_valid(id)
                 ? sn_fail(err, SN_EINVALID_ARGUMENT, "'%.140s' is no id for a session", id)
                 : read_all(&file, fd, sn_transfer_most_bytes(s), err);
    if (rc == 0)
        rc = parse(&record, &node, &file, err);
    if (rc == 0)
        rc = check_base(s, &record, err);
    if (rc == 0)
        rc = check_delta(s, &record, &node, err);
    if (rc == 0) {
        if (id)
            snprintf(record.id, sizeof record.id, "%s", id);
        rc = sn_lock_take(s->locks, record.id, (uint64_t)(s->options.wait_seconds * 1e9), -1, err);
        if (rc == 0) {
            rc = put(s, &record, &node, err);
            sn_lock_release(s->locks, record.id);
        }
    }
    if (rc == 0 && made_id)
        *made_id = strdup(record.id);
    sn_record_clear(&record);
    sn_buffer_free(&file);
    return rc;
}

/* ---- on the way ---- */

int sn_transfer_begin(sn_transfer *out, const void *data, size_t bytes, sn_error *err) {
    file_head head;
    sn_record record;
    size_t left = 0;
    uint64_t all;
    int rc = read_head(&head, &left, data, bytes, err);
    if (rc < 0)
        return rc;
    if (head.record_bytes > SN_TRANSFER_BEGINNING_BYTES - sizeof head ||
        __builtin_add_overflow(head.delta_bytes,
                               (uint64_t)head.code_bytes + head.record_bytes + sizeof head, &all))
        return no_session(err, "its sizes make no sense");
    if (head.record_bytes > left)
        return no_session(err, "it is cut off");
    rc = read_record(&record, (const char *)data + sizeof head, head.record_bytes, err);
    if (rc < 0)
        return rc;
    *out = (sn_transfer){.bytes = all};
    snprintf(out->id, sizeof out->id, "%s", record.id);
    sn_record_clear(&record);
    return 0;
}

uint64_t sn_transfer_most_bytes(const sn_sessions *s) {
    enum { SLACK_BYTES = 64 << 20 };
    return ((uint64_t)s->options.session_mb << 20) + SLACK_BYTES;
}

int sn_transfer_file(const sn_sessions *s, sn_error *err) {
    int fd = open(s->home, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "no file in %s for a session", s->home);
    sn_auto_free char *name = sn_format("%s/transfer-XXXXXX", s->home); /* not every file system */
    fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "no file in %s for a session", s->home);
    (void)!unlink(name);
    return fd;
}
