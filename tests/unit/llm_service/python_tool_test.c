/* python_tool_test.c - what a model's call means, and what it is told. */
#include "llm_service/python_tool.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static void check_told(const sn_result *result, const char *wanted) {
    char *told = sn_python_tool_tell(result);
    assert_string_equal(told, wanted);
    free(told);
}

static void what_happened_is_told(void **state) {
    (void)state;
    sn_mime value = {"text/plain", "42", 2};
    sn_mime picture = {"image/png", "aGVsbG8=", 8};
    sn_bundle shown = {&picture, 1};
    check_told(&(sn_result){0}, "The code ran, and printed nothing.\n");
    check_told(&(sn_result){.stdout_text = "a", .stdout_bytes = 1, .value = {&value, 1}},
               "Printed:\na\nValue: 42\n");
    check_told(&(sn_result){.stderr_text = "w\n", .stderr_bytes = 2, .stderr_truncated = true},
               "Printed to stderr:\nw\n[the rest was dropped]\n");
    check_told(&(sn_result){.outputs = &shown, .outputs_count = 1},
               "Displayed: image/png, 8 bytes, shown to the user\n");
    check_told(&(sn_result){.status = SN_STATUS_ERROR,
                            .error_name = "ValueError",
                            .error_value = "no",
                            .error_traceback = "Traceback ...\nValueError: no\n"},
               "Error:\nTraceback ...\nValueError: no\n");
    check_told(&(sn_result){.status = SN_STATUS_ERROR,
                            .error_name = "SystemExit",
                            .error_value = "3",
                            .error_traceback = ""},
               "The code was ended: error: 3\n");
    check_told(&(sn_result){.status = SN_STATUS_TIMEOUT,
                            .error_value = "the time limit of 1 seconds was reached",
                            .error_traceback = "T\n",
                            .unsaved = "the worker was ended"},
               "Error:\nT\nThe code was ended: timeout: the time limit of 1 seconds was reached\n"
               "Variables are as they were before this call: the worker was ended\n");
}

/* The beginning and the end are told, and no character is cut. */
static void long_output_is_cut_in_the_middle(void **state) {
    (void)state;
    enum { CHARACTERS = 20000 };
    char *text = malloc(CHARACTERS * 3 + 4);
    strcpy(text, "x");
    for (size_t i = 0; i < CHARACTERS; i++)
        memcpy(text + 1 + i * 3, "\xe2\x82\xac", 3);
    memcpy(text + 1 + CHARACTERS * 3, "yz", 3);
    sn_result result = {.stdout_text = text, .stdout_bytes = strlen(text)};
    char *told = sn_python_tool_tell(&result);
    assert_true(strlen(told) < SN_TOLD_MOST_BYTES + 200);
    assert_int_equal(memcmp(told, "Printed:\nx\xe2\x82\xac", 13), 0);
    assert_string_equal(told + strlen(told) - 6, "\xe2\x82\xacyz\n");
    assert_non_null(strstr(told, "bytes are left out here]\n\xe2\x82\xac"));
    json_t *valid = json_string(told); /* NULL unless it is UTF-8 */
    assert_non_null(valid);
    json_decref(valid);
    free(told);
    free(text);
}

static void check_refused(const char *arguments, const char *why) {
    sn_python_call call;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_python_call_read(&call, arguments, &err), SN_EINVALID_ARGUMENT);
    if (!strstr(err.message, why))
        fail_msg("%s: %s", arguments, err.message);
}

static void arguments_that_make_no_sense_are_refused(void **state) {
    (void)state;
    check_refused("", "no JSON object: line 1");
    check_refused("print(1)", "no JSON object");
    check_refused("{\"code\": \"print(1", "no JSON object");
    check_refused("[1]", "no object");
    check_refused("{}", "code is missing");
    check_refused("{\"code\": null}", "code is missing");
    check_refused("{\"code\": 1}", "code must be a string");
    check_refused("{\"code\": \"1\", \"stdin\": 1}", "stdin must be");
    check_refused("{\"code\": \"1\", \"timeout_seconds\": \"5\"}", "timeout_seconds must be");
    check_refused("{\"code\": \"1\", \"timeout_seconds\": 0}", "timeout_seconds must be");
    check_refused("{\"code\": \"1\", \"memory_limit_mb\": 1.5}", "memory_limit_mb must be");
    check_refused("{\"code\": \"1\", \"memory_limit_mb\": 1e99}", "memory_limit_mb must be");
    check_refused("{\"code\": \"1\", \"session_id\": \"s\"}", "no argument 'session_id'");
}

static void arguments_that_make_sense_are_taken(void **state) {
    (void)state;
    sn_python_call call;
    const char *arguments = "{\"code\": \"```python\\nprint(1)\\n```\", \"stdin\": \"a\", "
                            "\"timeout_seconds\": 2.5, \"memory_limit_mb\": 64.0}";
    assert_int_equal(sn_python_call_read(&call, arguments, NULL), 0);
    assert_int_equal(call.request.code_bytes, strlen("print(1)\n"));
    assert_memory_equal(call.request.code, "print(1)\n", call.request.code_bytes);
    assert_int_equal(call.request.stdin_bytes, 1);
    assert_true(call.request.timeout_seconds == 2.5);
    assert_int_equal(call.request.memory_limit_mb, 64);
    assert_int_equal(call.request.cancel_fd, -1);
    sn_python_call_clear(&call);
}

static void the_offer_has_the_limits_and_no_session(void **state) {
    (void)state;
    sn_executor_figures limits = {.memory_limit_mb = 128, .timeout_seconds = 20};
    sn_model_tool tool;
    json_t *schema;
    assert_int_equal(sn_python_tool_offer(&tool, &schema, &limits, NULL), 0);
    json_t *properties = json_object_get(tool.input_schema, "properties");
    assert_non_null(json_object_get(properties, "code"));
    assert_null(json_object_get(properties, "session_id"));
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(properties, "memory_limit_mb"), "maximum")),
                     128);
    json_decref(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_is_told),
        cmocka_unit_test(long_output_is_cut_in_the_middle),
        cmocka_unit_test(arguments_that_make_no_sense_are_refused),
        cmocka_unit_test(arguments_that_make_sense_are_taken),
        cmocka_unit_test(the_offer_has_the_limits_and_no_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
