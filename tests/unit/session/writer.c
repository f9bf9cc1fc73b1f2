/* writer.c - see writer.h. */
#include "writer.h"

#include "session/log.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

const char *writer_session(uint32_t number) {
    static char name[32];
    snprintf(name, sizeof name, "session-%02u", number);
    return name;
}

/* ---- in the other process, which makes no assertions ---- */

typedef struct work {
    const writer_options *options;
    sn_store *store;
    uint64_t random;
    int fd;
    writer_message message;
    sn_record record;
    sn_error err;
} work;

static void give_up(const work *w) {
    dprintf(2, "# the writer failed: %s\n", w->err.message);
    _exit(1);
}

static void where_it_ends(work *w) {
    uint32_t *segments;
    size_t count;
    if (sn_log_segments(&segments, &count, w->options->folder, &w->err) < 0)
        give_up(w);
    if (count) {
        w->message.segment = segments[count - 1];
        w->message.bytes = (uint64_t)stores_end(w->options->folder, segments[count - 1]);
    }
    free(segments);
}

static void tell(work *w, bool is_done) {
    w->message.is_done = is_done;
    if (is_done && w->options->say_where)
        where_it_ends(w);
    if (sn_write_full(w->fd, &w->message, sizeof w->message) < 0)
        _exit(1);
}

static size_t some_bytes(work *w) {
    static const uint32_t most[] = {64, 2000, 2000, 9000, 9000, 9000, 60000, 900000};
    uint64_t random = stores_random(&w->random);
    return (random >> 8) % most[random % SN_COUNT(most)];
}

static int step(work *w, const char *id) {
    w->message.after = stores_random(&w->random) >> 1;
    tell(w, false);
    return stores_step(w->store, id, w->message.after, some_bytes(w), &w->err);
}

/* `id` is the one that is forked. */
static int fork_one(work *w, const char *id) {
    char from[SN_SESSION_ID_MAX_BYTES + 1];
    snprintf(from, sizeof from, "%s", id);
    const sn_record_step *last = sn_record_last(&w->record);
    w->message.from = w->message.session;
    w->message.session =
        w->options->first + (uint32_t)(stores_random(&w->random) % w->options->count);
    w->message.after = last ? last->memory_bytes : 0;
    tell(w, false);
    return stores_fork(w->store, writer_session(w->message.session), from, &w->err);
}

static int rewind_one(work *w, const char *id) {
    size_t count = w->record.steps_count, by = 1 + stores_random(&w->random) % 3;
    w->message.after = by < count ? w->record.steps[count - by - 1].memory_bytes : 0;
    tell(w, false);
    return stores_rewind(w->store, id, by, &w->err);
}

static int remove_one(work *w, const char *id) {
    w->message.after = STORES_NONE;
    tell(w, false);
    return sn_store_remove(w->store, id, &w->err);
}

static int change(work *w) {
    static int (*const changes[])(work *, const char *) = {
        step, step, step, step, step, step, step, fork_one, rewind_one, remove_one};
    uint64_t random = stores_random(&w->random);
    uint32_t session = w->options->first + (uint32_t)(random % w->options->count);
    const char *id = writer_session(session);
    int (*one)(work *, const char *) = changes[(random >> 16) % SN_COUNT(changes)];
    w->message = (writer_message){.session = session, .from = session};
    w->record = (sn_record){0};
    int rc = sn_store_get(&w->record, w->store, id, &w->err);
    if (rc < 0 && rc != SN_ENOT_FOUND)
        return rc;
    rc = rc == SN_ENOT_FOUND ? step(w, id) : one(w, id);
    sn_record_clear(&w->record);
    if (rc == 0)
        tell(w, true);
    return rc;
}

static void run(work *w) {
    if (sn_local_store_open(&w->store, w->options->folder, &w->err) < 0)
        give_up(w);
    for (uint32_t i = 1;; i++) {
        if (change(w) < 0)
            give_up(w);
        if (w->options->tidy_every && i % w->options->tidy_every == 0 &&
            sn_store_tidy(w->store, &w->err) < 0)
            give_up(w);
    }
}

/* ---- beside it ---- */

void writer_start(writer *w, const writer_options *options) {
    int ends[2];
    *w = (writer){0};
    assert_int_equal(pipe(ends), 0);
    w->pid = fork();
    assert_true(w->pid >= 0);
    if (w->pid == 0) {
        close(ends[0]);
        run(&(work){.options = options, .random = options->seed, .fd = ends[1]});
    }
    close(ends[1]);
    w->fd = ends[0];
}

void writer_wait(const writer *w) {
    struct pollfd ready = {w->fd, POLLIN, 0};
    assert_int_equal(poll(&ready, 1, 60000), 1);
}

void writer_kill(writer *w) {
    int status;
    ssize_t bytes;
    writer_message m;
    kill(w->pid, SIGKILL);
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    while ((bytes = sn_read_full(w->fd, &m, sizeof m)) == sizeof m) {
        w->messages = realloc(w->messages, (w->count + 1) * sizeof m);
        assert_non_null(w->messages);
        w->messages[w->count++] = m;
    }
    close(w->fd);
    assert_int_equal(bytes, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void writer_clear(writer *w) {
    free(w->messages);
    *w = (writer){0};
}

/* ---- what is to be there ---- */

void writer_expect_nothing(writer_expected expected[WRITER_SESSIONS]) {
    for (size_t i = 0; i < WRITER_SESSIONS; i++)
        expected[i] = (writer_expected){.now = STORES_NONE};
}

/* What was left at the end of the log by somebody who was killed is there until the next change is
 * written, and then not any more. */
void writer_expect(writer_expected *expected, const writer_options *of, const writer_message *m) {
    writer_expected *one = &expected[m->session];
    if (!m->is_done) {
        assert_true(one->maybes < WRITER_MAYBES);
        one->maybe[one->maybes++] = m->after;
        return;
    }
    one->now = m->after;
    for (uint32_t i = 0; i < of->count; i++)
        expected[of->first + i].maybes = 0;
}

static bool is_possible(const writer_expected *one, uint64_t seen) {
    for (size_t i = 0; i < one->maybes; i++)
        if (one->maybe[i] == seen)
            return true;
    return seen == one->now;
}

unsigned writer_compare(writer_expected *expected, const writer_options *of, sn_store *store,
                        bool for_good) {
    unsigned further = 0;
    for (uint32_t i = of->first; i < of->first + of->count; i++) {
        writer_expected *one = &expected[i];
        uint64_t seen = stores_last(store, writer_session(i));
        if (!is_possible(one, seen))
            fail_msg("%s is at %llx, not at %llx", writer_session(i), (unsigned long long)seen,
                     (unsigned long long)one->now);
        if (seen != one->now || for_good)
            one->maybes = 0;
        further += seen != one->now;
        one->now = seen;
    }
    return further;
}
