/*
 * http_routes.h - tasks over HTTP: submitted, asked for, cancelled, followed as server-sent events.
 *
 * Requests that wait for the disk are answered by threads of the tasks' own. All followers are
 * served by one thread, the pump, which hands each what is new to it. One whose connection has a
 * megabyte unsent is waited for once, for 20 ms, then cut off, and may come back with
 * Last-Event-ID.
 */
#ifndef SN_ORCHESTRATOR_HTTP_ROUTES_H
#define SN_ORCHESTRATOR_HTTP_ROUTES_H

#include "orchestrator/tasks.h"
#include "service/http.h"

enum { SN_TASK_FOLLOWERS_MOST = 1024 };

typedef struct sn_task_pages sn_task_pages;

SN_WARN_UNUSED int sn_task_pages_open(sn_task_pages **out, sn_tasks *tasks, sn_error *err);

/* When the servers that have its routes have stopped. NULL is allowed. */
void sn_task_pages_close(sn_task_pages *pages);

void sn_task_pages_add_routes(sn_http_routes *routes, sn_task_pages *pages);

#endif
