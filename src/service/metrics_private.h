/* metrics_private.h - what metrics.c keeps and metrics_text.c reads. */
#ifndef SN_SERVICE_METRICS_PRIVATE_H
#define SN_SERVICE_METRICS_PRIVATE_H

#include "service/metrics.h"
#include "util/auto.h"

#include <pthread.h>
#include <stdatomic.h>

struct sn_series {
    const sn_metric *metric;
    atomic_uint_fast64_t *counts; /* a histogram's, of each bucket alone; the last is +Inf */
    atomic_uint_fast64_t count;   /* a counter's */
    _Atomic double value;         /* a gauge's; a histogram's sum */
    size_t values_bytes;
    char values[SN_METRIC_VALUES_MAX_BYTES]; /* one for each label, each with its NUL */
};

struct sn_metric {
    sn_metric_options options;
    sn_metrics *registry;
    sn_metric *next;
    size_t labels;
    sn_series *series; /* series_most + 1 */
    atomic_uint_fast64_t *counts;
    _Atomic uint32_t count; /* of series in use; what is below it stays as it is */
};

struct sn_metrics {
    sn_metric *first, **end;
    pthread_mutex_t mutex; /* for a series' first use */
};

#endif
