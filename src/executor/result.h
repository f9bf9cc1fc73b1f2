/*
 * result.h - collects what an execution said while it ran and makes the result of it.
 */
#ifndef SN_EXECUTOR_RESULT_H
#define SN_EXECUTOR_RESULT_H

#include "sandbox/job.h"
#include "util/buffer.h"

enum {
    SN_OUTPUTS_MAX = 256,            /* display() calls kept */
    SN_OUTPUTS_MAX_BYTES = 16 << 20, /* all of them together */
    SN_BUNDLE_MAX_ITEMS = 32,
};

typedef struct sn_collector {
    sn_result *result;
    sn_buffer out;
    sn_buffer err;
    size_t outputs_bytes;
    sn_event_fn on_event;
    void *user;
} sn_collector;

/* `output_limit_bytes` is what is kept of each stream. SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_collector_init(sn_collector *collector, size_t output_limit_bytes,
                                     sn_event_fn on_event, void *user, sn_error *err);

/* An sn_job_frame_fn; `user` is the collector. */
int sn_collector_frame(void *user, enum sn_frame_kind kind, const void *data, size_t bytes);

/* Turns the job's end into status, error and usage. `*out` is the caller's; the collector is spent,
 * also on error. */
SN_WARN_UNUSED int sn_collector_finish(sn_result **out, sn_collector *collector, const sn_job *job,
                                       const sn_job_end *end, sn_error *err);

void sn_collector_free(sn_collector *collector);

/* An error's texts, which have no length beside them: repaired to UTF-8, and a NUL in them is shown
 * as the symbol for it, U+2400. NULL: no memory. */
char *sn_text_shown(const char *data, size_t bytes);

#endif
