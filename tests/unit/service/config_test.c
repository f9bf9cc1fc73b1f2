/* config_test.c - where settings come from, what they may be, and what is said if they are not. */
#include "test.h"

#include "service/config.h"
#include "service/nearest.h"
#include "util/auto.h"
#include "util/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const colours[] = {"red", "green", "blue", NULL};
static const sn_setting settings[] = {
    {.name = "T_NAME", .type = SN_SETTING_STRING, .least = 2, .most = 10, .help = "A name."},
    {.name = "T_COUNT",
     .key = "count",
     .type = SN_SETTING_NUMBER,
     .usual = "4",
     .least = 1,
     .most = 100,
     .help = "How many."},
    {.name = "T_WAIT", .type = SN_SETTING_SECONDS, .usual = "1.5", .most = 60, .help = "How long."},
    {.name = "T_FLAG", .type = SN_SETTING_BOOLEAN, .usual = "no", .help = "Whether."},
    {.name = "T_ADDR", .type = SN_SETTING_ADDRESS, .usual = "127.0.0.1:8000", .help = "Where."},
    {.name = "T_PEER", .type = SN_SETTING_ADDRESS, .least = 1, .help = "Whom."},
    {.name = "T_FILE", .type = SN_SETTING_PATH, .help = "From what."},
    {.name = "T_COLOUR",
     .type = SN_SETTING_CHOICE,
     .usual = "green",
     .choices = colours,
     .help = "Which."},
    {.name = "T_TOKEN", .type = SN_SETTING_STRING, .least = 8, .secret = true, .help = "The key."},
};

static int file;
static char path[64];
static sn_config *config;
static sn_buffer problems;
static sn_error err;

static int begin(void **state) {
    (void)state;
    file = memfd_create("config", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    unsetenv("SHANNON_CONFIG");
    for (size_t i = 0; i < SN_COUNT(settings); i++)
        unsetenv(settings[i].name);
    return file < 0;
}

static int finish(void **state) {
    (void)state;
    close(file);
    sn_config_close(SN_STEAL(config));
    sn_buffer_free(&problems);
    return 0;
}

static int open_with(const char *text, size_t bytes, const sn_override *overrides, size_t count) {
    sn_config_options options = {settings, SN_COUNT(settings), NULL, overrides, count};
    sn_config_close(SN_STEAL(config));
    sn_buffer_free(&problems);
    if (text) {
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, text, bytes, 0), bytes);
        options.file = path;
    }
    return sn_config_open(&config, &problems, &options, &err);
}

static void assert_opens(const char *text) {
    if (open_with(text, text ? strlen(text) : 0, NULL, 0) < 0)
        fail_msg("%s", problems.data);
}

/* Problems as they are told; PATH stands for the file's. */
static void assert_problems(const char *text, const char *expected) {
    sn_buffer whole = {0};
    for (const char *at = expected, *next; *at; at = next) {
        next = strstr(at, "PATH");
        next = next ? next : at + strlen(at);
        assert_true(sn_buffer_add(&whole, at, (size_t)(next - at)));
        if (*next) {
            assert_true(sn_buffer_add(&whole, path, strlen(path)));
            next += 4;
        }
    }
    assert_int_equal(open_with(text, text ? strlen(text) : 0, NULL, 0), SN_EINVALID_ARGUMENT);
    assert_string_equal(problems.data, whole.data);
    sn_buffer_free(&whole);
}

/* ---- precedence ---- */

static void what_is_not_given_is_as_usual(void **state) {
    (void)state;
    assert_opens(NULL);
    assert_false(sn_config_is_set(config, "T_NAME"));
    assert_null(sn_config_string(config, "T_NAME"));
    assert_null(sn_config_address(config, "T_PEER"));
    assert_int_equal(sn_config_number(config, "T_COUNT"), 4);
    assert_true(sn_config_seconds(config, "T_WAIT") == 1.5);
    assert_false(sn_config_boolean(config, "T_FLAG"));
    assert_string_equal(sn_config_address(config, "T_ADDR")->host, "127.0.0.1");
    assert_int_equal(sn_config_address(config, "T_ADDR")->port, 8000);
    assert_int_equal(sn_config_choice(config, "T_COLOUR"), 1);
}

static void the_command_line_wins_over_environment_over_file(void **state) {
    (void)state;
    const char text[] = "count=10\nT_WAIT=20\nT_COLOUR=blue\nT_NAME=file\n";
    const sn_override given[] = {
        {"T_WAIT", "--wait", "40"}, {"T_COLOUR", "--colour", NULL}, {"T_NAME", "--name", ""}};
    setenv("T_COUNT", "30", 1);
    setenv("T_WAIT", "30", 1);
    setenv("T_COLOUR", "", 1);
    assert_int_equal(open_with(text, strlen(text), given, SN_COUNT(given)), 0);
    assert_int_equal(sn_config_number(config, "T_COUNT"), 30);
    assert_true(sn_config_seconds(config, "T_WAIT") == 40);
    assert_int_equal(sn_config_choice(config, "T_COLOUR"), 2);
    assert_string_equal(sn_config_string(config, "T_NAME"), "file");
}

static void the_environment_names_a_file(void **state) {
    (void)state;
    const sn_config_options options = {settings, SN_COUNT(settings)};
    assert_int_equal(pwrite(file, "count=9\n", 8, 0), 8);
    setenv("SHANNON_CONFIG", path, 1);
    assert_int_equal(sn_config_open(&config, NULL, &options, &err), 0);
    assert_int_equal(sn_config_number(config, "T_COUNT"), 9);
    assert_opens("count=8\n"); /* named by the caller, which wins */
    assert_int_equal(sn_config_number(config, "T_COUNT"), 8);
    sn_config_close(SN_STEAL(config));
    setenv("SHANNON_CONFIG", "/no/such/file", 1);
    assert_int_equal(sn_config_open(&config, NULL, &options, &err), SN_EINVALID_ARGUMENT);
    assert_string_equal(err.message, "SHANNON_CONFIG: cannot open /no/such/file: "
                                     "No such file or directory");
}

/* ---- types ---- */

static void every_type_refuses_what_is_none(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"T_NAME", "x"},          {"T_NAME", "12345678901"},   {"T_NAME", "a\tb"},
        {"T_NAME", "a\nb"},       {"T_NAME", "a\xFF"},         {"T_COUNT", "0"},
        {"T_COUNT", "101"},       {"T_COUNT", "-1"},           {"T_COUNT", "1.5"},
        {"T_COUNT", " 1"},        {"T_COUNT", "0x10"},         {"T_COUNT", "99999999999999999999"},
        {"T_WAIT", "-0.1"},       {"T_WAIT", "60.1"},          {"T_WAIT", "1s"},
        {"T_WAIT", "nan"},        {"T_WAIT", "inf"},           {"T_FLAG", "True"},
        {"T_FLAG", "2"},          {"T_FLAG", "enabled"},       {"T_ADDR", "8000"},
        {"T_ADDR", ":8000"},      {"T_ADDR", "host"},          {"T_ADDR", "host:"},
        {"T_ADDR", "host:65536"}, {"T_ADDR", "::1:8000"},      {"T_ADDR", "[::1:8000"},
        {"T_ADDR", "[]:8000"},    {"T_ADDR", "[1.2.3.4]:1"},   {"T_ADDR", "127.0.0.256:1"},
        {"T_ADDR", "127.0.1:1"},  {"T_ADDR", "a b:1"},         {"T_ADDR", "-a:1"},
        {"T_ADDR", "http://a:1"}, {"T_ADDR", "[::1]x:1"},      {"T_ADDR", "host:+1"},
        {"T_PEER", "host:0"},     {"T_FILE", "/no/such/file"}, {"T_COLOUR", "Red"},
        {"T_COLOUR", "yellow"},   {"T_TOKEN", "short"},
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        const sn_override given = {cases[i].name, "--option", cases[i].value};
        if (open_with(NULL, 0, &given, 1) != SN_EINVALID_ARGUMENT)
            fail_msg("%s=%s was taken", cases[i].name, cases[i].value);
    }
}

static void every_type_takes_what_is_one(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"T_NAME", "a b # c"},    {"T_COUNT", "1"},
        {"T_COUNT", "100"},       {"T_WAIT", "0"},
        {"T_WAIT", "6e1"},        {"T_ADDR", "localhost:0"},
        {"T_ADDR", "[::]:65535"}, {"T_ADDR", "a.b-c_d.example:80"},
        {"T_FILE", "/"},          {"T_FILE", "/dev/null"},
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        const sn_override given = {cases[i].name, "--option", cases[i].value};
        if (open_with(NULL, 0, &given, 1) < 0)
            fail_msg("%s", err.message);
        assert_string_equal(sn_config_string(config, cases[i].name), cases[i].value);
    }
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < SN_COUNT(words); i++) {
        const sn_override given = {"T_FLAG", "--flag", words[i]};
        assert_int_equal(open_with(NULL, 0, &given, 1), 0);
        assert_int_equal(sn_config_boolean(config, "T_FLAG"), i % 2);
    }
    assert_opens("T_ADDR=[fe80::1]:80\n");
    assert_string_equal(sn_config_address(config, "T_ADDR")->host, "fe80::1");
    assert_int_equal(sn_config_address(config, "T_ADDR")->port, 80);
}

/* ---- the file ---- */

static void a_file_is_read_as_systemd_reads_it(void **state) {
    (void)state;
    assert_opens("# comment\n; another = one\n\n \t\r\n  count = 7 \r\nT_NAME=a#b;c'd\"\n");
    assert_int_equal(sn_config_number(config, "T_COUNT"), 7);
    assert_string_equal(sn_config_string(config, "T_NAME"), "a#b;c'd\"");
    assert_opens("T_NAME=  'a \\ \"b '  ");
    assert_string_equal(sn_config_string(config, "T_NAME"), "a \\ \"b ");
    assert_opens("T_NAME=\"\\\"\\\\\\$\\` #'\"\n");
    assert_string_equal(sn_config_string(config, "T_NAME"), "\"\\$` #'");
    assert_opens("T_NAME=''\ncount=\"\"\nT_WAIT=\n");
    assert_false(sn_config_is_set(config, "T_NAME"));
    assert_int_equal(sn_config_number(config, "T_COUNT"), 4);
    assert_opens("");
}

static void lines_that_are_none_are_told(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"T_NAME", "no '='"},
        {"=x", "no key"},
        {"export T_NAME=ab", "no key"},
        {"1T=ab", "no key"},
        {"\xEF\xBB\xBFT_NAME=ab", "no key"},
        {"T_NAME=a\\b", "single quotes"},
        {"T_NAME=ab\\\ncd", "single quotes"},
        {"# hidden \\\nT_NAME=ab", "hide the next"},
        {"T_NAME='ab", "not closed"},
        {"T_NAME=\"ab\ncd\"", "not closed"},
        {"T_NAME=\"ab\\\"", "not closed"},
        {"T_NAME=\"ab\\", "only for"},
        {"T_NAME=\"a\\nb\"", "only for"},
        {"T_NAME='ab' # c", "follows"},
        {"T_NAME=\"ab\"'cd'", "follows"},
        {"T_NAME=a\x01", "control"},
        {"T_NAME=a\rb", "control"},
        {"T_NAME=a\xFF", "UTF-8"},
        {"T_COUNT=5", "the nearest is count"}, /* the file has a key of its own for it */
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        assert_int_equal(open_with(cases[i].text, strlen(cases[i].text), NULL, 0),
                         SN_EINVALID_ARGUMENT);
        if (!strstr(problems.data, cases[i].words) || !strstr(problems.data, path))
            fail_msg("'%s' is not in '%s'", cases[i].words, problems.data);
    }
    assert_int_equal(open_with("T_NAME=a\0b", 10, NULL, 0), SN_EINVALID_ARGUMENT);
}

static void sizes_are_bounded(void **state) {
    (void)state;
    enum { MOST = SN_CONFIG_FILE_MAX_BYTES };
    static char text[MOST + 1];
    memset(text, '\n', sizeof text);
    memset(text, '#', SN_CONFIG_LINE_MAX_BYTES);
    assert_int_equal(open_with(text, MOST, NULL, 0), 0);
    assert_int_equal(open_with(text, MOST + 1, NULL, 0), SN_EINVALID_ARGUMENT);
    text[SN_CONFIG_LINE_MAX_BYTES] = '#';
    assert_int_equal(open_with(text, MOST, NULL, 0), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(problems.data, ":1: the line is longer"));
    memset(text, '=', MOST); /* each line is wrong; what is told of it is bounded */
    for (size_t i = 1; i < MOST; i += 2)
        text[i] = '\n';
    assert_int_equal(open_with(text, MOST, NULL, 0), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(problems.data, "\nand 32668 more\n"));
}

/* ---- what is told ---- */

static void all_that_is_wrong_is_told_at_once(void **state) {
    (void)state;
    setenv("T_WAIT", "soon", 1);
    setenv("T_FLAG", "\033[2Jx\xFF", 1);
    setenv("T_TOKEN", "hunter2", 1);
    assert_problems(
        "cuont=5\nT_NAME=x\nnonsense\nT_FILE=/no/such\nT_COLOUR=pink\nT_COLOUR=red\n",
        "PATH:1: cuont: no such setting; the nearest is count\n"
        "PATH:2: T_NAME: 'x' is not a text of 2 to 10 bytes, UTF-8 without control "
        "characters\n"
        "PATH:3: there is no '=' in the line, which is to be KEY=VALUE or a comment\n"
        "PATH:4: T_FILE: '/no/such' cannot be read: No such file or directory\n"
        "PATH:5: T_COLOUR: 'pink' is not red, green or blue\n"
        "PATH:6: T_COLOUR: line 5 gives it already\n"
        "environment: T_WAIT: 'soon' is not a number of seconds from 0 to 60\n"
        "environment: T_FLAG: '?[2Jx\xEF\xBF\xBD' is not true or false (or yes, no, on, "
        "off, 1, 0)\n"
        "environment: T_TOKEN: the value (not shown) is not a text of 8 to 4096 bytes, "
        "UTF-8 without control characters\n");
    assert_non_null(strstr(err.message, ":1: cuont: no such setting; the nearest is count "
                                        "(and 8 more)"));
}

/* It will be in force once what replaces it is gone. */
static void a_wrong_value_is_told_though_it_is_replaced(void **state) {
    (void)state;
    setenv("T_COUNT", "7", 1);
    assert_problems("count=0\n", "PATH:1: count: '0' is not a number from 1 to 100\n");
}

static void secrets_are_not_told(void **state) {
    (void)state;
    const char text[] = "T_TOKN=hunter2hunter2\nhunter2hunter2\nT TOKEN=hunter2hunter2\n"
                        "T_TOKEN=\"hunter2hunter2\nT_TOKEN=hunter2\n";
    assert_int_equal(open_with(text, strlen(text), NULL, 0), SN_EINVALID_ARGUMENT);
    assert_null(strstr(problems.data, "hunter2"));
    assert_null(strstr(err.message, "hunter2"));
}

/* ---- printing ---- */

static char *print(void) {
    sn_buffer text = {0};
    size_t bytes;
    assert_int_equal(sn_config_print(&text, config, NULL), 0);
    return sn_buffer_take(&text, &bytes);
}

static void what_is_in_force_is_printed_as_a_file(void **state) {
    (void)state;
    char expected[1024];
    setenv("T_FLAG", "on", 1);
    assert_opens("T_NAME='a \"$b'\nT_TOKEN=hunter2hunter2\n");
    sn_auto_free char *first = print();
    snprintf(expected, sizeof expected,
             "# %s:1\nT_NAME=\"a \\\"\\$b\"\n# default\ncount=4\n# default\nT_WAIT=1.5\n"
             "# environment\nT_FLAG=on\n# default\nT_ADDR=127.0.0.1:8000\n# not set\n#T_PEER=\n"
             "# not set\n#T_FILE=\n# default\nT_COLOUR=green\n# %s:2; secret\n#T_TOKEN=***\n",
             path, path);
    assert_string_equal(first, expected);
    assert_opens(first);
    assert_string_equal(sn_config_string(config, "T_NAME"), "a \"$b");
    assert_false(sn_config_is_set(config, "T_TOKEN"));
}

static void a_text_that_does_not_fit_is_an_error(void **state) {
    (void)state;
    sn_buffer text = {.limit_bytes = 20};
    assert_opens(NULL);
    assert_int_equal(sn_config_print(&text, config, &err), SN_ERESOURCE_EXHAUSTED);
    sn_buffer_free(&text);
}

static void the_table_is_its_own_help(void **state) {
    (void)state;
    sn_buffer text = {0};
    assert_int_equal(sn_config_help(&text, settings, 2, NULL), 0);
    assert_int_equal(sn_config_help(&text, &settings[8], 1, NULL), 0);
    assert_string_equal(
        text.data,
        "T_NAME\n    A name.\n    a text of 2 to 10 bytes, UTF-8 without control characters; not "
        "set by default\n"
        "T_COUNT (in the file: count)\n    How many.\n    a number from 1 to 100; default: 4\n"
        "T_TOKEN\n    The key.\n    a text of 8 to 4096 bytes, UTF-8 without control characters; "
        "not set by default; secret\n");
    sn_buffer_free(&text);
}

static void words_have_distances(void **state) {
    (void)state;
    assert_int_equal(sn_word_distance("kitten", "sitting"), 3);
    assert_int_equal(sn_word_distance("", "abc"), 3);
    assert_int_equal(sn_word_distance("SHANNON_LOG", "shannon_log"), 0);
    assert_int_equal(sn_word_distance("ab", "ba"), 2);
    char longer[200] = "";
    memset(longer, 'x', sizeof longer - 1);
    assert_int_equal(sn_word_distance(longer, "x"), 63);
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        ALONE(what_is_not_given_is_as_usual),
        ALONE(the_command_line_wins_over_environment_over_file),
        ALONE(the_environment_names_a_file),
        ALONE(every_type_refuses_what_is_none),
        ALONE(every_type_takes_what_is_one),
        ALONE(a_file_is_read_as_systemd_reads_it),
        ALONE(lines_that_are_none_are_told),
        ALONE(sizes_are_bounded),
        ALONE(all_that_is_wrong_is_told_at_once),
        ALONE(a_wrong_value_is_told_though_it_is_replaced),
        ALONE(secrets_are_not_told),
        ALONE(what_is_in_force_is_printed_as_a_file),
        ALONE(a_text_that_does_not_fit_is_an_error),
        ALONE(the_table_is_its_own_help),
        cmocka_unit_test(words_have_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
