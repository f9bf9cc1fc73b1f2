/*
 * report.h - what an answer or an execution does while it goes on, as a task's events and calls.
 * Pieces of text that follow each other closely are joined, so that a model's words or a guest's
 * lines are not an event each.
 *
 * Threads: one report belongs to one thread; several may be of one task.
 */
#ifndef SN_ORCHESTRATOR_REPORT_H
#define SN_ORCHESTRATOR_REPORT_H

#include "orchestrator/live.h"
#include "util/buffer.h"

typedef struct sn_report {
    sn_live *live;
    const char *step;   /* NULL, or whose events these are */
    const char *stream; /* of what is pending: "stdout", "stderr"; NULL: the model's text */
    sn_buffer pending;
    uint64_t since_ns;
    char *code; /* of the call under way */
} sn_report;

/* An sn_agent_event_fn and an sn_event_fn; `user` is the report. */
int sn_report_agent(void *user, const sn_agent_event *event);
int sn_report_execution(void *user, const sn_event *event);

/* A call begins, and has ended; `result` NULL: it could not be executed, and `error` says why. */
void sn_report_invoked(sn_report *report, const char *name, const char *code);
void sn_report_result(sn_report *report, const char *name, const sn_result *result,
                      const char *error);

/* No more is to come. */
void sn_report_end(sn_report *report);

/* What a user sees of a result: what was written, and the value. free(); NULL: no memory. */
char *sn_report_text(const sn_result *result);
/* "ZeroDivisionError: division by zero"; empty: nothing went wrong. */
void sn_report_error(char *out, size_t room, const sn_result *result);

/* A copy of whole characters, cut at so many bytes. NULL: no memory. */
char *sn_report_cut(const char *text, size_t bytes, size_t most);

#endif
