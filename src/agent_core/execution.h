/*
 * execution.h - an execution that a call asks for: an sn_request goes in, its events and its result
 * are handed to whoever knows how the call wants them.
 */
#ifndef SN_AGENT_CORE_EXECUTION_H
#define SN_AGENT_CORE_EXECUTION_H

#include "agent_core/work.h"

typedef struct sn_execution sn_execution;

/* Lies at the beginning of the caller's object. */
struct sn_execution {
    sn_work work; /* `run` is sn_execution_submit()'s, all else is the caller's */
    sn_request request;
    /* NULL, or told that its turn has come: it may send messages. Non-zero: it ends there. */
    int (*on_begin)(sn_execution *execution);
    /* NULL, or told what happens while it happens: it sends messages with sn_execution_send(). */
    sn_event_fn on_event;
    /* Finishes the call with the result. */
    void (*answer)(sn_execution *execution, const sn_result *result);

    uint64_t send_until_ns;
};

/* Takes over the execution and its call. */
void sn_execution_submit(sn_execution *execution);

/* In on_begin and on_event: waits while the client does not read, until the execution's time is up.
 * Non-zero: that function has to return it. `message` NULL: there was no memory for it. */
int sn_execution_send(sn_execution *execution, const void *message, size_t bytes);

#endif
