/*
 * metrics.h - counts, levels and distributions that Prometheus collects, and their text (exposition
 * format 0.0.4).
 *
 *     sn_metrics *metrics;                          a registry
 *     sn_metric *executions;                        one name in it
 *     sn_metrics_open(&metrics, err);
 *     sn_metrics_add(&executions, metrics,
 *                    &(sn_metric_options){.kind = SN_COUNTER,
 *                                         .name = "shannon_executions_total",
 *                                         .help = "Executions by how they ended.",
 *                                         .labels = {"status"}}, err);
 *     sn_series_add(sn_metric_series(executions, (const char *[]){"ok"}), 1);
 *     sn_metrics_render(&text, metrics, err);       what GET /metrics answers
 *
 * A metric with labels has a series for each combination of values that was used. Their number is
 * bounded: what comes after goes to one series whose values are all "other", as does a value that
 * is not UTF-8 or too long. So a client that can choose a label's value cannot fill memory. It can
 * fill the metric; values that matter are therefore asked for at start, which keeps their places
 * (and shows them with 0 before the first event, as Prometheus wants it).
 *
 * All memory is taken when a metric is added. Updates are relaxed atomics: no lock, no allocation.
 * Finding a series compares its values with those known, without a lock; a path that always means
 * the same one keeps the pointer, which lives as long as the registry. Only the first use of new
 * values locks, and a full metric never does.
 *
 * Threads: all metrics are added before others use the registry; after that everything may be
 * called at once. Nothing blocks. A wrong name, label or kind is a fault of the program (assert).
 */
#ifndef SN_SERVICE_METRICS_H
#define SN_SERVICE_METRICS_H

#include "shannon.h"
#include "util/buffer.h"

#define SN_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum {
    SN_METRIC_LABELS_MAX = 4,
    SN_METRIC_BUCKETS_MAX = 32,
    SN_METRIC_SERIES_USUAL = 64,
    SN_METRIC_VALUES_MAX_BYTES = 160, /* the values of one series, each with a NUL */
};

enum sn_metric_kind {
    SN_COUNTER,   /* only rises; its name ends in _total */
    SN_GAUGE,     /* rises and falls */
    SN_HISTOGRAM, /* counts observations up to each bound, and sums them */
};

typedef struct sn_metrics sn_metrics; /* a registry */
typedef struct sn_metric sn_metric;   /* one name in it, with its series */
typedef struct sn_series sn_series;   /* one combination of labels' values */

typedef struct sn_metric_options {
    enum sn_metric_kind kind;
    const char *name; /* these texts stay the caller's, and live as long as the registry */
    const char *help;
    const char *labels[SN_METRIC_LABELS_MAX]; /* names; NULL after the last */
    uint32_t series_most;                     /* 0: SN_METRIC_SERIES_USUAL; "other" not counted */
    const double *buckets; /* upper bounds, rising, without +Inf; NULL: latencies in seconds, from
                              0.1 ms to 60 s */
    size_t buckets_count;

    /* Of a counter or gauge without labels: asked for its value at each rendering, from whichever
     * thread renders, instead of being set. */
    double (*read)(void *user);
    void *user;
} sn_metric_options;

/* SN_ERESOURCE_EXHAUSTED: no memory. */
SN_WARN_UNUSED int sn_metrics_open(sn_metrics **out, sn_error *err);
void sn_metrics_close(sn_metrics *metrics);

/* Adds a metric; it is the registry's. SN_ERESOURCE_EXHAUSTED: no memory. */
SN_WARN_UNUSED int sn_metrics_add(sn_metric **out, sn_metrics *metrics,
                                  const sn_metric_options *options, sn_error *err);

/* The series of these values, one for each label in order; `values` may be NULL without labels.
 * Never NULL. */
sn_series *sn_metric_series(sn_metric *metric, const char *const *values);

void sn_series_add(sn_series *counter, uint64_t count);
void sn_series_set(sn_series *gauge, double value);
void sn_series_change(sn_series *gauge, double by);

/* An observation on a bound lies below it. One that is not a number is left out: the sum would
 * never be one again. */
void sn_series_observe(sn_series *histogram, double value);

/*
 * Adds the text of all metrics, in the order they were added. Of a histogram, +Inf and _count are
 * always equal; _sum may be ahead or behind by observations under way. SN_ERESOURCE_EXHAUSTED: no
 * memory, or the buffer's limit was reached, and what is in it is not whole.
 */
SN_WARN_UNUSED int sn_metrics_render(sn_buffer *out, sn_metrics *metrics, sn_error *err);

#endif
