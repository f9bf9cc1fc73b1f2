/*
 * core.h - what all of agent-core's calls share: the executor, who may use it when, and what is
 * counted.
 */
#ifndef SN_AGENT_CORE_CORE_H
#define SN_AGENT_CORE_CORE_H

#include "service/admission.h"
#include "service/log.h"
#include "service/metrics.h"

#include <stdatomic.h>

typedef struct sn_core_metrics {
    sn_metric *calls;      /* by method and code */
    sn_metric *executions; /* by status */
    sn_series *execution_seconds;
    sn_series *startup_seconds;
    sn_series *wait_seconds;
    sn_series *guest_memory_bytes;
    sn_series *output_bytes;
} sn_core_metrics;

typedef struct sn_core {
    sn_executor *executor;
    sn_sessions *sessions;
    sn_admission *executions;
    sn_admission *others; /* short calls that wait for disks and locks: what sessions there are */
    sn_admission *transfers; /* long ones, of whole sessions */
    sn_metrics *registry;
    sn_core_metrics metrics;
    uint64_t requests_most_bytes;
    atomic_uint_fast64_t requests_bytes; /* of the calls that wait or are under way */
    sn_executor_figures limits;          /* as they were at the start: the limits do not change */
    bool log_code;
} sn_core;

typedef struct sn_core_options {
    sn_executor *executor; /* stays the caller's */
    sn_metrics *registry;  /* too; gets the metrics of executions */
    unsigned running_most; /* executions at once; 0: what the executor and the processors carry */
    unsigned queue_most;
    uint64_t wait_most_ns;        /* in the queue */
    uint64_t requests_most_bytes; /* of all that wait or are under way together */
    bool log_code;                /* the log may show what is executed */
} sn_core_options;

#define SN_CORE_OPTIONS_INIT                                                                       \
    {.queue_most = 1024,                                                                           \
     .wait_most_ns = UINT64_C(30000000000),                                                        \
     .requests_most_bytes = UINT64_C(512) << 20}

SN_WARN_UNUSED int sn_core_open(sn_core **out, const sn_core_options *options, sn_error *err);

/* Waits for what runs. NULL is allowed. */
void sn_core_close(sn_core *core);

/* Adds the metrics to the registry: sn_core_open()'s. */
SN_WARN_UNUSED int sn_core_metrics_add(sn_core *core, sn_error *err);

/* An execution has ended: counts it. */
void sn_core_count(const sn_core *core, const sn_result *result);

/* What the log says of it: fills in SN_CORE_FIELDS fields; their texts are the request's, of which
 * the code is told only where the log may show it. */
enum { SN_CORE_FIELDS = 9 };
void sn_core_describe(sn_field *fields, const sn_core *core, const sn_request *request,
                      const sn_result *result);

/* Counts so many bytes of a request that waits or is under way, until sn_core_drop().
 * SN_ERESOURCE_EXHAUSTED: there are too many, and nothing is to be dropped. */
SN_WARN_UNUSED int sn_core_take(sn_core *core, uint64_t bytes, sn_error *err);
void sn_core_drop(sn_core *core, uint64_t bytes);

/* Executions in one session follow each other: they wait in the queue, and not in a slot. The lane
 * of a ticket; 0 without a session. */
uint64_t sn_core_lane(const char *session_id);

/* Why a ticket's turn does not come; `outcome` is not SN_ADMITTED. */
const sn_error *sn_core_no_turn(sn_admission_outcome outcome);

#endif
