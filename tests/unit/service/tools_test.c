/* tools_test.c - the table of tools: every schema is one, and says the limits that hold. */
#include "test.h"

#include "service/tools.h"

#include <string.h>

static void schemas(void **state) {
    (void)state;
    sn_executor_figures limits = {.timeout_seconds = 12.5, .memory_limit_mb = 77};
    for (const sn_tool *tool = sn_tools; tool->id; tool++) {
        json_t *input = sn_tool_input_schema(tool, &limits);
        json_t *output = sn_tool_output_schema(tool);
        json_t *properties = json_object_get(input, "properties");
        json_t *seconds = json_object_get(properties, "timeout_seconds");
        json_t *mb = json_object_get(properties, "memory_limit_mb");
        assert_string_equal(json_string_value(json_object_get(input, "type")), "object");
        assert_string_equal(json_string_value(json_object_get(output, "type")), "object");
        assert_true(json_number_value(json_object_get(seconds, "maximum")) == 12.5);
        assert_int_equal(json_integer_value(json_object_get(mb, "maximum")), 77);
        json_t *required = json_object_get(input, "required");
        for (size_t i = 0; i < json_array_size(required); i++)
            assert_non_null(
                json_object_get(properties, json_string_value(json_array_get(required, i))));
        assert_non_null(json_object_get(json_object_get(output, "properties"), "stdout"));
        json_decref(input);
        json_decref(output);
    }
}

static void finding(void **state) {
    (void)state;
    for (const sn_tool *tool = sn_tools; tool->id; tool++) {
        assert_ptr_equal(sn_tool_find(tool->id), tool);
        assert_true(*tool->name && *tool->description && *tool->category);
        assert_true(*tool->tags && *tool->examples);
    }
    assert_null(sn_tool_find("calculator"));
    assert_null(sn_tool_find(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas),
        cmocka_unit_test(finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
