/*
 * plan_fuzz.c - what a model may call a plan: any text. What is taken can be carried out: some
 * order has each step after those it names.
 */
#include "require.h"

#include "orchestrator/plan.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_plan plan;
    sn_error err = SN_ERROR_INIT;
    char *text = strndup((const char *)data, size);
    REQUIRE(text);
    if (sn_plan_read(&plan, text, &err) < 0) {
        REQUIRE(err.code == SN_EINVALID_ARGUMENT && *err.message && plan.count == 0);
        free(text);
        return 0;
    }
    uint32_t done = 0;
    REQUIRE(plan.count >= 1 && plan.count <= SN_PLAN_STEPS_MOST);
    for (size_t round = 0; round < plan.count; round++)
        for (size_t i = 0; i < plan.count; i++) {
            const sn_plan_step *step = &plan.steps[i];
            REQUIRE(*step->id && *step->task);
            REQUIRE(step->first < 0 ? step->after == 0 : (step->after & 1u << step->first) != 0);
            if ((step->after & ~done) == 0)
                done |= 1u << i;
        }
    REQUIRE(done == (1u << plan.count) - 1);
    json_t *json = sn_plan_json(&plan);
    REQUIRE(json && json_array_size(json) == plan.count);
    json_decref(json);
    sn_plan_clear(&plan);
    free(text);
    return 0;
}
