/* agent_response_test.c - what became of an execution, as messages: statuses, texts, errors. */
#include "test.h"

#include "agent.pb-c.h"
#include "agent_core/agent_response.h"
#include "agent_core/struct_json.h"
#include "util/auto.h"

#include <stdlib.h>
#include <string.h>

#define STATUS(name) SHANNON__COMMON__STATUS_CODE__STATUS_CODE_##name
#define STATE(name) SHANNON__AGENT__AGENT_STATE__AGENT_STATE_##name

static char code[] = "6 * 7";
static sn_mime value[] = {{"text/plain", "42", 2}};

static sn_agent_request asked(void) {
    return (sn_agent_request){.tool = sn_tool_find("python_executor"), .code = code};
}

static Shannon__Agent__ExecuteTaskResponse *response_of(const sn_result *result) {
    sn_agent_request request = asked();
    sn_agent_task task = {"task", &request};
    size_t bytes;
    sn_auto_free void *data = sn_agent_response(&bytes, &task, result, 12);
    assert_non_null(data);
    Shannon__Agent__ExecuteTaskResponse *r =
        shannon__agent__execute_task_response__unpack(NULL, bytes, data);
    assert_non_null(r);
    assert_true(sn_bytes_are(&r->task_id, "task"));
    assert_int_equal(r->n_tool_calls, 1);
    assert_int_equal(r->n_tool_results, 1);
    assert_int_equal(r->tool_results[0]->status, r->status);
    assert_int_equal(r->metrics->latency_ms, 12);
    return r;
}

static void assert_response(const sn_result *result, int status, int state, const char *text,
                            const char *error) {
    Shannon__Agent__ExecuteTaskResponse *r = response_of(result);
    assert_int_equal(r->status, status);
    assert_int_equal(r->final_state, state);
    assert_true(sn_bytes_are(&r->result, text));
    assert_true(sn_bytes_are(&r->error_message, error));
    assert_true(sn_bytes_are(&r->tool_results[0]->error_message, error));
    shannon__agent__execute_task_response__free_unpacked(r, NULL);
}

static void texts(void **state) {
    (void)state;
    sn_result r = {.status = SN_STATUS_OK};
    assert_response(&r, STATUS(OK), STATE(COMPLETED), "", "");
    r.value = (sn_bundle){value, 1};
    assert_response(&r, STATUS(OK), STATE(COMPLETED), "42", "");
    r.stdout_text = (char *)"a\n";
    r.stdout_bytes = 2;
    assert_response(&r, STATUS(OK), STATE(COMPLETED), "a\n42", "");
    r.stdout_bytes = 1;
    assert_response(&r, STATUS(OK), STATE(COMPLETED), "a\n42", "");
}

static void ends(void **state) {
    (void)state;
    sn_result r = {.status = SN_STATUS_ERROR, .exit_code = 3};
    assert_response(&r, STATUS(ERROR), STATE(FAILED), "", "the code ended with exit code 3");
    r.error_name = (char *)"ValueError";
    r.error_value = (char *)"x";
    r.error_traceback = (char *)"";
    assert_response(&r, STATUS(ERROR), STATE(FAILED), "", "ValueError: x");
    r.error_traceback = (char *)"Traceback: ...";
    assert_response(&r, STATUS(ERROR), STATE(FAILED), "", "Traceback: ...");
    r.status = SN_STATUS_TIMEOUT;
    assert_response(&r, STATUS(TIMEOUT), STATE(FAILED), "", "Traceback: ...");
    for (int status = SN_STATUS_MEMORY_LIMIT; status <= SN_STATUS_CANCELLED; status++) {
        sn_result bare = {.status = (enum sn_status)status};
        Shannon__Agent__ExecuteTaskResponse *m = response_of(&bare);
        assert_int_equal(m->status, STATUS(ERROR));
        assert_true(m->error_message.len > 10);
        shannon__agent__execute_task_response__free_unpacked(m, NULL);
    }
}

static void updates(void **state) {
    (void)state;
    sn_agent_request request = asked();
    sn_agent_task task = {"task", &request};
    sn_result result = {.status = SN_STATUS_OK, .value = {value, 1}};
    size_t bytes[4];
    void *made[] = {sn_agent_update_begin(&bytes[0], &task),
                    sn_agent_update_delta(&bytes[1], &task, "a\0b", 3),
                    sn_agent_update_result(&bytes[2], &task, &result),
                    sn_agent_update_end(&bytes[3], &task, &result)};
    Shannon__Agent__TaskUpdate *u[SN_COUNT(made)];
    for (size_t i = 0; i < SN_COUNT(made); i++) {
        assert_non_null(made[i]);
        u[i] = shannon__agent__task_update__unpack(NULL, bytes[i], made[i]);
        assert_non_null(u[i]);
        assert_true(sn_bytes_are(&u[i]->task_id, "task"));
        assert_int_equal(u[i]->state, i == 3 ? STATE(COMPLETED) : STATE(EXECUTING));
        free(made[i]);
    }
    const sn_struct *parameters = u[0]->tool_call->parameters;
    assert_true(sn_bytes_are(&sn_struct_get(parameters, "code")->string_value, code));
    assert_null(sn_struct_get(parameters, "session_id"));
    assert_int_equal(u[1]->delta.len, 3);
    const sn_struct *output = u[2]->tool_result->output->struct_value;
    assert_true(sn_bytes_are(&sn_struct_get(output, "status")->string_value, "ok"));
    assert_true(u[3]->progress == 1 && sn_bytes_are(&u[3]->message, "42"));
    for (size_t i = 0; i < SN_COUNT(made); i++)
        shannon__agent__task_update__free_unpacked(u[i], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(ends),
        cmocka_unit_test(updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
