/*
 * work.h - a call that takes time: it waits its turn, is carried out on a thread that may block, is
 * answered, logged and counted. What is to be done lies in an object that begins with an sn_work.
 */
#ifndef SN_AGENT_CORE_WORK_H
#define SN_AGENT_CORE_WORK_H

#include "agent_core/core.h"
#include "rpc/rpc.h"
#include "service/log.h"

typedef struct sn_work sn_work;

enum { SN_WORK_FIELDS = 10 };

struct sn_work {
    sn_core *core;
    sn_rpc_call *call;
    const char *method; /* "Execute": for the log and the metrics */
    size_t bytes;       /* of the request, which stays in memory while it waits */
    /* On a thread of its own, when it is its turn. 0: it has finished the call by sn_work_reply();
     * else the call is finished with the error. */
    int (*run)(sn_work *work, sn_error *err);
    /* The call is finished; frees the object. */
    void (*release)(sn_work *work);

    /* NULL, or whom the request itself says that it is for; read only during the submit. */
    const char *claimed_tenant;

    /* 0, or: of those with the same number one at a time (admission.h). */
    uint64_t lane;

    /* What `run` adds to the log's line; the texts live until `release`. */
    sn_field fields[SN_WORK_FIELDS + 1];

    /* The rest is sn_work_submit()'s. */
    sn_admission *admission;
    char tenant[SN_TENANT_MAX_BYTES + 1];
    char request_id[SN_TENANT_MAX_BYTES + 1];
    uint64_t came_ns, began_ns;
    bool is_counted; /* among the core's requests_bytes */
    const char *outcome;
    sn_ticket ticket;
};

/*
 * Takes over `work` and its call. Whom it counts for: what the metadata "shannon-tenant" says, else
 * what the request says, else `session_id`, else where the client is. `admission` is one of the
 * core's three. The metadata "x-request-id" names the call in the log; without it, it gets a name.
 */
void sn_work_submit(sn_work *work, sn_admission *admission, const char *session_id);

/* In `run`: finishes the call, which nobody must touch any more. `message` NULL: there was no
 * memory for it. */
void sn_work_reply(sn_work *work, const void *message, size_t bytes);

/* Ends it with an error before it was submitted. */
void sn_work_refuse(sn_work *work, const sn_error *err);

#endif
