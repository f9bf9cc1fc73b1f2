/* process_metrics.h - what Prometheus' own client libraries tell of a process, under their names.
 */
#ifndef SN_SERVICE_PROCESS_METRICS_H
#define SN_SERVICE_PROCESS_METRICS_H

#include "service/metrics.h"

/* process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds, process_max_fds,
 * process_start_time_seconds. */
SN_WARN_UNUSED int sn_process_metrics_add(sn_metrics *registry, sn_error *err);

#endif
