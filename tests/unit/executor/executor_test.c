/* executor_test.c - what a request may hold, what the environment may say, and how a result is
 * made. */
#include "test.h"

#include "executor/result.h"
#include "executor/settings.h"
#include "executor/validate.h"
#include "util/auto.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <string.h>

static sn_settings settings = {256, 60};

static sn_request good_request(void) {
    sn_request r = SN_REQUEST_INIT;
    r.code = "print(1)";
    r.code_bytes = 8;
    return r;
}

static void assert_refused(const sn_request *r, const char *words) {
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_request_validate(r, &settings, &err), SN_EINVALID_ARGUMENT);
    if (!strstr(err.message, words))
        fail_msg("'%s' is not in '%s'", words, err.message);
}

static void good_requests_pass(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    sn_request r = good_request();
    assert_int_equal(sn_request_validate(&r, &settings, &err), 0);
    r.timeout_seconds = 1;
    assert_int_equal(sn_request_validate(&r, &settings, &err), 0);
    r.timeout_seconds = 60;
    r.memory_limit_mb = 256;
    assert_int_equal(sn_request_validate(&r, &settings, &err), 0);
    r.code = "# \xC3\xA9";
    r.code_bytes = 4;
    assert_int_equal(sn_request_validate(&r, &settings, &err), 0);
}

static void bad_code_is_refused(void **state) {
    (void)state;
    sn_request r = good_request();
    r.code_bytes = 0;
    assert_refused(&r, "empty");
    r.code_bytes = SN_CODE_MAX_BYTES + 1;
    assert_refused(&r, "1 MiB");
    r.code = "a\nb\xFF";
    r.code_bytes = 4;
    assert_refused(&r, "0xff at offset 3, line 2");
    r.code = "a\0b";
    r.code_bytes = 3;
    assert_refused(&r, "NUL byte at offset 1");
}

static void limits_are_not_clamped(void **state) {
    (void)state;
    static const double timeouts[] = {0.5, -1, 60.001, 61, 1e300};
    for (size_t i = 0; i < SN_COUNT(timeouts); i++) {
        sn_request r = good_request();
        r.timeout_seconds = timeouts[i];
        assert_refused(&r, "from 1 to 60");
    }
    sn_request r = good_request();
    r.timeout_seconds = NAN;
    assert_refused(&r, "timeout_seconds");
    r = good_request();
    r.memory_limit_mb = 257;
    assert_refused(&r, "from 32 to 256");
    r = good_request();
    r.stdin_bytes = SN_STDIN_MAX_BYTES + 1;
    assert_refused(&r, "8 MiB");
    r = good_request();
    sn_input_file outside = {"/etc/passwd", "", 0};
    r.files = &outside;
    r.files_count = 1;
    assert_refused(&r, "under /tmp");
    r = good_request();
    r.session_id = "has space";
    assert_refused(&r, "session_id");
}

static void environment_is_read_strictly(void **state) {
    (void)state;
    sn_settings read;
    sn_error err = SN_ERROR_INIT;
    unsetenv("WASI_MEMORY_LIMIT_MB");
    unsetenv("WASI_TIMEOUT_SECONDS");
    assert_int_equal(sn_settings_read(&read, &err), 0);
    assert_int_equal(read.memory_limit_mb, 256);
    assert_true(read.timeout_seconds == 60);
    setenv("WASI_MEMORY_LIMIT_MB", "512", 1);
    setenv("WASI_TIMEOUT_SECONDS", "10", 1);
    assert_int_equal(sn_settings_read(&read, &err), 0);
    assert_int_equal(read.memory_limit_mb, 512);
    assert_true(read.timeout_seconds == 10);
    setenv("WASI_TIMEOUT_SECONDS", "61", 1);
    assert_int_equal(sn_settings_read(&read, &err), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "WASI_TIMEOUT_SECONDS is '61'"));
    setenv("WASI_MEMORY_LIMIT_MB", "lots", 1);
    assert_int_equal(sn_settings_read(&read, &err), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "WASI_MEMORY_LIMIT_MB is 'lots'"));
}

/* ---- results ---- */

static const sn_job job = {.timeout_ns = 2000000000u,
                           .memory_limit_bytes = 64u << 20,
                           .output_limit_bytes = SN_OUTPUT_MOST_BYTES};

static sn_result *finish(sn_collector *c, const sn_job_end *end) {
    sn_result *result = NULL;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_collector_finish(&result, c, &job, end, &err), 0);
    return result;
}

static void start(sn_collector *c, size_t limit) {
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_collector_init(c, limit, NULL, NULL, &err), 0);
}

static void output_is_kept_bounded_and_valid(void **state) {
    (void)state;
    sn_collector c;
    start(&c, 4);
    sn_collector_frame(&c, SN_FRAME_STDOUT, "abc", 3);
    sn_collector_frame(&c, SN_FRAME_STDOUT, "\xC3\xA9", 2); /* cut in the middle */
    sn_collector_frame(&c, SN_FRAME_STDERR, "e\xFF", 2);
    sn_job_end end = {.ending = SN_JOB_DONE};
    sn_result *r = finish(&c, &end);
    assert_int_equal(r->status, SN_STATUS_OK);
    assert_string_equal(r->stdout_text, "abc");
    assert_true(r->stdout_truncated);
    assert_string_equal(r->stderr_text, "e\xEF\xBF\xBD");
    assert_false(r->stderr_truncated);
    sn_result_free(r);
}

static void value_and_error_are_kept(void **state) {
    (void)state;
    sn_collector c;
    start(&c, 100);
    static const char value[] = "\12\0\0\0text/plain\2\0\0\0"
                                "42";
    static const char error[] = "\1\0\0\0E\1\0\0\0v\1\0\0\0t";
    sn_collector_frame(&c, SN_FRAME_RESULT, value, sizeof value - 1);
    sn_collector_frame(&c, SN_FRAME_DISPLAY, value, sizeof value - 1);
    sn_collector_frame(&c, SN_FRAME_ERROR, error, sizeof error - 1);
    sn_job_end end = {.ending = SN_JOB_DONE, .done = {.exit_code = 1}};
    sn_result *r = finish(&c, &end);
    assert_int_equal(r->status, SN_STATUS_ERROR);
    assert_int_equal(r->exit_code, 1);
    assert_string_equal(sn_result_text(r), "42");
    assert_int_equal(r->outputs_count, 1);
    assert_string_equal(r->error_name, "E");
    assert_string_equal(r->error_traceback, "t");
    sn_result_free(r);
}

static const struct {
    sn_job_end end;
    enum sn_status status;
    int exit_code;
    const char *words;
} endings[] = {
    {{.ending = SN_JOB_TIMEOUT}, SN_STATUS_TIMEOUT, 124, "2 seconds"},
    {{.ending = SN_JOB_CANCELLED}, SN_STATUS_CANCELLED, 130, "cancelled"},
    {{.ending = SN_JOB_OUTPUT_LIMIT}, SN_STATUS_OUTPUT_LIMIT, 125, "64 MiB"},
    {{.ending = SN_JOB_LOST, .signal = SIGSEGV}, SN_STATUS_CRASHED, 137, "signal 11"},
    {{.ending = SN_JOB_LOST, .zygote_died = true}, SN_STATUS_CRASHED, 137, "come from"},
    {{.ending = SN_JOB_CPU_LIMIT, .signal = SIGKILL}, SN_STATUS_TIMEOUT, 124, "CPU time"},
    {{.ending = SN_JOB_DONE, .done = {.stop = SN_STOP_TIME}}, SN_STATUS_TIMEOUT, 124, "2 seconds"},
    {{.ending = SN_JOB_DONE, .done = {.stop = SN_STOP_CPU}}, SN_STATUS_TIMEOUT, 124, "CPU time"},
    {{.ending = SN_JOB_DONE, .done = {.outcome = SN_TRAPPED, .trap = SN_TRAP_UNREACHABLE}},
     SN_STATUS_CRASHED,
     137,
     "unreachable"},
    {{.ending = SN_JOB_DONE, .done = {.outcome = SN_EXITED, .exit_code = 3}},
     SN_STATUS_ERROR,
     3,
     "3"},
};

static void every_ending_has_its_status(void **state) {
    (void)state;
    for (size_t i = 0; i < SN_COUNT(endings); i++) {
        sn_collector c;
        start(&c, 100);
        sn_result *r = finish(&c, &endings[i].end);
        assert_int_equal(r->status, endings[i].status);
        assert_int_equal(r->exit_code, endings[i].exit_code);
        assert_non_null(strstr(r->error_value, endings[i].words));
        sn_result_free(r);
    }
}

static void memory_error_at_the_limit_is_a_memory_limit(void **state) {
    (void)state;
    static const char error[] = "\13\0\0\0MemoryError\0\0\0\0\1\0\0\0t";
    for (int refused = 0; refused < 2; refused++) {
        sn_collector c;
        start(&c, 100);
        sn_collector_frame(&c, SN_FRAME_ERROR, error, sizeof error - 1);
        sn_job_end end = {.ending = SN_JOB_DONE,
                          .done = {.exit_code = 1, .grow_refused = (uint32_t)refused}};
        sn_result *r = finish(&c, &end);
        assert_int_equal(r->status, refused ? SN_STATUS_MEMORY_LIMIT : SN_STATUS_ERROR);
        assert_string_equal(r->error_value, refused ? "the memory limit of 64 MB was reached" : "");
        sn_result_free(r);
    }
}

static void json_has_the_documented_fields(void **state) {
    (void)state;
    static const char *const fields[] = {"status",  "stdout", "stderr",     "truncated", "result",
                                         "outputs", "error",  "session_id", "step",      "usage"};
    sn_collector c;
    start(&c, 100);
    sn_collector_frame(&c, SN_FRAME_STDOUT, "a\0\"\n", 4);
    sn_job_end end = {.ending = SN_JOB_DONE, .wall_ns = 1500000};
    sn_result *r = finish(&c, &end);
    sn_auto_free char *text = sn_result_json(r);
    json_t *root = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_size(root), SN_COUNT(fields));
    for (size_t i = 0; i < SN_COUNT(fields); i++)
        assert_non_null(json_object_get(root, fields[i]));
    assert_int_equal(json_string_length(json_object_get(root, "stdout")), 4);
    assert_true(json_is_null(json_object_get(root, "error")));
    assert_true(json_is_null(json_object_get(root, "session_id")));
    assert_int_equal(json_object_size(json_object_get(root, "usage")), 5);
    json_decref(root);
    sn_result_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests_pass),
        cmocka_unit_test(bad_code_is_refused),
        cmocka_unit_test(limits_are_not_clamped),
        cmocka_unit_test(environment_is_read_strictly),
        cmocka_unit_test(output_is_kept_bounded_and_valid),
        cmocka_unit_test(value_and_error_are_kept),
        cmocka_unit_test(every_ending_has_its_status),
        cmocka_unit_test(memory_error_at_the_limit_is_a_memory_limit),
        cmocka_unit_test(json_has_the_documented_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
