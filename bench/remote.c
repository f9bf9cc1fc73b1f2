/*
 * remote.c - what an execution costs over gRPC, beside the same one in this process.
 *
 *   bench-remote ADDRESS [SECONDS [ADDRESSES]]
 *
 * An agent-core at ADDRESS, so many seconds for each figure (2); and the same through ADDRESSES,
 * several of them, which may be names of the same one: so only what choosing costs is different.
 *
 * For each number of threads it measures all, one after the other, five times in turn, and prints
 * the medians: machines are noisy. Prints, asserts nothing but that every execution gives what it
 * must.
 */
#include "shannon.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MOST = 64, SAMPLES_MOST = 1 << 18, TURNS = 5, PLACES_MOST = 3 };

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const sn_error *err) {
    fprintf(stderr, "%s: %s\n%s\n", sn_error_name(err->code), err->message, err->hint);
    exit(1);
}

static sn_executor *open_executor(const char *address) {
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_executor *executor;
    options.agent_core_addr = address;
    options.workers = THREADS_MOST;
    if (sn_executor_open(&executor, &options, &err) < 0)
        fail(&err);
    return executor;
}

/* ---- one measurement ---- */

typedef struct load {
    sn_executor *executor;
    uint64_t until_ns;
    pthread_mutex_t lock; /* of what follows */
    size_t count;
    double samples_ms[SAMPLES_MOST];
} load;

static void run(sn_executor *executor) {
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = "print(1)";
    request.code_bytes = 8;
    if (sn_execute(&result, executor, &request, NULL, NULL, &err) < 0)
        fail(&err);
    if (strcmp(result->stdout_text, "1\n") != 0) {
        fprintf(stderr, "unexpected: %s%s\n", result->stdout_text, result->stderr_text);
        exit(1);
    }
    sn_result_free(result);
}

static void *work(void *user) {
    load *l = user;
    for (;;) {
        uint64_t start = now_ns();
        if (start >= l->until_ns)
            return NULL;
        run(l->executor);
        double ms = (double)(now_ns() - start) / 1e6;
        pthread_mutex_lock(&l->lock);
        if (l->count < SAMPLES_MOST)
            l->samples_ms[l->count++] = ms;
        pthread_mutex_unlock(&l->lock);
    }
}

static int by_size(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

typedef struct figures {
    double p50_ms, p99_ms, per_second;
} figures;

static figures measure(sn_executor *executor, unsigned threads, double seconds) {
    static load l = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t all[THREADS_MOST];
    uint64_t start = now_ns();
    l.executor = executor;
    l.count = 0;
    l.until_ns = start + (uint64_t)(seconds * 1e9);
    for (unsigned i = 0; i < threads; i++)
        pthread_create(&all[i], NULL, work, &l);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(all[i], NULL);
    double took = (double)(now_ns() - start) / 1e9;
    qsort(l.samples_ms, l.count, sizeof *l.samples_ms, by_size);
    return (figures){l.samples_ms[l.count / 2], l.samples_ms[l.count * 99 / 100],
                     (double)l.count / took};
}

/* ---- both, side by side ---- */

static double median(const figures *all, size_t offset) {
    double values[TURNS];
    for (int i = 0; i < TURNS; i++)
        values[i] = *(const double *)((const char *)&all[i] + offset);
    qsort(values, TURNS, sizeof *values, by_size);
    return values[TURNS / 2];
}

static figures medians(const figures *all) {
    return (figures){median(all, offsetof(figures, p50_ms)), median(all, offsetof(figures, p99_ms)),
                     median(all, offsetof(figures, per_second))};
}

typedef struct place {
    const char *name;
    sn_executor *executor;
} place;

static void measure_all(const place *places, int count, unsigned threads, double seconds) {
    figures all[PLACES_MOST][TURNS];
    double first = 0, before = 0;
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < count; i++)
            all[i][turn] = measure(places[i].executor, threads, seconds);
    for (int i = 0; i < count; i++) {
        figures f = medians(all[i]);
        printf("%2u at once   %-16s %15.3f %9.3f %10.0f", threads, places[i].name, f.p50_ms,
               f.p99_ms, f.per_second);
        if (i == 0)
            puts("");
        else
            printf("   %.2f of the first, %.2f of the one above\n", f.per_second / first,
                   f.per_second / before);
        first = i ? first : f.per_second;
        before = f.per_second;
    }
}

int main(int argc, char **argv) {
    static const unsigned threads[] = {1, 2, 8, 64};
    place places[PLACES_MOST] = {{"in this process", NULL}, {"over gRPC"}, {"over several"}};
    if (argc < 2) {
        fputs("usage: bench-remote ADDRESS [SECONDS [ADDRESSES]]\n", stderr);
        return 2;
    }
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    int count = argc > 3 ? 3 : 2;
    for (int i = 0; i < count; i++) { /* this process first: it forks */
        places[i].executor = open_executor(i == 0 ? "" : argv[i == 1 ? 1 : 3]);
        measure(places[i].executor, 2, 0.5);
    }
    printf("print(1), medians of %d turns of %g s   p50 ms    p99 ms   a second\n", TURNS, seconds);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
        measure_all(places, count, threads[i], seconds);
    for (int i = count; i-- > 0;)
        sn_executor_close(places[i].executor);
}
