/* query_json_test.c - a question's body, and its answer's. */
#include "llm_service/query_json.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static void check_refused(const char *text, const char *why) {
    sn_query_body body;
    sn_error err = SN_ERROR_INIT;
    json_t *json = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    assert_int_equal(sn_query_body_read(&body, json, &err), SN_EINVALID_ARGUMENT);
    if (!strstr(err.message, why) && !strstr(err.hint, why))
        fail_msg("%s: %s (%s)", text, err.message, err.hint);
}

static void bodies_that_make_no_sense_are_refused(void **state) {
    (void)state;
    check_refused("[]", "must be a JSON object");
    check_refused("{}", "query is missing");
    check_refused("{\"query\": \"\"}", "query must be");
    check_refused("{\"query\": 1}", "query must be");
    check_refused("{\"query\": \"a\\u0000b\"}", "without NUL");
    check_refused("{\"query\": \"a\", \"context\": []}", "context must be");
    check_refused("{\"query\": \"a\", \"session_id\": \"a b\"}", "session_id must be");
    check_refused("{\"query\": \"a\", \"session_id\": \"\"}", "session_id must be");
    check_refused("{\"query\": \"a\", \"session_id\": \"a\\u0000b\"}", "session_id must be");
    check_refused("{\"query\": \"a\", \"mode\": \"fast\"}", "mode must be");
    check_refused("{\"query\": \"a\", \"mode\": 1}", "mode must be");
    check_refused("{\"query\": \"a\", \"tools\": \"python_executor\"}", "tools must be");
    check_refused("{\"query\": \"a\", \"tools\": [1]}", "tools must be");
    check_refused("{\"query\": \"a\", \"tools\": [\"shell\"]}", "no tool 'shell'");
    check_refused("{\"query\": \"a\", \"tools\": [], \"allowed_tools\": []}", "one of them");
    check_refused("{\"query\": \"a\", \"max_tokens\": 0}", "max_tokens must be");
    check_refused("{\"query\": \"a\", \"max_tokens\": 1.5}", "max_tokens must be");
    check_refused("{\"query\": \"a\", \"temperature\": 3}", "temperature must be");
    check_refused("{\"query\": \"a\", \"stream\": 1}", "stream must be");
    check_refused("{\"query\": \"a\", \"timeout_seconds\": 0.5}", "timeout_seconds must be");
    check_refused("{\"query\": \"a\", \"sesion_id\": \"s\"}", "did you mean session_id?");
}

static void bodies_are_read(void **state) {
    (void)state;
    sn_query_body body;
    json_t *json = json_loads(
        "{\"query\": \"a\", \"context\": {\"k\": 1}, \"session_id\": \"s\", \"mode\": \"complex\", "
        "\"tools\": [\"python_executor\"], \"max_tokens\": 5, \"temperature\": 0.5, "
        "\"stream\": true, \"timeout_seconds\": 2.5}",
        0, NULL);
    assert_int_equal(sn_query_body_read(&body, json, NULL), 0);
    assert_string_equal(body.query.query, "a");
    assert_int_equal(json_object_size(body.query.context), 1);
    assert_string_equal(body.query.session_id, "s");
    assert_int_equal(body.query.mode, SN_MODE_COMPLEX);
    assert_false(body.query.no_tools);
    assert_int_equal(body.query.max_tokens, 5);
    assert_true(body.query.temperature == 0.5);
    assert_true(body.streams);
    assert_true(body.timeout_seconds == 2.5);
    sn_query_body_clear(&body);

    json = json_pack("{s:s, s:n, s:[]}", "query", "a", "session_id", "allowed_tools");
    assert_int_equal(sn_query_body_read(&body, json, NULL), 0);
    assert_null(body.query.session_id);
    assert_true(body.query.no_tools);
    assert_true(body.query.temperature < 0);
    assert_int_equal(body.query.mode, 0);
    assert_true(body.timeout_seconds == SN_QUERY_SECONDS_USUAL);
    sn_query_body_clear(&body);
}

static void check_field(const json_t *json, const char *name, const char *wanted) {
    char *text = json_dumps(json_object_get(json, name), JSON_ENCODE_ANY | JSON_SORT_KEYS);
    assert_string_equal(text, wanted);
    free(text);
}

static void answers_say_what_happened(void **state) {
    (void)state;
    sn_result result = {.status = SN_STATUS_ERROR};
    sn_agent_call call = {.code = (char *)"1/0", .result = &result};
    sn_agent_reply reply = {.text = (char *)"a\0b",
                            .text_bytes = 3,
                            .calls = &call,
                            .calls_count = 1,
                            .finish = SN_FINISH_STOP};
    sn_query query = SN_QUERY_INIT;
    json_t *json = sn_query_answer_json(&reply, &query, "chat", "s");
    check_field(json, "success", "false"); /* the query was code, which failed */
    check_field(json, "response", "\"a\\u0000b\"");
    check_field(json, "provider", "null");
    const json_t *metadata = json_object_get(json, "metadata");
    check_field(metadata, "mode", "\"simple\"");
    check_field(metadata, "session_id", "\"s\"");
    assert_int_equal(json_array_size(json_object_get(metadata, "executions")), 1);
    json_decref(json);

    reply.used_model = true;
    reply.model = (char *)"m";
    reply.usage = (sn_model_usage){3, 4};
    json = sn_query_answer_json(&reply, &query, "chat", NULL);
    check_field(json, "success", "true");
    check_field(json, "tokens_used", "7");
    check_field(json, "model_used", "\"m\"");
    check_field(json, "provider", "\"chat\"");
    check_field(json_object_get(json, "metadata"), "mode", "\"standard\"");
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_make_no_sense_are_refused),
        cmocka_unit_test(bodies_are_read),
        cmocka_unit_test(answers_say_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
