/* wire_client_test.c - what a client packs a server reads, and the other way round. */
#include "executor.pb-c.h"
#include "executor/wire.h"
#include "executor/wire_client.h"
#include "test.h"
#include "util/auto.h"

#include <math.h>
#include <string.h>

static void a_request_arrives(void **state) {
    (void)state;
    static const char *const args[] = {"a", "", "ü"};
    static const sn_input_file files[] = {{"data.csv", "1\0002", 3}, {"/tmp/empty", NULL, 0}};
    static const sn_deterministic fixed = {7, 1e9};
    sn_request request = SN_REQUEST_INIT;
    request.code = "print(1)\n#rest";
    request.code_bytes = 9;
    request.session_id = "s";
    request.filename = "f.py";
    request.args = args;
    request.args_count = 3;
    request.timeout_seconds = 2.5;
    request.memory_limit_mb = 64;
    request.discard = true;
    request.workspace_bytes = 4096;
    request.output_limit_bytes = 100;
    request.stdin_data = "in\0put";
    request.stdin_bytes = 6;
    request.deterministic = &fixed;
    request.files = files;
    request.files_count = 2;
    size_t bytes;
    sn_auto_free void *data = sn_wire_request_pack(&bytes, &request);
    sn_wire_request read;
    assert_int_equal(sn_wire_read_request(&read, data, bytes, NULL), 0);
    const sn_request *r = &read.request;
    assert_int_equal(r->code_bytes, 9);
    assert_memory_equal(r->code, "print(1)\n", 9);
    assert_string_equal(r->session_id, "s");
    assert_string_equal(r->filename, "f.py");
    assert_int_equal(r->args_count, 3);
    assert_string_equal(r->args[1], "");
    assert_string_equal(r->args[2], "ü");
    assert_true(r->timeout_seconds == 2.5 && r->memory_limit_mb == 64 && r->discard);
    assert_true(r->workspace_bytes == 4096 && r->output_limit_bytes == 100);
    assert_int_equal(r->stdin_bytes, 6);
    assert_memory_equal(r->stdin_data, "in\0put", 6);
    assert_true(r->deterministic->seed == 7 && r->deterministic->time == 1e9);
    assert_int_equal(r->files_count, 2);
    assert_string_equal(r->files[0].path, "data.csv");
    assert_memory_equal(r->files[0].content, "1\0002", 3);
    assert_int_equal(r->files[1].content_bytes, 0);
    sn_wire_request_clear(&read);
}

static void what_is_not_said_is_not_there(void **state) {
    (void)state;
    sn_request request = SN_REQUEST_INIT;
    request.code = "1";
    request.code_bytes = 1;
    size_t bytes;
    sn_auto_free void *data = sn_wire_request_pack(&bytes, &request);
    sn_wire_request read;
    assert_int_equal(sn_wire_read_request(&read, data, bytes, NULL), 0);
    assert_true(!read.request.session_id && !read.request.filename && !read.request.deterministic &&
                !read.request.args_count && !read.request.files_count);
    sn_wire_request_clear(&read);
}

/* ---- results ---- */

static sn_mime items[] = {{"text/plain", "42", 2}, {"text/html", "<b>\0", 4}};
static sn_bundle outputs[] = {{items, 2}, {items, 1}};

static const sn_result whole = {.status = SN_STATUS_TIMEOUT,
                                .exit_code = 124,
                                .stdout_text = "a\0b",
                                .stdout_bytes = 3,
                                .stderr_text = "",
                                .stderr_truncated = true,
                                .value = {items, 1},
                                .outputs = outputs,
                                .outputs_count = 2,
                                .error_name = "TimeoutError",
                                .error_value = "",
                                .error_traceback = "...",
                                .session_id = "s",
                                .step = 3,
                                .unsaved = "killed",
                                .usage = {1.5, 2.5, 0.5, 1 << 20, 3}};

static void assert_whole(const sn_result *r) {
    assert_int_equal(r->status, SN_STATUS_TIMEOUT);
    assert_int_equal(r->exit_code, 124);
    assert_int_equal(r->stdout_bytes, 3);
    assert_memory_equal(r->stdout_text, "a\0b", 4);
    assert_string_equal(r->stderr_text, "");
    assert_true(r->stderr_truncated && !r->stdout_truncated);
    assert_string_equal(sn_result_text(r), "42");
    assert_int_equal(r->outputs_count, 2);
    assert_int_equal(r->outputs[0].count, 2);
    assert_int_equal(r->outputs[0].items[1].data_bytes, 4);
    assert_string_equal(r->outputs[1].items[0].type, "text/plain");
    assert_string_equal(r->error_name, "TimeoutError");
    assert_string_equal(r->error_value, "");
    assert_string_equal(r->error_traceback, "...");
    assert_string_equal(r->session_id, "s");
    assert_string_equal(r->unsaved, "killed");
    assert_true(r->step == 3 && r->usage.wall_ms == 1.5 && r->usage.peak_memory_bytes == 1 << 20);
}

static void a_result_comes_back(void **state) {
    (void)state;
    size_t bytes;
    sn_result *result;
    sn_wire_happened happened;
    sn_auto_free void *data = sn_wire_response(&bytes, &whole);
    assert_int_equal(sn_wire_read_response(&result, data, bytes, NULL), 0);
    assert_whole(result);
    sn_result_free(result);
    sn_auto_free void *done = sn_wire_done(&bytes, &whole);
    assert_int_equal(sn_wire_read_event(&happened, done, bytes, NULL), 0);
    assert_int_equal(happened.event.kind, 0);
    assert_whole(happened.result);
    sn_wire_happened_clear(&happened);
}

static void a_bare_result_comes_back(void **state) {
    (void)state;
    const sn_result bare = {.status = SN_STATUS_OK};
    size_t bytes;
    sn_result *result;
    sn_auto_free void *data = sn_wire_response(&bytes, &bare);
    assert_int_equal(sn_wire_read_response(&result, data, bytes, NULL), 0);
    assert_string_equal(result->stdout_text, "");
    assert_true(!result->error_name && !result->session_id && !result->unsaved &&
                result->value.count == 0 && result->outputs_count == 0);
    assert_null(sn_result_text(result));
    sn_result_free(result);
}

static void events_come_back(void **state) {
    (void)state;
    const sn_event events[] = {{SN_EVENT_STDOUT, "\xff\0", 2, NULL},
                               {SN_EVENT_STDERR, "", 0, NULL},
                               {SN_EVENT_DISPLAY, NULL, 0, &outputs[0]},
                               {SN_EVENT_RESULT, NULL, 0, &outputs[1]}};
    for (size_t i = 0; i < SN_COUNT(events); i++) {
        size_t bytes;
        sn_wire_happened h;
        sn_auto_free void *data = sn_wire_event(&bytes, &events[i]);
        assert_int_equal(sn_wire_read_event(&h, data, bytes, NULL), 0);
        assert_int_equal(h.event.kind, events[i].kind);
        assert_int_equal(h.event.data_bytes, events[i].data_bytes);
        if (events[i].data_bytes)
            assert_memory_equal(h.event.data, events[i].data, events[i].data_bytes);
        if (events[i].bundle) {
            assert_int_equal(h.event.bundle->count, events[i].bundle->count);
            assert_string_equal(h.event.bundle->items[0].data, "42");
        }
        assert_null(h.result);
        sn_wire_happened_clear(&h);
    }
}

/* ---- servers that are none of ours ---- */

static void *pack(size_t *bytes, const void *message) {
    *bytes = protobuf_c_message_get_packed_size(message);
    void *data = malloc(*bytes + 1);
    assert_non_null(data);
    protobuf_c_message_pack(message, data);
    return data;
}

static void nonsense_is_refused(void **state) {
    (void)state;
    static const int statuses[] = {0, 8, -1};
    static const int exits[] = {-1, 256};
    Shannon__V1__ExecuteResponse m = SHANNON__V1__EXECUTE_RESPONSE__INIT;
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    sn_session_info *info;
    size_t bytes;
    for (size_t i = 0; i < SN_COUNT(statuses); i++) {
        m.status = (Shannon__V1__Status)statuses[i];
        sn_auto_free void *data = pack(&bytes, &m);
        assert_int_equal(sn_wire_read_response(&result, data, bytes, &err), SN_EINTERNAL);
        assert_non_null(strstr(err.message, "makes no sense"));
    }
    for (size_t i = 0; i < SN_COUNT(exits); i++) {
        m.status = SHANNON__V1__STATUS__STATUS_OK;
        m.exit_code = exits[i];
        sn_auto_free void *data = pack(&bytes, &m);
        assert_int_equal(sn_wire_read_response(&result, data, bytes, &err), SN_EINTERNAL);
    }
    assert_int_equal(sn_wire_read_response(&result, "\xff\xff", 2, &err), SN_EINTERNAL);
    assert_int_equal(sn_wire_read_info(&info, "\xff\xff", 2, &err), SN_EINTERNAL);
    assert_int_equal(sn_wire_read_info(&info, "", 0, &err), SN_EINTERNAL);
    assert_int_equal(sn_wire_read_info(&info, "\x0a\x04\x1b[2J", 6, &err), SN_EINTERNAL);
}

static void texts_and_numbers_are_repaired(void **state) {
    (void)state;
    Shannon__V1__ExecuteResponse m = SHANNON__V1__EXECUTE_RESPONSE__INIT;
    Shannon__V1__ExecutionError error = SHANNON__V1__EXECUTION_ERROR__INIT;
    Shannon__V1__Usage usage = SHANNON__V1__USAGE__INIT;
    usage.wall_ms = (double)NAN;
    usage.cpu_ms = -1;
    usage.startup_ms = 2.5;
    m.usage = &usage;
    error.name = (ProtobufCBinaryData){3, (uint8_t *)"a\0b"};
    m.status = SHANNON__V1__STATUS__STATUS_ERROR;
    m.stdout = (ProtobufCBinaryData){2, (uint8_t *)"a\xff"};
    m.error = &error;
    size_t bytes;
    sn_result *result;
    sn_auto_free void *data = pack(&bytes, &m);
    assert_int_equal(sn_wire_read_response(&result, data, bytes, NULL), 0);
    assert_string_equal(result->stdout_text, "a\xef\xbf\xbd");
    assert_string_equal(result->error_name, "a\xe2\x90\x80"
                                            "b");
    assert_string_equal(result->error_traceback, "");
    assert_true(result->usage.wall_ms == 0 && result->usage.cpu_ms == 0 &&
                result->usage.startup_ms == 2.5);
    sn_result_free(result);
}

/* Outputs without anything in them: 2 bytes each on the wire. */
static void small_messages_do_not_take_much_memory(void **state) {
    (void)state;
    enum { COUNT = 4 << 20 };
    sn_auto_free uint8_t *data = malloc(2 * COUNT + 2);
    assert_non_null(data);
    data[0] = 8; /* status */
    data[1] = 1;
    for (size_t i = 0; i < COUNT; i++) {
        data[2 + 2 * i] = 8 << 3 | 2;
        data[3 + 2 * i] = 0;
    }
    sn_result *result;
    assert_int_equal(sn_wire_read_response(&result, data, 2 * COUNT + 2, NULL), SN_EINTERNAL);
    assert_int_equal(sn_wire_read_response(&result, data, 2 * 1000 + 2, NULL), 0);
    assert_int_equal(result->outputs_count, 256); /* as many as there can be */
    sn_result_free(result);
}

/* ---- sessions ---- */

static void session_requests_arrive(void **state) {
    (void)state;
    const sn_wire_session_request request = {.id = "a", .new_id = "b", .step = 7, .limit = 9};
    for (int kind = SN_WIRE_LIST; kind <= SN_WIRE_DELETE; kind++) {
        sn_wire_session_request read;
        size_t bytes;
        sn_auto_free void *data =
            sn_wire_session_pack(&bytes, (sn_wire_session_kind)kind, &request);
        assert_int_equal(sn_wire_read_session(&read, (sn_wire_session_kind)kind, data, bytes, NULL),
                         0);
        assert_string_equal(read.id, "a");
        assert_string_equal(read.new_id, kind == SN_WIRE_FORK ? "b" : "");
        if (kind == SN_WIRE_FORK || kind == SN_WIRE_REWIND)
            assert_int_equal(read.step, 7);
        if (kind == SN_WIRE_LIST)
            assert_int_equal(read.limit, 9);
    }
    sn_wire_session_request last = {.id = "a", .new_id = "b", .step = SN_STEP_LAST}, read;
    size_t bytes;
    sn_auto_free void *data = sn_wire_session_pack(&bytes, SN_WIRE_FORK, &last);
    assert_int_equal(sn_wire_read_session(&read, SN_WIRE_FORK, data, bytes, NULL), 0);
    assert_true(read.step == SN_STEP_LAST);
}

static void sessions_come_back(void **state) {
    (void)state;
    sn_session_step steps[] = {{1, 5.5, 10, 20, SN_STATUS_OK, "x = 1"},
                               {2, 6.5, 11, 21, SN_STATUS_ERROR, "1/0"}};
    const sn_session_info infos[] = {{.id = "a",
                                      .created = 1.5,
                                      .used = 2.5,
                                      .step = 2,
                                      .stored_bytes = 21,
                                      .memory_bytes = 22,
                                      .usable = true,
                                      .steps = steps,
                                      .steps_count = 2},
                                     {.id = "b"}};
    sn_session_info *read;
    size_t bytes, count;
    char next[SN_SESSION_ID_MAX_BYTES + 1];
    sn_auto_free void *one = sn_wire_session(&bytes, &infos[0]);
    assert_int_equal(sn_wire_read_info(&read, one, bytes, NULL), 0);
    assert_string_equal(read->id, "a");
    assert_true(read->created == 1.5 && read->used == 2.5 && read->step == 2 && read->usable &&
                read->stored_bytes == 21 && read->memory_bytes == 22);
    assert_int_equal(read->steps_count, 2);
    assert_true(read->steps[1].step == 2 && read->steps[1].time == 6.5 &&
                read->steps[1].status == SN_STATUS_ERROR);
    assert_string_equal(read->steps[1].code, "1/0");
    sn_session_info_free(read, 1);
    sn_auto_free void *all = sn_wire_sessions(&bytes, infos, 2, "b");
    assert_int_equal(sn_wire_read_infos(&read, &count, next, all, bytes, NULL), 0);
    assert_int_equal(count, 2);
    assert_string_equal(read[1].id, "b");
    assert_string_equal(next, "b");
    sn_session_info_free(read, count);
    sn_auto_free void *none = sn_wire_sessions(&bytes, infos, 0, NULL);
    assert_int_equal(sn_wire_read_infos(&read, &count, next, none, bytes, NULL), 0);
    assert_true(count == 0 && *next == '\0');
    sn_session_info_free(read, count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives),
        cmocka_unit_test(what_is_not_said_is_not_there),
        cmocka_unit_test(a_result_comes_back),
        cmocka_unit_test(a_bare_result_comes_back),
        cmocka_unit_test(events_come_back),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(texts_and_numbers_are_repaired),
        cmocka_unit_test(small_messages_do_not_take_much_memory),
        cmocka_unit_test(session_requests_arrive),
        cmocka_unit_test(sessions_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
