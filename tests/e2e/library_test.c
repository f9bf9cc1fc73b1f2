/*
 * library_test.c - the C library with the real interpreter, as a program that embeds it would use
 * it: many executions, several threads, workers and zygotes that are killed.
 */
#include "test.h"

#include "shannon.h"
#include "util/auto.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>

static sn_executor *executor;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static sn_executor *opened(const sn_executor_options *options) {
    sn_executor *made;
    sn_error err = SN_ERROR_INIT;
    if (sn_executor_open(&made, options, &err) < 0)
        fail_msg("%s (%s)", err.message, err.hint);
    return made;
}

static sn_result *run_with(sn_executor *with, const char *code, const sn_deterministic *fixed,
                           double timeout) {
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = code;
    request.code_bytes = strlen(code);
    request.deterministic = fixed;
    request.timeout_seconds = timeout;
    if (sn_execute(&result, with, &request, NULL, NULL, &err) < 0)
        fail_msg("%s: %s (%s)", sn_error_name(err.code), err.message, err.hint);
    return result;
}

static char *output_of(const char *code, const sn_deterministic *fixed) {
    sn_result *result = run_with(executor, code, fixed, 0);
    if (result->status != SN_STATUS_OK)
        fail_msg("%s: %s", sn_status_name(result->status), result->error_traceback);
    char *text = strdup(result->stdout_text);
    sn_result_free(result);
    return text;
}

/* ---- what is left behind, from /proc ---- */

static size_t descriptors(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static size_t children_of(pid_t *out, size_t most, pid_t parent) {
    size_t count = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(folder));) {
        int pid = atoi(entry->d_name), ppid = 0;
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        sn_auto_file FILE *file = pid > 0 ? fopen(path, "r") : NULL;
        if (file && fscanf(file, "%*d (%*[^)]) %*c %d", &ppid) == 1 && ppid == parent &&
            count < most)
            out[count++] = pid;
    }
    closedir(folder);
    return count;
}

static long private_kb(void) {
    char line[256];
    long sum = 0, kb;
    sn_auto_file FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Private_Dirty: %ld", &kb) == 1)
            sum += kb;
    return sum;
}

/* ---- what every execution starts from ---- */

static const char chances[] =
    "import random, secrets, tempfile, uuid, os, time\n"
    "print(random.random(), random.getrandbits(64), secrets.token_hex(8), uuid.uuid4(),\n"
    "      uuid.uuid1(), next(tempfile._get_candidate_names()), os.urandom(4), random.gauss(0, "
    "1))\n"
    "print(time.time(), time.monotonic(), id(object()), list({object(), object()}))";

static void chance_is_new_in_every_execution(void **state) {
    (void)state;
    enum { RUNS = 20, WORDS = 8 };
    static char words[RUNS][WORDS][64];
    for (int i = 0; i < RUNS; i++) {
        sn_auto_free char *text = output_of(chances, NULL);
        char *rest = text;
        for (int j = 0; j < WORDS; j++)
            snprintf(words[i][j], sizeof words[i][j], "%s", strsep(&rest, " \n"));
        for (int k = 0; k < i; k++)
            for (int j = 0; j < WORDS; j++)
                assert_string_not_equal(words[i][j], words[k][j]);
    }
}

static void deterministic_runs_are_the_same_to_the_byte(void **state) {
    (void)state;
    const sn_deterministic fixed = {42, 1e9}, other_seed = {43, 1e9}, other_time = {42, 2e9};
    sn_auto_free char *first = output_of(chances, &fixed);
    assert_non_null(strstr(first, "\n1000000000.0"));
    for (int i = 0; i < 10; i++) {
        sn_auto_free char *again = output_of(chances, &fixed);
        assert_string_equal(again, first);
    }
    sn_auto_free char *differs = output_of(chances, &other_seed);
    assert_int_not_equal(strncmp(differs, first, 10), 0);
    sn_auto_free char *later = output_of(chances, &other_time);
    assert_int_equal(strncmp(later, first, 10), 0);
    assert_non_null(strstr(later, "\n2000000000.0"));
}

static void a_deterministic_clock_moves_by_sleeping(void **state) {
    (void)state;
    const sn_deterministic fixed = {1, 0};
    uint64_t start = now_ns();
    sn_auto_free char *slept = output_of("import time\n"
                                         "a = time.monotonic(); time.sleep(1000)\n"
                                         "print(round(time.monotonic() - a), time.gmtime()[:5])",
                                         &fixed);
    assert_string_equal(slept, "1000 (1970, 1, 1, 0, 16)\n");
    assert_true(now_ns() - start < 1000000000u);
}

static void nothing_is_left_for_the_next(void **state) {
    (void)state;
    sn_auto_free char *first = output_of("import builtins, sys, os, json\n"
                                         "builtins.left = sys.left = json.left = os.left = 1\n"
                                         "sys.path.append('left'); os.environ['LEFT'] = '1'\n"
                                         "print('done')",
                                         NULL);
    sn_auto_free char *second =
        output_of("import builtins, sys, os, json\n"
                  "print([hasattr(m, 'left') for m in (builtins, sys, json, os)], "
                  "'left' in sys.path, 'LEFT' in os.environ)",
                  NULL);
    assert_string_equal(first, "done\n");
    assert_string_equal(second, "[False, False, False, False] False False\n");
}

/* ---- limits ---- */

static void the_soft_stop_lets_finally_run(void **state) {
    (void)state;
    static const char *const loops[] = {
        "while True: pass", "9**9**9", "import re; re.match('(a+)+$', 'a' * 40 + 'b')",
        "import time; time.sleep(50)", "sum(sum(range(1000)) for i in range(10**9))"};
    for (size_t i = 0; i < SN_COUNT(loops); i++) {
        sn_auto_free char *code = NULL;
        assert_true(asprintf(&code, "try:\n  %s\nfinally:\n  print('finally')", loops[i]) > 0);
        sn_result *r = run_with(executor, code, NULL, 1);
        assert_int_equal(r->status, SN_STATUS_TIMEOUT);
        assert_string_equal(r->stdout_text, "finally\n");
        assert_string_equal(r->error_value, "the time limit of 1 seconds was reached");
        assert_true(r->usage.wall_ms > 990 && r->usage.wall_ms < 1900);
        sn_result_free(r);
    }
}

static void the_hard_stop_comes_after_the_grace(void **state) {
    (void)state;
    static const char *const codes[] = {
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
        "sum(range(10**12))", "print('x' * 10)\nmax(range(10**12))"};
    for (size_t i = 0; i < SN_COUNT(codes); i++) {
        uint64_t start = now_ns();
        sn_result *r = run_with(executor, codes[i], NULL, 1);
        double took_ms = (double)(now_ns() - start) / 1e6;
        assert_int_equal(r->status, SN_STATUS_TIMEOUT);
        assert_int_equal(r->exit_code, 124);
        assert_true(took_ms > 1990 && took_ms < 2500);
        assert_true(r->usage.cpu_ms > 1000);
        sn_result_free(r);
    }
}

static void the_limit_of_cpu_time(void **state) {
    (void)state;
    static const char *const codes[] = {
        "while True: pass",
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass"};
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    options.cpu_seconds = 1;
    sn_executor *limited = opened(&options);
    for (size_t i = 0; i < SN_COUNT(codes); i++) {
        sn_result *r = run_with(limited, codes[i], NULL, 30);
        assert_int_equal(r->status, SN_STATUS_TIMEOUT);
        assert_string_equal(r->error_value, "the limit of CPU time was reached");
        assert_true(r->usage.wall_ms < 10000);
        sn_result_free(r);
    }
    sn_executor_close(limited);
}

static void *run_sleeper(void *user) {
    sn_result *r = run_with(user, "import time; time.sleep(1.5); print('slept')", NULL, 0);
    assert_string_equal(r->stdout_text, "slept\n");
    sn_result_free(r);
    return NULL;
}

static void executions_at_once_are_limited(void **state) {
    (void)state;
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    options.workers = 1;
    sn_executor *limited = opened(&options);
    pthread_t sleeper;
    pthread_create(&sleeper, NULL, run_sleeper, limited);
    nanosleep(&(struct timespec){0, 500000000}, NULL);
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = "1";
    request.code_bytes = 1;
    assert_int_equal(sn_execute(&result, limited, &request, NULL, NULL, &err),
                     SN_ERESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "1 executions are running"));
    pthread_join(sleeper, NULL);
    assert_int_equal(sn_execute(&result, limited, &request, NULL, NULL, &err), 0);
    sn_result_free(result);
    sn_executor_close(limited);
}

static int cancel_at_output(void *user, const sn_event *event) {
    if (event->kind == SN_EVENT_STDOUT)
        (void)!write(*(int *)user, &(uint64_t){1}, sizeof(uint64_t));
    return 0;
}

static void cancelling_ends_it_at_once(void **state) {
    (void)state;
    int event = eventfd(0, EFD_CLOEXEC);
    sn_request request = SN_REQUEST_INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    request.code = "try:\n    print('in')\n    while True: pass\nfinally:\n    print('left')";
    request.code_bytes = strlen(request.code);
    request.cancel_fd = event;
    int rc = sn_execute(&result, executor, &request, cancel_at_output, &event, &err);
    assert_int_equal(rc, 0);
    close(event);
    assert_int_equal(result->status, SN_STATUS_CANCELLED);
    assert_int_equal(result->exit_code, 130);
    assert_string_equal(result->error_name, "KeyboardInterrupt");
    assert_string_equal(result->stdout_text, "in\nleft\n");
    assert_true(result->usage.wall_ms < 1000);
    sn_result_free(result);
}

/* ---- many, and many at once ---- */

typedef struct load {
    unsigned count;
    atomic_uint answered;
    atomic_uint right;
    atomic_uint lost;
} load;

static void *run_load(void *user) {
    load *l = user;
    for (unsigned i = 0; i < l->count; i++) {
        sn_request request = SN_REQUEST_INIT;
        sn_error err = SN_ERROR_INIT;
        sn_result *result;
        request.code = "print(sum(range(1000)))";
        request.code_bytes = strlen(request.code);
        int rc = sn_execute(&result, executor, &request, NULL, NULL, &err);
        atomic_fetch_add(&l->answered, 1);
        if (rc < 0)
            continue; /* an error is an answer, too */
        if (result->status == SN_STATUS_OK && strcmp(result->stdout_text, "499500\n") == 0)
            atomic_fetch_add(&l->right, 1);
        if (result->status == SN_STATUS_CRASHED && strcmp(result->error_name, "WorkerLost") == 0)
            atomic_fetch_add(&l->lost, 1);
        sn_result_free(result);
    }
    return NULL;
}

enum { THREADS = 4 };

static void start_load(pthread_t threads[THREADS], load *l) {
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run_load, l);
}

static void join_load(pthread_t threads[THREADS]) {
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* The child of our only child; -1: there is none right now. */
static pid_t find_zygote(void) {
    pid_t origin, zygote;
    if (children_of(&origin, 1, getpid()) != 1 || children_of(&zygote, 1, origin) != 1)
        return -1;
    return zygote;
}

static void thousands_leave_nothing_behind(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    load warm = {.count = 100}, l = {.count = 500};
    start_load(threads, &warm);
    join_load(threads);
    size_t before = descriptors();
    long memory = private_kb();
    start_load(threads, &l);
    join_load(threads);
    assert_int_equal(l.right, THREADS * l.count);
    /* the stock may be fuller than before: two descriptors a worker, at most 16 of them */
    assert_true(descriptors() <= before + 32);
    assert_true(private_kb() < memory + 1024);
    nanosleep(&(struct timespec){0, 200000000}, NULL);
    pid_t pids[256], zygote = find_zygote();
    assert_true(zygote > 0);
    assert_true(children_of(pids, SN_COUNT(pids), zygote) <= 16); /* who stands ready */
}

/* A process at random: the zygote one time in eight, as often together with the one it is forked
 * from, else one of its workers. */
static void kill_one(unsigned *seed) {
    pid_t pids[256], origin, zygote = find_zygote();
    if (zygote < 0)
        return;
    size_t count = children_of(pids, SN_COUNT(pids), zygote);
    int die = rand_r(seed) % 8;
    if (die == 1 && children_of(&origin, 1, getpid()) == 1)
        kill(origin, SIGKILL);
    if (die <= 1 || count == 0)
        kill(zygote, SIGKILL);
    else
        kill(pids[(size_t)rand_r(seed) % count], SIGKILL);
}

static void every_request_is_answered_whoever_is_killed(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    load l = {.count = 400};
    unsigned seed = (unsigned)time(NULL), kills = 0;
    start_load(threads, &l);
    while (l.answered < THREADS * l.count) {
        kill_one(&seed);
        kills++;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    join_load(threads);
    print_message("# %u right, %u lost, of %u; %u kills, seed %u\n", l.right, l.lost,
                  THREADS * l.count, kills, seed);
    assert_int_equal(l.answered, THREADS * l.count);
    /* what was not lost is right: no other outcome, no error */
    assert_int_equal(l.right + l.lost, THREADS * l.count);
    sn_auto_free char *next = output_of("print(6 * 7)", NULL);
    assert_string_equal(next, "42\n");
}

/* Its zygote goes on, and when that one dies both are replaced. */
static void an_origin_that_died_is_replaced(void **state) {
    (void)state;
    pid_t origin, zygote = find_zygote();
    assert_true(zygote > 0);
    assert_int_equal(children_of(&origin, 1, getpid()), 1);
    kill(origin, SIGKILL);
    for (int i = 0; i < 20; i++) {
        sn_auto_free char *next = output_of("print(6 * 7)", NULL);
        assert_string_equal(next, "42\n");
    }
    assert_int_equal(kill(zygote, SIGKILL), 0);
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    sn_auto_free char *next = output_of("print(6 * 7)", NULL);
    assert_string_equal(next, "42\n");
    assert_true(find_zygote() > 0);
}

static void a_zygote_that_died_is_replaced(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        pid_t zygote = find_zygote();
        assert_true(zygote > 0);
        kill(zygote, SIGKILL);
        /* its workers follow within moments; until then one of them may be taken, and lost */
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        sn_auto_free char *next = output_of("print(6 * 7)", NULL);
        assert_string_equal(next, "42\n");
    }
}

/* ---- who opens and closes ---- */

static void *open_one(void *user) {
    (void)user;
    return opened(NULL);
}

static void the_thread_that_opened_may_end(void **state) {
    (void)state;
    pthread_t thread;
    void *made;
    pthread_create(&thread, NULL, open_one, NULL);
    pthread_join(thread, &made);
    for (int i = 0; i < 20; i++) {
        sn_result *r = run_with(made, "print(1)", NULL, 0);
        assert_string_equal(r->stdout_text, "1\n");
        sn_result_free(r);
    }
    sn_executor_close(made);
}

static void closing_leaves_nothing(void **state) {
    (void)state;
    pid_t pids[256];
    size_t children = children_of(pids, SN_COUNT(pids), getpid()), before = descriptors();
    for (int i = 0; i < 10; i++) {
        sn_executor *made = opened(NULL);
        sn_result *r = run_with(made, "print(1)", NULL, 0);
        sn_result_free(r);
        sn_executor_close(made);
    }
    assert_int_equal(descriptors(), before);
    assert_int_equal(children_of(pids, SN_COUNT(pids), getpid()), children);
}

static int open_executor(void **state) {
    (void)state;
    executor = opened(NULL);
    return 0;
}

static int close_executor(void **state) {
    (void)state;
    sn_executor_close(executor);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chance_is_new_in_every_execution),
        cmocka_unit_test(deterministic_runs_are_the_same_to_the_byte),
        cmocka_unit_test(a_deterministic_clock_moves_by_sleeping),
        cmocka_unit_test(nothing_is_left_for_the_next),
        cmocka_unit_test(the_soft_stop_lets_finally_run),
        cmocka_unit_test(the_hard_stop_comes_after_the_grace),
        cmocka_unit_test(the_limit_of_cpu_time),
        cmocka_unit_test(executions_at_once_are_limited),
        cmocka_unit_test(cancelling_ends_it_at_once),
        cmocka_unit_test(thousands_leave_nothing_behind),
        cmocka_unit_test(every_request_is_answered_whoever_is_killed),
        cmocka_unit_test(a_zygote_that_died_is_replaced),
        cmocka_unit_test(an_origin_that_died_is_replaced),
        cmocka_unit_test(the_thread_that_opened_may_end),
        cmocka_unit_test(closing_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, open_executor, close_executor);
}
