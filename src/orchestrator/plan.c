/* plan.c - see plan.h. */
#include "orchestrator/plan.h"

#include "util/error.h"
#include "util/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- finding it ---- */

/* From the first { to the last }: models like to put words or a fence around. */
static json_t *parse(const char *text, sn_error *err) {
    const char *from = strchr(text, '{'), *to = strrchr(text, '}');
    json_error_t wrong;
    if (strlen(text) > SN_PLAN_TEXT_MOST_BYTES) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "the plan is longer than %d bytes",
                SN_PLAN_TEXT_MOST_BYTES);
        return NULL;
    }
    if (!from || !to || to < from) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "there is no JSON object in the answer");
        return NULL;
    }
    if (sn_json_is_too_deep(from, (size_t)(to - from) + 1)) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "the plan is nested deeper than %d", SN_JSON_DEPTH_MOST);
        return NULL;
    }
    json_t *json = json_loadb(from, (size_t)(to - from) + 1, JSON_REJECT_DUPLICATES, &wrong);
    if (!json)
        sn_fail(err, SN_EINVALID_ARGUMENT, "the plan is no JSON: line %d, column %d: %.200s",
                wrong.line, wrong.column, wrong.text);
    return json;
}

/* ---- a step ---- */

static int find(const sn_plan *plan, const char *id) {
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->steps[i].id, id) == 0)
            return (int)i;
    return -1;
}

static bool is_id(const char *id) {
    size_t bytes = id ? strlen(id) : 0;
    return bytes > 0 && bytes <= SN_PLAN_ID_MOST_BYTES &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == bytes;
}

static int take_step(sn_plan *plan, const json_t *json, sn_error *err) {
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *task = json_string_value(json_object_get(json, "task"));
    size_t number = plan->count + 1;
    if (!is_id(id))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the id of step %zu is not 1 to %d letters, digits, _ . -", number,
                       SN_PLAN_ID_MOST_BYTES);
    if (find(plan, id) >= 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "two steps have the id '%s'", id);
    if (!task || !*task || strlen(task) > SN_PLAN_TASK_MOST_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "step '%s' has no task of 1 to %d bytes", id,
                       SN_PLAN_TASK_MOST_BYTES);
    sn_plan_step *step = &plan->steps[plan->count];
    *step = (sn_plan_step){.task = strdup(task), .first = -1};
    if (!step->task)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a plan");
    strcpy(step->id, id);
    plan->count++;
    return 0;
}

/* When all ids are known. */
static int take_after(sn_plan *plan, size_t place, const json_t *json, sn_error *err) {
    sn_plan_step *step = &plan->steps[place];
    const json_t *after = json_object_get(json, "after");
    if (!after || json_is_null(after))
        return 0;
    if (!json_is_array(after))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "after of step '%s' is not a list of ids",
                       step->id);
    for (size_t i = 0; i < json_array_size(after); i++) {
        const char *id = json_string_value(json_array_get(after, i));
        int other = id ? find(plan, id) : -1;
        if (other < 0)
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "step '%s' comes after '%.*s', which is no step", step->id,
                           SN_PLAN_ID_MOST_BYTES, id ? id : "?");
        if (step->first < 0)
            step->first = other;
        step->after |= 1u << other;
    }
    return 0;
}

/* Takes away what has nothing before it until nothing is left. */
static int check_order(const sn_plan *plan, sn_error *err) {
    uint32_t all = (1u << plan->count) - 1, done = 0;
    for (size_t round = 0; round < plan->count; round++)
        for (size_t i = 0; i < plan->count; i++)
            if ((plan->steps[i].after & ~done) == 0)
                done |= 1u << i;
    for (size_t i = 0; done != all && i < plan->count; i++)
        if (!(done & 1u << i))
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "step '%s' would have to come after itself: the steps form a circle",
                           plan->steps[i].id);
    return 0;
}

static int take(sn_plan *plan, const json_t *json, sn_error *err) {
    const json_t *steps = json_object_get(json, "steps");
    size_t count = json_array_size(steps);
    if (count == 0 || count > SN_PLAN_STEPS_MOST)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "\"steps\" is not a list of 1 to %d steps, but has %zu", SN_PLAN_STEPS_MOST,
                       count);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_step(plan, json_array_get(steps, i), err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_after(plan, i, json_array_get(steps, i), err);
    return rc < 0 ? rc : check_order(plan, err);
}

int sn_plan_read(sn_plan *out, const char *text, sn_error *err) {
    sn_error why = SN_ERROR_INIT;
    *out = (sn_plan){0};
    json_t *json = parse(text, &why);
    int rc = json ? take(out, json, &why) : why.code;
    json_decref(json);
    if (rc < 0) {
        sn_plan_clear(out);
        if (err)
            *err = why;
    }
    return rc;
}

void sn_plan_clear(sn_plan *plan) {
    for (size_t i = 0; i < plan->count; i++)
        free(plan->steps[i].task);
    *plan = (sn_plan){0};
}

json_t *sn_plan_json(const sn_plan *plan) {
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        json_t *after = json_array();
        for (size_t j = 0; j < plan->count; j++)
            if (plan->steps[i].after & 1u << j)
                json_array_append_new(after, json_string(plan->steps[j].id));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:s}", "id", plan->steps[i].id, "task",
                                        plan->steps[i].task, "after", after, "state", "waiting"));
    }
    return list;
}
