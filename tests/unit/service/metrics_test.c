/* metrics_test.c - what is counted, and the text it becomes. */
#include "test.h"

#include "service/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sn_metrics *metrics;

static int begin(void **state) {
    (void)state;
    return sn_metrics_open(&metrics, NULL);
}

static int finish(void **state) {
    (void)state;
    sn_metrics_close(metrics);
    return 0;
}

static sn_metric *add(const sn_metric_options *options) {
    sn_metric *metric;
    assert_int_equal(sn_metrics_add(&metric, metrics, options, NULL), 0);
    return metric;
}

static sn_series *of(sn_metric *metric, const char *value) {
    return sn_metric_series(metric, (const char *[]){value});
}

static void assert_text(const char *expected) {
    sn_buffer text = {0};
    assert_int_equal(sn_metrics_render(&text, metrics, NULL), 0);
    assert_string_equal(text.data, expected);
    sn_buffer_free(&text);
}

static double seven_and_a_half(void *user) {
    ++*(int *)user;
    return 7.5;
}

static void a_registry_becomes_text(void **state) {
    (void)state;
    int asked = 0;
    sn_metric *executions = add(&(sn_metric_options){.kind = SN_COUNTER,
                                                     .name = "executions_total",
                                                     .help = "Executions.",
                                                     .labels = {"door", "status"}});
    sn_metric *waiting =
        add(&(sn_metric_options){.kind = SN_GAUGE, .name = "waiting", .help = "Who waits."});
    add(&(sn_metric_options){.kind = SN_GAUGE,
                             .name = "load",
                             .help = "Asked for.",
                             .read = seven_and_a_half,
                             .user = &asked});
    sn_metric *took = add(&(sn_metric_options){.kind = SN_HISTOGRAM,
                                               .name = "took_seconds",
                                               .help = "Time.",
                                               .labels = {"door"},
                                               .buckets = (const double[]){0.1, 1},
                                               .buckets_count = 2});
    sn_series_add(sn_metric_series(executions, (const char *[]){"http", "ok"}), 41);
    sn_series_add(sn_metric_series(executions, (const char *[]){"http", "ok"}), 1);
    (void)sn_metric_series(executions, (const char *[]){"grpc", "error"});
    sn_series_set(sn_metric_series(waiting, NULL), 3);
    sn_series_change(sn_metric_series(waiting, NULL), -1.5);
    sn_series_observe(of(took, "http"), 0.1);
    sn_series_observe(of(took, "http"), 0.2);
    sn_series_observe(of(took, "http"), 5);
    assert_text("# HELP executions_total Executions.\n"
                "# TYPE executions_total counter\n"
                "executions_total{door=\"http\",status=\"ok\"} 42\n"
                "executions_total{door=\"grpc\",status=\"error\"} 0\n"
                "# HELP waiting Who waits.\n"
                "# TYPE waiting gauge\n"
                "waiting 1.5\n"
                "# HELP load Asked for.\n"
                "# TYPE load gauge\n"
                "load 7.5\n"
                "# HELP took_seconds Time.\n"
                "# TYPE took_seconds histogram\n"
                "took_seconds_bucket{door=\"http\",le=\"0.1\"} 1\n"
                "took_seconds_bucket{door=\"http\",le=\"1\"} 2\n"
                "took_seconds_bucket{door=\"http\",le=\"+Inf\"} 3\n"
                "took_seconds_sum{door=\"http\"} 5.3\n"
                "took_seconds_count{door=\"http\"} 3\n");
    assert_int_equal(asked, 1);
}

static void values_that_end_a_line_or_a_text_are_escaped(void **state) {
    (void)state;
    sn_metric *metric = add(&(sn_metric_options){.kind = SN_COUNTER,
                                                 .name = "a:b_total",
                                                 .help = "C:\\ \"quoted\"\nand more",
                                                 .labels = {"path"}});
    sn_series_add(of(metric, "C:\\ \"quoted\"\nand more"), 1);
    sn_series_add(of(metric, ""), 2);
    sn_series_add(of(metric, "\xC3\xA9"), 3);
    assert_text("# HELP a:b_total C:\\\\ \"quoted\"\\nand more\n"
                "# TYPE a:b_total counter\n"
                "a:b_total{path=\"C:\\\\ \\\"quoted\\\"\\nand more\"} 1\n"
                "a:b_total{path=\"\"} 2\n"
                "a:b_total{path=\"\xC3\xA9\"} 3\n");
}

static void numbers_are_short_and_exact(void **state) {
    (void)state;
    sn_series *gauge = sn_metric_series(
        add(&(sn_metric_options){.kind = SN_GAUGE, .name = "g", .help = ""}), NULL);
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0, "0"},          {0.1, "0.1"},          {0.1 + 0.2, "0.30000000000000004"},
        {1e100, "1e+100"}, {-2.5e-7, "-2.5e-07"}, {1760000000, "1760000000"},
        {NAN, "NaN"},      {INFINITY, "+Inf"},    {-INFINITY, "-Inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "# HELP g \n# TYPE g gauge\ng %s\n", cases[i].text);
        sn_series_set(gauge, cases[i].number);
        assert_text(expected);
    }
}

static void latencies_have_usual_buckets(void **state) {
    (void)state;
    sn_series *took = sn_metric_series(
        add(&(sn_metric_options){.kind = SN_HISTOGRAM, .name = "t", .help = ""}), NULL);
    sn_series_observe(took, 0.0001);
    sn_series_observe(took, 60);
    sn_series_observe(took, 61);
    sn_series_observe(took, NAN);
    sn_buffer text = {0};
    assert_int_equal(sn_metrics_render(&text, metrics, NULL), 0);
    assert_non_null(strstr(text.data, "t_bucket{le=\"0.0001\"} 1\nt_bucket{le=\"0.00025\"} 1\n"));
    assert_non_null(strstr(text.data, "t_bucket{le=\"30\"} 1\nt_bucket{le=\"60\"} 2\n"
                                      "t_bucket{le=\"+Inf\"} 3\nt_sum 121.0001\nt_count 3\n"));
    sn_buffer_free(&text);
}

/* ---- bounds ---- */

static void what_is_over_the_bound_goes_to_other(void **state) {
    (void)state;
    sn_metric *metric = add(&(sn_metric_options){
        .kind = SN_COUNTER, .name = "c", .help = "", .labels = {"a", "b"}, .series_most = 2});
    sn_series *first = sn_metric_series(metric, (const char *[]){"1", "x"});
    for (int i = 0; i < 1000; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        sn_series_add(sn_metric_series(metric, (const char *[]){value, "x"}), 1);
    }
    assert_ptr_equal(sn_metric_series(metric, (const char *[]){"1", "x"}), first);
    sn_series_add(sn_metric_series(metric, (const char *[]){"other", "other"}), 1);
    assert_text("# HELP c \n# TYPE c counter\n"
                "c{a=\"1\",b=\"x\"} 1\nc{a=\"0\",b=\"x\"} 1\nc{a=\"other\",b=\"other\"} 999\n");
}

static void values_that_are_no_text_go_to_other(void **state) {
    (void)state;
    sn_metric *metric =
        add(&(sn_metric_options){.kind = SN_COUNTER, .name = "c", .help = "", .labels = {"a"}});
    char fits[SN_METRIC_VALUES_MAX_BYTES + 1];
    memset(fits, 'x', sizeof fits);
    fits[SN_METRIC_VALUES_MAX_BYTES] = '\0';
    sn_series *other = of(metric, "bad \xFF");
    assert_ptr_equal(of(metric, "\xED\xA0\x80"), other);
    assert_ptr_equal(of(metric, fits), other);
    assert_ptr_equal(of(metric, "other"), other);
    fits[SN_METRIC_VALUES_MAX_BYTES - 1] = '\0';
    assert_ptr_not_equal(of(metric, fits), other);
}

/* "ab","c" is not "a","bc". */
static void values_keep_apart(void **state) {
    (void)state;
    sn_metric *metric = add(
        &(sn_metric_options){.kind = SN_COUNTER, .name = "c", .help = "", .labels = {"a", "b"}});
    assert_ptr_not_equal(sn_metric_series(metric, (const char *[]){"ab", "c"}),
                         sn_metric_series(metric, (const char *[]){"a", "bc"}));
}

static void a_text_that_does_not_fit_is_an_error(void **state) {
    (void)state;
    add(&(sn_metric_options){.kind = SN_COUNTER, .name = "c", .help = ""});
    sn_buffer text = {.limit_bytes = 10};
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_metrics_render(&text, metrics, &err), SN_ERESOURCE_EXHAUSTED);
    sn_buffer_free(&text);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 20000, TIGHT_ROUNDS = 500000, VALUES = 40, PLACES = 30 };

typedef struct crowd {
    sn_metric *counter, *gauge, *histogram, *many;
} crowd;

/* All bring the same values at about the same time, and more than there is room for. */
static void *use_all(void *user) {
    const crowd *c = user;
    sn_series *counter = sn_metric_series(c->counter, NULL);
    for (int i = 0; i < TIGHT_ROUNDS; i++)
        sn_series_add(counter, 3);
    for (int i = 0; i < ROUNDS; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i % VALUES);
        sn_series_add(of(c->many, value), 1);
        sn_series_add(sn_metric_series(c->counter, NULL), 3);
        sn_series_change(sn_metric_series(c->gauge, NULL), i % 2 ? 0.5 : 0.25);
        sn_series_observe(sn_metric_series(c->histogram, NULL), i % 4);
    }
    return NULL;
}

/* The sum of all samples that begin with `prefix`. */
static double sum_of(const char *text, const char *prefix, int *samples) {
    double sum = 0;
    *samples = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            sum += strtod(strchr(line, ' '), NULL);
            ++*samples;
        }
    return sum;
}

static void many_threads_lose_nothing(void **state) {
    (void)state;
    crowd c = {
        add(&(sn_metric_options){.kind = SN_COUNTER, .name = "c", .help = ""}),
        add(&(sn_metric_options){.kind = SN_GAUGE, .name = "g", .help = ""}),
        add(&(sn_metric_options){.kind = SN_HISTOGRAM,
                                 .name = "h",
                                 .help = "",
                                 .buckets = (const double[]){0, 2},
                                 .buckets_count = 2}),
        add(&(sn_metric_options){
            .kind = SN_COUNTER, .name = "m", .help = "", .labels = {"v"}, .series_most = PLACES}),
    };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, &c), 0);
    sn_buffer text = {0};
    for (int i = 0; i < 20; i++) { /* while they are at it */
        assert_int_equal(sn_metrics_render(&text, metrics, NULL), 0);
        sn_buffer_free(&text);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sn_metrics_render(&text, metrics, NULL), 0);
    const double all = (double)THREADS * ROUNDS;
    int samples;
    assert_true(sum_of(text.data, "c ", &samples) == 3 * (all + (double)THREADS * TIGHT_ROUNDS));
    assert_true(sum_of(text.data, "g ", &samples) == 0.375 * all);
    assert_true(sum_of(text.data, "h_bucket{le=\"0\"}", &samples) == all / 4);
    assert_true(sum_of(text.data, "h_bucket{le=\"2\"}", &samples) == all / 4 * 3);
    assert_true(sum_of(text.data, "h_bucket{le=\"+Inf\"}", &samples) == all);
    assert_true(sum_of(text.data, "h_sum", &samples) == 1.5 * all);
    assert_true(sum_of(text.data, "m{", &samples) == all);
    assert_int_equal(samples, PLACES + 1);
    sn_buffer_free(&text);
}

enum { FIRSTS = 2000 };

typedef struct race {
    pthread_barrier_t start;
    sn_metric *metric;
    sn_series *found[THREADS][FIRSTS];
} race;

typedef struct racer {
    race *race;
    size_t lane;
} racer;

static void *race_for_firsts(void *user) {
    const racer *r = user;
    pthread_barrier_wait(&r->race->start);
    for (int i = 0; i < FIRSTS; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        r->race->found[r->lane][i] = of(r->race->metric, value);
    }
    return NULL;
}

static void a_first_use_by_many_makes_one_series(void **state) {
    (void)state;
    static race all;
    racer racers[THREADS];
    pthread_t threads[THREADS];
    all.metric = add(&(sn_metric_options){
        .kind = SN_COUNTER, .name = "c", .help = "", .labels = {"v"}, .series_most = FIRSTS});
    pthread_barrier_init(&all.start, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        racers[i] = (racer){&all, i};
        assert_int_equal(pthread_create(&threads[i], NULL, race_for_firsts, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < FIRSTS; i++)
        for (int lane = 1; lane < THREADS; lane++)
            assert_ptr_equal(all.found[lane][i], all.found[0][i]);
    pthread_barrier_destroy(&all.start);
}

#define IN_A_REGISTRY(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_REGISTRY(a_registry_becomes_text),
        IN_A_REGISTRY(values_that_end_a_line_or_a_text_are_escaped),
        IN_A_REGISTRY(numbers_are_short_and_exact),
        IN_A_REGISTRY(latencies_have_usual_buckets),
        IN_A_REGISTRY(what_is_over_the_bound_goes_to_other),
        IN_A_REGISTRY(values_that_are_no_text_go_to_other),
        IN_A_REGISTRY(values_keep_apart),
        IN_A_REGISTRY(a_text_that_does_not_fit_is_an_error),
        IN_A_REGISTRY(many_threads_lose_nothing),
        IN_A_REGISTRY(a_first_use_by_many_makes_one_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
