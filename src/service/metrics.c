/*
 * metrics.c - see metrics.h. The registry and its series; metrics_text.c writes them down.
 *
 * A metric's series lie in one array, all made when the metric is added. The first `count` are in
 * use; a series is written before `count` says so and never changes its values after, so that a
 * search needs no lock. Two threads that bring the same new values are told apart by a mutex.
 */
#include "service/metrics_private.h"

#include "util/error.h"
#include "util/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A factor of about 2.5 a step: enough to tell 0.5 ms from 1 ms, and few enough to be kept. */
static const double latency_buckets[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                         0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5,
                                         5,      10,      20,     30,    60};

/* ---- declaring ---- */

static bool is_name(const char *name, bool colons) {
    if (!*name || (*name >= '0' && *name <= '9'))
        return false;
    for (; *name; name++)
        if (!(*name >= 'a' && *name <= 'z') && !(*name >= 'A' && *name <= 'Z') &&
            !(*name >= '0' && *name <= '9') && *name != '_' && !(colons && *name == ':'))
            return false;
    return true;
}

/* What follows from the source, not from anything outside. */
static void check_options(const sn_metrics *metrics, const sn_metric_options *o) {
    assert(is_name(o->name, true) && o->help);
    assert(!o->read || (o->kind != SN_HISTOGRAM && !o->labels[0]));
    assert(!o->buckets || o->kind == SN_HISTOGRAM);
    assert(o->buckets_count <= SN_METRIC_BUCKETS_MAX);
    for (size_t i = 0; i < o->buckets_count; i++)
        assert(isfinite(o->buckets[i]) && (i == 0 || o->buckets[i - 1] < o->buckets[i]));
    for (size_t i = 0; i < SN_METRIC_LABELS_MAX && o->labels[i]; i++) {
        assert(is_name(o->labels[i], false) && strncmp(o->labels[i], "__", 2) != 0);
        assert(o->kind != SN_HISTOGRAM || strcmp(o->labels[i], "le") != 0);
    }
    for (const sn_metric *m = metrics->first; m; m = m->next)
        assert(strcmp(m->options.name, o->name) != 0);
}

static void settle_options(sn_metric *metric, const sn_metric_options *options) {
    sn_metric_options *o = &metric->options;
    *o = *options;
    if (o->kind == SN_HISTOGRAM && !o->buckets) {
        o->buckets = latency_buckets;
        o->buckets_count = SN_COUNT(latency_buckets);
    }
    while (metric->labels < SN_METRIC_LABELS_MAX && o->labels[metric->labels])
        metric->labels++;
    if (o->series_most == 0)
        o->series_most = SN_METRIC_SERIES_USUAL;
    if (metric->labels == 0)
        o->series_most = 1;
}

static void free_metric(sn_metric *metric) {
    free(metric->series);
    free(metric->counts);
    free(metric);
}

/* One more than `series_most`: "other" has its place kept. */
static bool make_series(sn_metric *metric) {
    const sn_metric_options *o = &metric->options;
    size_t most = (size_t)o->series_most + 1, each = o->buckets_count + 1;
    metric->series = calloc(most, sizeof *metric->series);
    if (o->kind == SN_HISTOGRAM)
        metric->counts = calloc(most, each * sizeof *metric->counts);
    if (!metric->series || (o->kind == SN_HISTOGRAM && !metric->counts))
        return false;
    for (size_t i = 0; i < most; i++) {
        metric->series[i].metric = metric;
        metric->series[i].counts = metric->counts ? metric->counts + i * each : NULL;
    }
    return true;
}

int sn_metrics_open(sn_metrics **out, sn_error *err) {
    *out = calloc(1, sizeof **out);
    if (!*out)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for metrics");
    pthread_mutex_init(&(*out)->mutex, NULL);
    (*out)->end = &(*out)->first;
    return 0;
}

void sn_metrics_close(sn_metrics *metrics) {
    if (!metrics)
        return;
    for (sn_metric *metric = metrics->first, *next; metric; metric = next) {
        next = metric->next;
        free_metric(metric);
    }
    pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}

int sn_metrics_add(sn_metric **out, sn_metrics *metrics, const sn_metric_options *options,
                   sn_error *err) {
    check_options(metrics, options);
    sn_metric *metric = calloc(1, sizeof *metric);
    if (metric)
        settle_options(metric, options);
    if (!metric || !make_series(metric)) {
        if (metric)
            free_metric(metric);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the metric %s", options->name);
    }
    metric->registry = metrics;
    if (metric->labels == 0)
        metric->count = 1; /* shown with 0 before it is first used */
    *metrics->end = metric;
    metrics->end = &metric->next;
    *out = metric;
    return 0;
}

/* ---- finding ---- */

/* A series' values, each with its NUL, in one piece: what is compared. */
typedef struct joined {
    size_t bytes;
    char text[SN_METRIC_VALUES_MAX_BYTES];
} joined;

/* False: too long, or not UTF-8. */
static bool join(joined *out, const char *const *values, size_t count) {
    out->bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strnlen(values[i], sizeof out->text);
        if (bytes >= sizeof out->text - out->bytes ||
            sn_utf8_valid_prefix(values[i], bytes) != bytes)
            return false;
        memcpy(out->text + out->bytes, values[i], bytes + 1);
        out->bytes += bytes + 1;
    }
    return true;
}

static sn_series *find(sn_metric *metric, uint32_t count, const joined *values) {
    for (uint32_t i = 0; i < count; i++) {
        sn_series *series = &metric->series[i];
        if (series->values_bytes == values->bytes &&
            memcmp(series->values, values->text, values->bytes) == 0)
            return series;
    }
    return NULL;
}

/* NULL: as many as there may be. */
static sn_series *find_or_make(sn_metric *metric, const joined *values, uint32_t most) {
    uint32_t count = atomic_load_explicit(&metric->count, memory_order_acquire);
    sn_series *series = find(metric, count, values);
    if (series || count >= most) /* the count that was searched, not what it may be by now */
        return series;
    pthread_mutex_lock(&metric->registry->mutex);
    count = atomic_load_explicit(&metric->count, memory_order_relaxed);
    series = find(metric, count, values);
    if (!series && count < most) {
        series = &metric->series[count];
        memcpy(series->values, values->text, values->bytes);
        series->values_bytes = values->bytes;
        atomic_store_explicit(&metric->count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&metric->registry->mutex);
    return series;
}

sn_series *sn_metric_series(sn_metric *metric, const char *const *values) {
    static const char *const others[SN_METRIC_LABELS_MAX] = {"other", "other", "other", "other"};
    if (metric->labels == 0)
        return &metric->series[0];
    joined key;
    if (join(&key, values, metric->labels)) {
        sn_series *series = find_or_make(metric, &key, metric->options.series_most);
        if (series)
            return series;
    }
    bool fits = join(&key, others, metric->labels);
    assert(fits);
    (void)fits;
    sn_series *other = find_or_make(metric, &key, metric->options.series_most + 1);
    assert(other);
    return other;
}

/* ---- updating ---- */

static void add_double(_Atomic double *to, double value) {
    double was = atomic_load_explicit(to, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(to, &was, was + value, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void sn_series_add(sn_series *counter, uint64_t count) {
    assert(counter->metric->options.kind == SN_COUNTER);
    atomic_fetch_add_explicit(&counter->count, count, memory_order_relaxed);
}

void sn_series_set(sn_series *gauge, double value) {
    assert(gauge->metric->options.kind == SN_GAUGE);
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

void sn_series_change(sn_series *gauge, double by) {
    assert(gauge->metric->options.kind == SN_GAUGE);
    add_double(&gauge->value, by);
}

void sn_series_observe(sn_series *histogram, double value) {
    const sn_metric_options *o = &histogram->metric->options;
    assert(o->kind == SN_HISTOGRAM);
    if (isnan(value))
        return;
    size_t bucket = 0;
    while (bucket < o->buckets_count && value > o->buckets[bucket])
        bucket++;
    atomic_fetch_add_explicit(&histogram->counts[bucket], 1, memory_order_relaxed);
    add_double(&histogram->value, value);
}
