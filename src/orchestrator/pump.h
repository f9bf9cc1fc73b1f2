/* pump.h - hands followers the events of their tasks. See http_routes.h. */
#ifndef SN_ORCHESTRATOR_PUMP_H
#define SN_ORCHESTRATOR_PUMP_H

#include "orchestrator/http_routes.h"

typedef struct sn_pump sn_pump;

SN_WARN_UNUSED int sn_pump_open(sn_pump **out, sn_tasks *tasks, sn_error *err);
void sn_pump_close(sn_pump *pump); /* ends the streams; NULL is allowed */

/* Takes over the request and answers it, with a stream from the event after that number on, or with
 * an error; or with 204, if the task has ended and there is no such event: a browser's EventSource
 * connects again until it is told so (HTML, "Server-sent events", 9.2.3). Blocks on the disk. */
void sn_pump_follow(sn_pump *pump, sn_http_request *request, const char *id, uint64_t after);

#endif
