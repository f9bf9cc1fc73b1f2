/* http_test.c - the parts of the HTTP server that are only text: targets, patterns, single texts of
 * a head, events. The server itself is tested from outside (e2e/http_test.py). */
#include "test.h"

#include "service/http_route.h"
#include "service/http_text.h"
#include "service/sse.h"
#include "util/auto.h"

#include <stdio.h>
#include <string.h>

/* ---- targets ---- */

static sn_http_target target;

static int free_target(void **state) {
    (void)state;
    sn_http_target_free(&target);
    return 0;
}

static int parse(const char *text, sn_error *err) {
    sn_http_target_free(&target);
    return sn_http_target_parse(&target, text, err);
}

static void must_parse(const char *text) {
    sn_error err = SN_ERROR_INIT;
    if (parse(text, &err) < 0)
        fail_msg("%s: %s", text, err.message);
}

static void a_path_becomes_parts(void **state) {
    (void)state;
    must_parse("/v1/a%20b/%C3%A9%2b+");
    assert_int_equal(target.parts_count, 3);
    assert_string_equal(target.parts[0], "v1");
    assert_string_equal(target.parts[1], "a b");
    assert_string_equal(target.parts[2], "\xc3\xa9++");
    must_parse("/");
    assert_int_equal(target.parts_count, 1);
    assert_string_equal(target.parts[0], "");
    must_parse("//a/");
    assert_int_equal(target.parts_count, 3);
    assert_int_equal(target.query_count, 0);
}

static void a_query_becomes_pairs(void **state) {
    (void)state;
    must_parse("/?a=1&b=x+y%2B%26&&c&=d&e=f=g?/");
    assert_int_equal(target.query_count, 5);
    assert_string_equal(sn_http_target_query(&target, "a"), "1");
    assert_string_equal(sn_http_target_query(&target, "b"), "x y+&");
    assert_string_equal(sn_http_target_query(&target, "c"), "");
    assert_string_equal(sn_http_target_query(&target, ""), "d");
    assert_string_equal(sn_http_target_query(&target, "e"), "f=g?/");
    assert_null(sn_http_target_query(&target, "A"));
    must_parse("/a?");
    assert_int_equal(target.query_count, 0);
}

static void what_is_doubtful_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",        "a",       "*",      "?a",           "http://h/", "/%",     "/%4",  "/%4g",
        "/%00",    "/%2f",    "/%0A",   "/%7F",         "/%80",      "/%FF",   "/.",   "/a/../b",
        "/%2e%2E", "/a b",    "/a\x01", "/\xc3\xa9",    "/#",        "/a?b#c", "/a?%", "/a?b=%0",
        "/a?%00",  "/a?=%FF", "/a?b&b", "/a?b=1&%62=2", "/\"",       "/a?b c", "/\\",
    };
    for (size_t i = 0; i < SN_COUNT(wrong); i++) {
        sn_error err = SN_ERROR_INIT;
        if (parse(wrong[i], &err) != SN_EINVALID_ARGUMENT || !err.message[0])
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_int_equal(parse(wrong[i], NULL), SN_EINVALID_ARGUMENT);
    }
}

static void there_are_only_so_many(void **state) {
    (void)state;
    char text[1024] = "";
    for (int i = 0; i < SN_HTTP_PARTS_MOST; i++)
        strcat(text, "/a");
    must_parse(text);
    strcat(text, "/");
    assert_int_equal(parse(text, NULL), SN_EINVALID_ARGUMENT);
    strcpy(text, "/?");
    for (int i = 0; i < SN_HTTP_QUERY_MOST; i++)
        sprintf(text + strlen(text), "a%d&", i);
    must_parse(text);
    strcat(text, "b");
    assert_int_equal(parse(text, NULL), SN_EINVALID_ARGUMENT);
}

/* ---- patterns ---- */

static void patterns_fit(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"/", "/", true},
        {"/", "/a", false},
        {"/a", "/a", true},
        {"/a", "/a?b", true},
        {"/a", "/%61", true},
        {"/a", "/a/", false},
        {"/a", "/", false},
        {"/a", "/ab", false},
        {"/ab", "/a", false},
        {"/a/", "/a/", true},
        {"/{x}", "/a", true},
        {"/{x}", "/", false},
        {"/{x}", "/a/b", false},
        {"/a/{x}/c", "/a/b/c", true},
        {"/a/{x}/c", "/a//c", false},
        {"/a/{x}/c", "/a/b/d", false},
        {"/a/{x...}", "/a/b", true},
        {"/a/{x...}", "/a/b/c/d", true},
        {"/a/{x...}", "/a", false},
        {"/a/{x...}", "/a/", false},
        {"/a/{x...}", "/a/b//c", false},
        {"/a/{x...}", "/a/b/", false},
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        must_parse(cases[i].text);
        if (sn_http_pattern_fits(cases[i].pattern, &target) != cases[i].fits)
            fail_msg("%s, %s", cases[i].pattern, cases[i].text);
    }
}

static void parameters_are_found(void **state) {
    (void)state;
    const char *pattern = "/s/{id}/files/{path...}";
    must_parse("/%73/a%3Ab/files/c%20d/e/f%25");
    assert_true(sn_http_pattern_fits(pattern, &target));
    assert_string_equal(sn_http_pattern_param(pattern, &target, "id"), "a:b");
    assert_string_equal(sn_http_pattern_param(pattern, &target, "path"), "c d/e/f%");
    assert_null(sn_http_pattern_param(pattern, &target, "files"));
    assert_null(sn_http_pattern_param(pattern, &target, "i"));
}

static void patterns_are_checked(void **state) {
    (void)state;
    static const char *const right[] = {"/", "/a", "/a/", "/{x}", "/{x}/{y...}", "/a.b-c"};
    static const char *const wrong[] = {"",       "a",        "/{}",   "/{...}", "/{x...}/a",
                                        "/a{x}",  "/{x}a",    "/{x",   "/x}",    "/{a.b}",
                                        "/{{x}}", "/{x....}", "/{a{b}"};
    for (size_t i = 0; i < SN_COUNT(right); i++)
        assert_true(sn_http_pattern_is_valid(right[i]));
    for (size_t i = 0; i < SN_COUNT(wrong); i++)
        if (sn_http_pattern_is_valid(wrong[i]))
            fail_msg("%s", wrong[i]);
}

/* ---- texts ---- */

static void hosts(void **state) {
    (void)state;
    static const char *const right[] = {"localhost",   "LOCALHOST:1", "127.0.0.1",
                                        "127.9.8.7:0", "[::1]",       "[::1]:65535"};
    static const char *const wrong[] = {
        "",        "localhost.", "localhost:", "localhost:a", "localhost:-1", "localhost:65536",
        "::1",     "[::1",       "[::1]a",     "[::1]:",      "127.1",        "127.0.0.1.nip.io",
        "1.2.3.4", "[::]",       "0.0.0.0",    "localhost/a", "a@localhost",  "[127.0.0.1]"};
    for (size_t i = 0; i < SN_COUNT(right); i++)
        assert_true(sn_http_is_loopback_host(right[i]));
    for (size_t i = 0; i < SN_COUNT(wrong); i++)
        if (sn_http_is_loopback_host(wrong[i]))
            fail_msg("%s", wrong[i]);
}

static void origins(void **state) {
    (void)state;
    assert_true(sn_http_is_same_origin("http://localhost:1", "localhost:1"));
    assert_true(sn_http_is_same_origin("https://[::1]", "[::1]"));
    assert_false(sn_http_is_same_origin("http://localhost:2", "localhost:1"));
    assert_false(sn_http_is_same_origin("null", "null"));
    assert_false(sn_http_is_same_origin("ftp://localhost", "localhost"));
    assert_false(sn_http_is_same_origin("http://localhost.example", "localhost"));
}

static void other_texts(void **state) {
    (void)state;
    assert_true(sn_http_is_token("M-SEARCH", 8));
    assert_false(sn_http_is_token("", 0));
    assert_false(sn_http_is_token("a b", 3));
    assert_false(sn_http_is_token("a\0b", 3));
    assert_true(sn_http_is_value("a\tb \xff", 5));
    assert_false(sn_http_is_value("a\rb", 3));
    assert_false(sn_http_is_value("a\0b", 3));
    assert_true(sn_http_is_request_id("a.B_9-"));
    assert_false(sn_http_is_request_id(""));
    assert_false(sn_http_is_request_id("a b"));
    assert_true(sn_http_is_type("Application/Json;charset=utf-8", "application/json"));
    assert_true(sn_http_is_type("application/json ", "application/json"));
    assert_false(sn_http_is_type("application/json5", "application/json"));
    assert_false(sn_http_is_type("text/json", "application/json"));
}

/* ---- events ---- */

static void assert_event(const char *event, const char *id, const char *data, size_t bytes,
                         const char *expected) {
    sn_buffer text = {0};
    assert_true(sn_sse_event(&text, event, id, data, bytes));
    assert_string_equal(text.data, expected);
    sn_buffer_free(&text);
}

static void events_are_framed(void **state) {
    (void)state;
    assert_event("done", "7", "{}", 2, "event: done\nid: 7\ndata: {}\n\n");
    assert_event(NULL, NULL, "", 0, "data: \n\n");
    assert_event(NULL, NULL, " a", 2, "data:  a\n\n");
    assert_event(NULL, NULL, "a\nb\r\nc\rd", 8, "data: a\ndata: b\ndata: c\ndata: d\n\n");
    assert_event(NULL, NULL, "\n\n", 2, "data: \ndata: \ndata: \n\n");
    assert_event(NULL, NULL, "a\r", 2, "data: a\ndata: \n\n");
    assert_event(NULL, NULL, "\n\r", 2, "data: \ndata: \ndata: \n\n");
    assert_event(NULL, NULL, "data: x\n\nevent: y", 17,
                 "data: data: x\ndata: \ndata: event: y\n\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_path_becomes_parts, free_target),
        cmocka_unit_test_teardown(a_query_becomes_pairs, free_target),
        cmocka_unit_test_teardown(what_is_doubtful_is_refused, free_target),
        cmocka_unit_test_teardown(there_are_only_so_many, free_target),
        cmocka_unit_test_teardown(patterns_fit, free_target),
        cmocka_unit_test_teardown(parameters_are_found, free_target),
        cmocka_unit_test(patterns_are_checked),
        cmocka_unit_test(hosts),
        cmocka_unit_test(origins),
        cmocka_unit_test(other_texts),
        cmocka_unit_test(events_are_framed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
