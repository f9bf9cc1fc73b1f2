/* tasks_metrics.c - what the orchestrator counts. See live.h. */
#include "orchestrator/live.h"

#include "util/auto.h"

static double read_running(void *user) {
    sn_admission_figures figures;
    sn_admission_get_figures(&figures, ((sn_tasks *)user)->tasks);
    return figures.running;
}

static double read_waiting(void *user) {
    sn_admission_figures figures;
    sn_admission_get_figures(&figures, ((sn_tasks *)user)->tasks);
    return figures.waiting;
}

static double read_kept(void *user) {
    return (double)sn_task_store_count(((sn_tasks *)user)->store);
}

static double read_bytes(void *user) {
    return (double)sn_task_store_bytes(((sn_tasks *)user)->store);
}

static int add_read(sn_tasks *t, sn_error *err) {
    static const struct {
        const char *name, *help;
        double (*read)(void *user);
    } all[] = {
        {"shannon_tasks_running", "Tasks under way.", read_running},
        {"shannon_tasks_waiting", "Tasks that wait their turn.", read_waiting},
        {"shannon_tasks_kept", "Tasks in the store.", read_kept},
        {"shannon_tasks_stored_bytes", "What tasks take on disk.", read_bytes},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SN_COUNT(all); i++) {
        sn_metric *metric;
        rc = sn_metrics_add(&metric, t->options.metrics,
                            &(sn_metric_options){.kind = SN_GAUGE,
                                                 .name = all[i].name,
                                                 .help = all[i].help,
                                                 .read = all[i].read,
                                                 .user = t},
                            err);
    }
    return rc;
}

static int add_histogram(sn_metric **out, sn_tasks *t, const char *name, const char *help,
                         const char *label, sn_error *err) {
    static const double seconds[] = {0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 3600};
    return sn_metrics_add(out, t->options.metrics,
                          &(sn_metric_options){.kind = SN_HISTOGRAM,
                                               .name = name,
                                               .help = help,
                                               .labels = {label},
                                               .buckets = seconds,
                                               .buckets_count = SN_COUNT(seconds)},
                          err);
}

int sn_tasks_metrics_add(sn_tasks *t, sn_error *err) {
    sn_metric *wait;
    int rc = sn_metrics_add(&t->metrics.ended, t->options.metrics,
                            &(sn_metric_options){.kind = SN_COUNTER,
                                                 .name = "shannon_tasks_total",
                                                 .help = "Tasks by how they ended.",
                                                 .labels = {"state"}},
                            err);
    for (int state = SN_TASK_COMPLETED; rc == 0 && state <= SN_TASK_TIMEOUT; state++)
        (void)sn_metric_series(t->metrics.ended,
                               (const char *[]){sn_task_state_name((sn_task_state)state)});
    if (rc == 0)
        rc = add_histogram(&t->metrics.seconds, t, "shannon_task_seconds",
                           "From a task's beginning to its end, by mode.", "mode", err);
    if (rc == 0)
        rc = add_histogram(&wait, t, "shannon_task_wait_seconds",
                           "What tasks waited for their turn.", NULL, err);
    if (rc == 0)
        t->metrics.wait_seconds = sn_metric_series(wait, NULL);
    return rc < 0 ? rc : add_read(t, err);
}
