/*
 * route.h - what kind of task a query is, when nobody has said so: code goes to the executor as it
 * is, a question that takes one step to the tool loop, anything that takes several gets a plan.
 *
 * By one table of rules (route.c), the first that fits; no model is asked. A rule can be wrong, so
 * each has a name, which is told with the task: {"route": {"mode": "complex", "why": "for_each"}}.
 * A caller that knows better says the mode.
 */
#ifndef SN_ORCHESTRATOR_ROUTE_H
#define SN_ORCHESTRATOR_ROUTE_H

#include "orchestrator/task.h"

typedef struct sn_route {
    sn_query_mode mode;
    const char *why; /* a rule's name, or "given" */
    bool is_code;    /* needs no model */
    bool is_bare;    /* the code is all of the query; else it is found by agent_core's rules
                        (agent_core/agent_request.h) */
} sn_route;

/* `given` 0: it is judged. `context` may be NULL. */
sn_route sn_route_task(const char *query, const json_t *context, int given);

#endif
