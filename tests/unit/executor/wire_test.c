/* wire_test.c - requests, events and results as messages: nothing is lost on the way. */
#include "test.h"

#include "executor.pb-c.h"
#include "executor/wire.h"
#include "util/auto.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text) {sizeof(text) - 1, (uint8_t *)(text)}

static void assert_text(ProtobufCBinaryData data, const char *text) {
    assert_int_equal(data.len, strlen(text));
    assert_memory_equal(data.data, text, data.len);
}

/* ---- requests ---- */

static int read_request(sn_wire_request *out, const Shannon__V1__ExecuteRequest *message) {
    size_t bytes = shannon__v1__execute_request__get_packed_size(message);
    sn_auto_free uint8_t *data = malloc(bytes + 1);
    assert_non_null(data);
    shannon__v1__execute_request__pack(message, data);
    sn_error err = SN_ERROR_INIT;
    return sn_wire_read_request(out, data, bytes, &err);
}

static void a_request_says_everything(void **state) {
    (void)state;
    Shannon__V1__ExecuteRequest message = SHANNON__V1__EXECUTE_REQUEST__INIT;
    Shannon__V1__Deterministic deterministic = SHANNON__V1__DETERMINISTIC__INIT;
    Shannon__V1__InputFile file = SHANNON__V1__INPUT_FILE__INIT, *files[] = {&file};
    ProtobufCBinaryData args[] = {BYTES("a"), BYTES(""), BYTES("ü")};
    message.code = (ProtobufCBinaryData)BYTES("print(1)\0#");
    message.session_id = (ProtobufCBinaryData)BYTES("s");
    message.filename = (ProtobufCBinaryData)BYTES("f.py");
    message.timeout_seconds = 2.5;
    message.stdin = (ProtobufCBinaryData)BYTES("in\0put");
    message.memory_limit_mb = 64;
    message.workspace_bytes = 4096;
    message.output_limit_bytes = 100;
    message.discard = true;
    deterministic.seed = 7;
    deterministic.time = 1e9;
    message.deterministic = &deterministic;
    message.n_args = SN_COUNT(args);
    message.args = args;
    file.path = (ProtobufCBinaryData)BYTES("data.csv");
    file.content = (ProtobufCBinaryData)BYTES("1\0002");
    message.n_files = 1;
    message.files = files;
    sn_wire_request read;
    assert_int_equal(read_request(&read, &message), 0);
    const sn_request *r = &read.request;
    assert_int_equal(r->code_bytes, 10);
    assert_memory_equal(r->code, "print(1)\0#", 10);
    assert_string_equal(r->session_id, "s");
    assert_string_equal(r->filename, "f.py");
    assert_true(r->timeout_seconds == 2.5 && r->memory_limit_mb == 64 && r->discard);
    assert_true(r->workspace_bytes == 4096 && r->output_limit_bytes == 100);
    assert_int_equal(r->stdin_bytes, 6);
    assert_memory_equal(r->stdin_data, "in\0put", 6);
    assert_true(r->deterministic->seed == 7 && r->deterministic->time == 1e9);
    assert_int_equal(r->args_count, 3);
    assert_string_equal(r->args[1], "");
    assert_string_equal(r->args[2], "ü");
    assert_int_equal(r->files_count, 1);
    assert_string_equal(r->files[0].path, "data.csv");
    assert_int_equal(r->files[0].content_bytes, 3);
    assert_true(r->stdin_fd == -1 && r->cancel_fd == -1);
    sn_wire_request_clear(&read);
}

static void what_is_not_said_is_not_there(void **state) {
    (void)state;
    sn_wire_request read;
    assert_int_equal(sn_wire_read_request(&read, "", 0, NULL), 0);
    assert_true(read.request.code_bytes == 0 && !read.request.session_id &&
                !read.request.filename && !read.request.deterministic &&
                read.request.files_count == 0);
    sn_wire_request_clear(&read);
}

static void bad_messages_are_refused(void **state) {
    (void)state;
    sn_wire_request read;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_wire_read_request(&read, "\xff\xff\xff", 3, &err), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "no shannon.v1.ExecuteRequest"));
    Shannon__V1__ExecuteRequest message = SHANNON__V1__EXECUTE_REQUEST__INIT;
    message.session_id = (ProtobufCBinaryData)BYTES("a\0b");
    assert_int_equal(read_request(&read, &message), SN_EINVALID_ARGUMENT);
}

/* ---- results ---- */

static void a_result_says_everything(void **state) {
    (void)state;
    sn_mime items[] = {{"text/plain", "42", 2}, {"text/html", "<b>\0", 4}};
    sn_bundle outputs[] = {{items, 2}, {items, 1}};
    const sn_result result = {.status = SN_STATUS_TIMEOUT,
                              .exit_code = 124,
                              .stdout_text = "a\0b",
                              .stdout_bytes = 3,
                              .stderr_truncated = true,
                              .value = {items, 1},
                              .outputs = outputs,
                              .outputs_count = 2,
                              .error_name = "TimeoutError",
                              .error_value = "too long",
                              .error_traceback = "...",
                              .session_id = "s",
                              .step = 3,
                              .usage = {1.5, 2.5, 0.5, 1 << 20, 3}};
    size_t bytes;
    sn_auto_free void *data = sn_wire_response(&bytes, &result);
    Shannon__V1__ExecuteResponse *r = shannon__v1__execute_response__unpack(NULL, bytes, data);
    assert_non_null(r);
    assert_int_equal(r->status, SHANNON__V1__STATUS__STATUS_TIMEOUT);
    assert_int_equal(r->exit_code, 124);
    assert_int_equal(r->stdout.len, 3);
    assert_memory_equal(r->stdout.data, "a\0b", 3);
    assert_true(r->stderr_truncated && !r->stdout_truncated);
    assert_int_equal(r->result->n_representations, 1);
    assert_text(r->result->representations[0]->data, "42");
    assert_int_equal(r->n_outputs, 2);
    assert_int_equal(r->outputs[0]->representations[1]->data.len, 4);
    assert_text(r->error->name, "TimeoutError");
    assert_text(r->session_id, "s");
    assert_true(r->step == 3 && r->usage->peak_memory_bytes == 1 << 20 && r->usage->wall_ms == 1.5);
    shannon__v1__execute_response__free_unpacked(r, NULL);
}

static void what_did_not_happen_is_absent(void **state) {
    (void)state;
    const sn_result result = {.status = SN_STATUS_OK};
    size_t bytes;
    sn_auto_free void *data = sn_wire_done(&bytes, &result);
    Shannon__V1__ExecuteEvent *event = shannon__v1__execute_event__unpack(NULL, bytes, data);
    assert_non_null(event);
    assert_int_equal(event->event_case, SHANNON__V1__EXECUTE_EVENT__EVENT_DONE);
    assert_true(!event->done->result && !event->done->error && event->done->n_outputs == 0);
    shannon__v1__execute_event__free_unpacked(event, NULL);
}

static void events(void **state) {
    (void)state;
    sn_mime item = {"text/plain", "1", 1};
    sn_bundle bundle = {&item, 1};
    const struct {
        sn_event event;
        Shannon__V1__ExecuteEvent__EventCase is;
    } cases[] = {
        {{SN_EVENT_STDOUT, "\xff", 1, NULL}, SHANNON__V1__EXECUTE_EVENT__EVENT_STDOUT},
        {{SN_EVENT_STDERR, "e", 1, NULL}, SHANNON__V1__EXECUTE_EVENT__EVENT_STDERR},
        {{SN_EVENT_DISPLAY, NULL, 0, &bundle}, SHANNON__V1__EXECUTE_EVENT__EVENT_DISPLAY},
        {{SN_EVENT_RESULT, NULL, 0, &bundle}, SHANNON__V1__EXECUTE_EVENT__EVENT_RESULT},
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        size_t bytes;
        sn_auto_free void *data = sn_wire_event(&bytes, &cases[i].event);
        Shannon__V1__ExecuteEvent *e = shannon__v1__execute_event__unpack(NULL, bytes, data);
        assert_non_null(e);
        assert_int_equal(e->event_case, cases[i].is);
        shannon__v1__execute_event__free_unpacked(e, NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_says_everything),
        cmocka_unit_test(what_is_not_said_is_not_there),
        cmocka_unit_test(bad_messages_are_refused),
        cmocka_unit_test(a_result_says_everything),
        cmocka_unit_test(what_did_not_happen_is_absent),
        cmocka_unit_test(events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
