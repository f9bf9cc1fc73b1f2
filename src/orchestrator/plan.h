/*
 * plan.h - what a model says that a complex task's steps are:
 *
 *     {"steps": [{"id": "load", "task": "Make the table", "after": []},
 *                {"id": "sum", "task": "Sum its columns", "after": ["load"]}]}
 *
 * It is believed nothing: bounded, ids that are there, no circles. What is wrong is said so that a
 * model can mend it.
 */
#ifndef SN_ORCHESTRATOR_PLAN_H
#define SN_ORCHESTRATOR_PLAN_H

#include "shannon.h"

#include <jansson.h>

enum {
    SN_PLAN_STEPS_MOST = 8,
    SN_PLAN_ID_MOST_BYTES = 32,
    SN_PLAN_TASK_MOST_BYTES = 16 << 10,
    SN_PLAN_TEXT_MOST_BYTES = 256 << 10, /* that is looked at */
};

typedef struct sn_plan_step {
    char id[SN_PLAN_ID_MOST_BYTES + 1];
    char *task;
    uint32_t after; /* a bit for each step that must have ended */
    int first;      /* the first of those that it names; -1: none */
} sn_plan_step;

typedef struct sn_plan {
    sn_plan_step steps[SN_PLAN_STEPS_MOST];
    size_t count; /* 1 at least */
} sn_plan;

/* `text` may have other text around the object. SN_EINVALID_ARGUMENT says what is wrong. */
SN_WARN_UNUSED int sn_plan_read(sn_plan *out, const char *text, sn_error *err);
void sn_plan_clear(sn_plan *plan);

/* As a list of {id, task, after, state: "waiting"}. json_decref(); NULL: no memory. */
json_t *sn_plan_json(const sn_plan *plan);

#endif
