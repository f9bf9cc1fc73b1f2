/*
 * metrics_text.c - the registry as text, exposition format 0.0.4:
 *
 *     # HELP name what it is
 *     # TYPE name counter
 *     name{label="value"} 3
 */
#include "service/metrics_private.h"

#include "service/number.h"
#include "util/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct writer {
    sn_buffer *out;
    bool failed;
} writer;

static void put_bytes(writer *w, const char *data, size_t bytes) {
    if (!w->failed && (!sn_buffer_add(w->out, data, bytes) || w->out->truncated))
        w->failed = true;
}

static void put(writer *w, const char *text) {
    put_bytes(w, text, strlen(text));
}

/* Backslash and line feed; in labels' values also the quote that would end them. */
static void put_escaped(writer *w, const char *text, bool in_quotes) {
    const char *special = in_quotes ? "\\\n\"" : "\\\n";
    for (;;) {
        size_t plain = strcspn(text, special);
        put_bytes(w, text, plain);
        text += plain;
        if (!*text)
            return;
        put(w, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
        text++;
    }
}

static const char *number_text(char out[SN_NUMBER_TEXT_BYTES], double number) {
    if (isnan(number))
        return "NaN";
    if (isinf(number))
        return number > 0 ? "+Inf" : "-Inf";
    return sn_number_text(out, number);
}

static void put_count(writer *w, uint64_t count) {
    char text[SN_NUMBER_TEXT_BYTES];
    snprintf(text, sizeof text, "%" PRIu64 "\n", count);
    put(w, text);
}

static void put_number(writer *w, double number) {
    char text[SN_NUMBER_TEXT_BYTES];
    put(w, number_text(text, number));
    put(w, "\n");
}

/* The sample's name and labels, up to its value. `le` is the bucket's bound, or NULL. */
static void put_sample(writer *w, const sn_series *series, const char *suffix, const char *le) {
    const sn_metric *metric = series->metric;
    const char *value = series->values;
    const char *before = "{";
    put(w, metric->options.name);
    put(w, suffix);
    for (size_t i = 0; i < metric->labels; i++, value += strlen(value) + 1, before = ",") {
        put(w, before);
        put(w, metric->options.labels[i]);
        put(w, "=\"");
        put_escaped(w, value, true);
        put(w, "\"");
    }
    if (le) {
        put(w, before);
        put(w, "le=\"");
        put(w, le);
        put(w, "\"");
    }
    put(w, metric->labels || le ? "} " : " ");
}

static void put_histogram(writer *w, const sn_series *series) {
    const sn_metric_options *o = &series->metric->options;
    uint64_t count = 0;
    for (size_t i = 0; i <= o->buckets_count; i++) {
        char text[SN_NUMBER_TEXT_BYTES];
        count += atomic_load_explicit(&series->counts[i], memory_order_relaxed);
        put_sample(w, series, "_bucket",
                   number_text(text, i < o->buckets_count ? o->buckets[i] : INFINITY));
        put_count(w, count);
    }
    put_sample(w, series, "_sum", NULL);
    put_number(w, atomic_load_explicit(&series->value, memory_order_relaxed));
    put_sample(w, series, "_count", NULL);
    put_count(w, count);
}

static void put_series(writer *w, const sn_series *series) {
    const sn_metric_options *o = &series->metric->options;
    if (o->kind == SN_HISTOGRAM) {
        put_histogram(w, series);
        return;
    }
    put_sample(w, series, "", NULL);
    if (o->read)
        put_number(w, o->read(o->user));
    else if (o->kind == SN_COUNTER)
        put_count(w, atomic_load_explicit(&series->count, memory_order_relaxed));
    else
        put_number(w, atomic_load_explicit(&series->value, memory_order_relaxed));
}

static void put_metric(writer *w, sn_metric *metric) {
    static const char *const kinds[] = {
        [SN_COUNTER] = "counter", [SN_GAUGE] = "gauge", [SN_HISTOGRAM] = "histogram"};
    const sn_metric_options *o = &metric->options;
    put(w, "# HELP ");
    put(w, o->name);
    put(w, " ");
    put_escaped(w, o->help, false);
    put(w, "\n# TYPE ");
    put(w, o->name);
    put(w, " ");
    put(w, kinds[o->kind]);
    put(w, "\n");
    uint32_t count = atomic_load_explicit(&metric->count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        put_series(w, &metric->series[i]);
}

int sn_metrics_render(sn_buffer *out, sn_metrics *metrics, sn_error *err) {
    writer w = {.out = out};
    for (sn_metric *metric = metrics->first; metric && !w.failed; metric = metric->next)
        put_metric(&w, metric);
    return w.failed ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no room for the metrics' text") : 0;
}
