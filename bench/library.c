/*
 * library.c - what one execution costs through the C library, request to result.
 *
 *   library once                        for bench/start: reads programs, one a line ("\n" stands
 * for a newline), runs each and prints its nanoseconds library load THREADS SECONDS        print(1)
 * as fast as it goes: executions a second, latency, memory of this process and of the zygote by the
 * second library hold COUNT                  so many at once, each holding a list of 10,000 numbers
 *
 * Prints, asserts nothing but that every execution gives what it must.
 */
#include "shannon.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const sn_error *err) {
    fprintf(stderr, "%s: %s\n%s\n", sn_error_name(err->code), err->message, err->hint);
    exit(1);
}

static void say(void *user, const char *text) {
    (void)user;
    fprintf(stderr, "(%s)\n", text);
}

static sn_executor *open_executor(uint32_t workers) {
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_executor *executor;
    options.workers = workers;
    options.on_notice = say;
    if (sn_executor_open(&executor, &options, &err) < 0)
        fail(&err);
    return executor;
}

static uint64_t run(sn_executor *executor, const char *code, const char *expected) {
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = code;
    request.code_bytes = strlen(code);
    uint64_t start = now_ns();
    if (sn_execute(&result, executor, &request, NULL, NULL, &err) < 0)
        fail(&err);
    uint64_t took = now_ns() - start;
    if (strcmp(result->stdout_text, expected) != 0) {
        fprintf(stderr, "unexpected: %s%s\n", result->stdout_text, result->stderr_text);
        exit(1);
    }
    sn_result_free(result);
    return took;
}

/* ---- memory, from /proc ---- */

typedef struct memory {
    long private_kb;
    long shared_kb;
    long pss_kb;
} memory;

static memory memory_of(long pid) {
    char path[64], line[256];
    memory found = {0};
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        long kb;
        if (sscanf(line, "Private_Dirty: %ld", &kb) == 1 ||
            sscanf(line, "Private_Clean: %ld", &kb) == 1)
            found.private_kb += kb;
        else if (sscanf(line, "Shared_Dirty: %ld", &kb) == 1 ||
                 sscanf(line, "Shared_Clean: %ld", &kb) == 1)
            found.shared_kb += kb;
        else if (sscanf(line, "Pss: %ld", &kb) == 1)
            found.pss_kb = kb;
    }
    if (file)
        fclose(file);
    return found;
}

/* Children of `parent`, as many as fit. */
static size_t children_of(long *out, size_t most, long parent) {
    size_t count = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        long pid = strtol(entry->d_name, NULL, 10), ppid = 0;
        char path[64];
        snprintf(path, sizeof path, "/proc/%ld/stat", pid);
        FILE *file = pid > 0 ? fopen(path, "r") : NULL;
        if (file && fscanf(file, "%*d (%*[^)]) %*c %ld", &ppid) == 1 && ppid == parent &&
            count < most)
            out[count++] = pid;
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
    return count;
}

static long zygote_of_this(void) {
    long pid;
    return children_of(&pid, 1, getpid()) == 1 ? pid : 0;
}

static size_t descriptors(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the folder itself */
}

static size_t zombies(const long *pids, size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        char path[64], state = 0;
        snprintf(path, sizeof path, "/proc/%ld/stat", pids[i]);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1)
            found += state == 'Z';
        if (file)
            fclose(file);
    }
    return found;
}

/* ---- once ---- */

static void once(void) {
    sn_executor *executor = open_executor(0);
    char line[4096];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        printf("%llu\n", (unsigned long long)run(executor, line, "1\n"));
    }
    sn_executor_close(executor);
}

/* ---- load ---- */

enum { SAMPLES_MOST = 4 << 20 };

typedef struct load {
    sn_executor *executor;
    uint64_t until_ns;
    atomic_ulong count;
    uint32_t *samples_us10; /* tenths of a microsecond */
} load;

static void *load_thread(void *user) {
    load *l = user;
    while (now_ns() < l->until_ns) {
        uint64_t took = run(l->executor, "print(1)", "1\n");
        unsigned long i = atomic_fetch_add(&l->count, 1);
        if (i < SAMPLES_MOST)
            l->samples_us10[i] = (uint32_t)(took / 100);
    }
    return NULL;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void run_load(int threads, int seconds) {
    load l = {.executor = open_executor(0)};
    pthread_t ids[64];
    l.samples_us10 = malloc(SAMPLES_MOST * sizeof *l.samples_us10);
    if (!l.samples_us10 || threads > 64)
        exit(1);
    for (int i = 0; i < 50; i++)
        run(l.executor, "print(1)", "1\n");
    uint64_t start = now_ns();
    l.until_ns = start + (uint64_t)seconds * 1000000000u;
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, load_thread, &l);
    int step = seconds >= 20 ? 10 : 1;
    for (int second = step; second <= seconds; second += step) {
        sleep((unsigned)step);
        memory zygote = memory_of(zygote_of_this()), self = memory_of(getpid());
        printf("%4d s  %8lu executions   this process %6ld KiB private, zygote %6ld KiB private\n",
               second, atomic_load(&l.count), self.private_kb, zygote.private_kb);
        fflush(stdout);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    double took = (double)(now_ns() - start) / 1e9;
    unsigned long count = atomic_load(&l.count), kept = count < SAMPLES_MOST ? count : SAMPLES_MOST;
    qsort(l.samples_us10, kept, sizeof *l.samples_us10, by_value);
    long left[64];
    size_t ready = children_of(left, 64, zygote_of_this());
    printf("left behind: %zu descriptors open here, %zu workers ready, %zu ended and not reaped\n",
           descriptors(), ready, zombies(left, ready));
    printf("%d threads, %.1f s: %.0f executions a second; p50 %.3f ms, p99 %.3f ms, most %.3f ms\n",
           threads, took, (double)count / took, l.samples_us10[kept / 2] / 1e4,
           l.samples_us10[kept * 99 / 100] / 1e4, l.samples_us10[kept - 1] / 1e4);
    free(l.samples_us10);
    sn_executor_close(l.executor);
}

/* ---- hold ---- */

static atomic_int holding;

static int on_held(void *user, const sn_event *event) {
    (void)user;
    if (event->kind == SN_EVENT_STDOUT)
        atomic_fetch_add(&holding, 1);
    return 0;
}

static void *hold_thread(void *user) {
    static const char code[] = "import time\n"
                               "state = list(range(10_000))\n"
                               "print(1)\n"
                               "time.sleep(6)\n";
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = code;
    request.code_bytes = sizeof code - 1;
    if (sn_execute(&result, user, &request, on_held, NULL, &err) < 0)
        fail(&err);
    sn_result_free(result);
    return NULL;
}

static void hold(int count) {
    enum { MOST = 2000 };
    static pthread_t threads[MOST];
    static long pids[MOST];
    if (count > MOST)
        exit(1);
    sn_executor *executor = open_executor((uint32_t)count + 1);
    uint64_t start = now_ns();
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, hold_thread, executor);
    while (atomic_load(&holding) < count && now_ns() - start < 5000000000u)
        usleep(1000);
    double took = (double)(now_ns() - start) / 1e6;
    long zygote = zygote_of_this(), private_kb = 0, pss_kb = 0;
    uint64_t asked = now_ns();
    run(executor, "print(1)", "1\n");
    double one_more = (double)(now_ns() - asked) / 1e6;
    size_t found = children_of(pids, MOST, zygote);
    for (size_t i = 0; i < found; i++) {
        memory m = memory_of(pids[i]);
        private_kb += m.private_kb;
        pss_kb += m.pss_kb;
    }
    printf("%d held after %.0f ms; one more print(1) meanwhile: %.2f ms\n", atomic_load(&holding),
           took, one_more);
    if (found)
        printf("%zu workers: %ld KiB private each, %ld KiB with their share of what is shared\n",
               found, private_kb / (long)found, pss_kb / (long)found);
    printf("zygote: %ld KiB private, this process: %ld KiB private\n", memory_of(zygote).private_kb,
           memory_of(getpid()).private_kb);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    sn_executor_close(executor);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "once") == 0 && argc == 2)
        once();
    else if (strcmp(what, "load") == 0 && argc == 4)
        run_load(atoi(argv[2]), atoi(argv[3]));
    else if (strcmp(what, "hold") == 0 && argc == 3)
        hold(atoi(argv[2]));
    else {
        fprintf(stderr, "usage: library once | load THREADS SECONDS | hold COUNT\n");
        return 2;
    }
    return 0;
}
