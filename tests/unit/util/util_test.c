/* util_test.c - buffers, UTF-8, numbers, errors and files of src/util. */
#include "test.h"

#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"
#include "util/utf8.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <threads.h>

static void buffer_keeps_to_its_limit(void **state) {
    (void)state;
    sn_buffer b = {.limit_bytes = 5};
    assert_true(sn_buffer_add(&b, "abc", 3));
    assert_false(b.truncated);
    assert_true(sn_buffer_add(&b, "defg", 4));
    assert_true(b.truncated);
    assert_int_equal(b.bytes, 5);
    assert_string_equal(b.data, "abcde");
    size_t bytes;
    sn_auto_free char *taken = sn_buffer_take(&b, &bytes);
    assert_int_equal(bytes, 5);
    assert_string_equal(taken, "abcde");
    assert_null(b.data);
}

static void buffer_grows_without_limit(void **state) {
    (void)state;
    sn_buffer b = {0};
    for (int i = 0; i < 10000; i++)
        assert_true(sn_buffer_add(&b, "0123456789", 10));
    assert_int_equal(b.bytes, 100000);
    assert_int_equal(strlen(b.data), 100000);
    sn_buffer_free(&b);
    size_t bytes;
    sn_auto_free char *empty = sn_buffer_take(&b, &bytes);
    assert_string_equal(empty, "");
}

static const struct {
    const char *text;
    size_t valid; /* bytes of the valid prefix */
    const char *repaired;
    const char *cut; /* repaired as the head of a truncated text */
} utf8_cases[] = {
    {"", 0, "", ""},
    {"plain", 5, "plain", "plain"},
    {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
     "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
    {"a\xFFz", 1, "a\xEF\xBF\xBDz", "a\xEF\xBF\xBDz"},
    {"\xC0\xAF", 0, "\xEF\xBF\xBD\xEF\xBF\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD"}, /* overlong */
    {"\xED\xA0\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
     "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* a surrogate */
    {"\xF4\x90\x80\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
     "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* above U+10FFFF */
    {"ab\xE2\x82", 2, "ab\xEF\xBF\xBD\xEF\xBF\xBD", "ab"},
};

static void utf8_is_checked_and_repaired(void **state) {
    (void)state;
    for (size_t i = 0; i < SN_COUNT(utf8_cases); i++) {
        const char *text = utf8_cases[i].text;
        size_t bytes;
        assert_int_equal(sn_utf8_valid_prefix(text, strlen(text)), utf8_cases[i].valid);
        sn_auto_free char *whole = sn_utf8_repair(text, strlen(text), false, &bytes);
        assert_string_equal(whole, utf8_cases[i].repaired);
        assert_int_equal(bytes, strlen(whole));
        sn_auto_free char *cut = sn_utf8_repair(text, strlen(text), true, &bytes);
        assert_string_equal(cut, utf8_cases[i].cut);
    }
}

static void what_may_still_become_a_character(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t unfinished;
    } cases[] = {
        {"", 0},
        {"a", 0},
        {"\xC3", 1},
        {"\xC3\xA9", 0},
        {"a\xE2\x82", 2},
        {"\xE2\x82\xAC", 0},
        {"\xF0\x9F\x98", 3},
        {"\xF0\x9F\x98\x80", 0},
        {"\xF0", 1},
        {"\xF0\x9F", 2},
        {"\x9F\x98", 0},
        {"\xFF", 0},
        {"\xE0\x80", 0},
        {"\xED\xA0", 0},
        {"\xC3\xC3", 1},
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++)
        assert_int_equal(sn_utf8_unfinished(cases[i].text, strlen(cases[i].text)),
                         cases[i].unfinished);
}

static void integers_are_whole_and_in_range(void **state) {
    (void)state;
    uint64_t n = 7;
    assert_true(sn_parse_u64(&n, "256", 1, 4096));
    assert_int_equal(n, 256);
    static const char *const bad[] = {
        "", "abc", "-1", "+1", " 1", "1 ", "1.5", "0", "4097", "0x10", "99999999999999999999999"};
    for (size_t i = 0; i < SN_COUNT(bad); i++)
        assert_false(sn_parse_u64(&n, bad[i], 1, 4096));
    assert_int_equal(n, 256);
}

static void decimals_are_finite(void **state) {
    (void)state;
    double x;
    assert_true(sn_parse_double(&x, "2.5") && x == 2.5);
    assert_true(sn_parse_double(&x, "1e1") && x == 10);
    static const char *const bad[] = {"", "abc", "nan", "inf", "0x1p3", "1e999", "5s", " 5", "5,5"};
    for (size_t i = 0; i < SN_COUNT(bad); i++)
        assert_false(sn_parse_double(&x, bad[i]));
}

static void errors_say_what_and_what_to_do(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_fail_errno(&err, SN_EUNAVAILABLE, ENOSPC, "cannot write %s", "x"),
                     SN_ERESOURCE_EXHAUSTED);
    assert_string_equal(err.message, "cannot write x: No space left on device");
    assert_int_equal(sn_hint(&err, "free %d MB", 5), SN_ERESOURCE_EXHAUSTED);
    assert_string_equal(err.hint, "free 5 MB");
    assert_int_equal(sn_fail(NULL, SN_EINTERNAL, "no one listens"), SN_EINTERNAL);
    assert_string_equal(sn_error_name(SN_EINVALID_ARGUMENT), "invalid_argument");
    assert_string_equal(sn_error_name(-99), "internal");
    assert_string_equal(sn_error_name(3), "internal");
}

static int unheard(void *user) {
    (void)user;
    sn_fail(NULL, SN_ENOT_FOUND, "another thread's");
    return 0;
}

static int hinted(sn_error *err) {
    sn_fail(err, SN_EUNAVAILABLE, "there is none");
    return sn_hint(err, "make one");
}

static void codes_are_the_same_without_an_error_to_fill(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(hinted(&err), SN_EUNAVAILABLE);
    assert_int_equal(hinted(NULL), SN_EUNAVAILABLE);
    sn_fail(NULL, SN_EINVALID_ARGUMENT, "ours");
    thrd_t thread;
    assert_int_equal(thrd_create(&thread, unheard, NULL), thrd_success);
    assert_int_equal(thrd_join(thread, NULL), thrd_success);
    assert_int_equal(sn_hint(NULL, "do that"), SN_EINVALID_ARGUMENT);
    sn_fail_errno(NULL, SN_EUNAVAILABLE, ENOSPC, "no room");
    assert_int_equal(sn_hint(NULL, "make room"), SN_ERESOURCE_EXHAUSTED);
}

static void files_are_replaced_whole_and_bounded(void **state) {
    (void)state;
    char folder[] = "/tmp/shannon-util-XXXXXX";
    assert_non_null(mkdtemp(folder));
    sn_error err = SN_ERROR_INIT;
    sn_auto_free char *deep = sn_format("%s/a/b", folder);
    assert_int_equal(sn_make_dirs(deep, &err), 0);
    assert_int_equal(sn_make_dirs(deep, &err), 0);
    sn_auto_free char *path = sn_format("%s/file", deep);
    assert_int_equal(sn_replace_file(path, "one", 3, &err), 0);
    assert_int_equal(sn_replace_file(path, "three", 5, &err), 0);
    assert_int_equal(sn_make_dirs(path, &err), SN_EUNAVAILABLE);

    sn_mapping mapping;
    assert_int_equal(sn_map_file(&mapping, path, 100, &err), 0);
    assert_memory_equal(mapping.data, "three", 5);
    sn_unmap(&mapping);
    assert_int_equal(sn_map_file(&mapping, path, 4, &err), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_map_file(&mapping, deep, 4, &err), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_map_file(&mapping, "/nowhere", 4, &err), SN_ENOT_FOUND);

    char *text;
    size_t bytes;
    assert_int_equal(sn_read_file(&text, &bytes, path, 4, &err), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_read_file(&text, &bytes, "/dev/zero", 1 << 20, &err), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_read_file(&text, &bytes, path, 5, &err), 0);
    assert_string_equal(text, "three");
    free(text);
    sn_remove_tree(folder);
    struct stat st;
    assert_int_equal(stat(folder, &st), -1);
}

static void test_json_depth(void **state) {
    (void)state;
    char text[400];
    memset(text, '[', 101);
    assert_false(sn_json_is_too_deep(text, 100));
    assert_true(sn_json_is_too_deep(text, 101));
    text[0] = '"'; /* in a string */
    assert_false(sn_json_is_too_deep(text, 101));
    memcpy(text, "\"\\\"", 3); /* whose second quote is none */
    memset(text + 3, '{', 200);
    assert_false(sn_json_is_too_deep(text, 203));
    memcpy(text, "\"\\\\\"", 4);
    assert_true(sn_json_is_too_deep(text, 203));
    for (int i = 0; i < 400; i++)
        text[i] = "[]"[i % 2];
    assert_false(sn_json_is_too_deep(text, 400));
    assert_false(sn_json_is_too_deep("\"\\", 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_depth),
        cmocka_unit_test(buffer_keeps_to_its_limit),
        cmocka_unit_test(buffer_grows_without_limit),
        cmocka_unit_test(utf8_is_checked_and_repaired),
        cmocka_unit_test(what_may_still_become_a_character),
        cmocka_unit_test(integers_are_whole_and_in_range),
        cmocka_unit_test(decimals_are_finite),
        cmocka_unit_test(errors_say_what_and_what_to_do),
        cmocka_unit_test(codes_are_the_same_without_an_error_to_fill),
        cmocka_unit_test(files_are_replaced_whole_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
