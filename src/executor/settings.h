/*
 * settings.h - the limits an operator sets by environment, read strictly: a value that is not a
 * number or is out of range is an error that names the variable, never a silent default.
 */
#ifndef SN_EXECUTOR_SETTINGS_H
#define SN_EXECUTOR_SETTINGS_H

#include "shannon.h"

typedef struct sn_settings {
    uint32_t memory_limit_mb; /* WASI_MEMORY_LIMIT_MB: the most, and the default */
    double timeout_seconds;   /* WASI_TIMEOUT_SECONDS: the most */
    uint32_t workers;     /* SHANNON_WORKERS: executions at once; 0: as many as memory carries */
    uint32_t cpu_seconds; /* SHANNON_CPU_SECONDS: CPU time of one execution; 0: not set */
} sn_settings;

enum {
    SN_MEMORY_MIN_MB = 32,   /* the interpreter itself needs about half of it */
    SN_MEMORY_MAX_MB = 4096, /* what 32-bit addresses reach */
    SN_MEMORY_DEFAULT_MB = 256,
    SN_TIMEOUT_MIN_SECONDS = 1,
    SN_TIMEOUT_MAX_SECONDS = 60,
    SN_TIMEOUT_DEFAULT_SECONDS = 30,
    SN_WORKERS_LEAST = 4, /* by default, however little memory there is */
    SN_WORKERS_MAX = 4096,
};

/* How many executions three quarters of this machine's memory carry, each using all it may. */
uint32_t sn_settings_workers(uint32_t memory_limit_mb);

/* From the environment. SN_EINVALID_ARGUMENT names the variable. */
SN_WARN_UNUSED int sn_settings_read(sn_settings *out, sn_error *err);

#endif
