/* plan_test.c - plans as models write them, and what is wrong with some. */
#include "test.h"

#include "orchestrator/plan.h"
#include "util/auto.h"

#include <string.h>

static void test_good(void **state) {
    sn_plan plan;
    sn_error err = SN_ERROR_INIT;
    (void)state;
    const char *text =
        "Here it is:\n```json\n{\"steps\": [{\"id\": \"c\", \"task\": \"last\", \"after\": [\"b\", "
        "\"a\"]}, {\"id\": \"a\", \"task\": \"one\"}, {\"id\": \"b\", \"task\": \"two\", "
        "\"after\": "
        "[]}], \"more\": 1}\n```\n";
    assert_int_equal(sn_plan_read(&plan, text, &err), 0);
    assert_int_equal(plan.count, 3);
    assert_string_equal(plan.steps[0].task, "last");
    assert_int_equal(plan.steps[0].after, 6);
    assert_int_equal(plan.steps[0].first, 2);
    assert_int_equal(plan.steps[1].first, -1);
    json_t *json = sn_plan_json(&plan);
    assert_int_equal(json_array_size(json_object_get(json_array_get(json, 0), "after")), 2);
    json_decref(json);
    sn_plan_clear(&plan);
}

#define STEP(id, after) "{\"id\":\"" id "\",\"task\":\"t\",\"after\":[" after "]}"

static void test_bad(void **state) {
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "no JSON object"},
        {"no", "no JSON object"},
        {"} {", "no JSON object"},
        {"{", "no JSON object"},
        {"{x}", "line 1"},
        {"{\"steps\": 1, \"steps\": 2}", "line 1"},
        {"{}", "has 0"},
        {"{\"steps\": []}", "has 0"},
        {"{\"steps\": {}}", "has 0"},
        {"{\"steps\": [1]}", "id of step 1"},
        {"{\"steps\": [{\"id\": \"\", \"task\": \"t\"}]}", "id of step 1"},
        {"{\"steps\": [{\"id\": \"a b\", \"task\": \"t\"}]}", "id of step 1"},
        {"{\"steps\": [{\"id\": \"a\"}]}", "'a' has no task"},
        {"{\"steps\": [" STEP("a", "") "," STEP("a", "") "]}", "two steps"},
        {"{\"steps\": [" STEP("a", "\"b\"") "]}", "'b', which is no step"},
        {"{\"steps\": [" STEP("a", "7") "]}", "'?', which is no step"},
        {"{\"steps\": [{\"id\": \"a\", \"task\": \"t\", \"after\": \"b\"}]}", "not a list"},
        {"{\"steps\": [" STEP("a", "\"a\"") "]}", "circle"},
        {"{\"steps\": [" STEP("a", "\"b\"") "," STEP("b", "\"c\"") "," STEP("c", "\"a\"") "]}",
         "circle"},
        {"{\"steps\": [" STEP("1", "") "," STEP("2", "") "," STEP("3", "") "," STEP(
             "4", "") "," STEP("5", "") "," STEP("6",
                                                 "") "," STEP("7",
                                                              "") "," STEP("8",
                                                                           "") "," STEP("9",
                                                                                        "") "]}",
         "has 9"},
    };
    (void)state;
    for (size_t i = 0; i < SN_COUNT(rows); i++) {
        sn_plan plan;
        sn_error err = SN_ERROR_INIT;
        assert_int_equal(sn_plan_read(&plan, rows[i].text, &err), SN_EINVALID_ARGUMENT);
        if (!strstr(err.message, rows[i].says))
            fail_msg("'%s' says '%s'", rows[i].text, err.message);
        assert_int_equal(plan.count, 0);
        assert_int_equal(sn_plan_read(&plan, rows[i].text, NULL), SN_EINVALID_ARGUMENT);
    }
}

static void test_long(void **state) {
    sn_plan plan;
    sn_error err = SN_ERROR_INIT;
    (void)state;
    char *text = malloc(SN_PLAN_TEXT_MOST_BYTES + 2);
    memset(text, '{', SN_PLAN_TEXT_MOST_BYTES + 1);
    text[SN_PLAN_TEXT_MOST_BYTES + 1] = '\0';
    assert_int_equal(sn_plan_read(&plan, text, &err), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "longer than"));
    text[10000] = '}';
    text[10001] = '\0';
    assert_int_equal(sn_plan_read(&plan, text, &err), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "deeper"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
