/* log_test.c - the lines of the log, whatever is in them and whoever writes them. */
#include "test.h"

#include "service/log_limit.h"
#include "service/log_line.h"
#include "util/auto.h"
#include "util/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* 2024-05-06 07:08:09 and 10.9 ms */
static const struct timespec now = {1714979289, 10900000};
#define BEGINNING "{\"time\":\"2024-05-06T07:08:09.010Z\",\"level\":\"info\",\"event\":\"e\""

static void assert_line(const sn_field *fields, const char *expected) {
    char line[SN_LOG_LINE_MAX_BYTES + 1];
    size_t bytes = sn_log_line(line, &now, SN_LOG_JSON, SN_LOG_INFO, "e", fields);
    line[bytes] = '\0';
    assert_string_equal(line, expected);
}

static json_t *parsed(const char *line, size_t bytes) {
    json_error_t error;
    json_t *json = json_loadb(line, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!json)
        fail_msg("%s: %.*s", error.text, (int)bytes, line);
    return json;
}

/* ---- lines ---- */

static void a_line_has_time_level_event_and_fields(void **state) {
    (void)state;
    assert_line(NULL, BEGINNING "}\n");
    assert_line((sn_field[]){SN_STRING("id", "x"),
                             SN_STRING("none", NULL),
                             SN_STRING_N("part", "abcdef", 3),
                             SN_NUMBER("wall_ms", 1.2),
                             SN_NUMBER("nan", NAN),
                             SN_INTEGER("least", INT64_MIN),
                             SN_BOOLEAN("yes", true),
                             SN_BOOLEAN("no", false),
                             {0}},
                BEGINNING ",\"id\":\"x\",\"none\":null,\"part\":\"abc\",\"wall_ms\":1.2,"
                          "\"nan\":null,\"least\":-9223372036854775808,"
                          "\"yes\":true,\"no\":false}\n");
}

static void numbers_have_three_decimals(void **state) {
    (void)state;
    assert_line((sn_field[]){SN_NUMBER("ms", 1.3700000000000001),
                             SN_NUMBER("up", 0.0456789),
                             SN_NUMBER("small", -0.0001),
                             SN_NUMBER("whole", 1234567),
                             SN_NUMBER("large", 1e300),
                             {0}},
                BEGINNING ",\"ms\":1.37,\"up\":0.046,\"small\":0,\"whole\":1234567,"
                          "\"large\":1e+300}\n");
}

static void hostile_texts_stay_in_their_quotes(void **state) {
    (void)state;
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"\"}\n{\"level\":\"error\"}", "\\\"}\\n{\\\"level\\\":\\\"error\\\"}"},
        {"back\\slash\r\t", "back\\\\slash\\r\\t"},
        {"\x1B[2J\x7F\x01", "\\u001b[2J\\u007f\\u0001"},
        {"\xC2\x9B"
         "31m\xC2\xA0",
         "\\u009b31m\xC2\xA0"},
        {"\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xA7", "\\u2028\\u2029\xE2\x80\xA7"},
        {"\xC3\xA9\xF0\x9F\x90\x8D", "\xC3\xA9\xF0\x9F\x90\x8D"},
        {"a\xFF\xC3(\xED\xA0\x80",
         "a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"unfinished \xF0\x9F\x90", "unfinished \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        char expected[512];
        snprintf(expected, sizeof expected, BEGINNING ",\"t\":\"%s\"}\n", cases[i].written);
        assert_line((sn_field[]){SN_STRING("t", cases[i].text), {0}}, expected);
    }
    assert_line((sn_field[]){SN_STRING_N("t", "a\0b", 3), {0}},
                BEGINNING ",\"t\":\"a\\u0000b\"}\n");
}

static void any_bytes_make_a_line_that_can_be_read(void **state) {
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        char text[3][600], line[SN_LOG_LINE_MAX_BYTES];
        size_t bytes = (size_t)rand_r(&seed) % sizeof *text;
        for (size_t i = 0; i < sizeof text; i++)
            text[i / sizeof *text][i % sizeof *text] =
                (char)(round % 2 ? rand_r(&seed) : "\x80\xC2\n\xE2\xA8\xED\"\\"[rand_r(&seed) % 8]);
        size_t written = sn_log_line(line, &now, SN_LOG_JSON, SN_LOG_WARN, "e",
                                     (sn_field[]){SN_STRING_N("a", text[0], bytes),
                                                  SN_STRING_N("b", text[1], bytes),
                                                  SN_STRING_N("c", text[2], bytes),
                                                  {0}});
        assert_true(written <= sizeof line && line[written - 1] == '\n');
        assert_null(memchr(line, '\n', written - 1));
        json_decref(parsed(line, written));
    }
}

static void a_long_text_is_cut_at_a_character(void **state) {
    (void)state;
    char text[SN_LOG_TEXT_MAX_BYTES + 2] = "", expected[SN_LOG_LINE_MAX_BYTES];
    memset(text, 'x', SN_LOG_TEXT_MAX_BYTES);
    snprintf(expected, sizeof expected, BEGINNING ",\"t\":\"%s\",\"n\":1}\n", text);
    assert_line((sn_field[]){SN_STRING("t", text), SN_INTEGER("n", 1), {0}}, expected);

    text[SN_LOG_TEXT_MAX_BYTES] = 'x';
    snprintf(expected, sizeof expected, BEGINNING ",\"t\":\"%.*s...\",\"n\":1,\"cut\":true}\n",
             SN_LOG_TEXT_MAX_BYTES - 3, text);
    assert_line((sn_field[]){SN_STRING("t", text), SN_INTEGER("n", 1), {0}}, expected);

    text[SN_LOG_TEXT_MAX_BYTES - 4] = '\n'; /* two bytes, and there is room for one */
    snprintf(expected, sizeof expected, BEGINNING ",\"t\":\"%.*s...\",\"n\":1,\"cut\":true}\n",
             SN_LOG_TEXT_MAX_BYTES - 4, text);
    assert_line((sn_field[]){SN_STRING("t", text), SN_INTEGER("n", 1), {0}}, expected);
}

static void fields_without_room_are_left_out(void **state) {
    (void)state;
    char text[SN_LOG_TEXT_MAX_BYTES + 1] = "", line[SN_LOG_LINE_MAX_BYTES];
    memset(text, 'x', SN_LOG_TEXT_MAX_BYTES);
    size_t bytes = sn_log_line(line, &now, SN_LOG_JSON, SN_LOG_INFO, "e",
                               (sn_field[]){SN_STRING("a", text),
                                            SN_STRING("b", text),
                                            SN_STRING("c", text),
                                            SN_STRING("d", text),
                                            SN_STRING("last", "y"),
                                            {0}});
    json_t *json = parsed(line, bytes);
    assert_int_equal(json_string_length(json_object_get(json, "c")), SN_LOG_TEXT_MAX_BYTES);
    assert_null(json_object_get(json, "d"));
    assert_string_equal(json_string_value(json_object_get(json, "last")), "y");
    assert_true(json_is_true(json_object_get(json, "cut")));
    json_decref(json);
    sn_field many[500];
    for (size_t i = 0; i < SN_COUNT(many); i++)
        many[i] = (sn_field)SN_INTEGER("number", 123456);
    many[SN_COUNT(many) - 1].key = NULL;
    bytes = sn_log_line(line, &now, SN_LOG_JSON, SN_LOG_INFO, "e", many);
    assert_in_range(bytes, SN_LOG_LINE_MAX_BYTES - 40, SN_LOG_LINE_MAX_BYTES);
    assert_memory_equal(line + bytes - 13, ",\"cut\":true}\n", 13);
}

/* ---- how often ---- */

static void repeats_are_left_out_and_counted(void **state) {
    (void)state;
    static sn_log_limit limit = SN_LOG_LIMIT_INIT;
    const uint64_t second = 1000000000;
    char event[SN_LOG_EVENT_MAX_BYTES];
    uint64_t left_out = 0;
    int told = 0;
    for (int i = 0; i < 100; i++)
        told += sn_log_limit_allows(&limit, "full", 5 * second + (uint64_t)i);
    assert_int_equal(told, SN_LOG_REPEATS);
    assert_true(sn_log_limit_allows(&limit, "another", 5 * second));
    assert_false(sn_log_limit_take(event, &left_out, &limit, 6 * second - 1));
    assert_true(sn_log_limit_take(event, &left_out, &limit, 6 * second));
    assert_string_equal(event, "full");
    assert_int_equal(left_out, 100 - SN_LOG_REPEATS);
    assert_false(sn_log_limit_take(event, &left_out, &limit, 6 * second));
    for (int i = 0; i < SN_LOG_REPEATS + 2; i++)
        assert_int_equal(sn_log_limit_allows(&limit, "full", 6 * second), i < SN_LOG_REPEATS);
    assert_true(sn_log_limit_take(event, &left_out, &limit, 7 * second));
    assert_int_equal(left_out, 2);
}

static void a_new_second_keeps_what_was_not_said(void **state) {
    (void)state;
    static sn_log_limit limit = SN_LOG_LIMIT_INIT;
    char event[SN_LOG_EVENT_MAX_BYTES];
    uint64_t left_out = 0;
    for (uint64_t at = 0; at < 3000; at++) /* three seconds, a thousand each */
        (void)!sn_log_limit_allows(&limit, "full", at * 1000000);
    assert_true(sn_log_limit_take(event, &left_out, &limit, UINT64_MAX));
    assert_int_equal(left_out, 3000 - 3 * SN_LOG_REPEATS);
}

static void events_are_bounded(void **state) {
    (void)state;
    static sn_log_limit limit = SN_LOG_LIMIT_INIT;
    char event[SN_LOG_EVENT_MAX_BYTES];
    uint64_t left_out = 0;
    int told = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(event, sizeof event, "event_%d", i);
        told += sn_log_limit_allows(&limit, event, 1);
    }
    assert_int_equal(told, SN_LOG_EVENTS + SN_LOG_REPEATS);
    assert_true(sn_log_limit_take(event, &left_out, &limit, UINT64_MAX));
    assert_string_equal(event, "other");
    assert_int_equal(left_out, 1000 - told);
}

/* ---- what is written ---- */

static int file;

static int begin(void **state) {
    (void)state;
    file = memfd_create("log", MFD_CLOEXEC);
    sn_log_set_fd(file);
    sn_log_set_level(SN_LOG_INFO);
    return file < 0;
}

static int finish(void **state) {
    (void)state;
    sn_log_flush();
    sn_log_set_fd(STDERR_FILENO);
    close(file);
    return 0;
}

/* All that was written, NUL-terminated; to be freed. */
static char *written(size_t *bytes) {
    *bytes = (size_t)lseek(file, 0, SEEK_END);
    char *text = calloc(1, *bytes + 1);
    assert_non_null(text);
    assert_int_equal(pread(file, text, *bytes, 0), *bytes);
    return text;
}

static int count_of(const char *event) {
    size_t bytes;
    int count = 0;
    sn_auto_free char *text = written(&bytes);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *json = parsed(line, (size_t)(end - line));
        count += strcmp(json_string_value(json_object_get(json, "event")), event) == 0;
        json_decref(json);
    }
    return count;
}

static void levels_say_what_is_written(void **state) {
    (void)state;
    sn_error err = SN_ERROR_INIT;
    setenv("SHANNON_LOG", "warn", 1);
    assert_int_equal(sn_log_start(&err), 0);
    assert_true(sn_log_is_on(SN_LOG_WARN) && !sn_log_is_on(SN_LOG_INFO));
    sn_log(SN_LOG_WARN, "level_warn", NULL);
    sn_log(SN_LOG_INFO, "level_info", NULL);
    assert_int_equal(count_of("level_warn"), 1);
    assert_int_equal(count_of("level_info"), 0);
    setenv("SHANNON_LOG", "", 1);
    assert_int_equal(sn_log_start(&err), 0);
    assert_true(sn_log_is_on(SN_LOG_INFO) && !sn_log_is_on(SN_LOG_DEBUG));
    setenv("SHANNON_LOG", "WARN", 1);
    assert_int_equal(sn_log_start(&err), SN_EINVALID_ARGUMENT);
    assert_string_equal(err.message, "SHANNON_LOG is 'WARN', not error, warn, info or debug");
    unsetenv("SHANNON_LOG");
    assert_int_equal(sn_log_start(&err), 0);
    assert_true(sn_log_is_on(SN_LOG_INFO));
}

static void warnings_are_limited_and_the_rest_is_not(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        sn_log(SN_LOG_ERROR, "limited", NULL);
        sn_log(SN_LOG_INFO, "unlimited", NULL);
    }
    sn_log_flush();
    size_t bytes;
    sn_auto_free char *text = written(&bytes);
    /* A slow machine may take more than one second for it. */
    assert_in_range(count_of("limited"), SN_LOG_REPEATS, 49);
    assert_int_equal(count_of("unlimited"), 50);
    assert_int_equal(count_of("left_out"), 1);
    assert_non_null(
        strstr(text, "\"level\":\"warn\",\"event\":\"left_out\",\"of\":\"limited\",\"lines\":"));
}

static void a_line_that_cannot_be_written_is_counted(void **state) {
    (void)state;
    int closed = open("/dev/full", O_WRONLY | O_CLOEXEC);
    uint64_t before = sn_log_lost();
    sn_log_set_fd(closed);
    errno = EBADF;
    sn_log(SN_LOG_INFO, "lost", NULL);
    assert_int_equal(errno, EBADF); /* the caller's, not ours */
    assert_int_equal(sn_log_lost(), before + 1);
    close(closed);
}

enum { THREADS = 8, LINES = 500 };

static void *write_lines(void *user) {
    char text[900];
    memset(text, 'a' + *(int *)user, sizeof text);
    for (int i = 0; i < LINES; i++)
        sn_log(SN_LOG_INFO, "crowd", (sn_field[]){SN_STRING_N("text", text, (size_t)i), {0}});
    return NULL;
}

/* Through a pipe, which takes apart what is too much for it. */
static void threads_do_not_mix_lines(void **state) {
    (void)state;
    int ends[2], numbers[THREADS], lines = 0;
    pthread_t threads[THREADS];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    sn_log_set_fd(ends[1]);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    FILE *reader = fdopen(ends[0], "r");
    sn_auto_free char *line = NULL;
    size_t capacity = 0;
    ssize_t bytes;
    while (lines < THREADS * LINES && (bytes = getline(&line, &capacity, reader)) > 0) {
        json_t *json = parsed(line, (size_t)bytes);
        const char *text = json_string_value(json_object_get(json, "text"));
        assert_int_equal(strspn(text, (char[]){text[0], '\0'}), strlen(text));
        json_decref(json);
        lines++;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lines, THREADS * LINES);
    fclose(reader);
    close(ends[1]);
}

static void request_ids_differ(void **state) {
    (void)state;
    char one[SN_REQUEST_ID_BYTES], two[SN_REQUEST_ID_BYTES];
    assert_int_equal(strlen(sn_request_id(one)), 32);
    assert_int_equal(strspn(sn_request_id(two), "0123456789abcdef"), 32);
    assert_string_not_equal(one, two);
}

#define TO_A_FILE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

static void a_person_can_read_it(void **state) {
    (void)state;
    char line[SN_LOG_LINE_MAX_BYTES + 1];
    const struct timespec epoch = {0, 7000000};
    const sn_field fields[] = {SN_STRING("id", "a1"),
                               SN_STRING("none", NULL),
                               SN_STRING("why", "no \"x\"\n"),
                               SN_STRING("eq", "a=b"),
                               SN_INTEGER("n", 3),
                               SN_BOOLEAN("b", true),
                               SN_STRING("empty", ""),
                               {0}};
    size_t bytes = sn_log_line(line, &epoch, SN_LOG_TEXT, SN_LOG_WARN, "call", fields);
    line[bytes] = '\0';
    assert_string_equal(
        line + strlen("00:00:00"),
        ".007 warn  call         id=a1 why=\"no \\\"x\\\"\\n\" eq=\"a=b\" n=3 b=true "
        "empty=\"\"\n");
    char long_text[SN_LOG_LINE_MAX_BYTES];
    memset(long_text, 'x', sizeof long_text);
    bytes = sn_log_line(line, &epoch, SN_LOG_TEXT, SN_LOG_WARN, "call",
                        (sn_field[]){SN_STRING_N("t", long_text, sizeof long_text), {0}});
    assert_memory_equal(line + bytes - 14, "x... cut=true\n", 14);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_can_read_it),
        cmocka_unit_test(a_line_has_time_level_event_and_fields),
        cmocka_unit_test(numbers_have_three_decimals),
        cmocka_unit_test(hostile_texts_stay_in_their_quotes),
        cmocka_unit_test(any_bytes_make_a_line_that_can_be_read),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(fields_without_room_are_left_out),
        cmocka_unit_test(repeats_are_left_out_and_counted),
        cmocka_unit_test(a_new_second_keeps_what_was_not_said),
        cmocka_unit_test(events_are_bounded),
        TO_A_FILE(levels_say_what_is_written),
        TO_A_FILE(warnings_are_limited_and_the_rest_is_not),
        TO_A_FILE(a_line_that_cannot_be_written_is_counted),
        TO_A_FILE(threads_do_not_mix_lines),
        cmocka_unit_test(request_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
