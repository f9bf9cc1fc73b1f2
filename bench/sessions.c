/*
 * sessions.c - what sessions cost, through the C library, in a home folder of its own.
 *
 *   sessions step ROUNDS     in turns: a fresh execution, `x += 1` in a small session and in one
 * that holds 100 MB, a step that writes to 10 MB of it, fork and rewind of both, the first step in
 * a fork; and what the disk takes by itself sessions many COUNT      so many idle sessions of one
 * step each: disk, opening with them
 *
 * Prints milliseconds; asserts nothing but that every execution gives what it must.
 */
#include "shannon.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void check(int rc, const sn_error *err) {
    if (rc >= 0)
        return;
    fprintf(stderr, "%s: %s\n%s\n", sn_error_name(err->code), err->message, err->hint);
    exit(1);
}

static char home[] = "/tmp/shannon-bench-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_home(void) {
    nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static uint64_t disk_bytes;

static int add_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)path, (void)ftw;
    if (type == FTW_F)
        disk_bytes += (uint64_t)st->st_blocks * 512;
    return 0;
}

static uint64_t disk_used(void) {
    disk_bytes = 0;
    nftw(home, add_one, 16, FTW_PHYS);
    return disk_bytes;
}

static uint64_t run(sn_executor *executor, const char *session, const char *code) {
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = code;
    request.code_bytes = strlen(code);
    request.session_id = session;
    uint64_t start = now_ns();
    check(sn_execute(&result, executor, &request, NULL, NULL, &err), &err);
    uint64_t took = now_ns() - start;
    if (result->status != SN_STATUS_OK || result->unsaved) {
        fprintf(stderr, "unexpected: %s %s\n", result->error_traceback,
                result->unsaved ? result->unsaved : "");
        exit(1);
    }
    sn_result_free(result);
    return took;
}

/* ---- a table of measurements ---- */

typedef struct row {
    const char *name;
    uint64_t *ns;
    size_t count;
} row;

static int ascending(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void add(row *r, uint64_t ns) {
    r->ns = realloc(r->ns, (r->count + 1) * sizeof *r->ns);
    r->ns[r->count++] = ns;
}

static double share(const row *r, double part) {
    return r->count ? (double)r->ns[(size_t)(part * (double)(r->count - 1))] / 1e6 : 0;
}

static void print_rows(row *rows, size_t count) {
    printf("%-52s %8s %8s %8s %8s\n", "milliseconds", "p50", "p90", "p99", "min");
    for (size_t i = 0; i < count; i++) {
        qsort(rows[i].ns, rows[i].count, sizeof *rows[i].ns, ascending);
        printf("%-52s %8.3f %8.3f %8.3f %8.3f\n", rows[i].name, share(&rows[i], 0.5),
               share(&rows[i], 0.9), share(&rows[i], 0.99), share(&rows[i], 0));
    }
}

static sn_executor *open_executor(void) {
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    sn_sessions_options sessions = SN_SESSIONS_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_executor *executor;
    sessions.home = home;
    options.sessions = &sessions;
    check(sn_executor_open(&executor, &options, &err), &err);
    return executor;
}

static void rest(void) {
    usleep(3000); /* the stock of workers is filled up between two requests */
}

static uint64_t timed_fork(sn_sessions *sessions, const char *from, const char *to) {
    sn_error err = SN_ERROR_INIT;
    uint64_t start = now_ns();
    check(sn_session_fork(sessions, from, SN_STEP_LAST, to, &err), &err);
    return now_ns() - start;
}

static uint64_t timed_rewind(sn_sessions *sessions, const char *id, uint64_t step) {
    sn_error err = SN_ERROR_INIT;
    uint64_t start = now_ns();
    check(sn_session_rewind(sessions, id, step, &err), &err);
    return now_ns() - start;
}

/* Of about as much as a small step takes, at the end of a file. */
static uint64_t timed_write(void) {
    static int fd = -1;
    static char data[8192];
    char path[sizeof home + 16];
    snprintf(path, sizeof path, "%s/disk", home);
    if (fd < 0)
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    uint64_t start = now_ns();
    if (write(fd, data, sizeof data) != sizeof data || fdatasync(fd) < 0) {
        perror(path);
        exit(1);
    }
    return now_ns() - start;
}

static void step(size_t rounds) {
    enum { FRESH, DISK, SMALL, LARGE, TOUCH, FORK_SMALL, FORK_LARGE, REWIND_LARGE, FIRST, ROWS };
    row rows[ROWS] = {
        [FRESH] = {.name = "fresh: x = 1"},
        [DISK] = {.name = "the disk by itself: 8 KB and fdatasync"},
        [SMALL] = {.name = "session: x += 1"},
        [LARGE] = {.name = "session with 100 MB: x += 1"},
        [TOUCH] = {.name = "session with 100 MB: write to 10 MB of it"},
        [FORK_SMALL] = {.name = "fork of the small one"},
        [FORK_LARGE] = {.name = "fork of the one with 100 MB"},
        [REWIND_LARGE] = {.name = "rewind of the one with 100 MB, by one step"},
        [FIRST] = {.name = "first step in a fork of the small one (from disk)"},
    };
    sn_executor *executor = open_executor();
    sn_error err = SN_ERROR_INIT;
    sn_sessions *sessions = sn_executor_sessions(executor, &err);
    check(sessions ? 0 : -1, &err);
    run(executor, "small", "x = 0");
    run(executor, "large",
        "import random; x = 0; data = bytearray(random.randbytes(1_000_000) * 100)");
    for (size_t i = 0; i < rounds; i++) {
        char name[32];
        rest();
        add(&rows[FRESH], run(executor, NULL, "x = 1"));
        rest();
        add(&rows[DISK], timed_write());
        rest();
        add(&rows[SMALL], run(executor, "small", "x += 1"));
        rest();
        add(&rows[LARGE], run(executor, "large", "x += 1"));
        if (i % 10 == 0) {
            rest();
            add(&rows[TOUCH], run(executor, "large",
                                  "data[x * 4096:x * 4096 + 10_000_000:4096] = "
                                  "bytes(2442)"));
            run(executor, "large", "x += 1");
            add(&rows[REWIND_LARGE], timed_rewind(sessions, "large", 2 + i));
        }
        snprintf(name, sizeof name, "small-%zu", i);
        add(&rows[FORK_SMALL], timed_fork(sessions, "small", name));
        rest();
        add(&rows[FIRST], run(executor, name, "x += 1"));
        snprintf(name, sizeof name, "large-%zu", i);
        add(&rows[FORK_LARGE], timed_fork(sessions, "large", name));
    }
    print_rows(rows, ROWS);
    sn_executor_close(executor);
}

static void many(size_t count) {
    sn_executor *executor = open_executor();
    uint64_t start = now_ns();
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "idle-%zu", i);
        run(executor, name, "x = 1");
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    sn_executor_close(executor);
    printf("%zu sessions of one step (x = 1), made one after the other in %.1f s\n", count,
           seconds);
    printf("disk: %.1f MiB, %.1f KiB each\n", (double)disk_used() / 1048576,
           (double)disk_used() / 1024 / (double)count);
    start = now_ns();
    executor = open_executor();
    sn_error err = SN_ERROR_INIT;
    check(sn_executor_sessions(executor, &err) ? 0 : -1, &err);
    double opened = (double)(now_ns() - start) / 1e6;
    double first = (double)run(executor, "idle-7", "x += 1") / 1e6;
    printf("opening with them: %.1f ms; a step in one of them: %.2f ms\n", opened, first);
    sn_executor_close(executor);
}

int main(int argc, char **argv) {
    size_t number = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (number == 0) {
        fprintf(stderr, "usage: sessions step ROUNDS | sessions many COUNT\n");
        return 2;
    }
    if (!mkdtemp(home))
        return 1;
    atexit(remove_home);
    if (strcmp(argv[1], "step") == 0)
        step(number);
    else
        many(number);
    return 0;
}
