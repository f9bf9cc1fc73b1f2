/* request_json_test.c - a request as JSON becomes the request, and says what it is not. The
 * refusals of single fields are in tests/e2e/doors_test.py. */
#include "test.h"

#include "llm_service/request_json.h"

#include <string.h>

static sn_error err;

static int read_text(sn_request_json *out, const char *text) {
    json_t *json = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    int rc = sn_request_json_read(out, json, &err);
    json_decref(json);
    return rc;
}

static void all_fields(void **state) {
    sn_request_json read;
    (void)state;
    assert_int_equal(
        read_text(&read,
                  "{\"code\": \"x\\u0000y\", \"session_id\": \"s\", \"timeout_seconds\": 2.5,"
                  " \"stdin\": \"a\\u0000b\", \"memory_limit_mb\": 64, \"args\": [\"n\", \"\"],"
                  " \"files\": [{\"path\": \"p\", \"content\": \"c\\u0000\"},"
                  "             {\"path\": \"q\", \"content_base64\": \"AP8=\"}],"
                  " \"deterministic\": {\"seed\": 9223372036854775807, \"time\": 1.5},"
                  " \"filename\": \"f\", \"discard\": true, \"workspace_mb\": 2}"),
        0);
    const sn_request *r = &read.request;
    assert_int_equal(r->code_bytes, 3);
    assert_string_equal(r->session_id, "s");
    assert_true(r->timeout_seconds == 2.5 && r->memory_limit_mb == 64 && r->discard);
    assert_int_equal(r->stdin_bytes, 3);
    assert_int_equal(r->args_count, 2);
    assert_string_equal(r->args[1], "");
    assert_int_equal(r->files_count, 2);
    assert_int_equal(r->files[0].content_bytes, 2);
    assert_int_equal(r->files[1].content_bytes, 2);
    assert_memory_equal(r->files[1].content, "\0\xff", 2);
    assert_true(r->deterministic->seed == INT64_MAX && r->deterministic->time == 1.5);
    assert_string_equal(r->filename, "f");
    assert_int_equal(r->workspace_bytes, 2 << 20);
    assert_int_equal(r->cancel_fd, -1);
    sn_request_json_clear(&read);
    sn_request_json_clear(&read); /* does no harm */
}

static void nothing_given(void **state) {
    sn_request_json read;
    (void)state;
    assert_int_equal(read_text(&read, "{\"code\": \"\", \"files\": null}"), 0);
    assert_true(read.request.code && read.request.code_bytes == 0); /* for others to refuse */
    assert_null(read.request.session_id);
    assert_null(read.request.deterministic);
    assert_int_equal(read.request.stdin_fd, -1);
    sn_request_json_clear(&read);
}

static void refused(void **state) {
    static const struct {
        const char *text, *message;
    } all[] = {
        {"[]", "the request is a list; it must be an object"},
        {"5", "the request is a number; it must be an object"},
        {"{}", "there is no code in the request"},
        {"{\"code\": null}", "there is no code in the request"},
        {"{\"code\": \"1\", \"files\": [{\"path\": \"a\", \"content_base64\": \"AAAA\"}, "
         "{\"path\": 1, "
         "\"content\": \"\"}]}",
         "files[1].path is a number; it must be a text"},
        {"{\"code\": \"1\", \"workspace_mb\": 2.5}",
         "workspace_mb is 2.5; it must be a whole number from 1 to 1024"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        sn_request_json read;
        assert_int_equal(read_text(&read, all[i].text), SN_EINVALID_ARGUMENT);
        assert_string_equal(err.message, all[i].message);
        assert_null(read.json);
    }
    sn_request_json read;
    assert_int_equal(read_text(&read, "{\"code\": \"1\", \"timout_seconds\": 1}"),
                     SN_EINVALID_ARGUMENT);
    assert_string_equal(err.hint, "did you mean timeout_seconds?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields),
        cmocka_unit_test(nothing_given),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
