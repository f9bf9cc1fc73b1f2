/*
 * remote.c - what one execution costs through an agent-core, and in this process.
 *
 *   remote [SECONDS]      print(1) with 1, 2, 8 and 64 threads, so many seconds (3) each: first in
 * this process, then, if AGENT_CORE_ADDR is set, there
 *
 * Prints, asserts nothing but that every execution gives what it must. Executions that are refused
 * as there are too many at once are counted, and tried again.
 */
#include "shannon.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES_MOST = 1 << 20, THREADS_MOST = 64, WARM_UP = 50 };

typedef struct load {
    sn_executor *executor;
    uint64_t until_ns;
    atomic_ulong count;
    atomic_ulong refused;
    uint32_t *samples_us10; /* tenths of a microsecond */
} load;

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
    if (sn_executor_open(&executor, &options, &err) < 0)
        fail(&err);
    return executor;
}

/* Whether it was done, and not refused. */
static int run(sn_executor *executor) {
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = "print(1)";
    request.code_bytes = strlen(request.code);
    int rc = sn_execute(&result, executor, &request, NULL, NULL, &err);
    if (rc == SN_ERESOURCE_EXHAUSTED)
        return 0;
    if (rc < 0)
        fail(&err);
    if (strcmp(result->stdout_text, "1\n") != 0) {
        fprintf(stderr, "unexpected: %s%s\n", result->stdout_text, result->stderr_text);
        exit(1);
    }
    sn_result_free(result);
    return 1;
}

static void *load_thread(void *user) {
    load *l = user;
    for (uint64_t start; (start = now_ns()) < l->until_ns;) {
        if (!run(l->executor)) {
            atomic_fetch_add(&l->refused, 1);
            continue;
        }
        unsigned long i = atomic_fetch_add(&l->count, 1);
        if (i < SAMPLES_MOST)
            l->samples_us10[i] = (uint32_t)((now_ns() - start) / 100);
    }
    return NULL;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void run_load(sn_executor *executor, uint32_t *samples, int threads, int seconds) {
    load l = {.executor = executor, .samples_us10 = samples};
    pthread_t ids[THREADS_MOST];
    uint64_t start = now_ns();
    l.until_ns = start + (uint64_t)seconds * 1000000000u;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, load_thread, &l))
            exit(1);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    double took = (double)(now_ns() - start) / 1e9;
    unsigned long count = atomic_load(&l.count), kept = count < SAMPLES_MOST ? count : SAMPLES_MOST;
    if (kept == 0)
        exit(1);
    qsort(samples, kept, sizeof *samples, by_value);
    printf("  %2d threads: p50 %7.3f ms, p99 %7.3f ms, %6.0f a second", threads,
           samples[kept / 2] / 1e4, samples[kept * 99 / 100] / 1e4, (double)count / took);
    if (atomic_load(&l.refused))
        printf(", %lu refused", atomic_load(&l.refused));
    putchar('\n');
    fflush(stdout);
}

static void run_all(const char *where, const char *address, uint32_t *samples, int seconds) {
    static const int threads[] = {1, 2, 8, THREADS_MOST};
    sn_executor *executor = open_executor(address);
    printf("%s:\n", where);
    for (int i = 0; i < WARM_UP; i++)
        run(executor);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
        run_load(executor, samples, threads[i], seconds);
    sn_executor_close(executor);
}

int main(int argc, char **argv) {
    int seconds = argc > 1 ? atoi(argv[1]) : 3;
    const char *address = getenv("AGENT_CORE_ADDR");
    uint32_t *samples = malloc(SAMPLES_MOST * sizeof *samples);
    if (argc > 2 || seconds < 1 || !samples) {
        fprintf(stderr, "usage: remote [SECONDS]\n");
        return 2;
    }
    run_all("in this process", "", samples, seconds);
    if (address && *address)
        run_all(address, address, samples, seconds);
    else
        puts("AGENT_CORE_ADDR is not set: nothing over gRPC");
    free(samples);
    return 0;
}
