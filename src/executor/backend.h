/*
 * backend.h - what an executor is made of: this process (local.c), or an agent-core on another
 * machine (remote.c). executor.c checks what holds for both, and passes on.
 */
#ifndef SN_EXECUTOR_BACKEND_H
#define SN_EXECUTOR_BACKEND_H

#include "executor/settings.h"

/* shannon.h says what each of them does. */
typedef struct sn_backend {
    int (*execute)(sn_result **out, sn_executor *executor, const sn_request *request,
                   sn_event_fn on_event, void *user, sn_error *err);
    int (*get_figures)(sn_executor_figures *out, sn_executor *executor, sn_error *err);
    sn_sessions *(*sessions)(sn_executor *executor, sn_error *err);
    void (*close)(sn_executor *executor);
} sn_backend;

/* The first member of what a backend has. */
struct sn_executor {
    const sn_backend *backend;
    sn_settings settings; /* what requests may ask for */
};

SN_WARN_UNUSED int sn_local_open(sn_executor **out, const sn_executor_options *options,
                                 sn_error *err);

#endif
