/* core_metrics.c - what agent-core counts. See core.h. */
#include "agent_core/core.h"

#include "service/log.h"
#include "util/auto.h"

#include <stddef.h>

/* ---- levels that are known elsewhere ---- */

static double read_figure(const sn_core *core, size_t offset) {
    sn_admission_figures figures;
    sn_admission_get_figures(&figures, core->executions);
    return *(const unsigned *)((const char *)&figures + offset);
}

static double read_running(void *user) {
    return read_figure(user, offsetof(sn_admission_figures, running));
}

static double read_waiting(void *user) {
    return read_figure(user, offsetof(sn_admission_figures, waiting));
}

static double read_tenants(void *user) {
    return read_figure(user, offsetof(sn_admission_figures, tenants));
}

static double read_slots(void *user) {
    return ((const sn_core *)user)->limits.workers;
}

static double read_restarts(void *user) {
    const sn_core *core = user;
    sn_executor_figures figures;
    return sn_executor_get_figures(&figures, core->executor, NULL) < 0 ? 0 : figures.restarts;
}

static double read_sessions(void *user) {
    const sn_core *core = user;
    sn_sessions_totals totals;
    return sn_sessions_get_totals(&totals, core->sessions, NULL) < 0 ? 0 : (double)totals.sessions;
}

static double read_stored(void *user) {
    const sn_core *core = user;
    sn_sessions_totals totals;
    return sn_sessions_get_totals(&totals, core->sessions, NULL) < 0 ? 0
                                                                     : (double)totals.stored_bytes;
}

static double read_log_lost(void *user) {
    (void)user;
    return (double)sn_log_lost();
}

static int add_read(sn_core *core, sn_error *err) {
    static const struct {
        enum sn_metric_kind kind;
        const char *name, *help;
        double (*read)(void *user);
    } all[] = {
        {SN_GAUGE, "shannon_executions_running", "Executions under way.", read_running},
        {SN_GAUGE, "shannon_executions_waiting", "Executions that wait their turn.", read_waiting},
        {SN_GAUGE, "shannon_executions_slots", "Executions that may be under way at once.",
         read_slots},
        {SN_GAUGE, "shannon_tenants", "Tenants with executions under way or waiting.",
         read_tenants},
        {SN_COUNTER, "shannon_zygote_restarts_total",
         "How often the process that executions are forked from had to be replaced.",
         read_restarts},
        {SN_GAUGE, "shannon_sessions", "Sessions in the store.", read_sessions},
        {SN_GAUGE, "shannon_sessions_stored_bytes", "What the sessions take on disk.", read_stored},
        {SN_COUNTER, "shannon_log_lost_total", "Lines of the log that could not be written.",
         read_log_lost},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SN_COUNT(all); i++) {
        sn_metric *metric;
        rc = sn_metrics_add(&metric, core->registry,
                            &(sn_metric_options){.kind = all[i].kind,
                                                 .name = all[i].name,
                                                 .help = all[i].help,
                                                 .read = all[i].read,
                                                 .user = core},
                            err);
    }
    return rc;
}

/* ---- the others ---- */

static int add_histogram(sn_series **out, sn_core *core, const char *name, const char *help,
                         const double *buckets, size_t count, sn_error *err) {
    sn_metric *metric;
    int rc = sn_metrics_add(&metric, core->registry,
                            &(sn_metric_options){.kind = SN_HISTOGRAM,
                                                 .name = name,
                                                 .help = help,
                                                 .buckets = buckets,
                                                 .buckets_count = count},
                            err);
    if (rc == 0)
        *out = sn_metric_series(metric, NULL);
    return rc;
}

static int add_histograms(sn_core *core, sn_error *err) {
    static const double bytes[] = {1 << 10,  16 << 10, 256 << 10, 1 << 20,   4 << 20,  16 << 20,
                                   32 << 20, 64 << 20, 128 << 20, 256 << 20, 512 << 20};
    sn_core_metrics *m = &core->metrics;
    int rc = add_histogram(&m->execution_seconds, core, "shannon_execution_seconds",
                           "From an execution's begin to its result.", NULL, 0, err);
    if (rc == 0)
        rc = add_histogram(&m->startup_seconds, core, "shannon_execution_startup_seconds",
                           "From an execution's begin to the first instruction of its code.", NULL,
                           0, err);
    if (rc == 0)
        rc = add_histogram(&m->wait_seconds, core, "shannon_wait_seconds",
                           "What calls waited for their turn.", NULL, 0, err);
    if (rc == 0)
        rc = add_histogram(&m->guest_memory_bytes, core, "shannon_guest_memory_bytes",
                           "The most memory that an execution's code had.", bytes, SN_COUNT(bytes),
                           err);
    if (rc == 0)
        rc = add_histogram(&m->output_bytes, core, "shannon_output_bytes",
                           "What an execution's code wrote.", bytes, SN_COUNT(bytes), err);
    return rc;
}

int sn_core_metrics_add(sn_core *core, sn_error *err) {
    int rc = sn_metrics_add(&core->metrics.executions, core->registry,
                            &(sn_metric_options){.kind = SN_COUNTER,
                                                 .name = "shannon_executions_total",
                                                 .help = "Executions by how they ended.",
                                                 .labels = {"status"}},
                            err);
    for (int status = SN_STATUS_OK; rc == 0 && status <= SN_STATUS_CANCELLED; status++)
        (void)sn_metric_series(core->metrics.executions,
                               (const char *[]){sn_status_name((enum sn_status)status)});
    if (rc == 0)
        rc = sn_metrics_add(
            &core->metrics.calls, core->registry,
            &(sn_metric_options){.kind = SN_COUNTER,
                                 .name = "shannon_calls_total",
                                 .help = "Calls that were answered, by method and code.",
                                 .labels = {"method", "code"},
                                 .series_most = 256},
            err);
    if (rc == 0)
        rc = add_histograms(core, err);
    return rc < 0 ? rc : add_read(core, err);
}

void sn_core_count(const sn_core *core, const sn_result *result) {
    const sn_core_metrics *m = &core->metrics;
    const sn_usage *usage = &result->usage;
    sn_series_add(sn_metric_series(m->executions, (const char *[]){sn_status_name(result->status)}),
                  1);
    sn_series_observe(m->execution_seconds, usage->wall_ms / 1e3);
    sn_series_observe(m->startup_seconds, usage->startup_ms / 1e3);
    sn_series_observe(m->guest_memory_bytes, (double)usage->peak_memory_bytes);
    sn_series_observe(m->output_bytes, (double)usage->output_bytes);
}
