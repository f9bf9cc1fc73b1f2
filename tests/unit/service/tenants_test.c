/* tenants_test.c - who has which token, and what a file of tenants must not be. */
#include "test.h"

#include "service/tenants.h"
#include "util/auto.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static sn_tenants *tenants;
static sn_buffer problems;
static sn_error err;

static int parse(const char *text) {
    sn_tenants_close(SN_STEAL(tenants));
    sn_buffer_free(&problems);
    problems = (sn_buffer){0};
    return sn_tenants_parse(&tenants, &problems, "F", text, strlen(text), "the operator's one",
                            &err);
}

static int finish(void **state) {
    (void)state;
    sn_tenants_close(SN_STEAL(tenants));
    sn_buffer_free(&problems);
    return 0;
}

static void finds(void **state) {
    (void)state;
    assert_int_equal(parse("# who\nalice 0123456789abcdef\r\n\n \tb-_9\t0123456789abcdeF \n"), 0);
    assert_int_equal(sn_tenants_count(tenants), 2);
    assert_string_equal(sn_tenants_find(tenants, "0123456789abcdef"), "alice");
    assert_string_equal(sn_tenants_find(tenants, "0123456789abcdeF"), "b-_9");
    assert_null(sn_tenants_find(tenants, "0123456789abcde"));
    assert_null(sn_tenants_find(tenants, "0123456789abcdef "));
    assert_null(sn_tenants_find(tenants, ""));
}

/* Each line is wrong in one way; all are told, and no token is. */
static void refuses(void **state) {
    (void)state;
    assert_int_equal(parse("good 0123456789abcdef\n"
                           "short 0123456789abcde\n"
                           "a:b 0123456789abcde2\n"
                           "nothing\n"
                           "one 0123456789abcde3 more\n"
                           "good 0123456789abcde4\n"
                           "same 0123456789abcdef\n"
                           "boss the_operator's_one\n"
                           "012345678901234567890123456789012 0123456789abcde5\n"),
                     SN_EINVALID_ARGUMENT);
    const char *const lines[] = {
        "F:2: the token of short", "F:3: the name",      "F:4: the line is not NAME TOKEN",
        "F:5: the line is not",    "F:6: good is there", "F:7: same has the token of good",
        "F:9: the name",
    };
    for (size_t i = 0; i < SN_COUNT(lines); i++)
        assert_non_null(strstr(problems.data, lines[i]));
    assert_null(strstr(problems.data, "0123456789abcde"));
    assert_null(tenants);
    assert_non_null(strstr(err.message, "F:2: "));
    assert_int_equal(sn_tenants_parse(&tenants, NULL, "F", "boss 0123456789abcdef", 21,
                                      "0123456789abcdef", &err),
                     SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "SHANNON_API_TOKEN"));
    assert_int_equal(parse("# nobody\n"), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "no tenant"));
}

static void too_many(void **state) {
    sn_auto_free char *text = calloc(SN_TENANTS_MOST + 1, 32);
    (void)state;
    for (int i = 0, at = 0; i <= SN_TENANTS_MOST; i++)
        at += sprintf(text + at, "t%d token-%016d\n", i, i);
    assert_int_equal(parse(text), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "F:1001: there are more than 1000 tenants"));
}

static void files(void **state) {
    char path[] = "/tmp/tenants-XXXXXX";
    static const char text[] = "alice 0123456789abcdef\n";
    (void)state;
    sn_auto_fd int fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    static const struct {
        mode_t mode;
        int rc;
    } modes[] = {{0600, 0},
                 {0640, 0},
                 {0644, SN_EINVALID_ARGUMENT},
                 {0602, SN_EINVALID_ARGUMENT},
                 {0660, SN_EINVALID_ARGUMENT}};
    for (size_t i = 0; i < SN_COUNT(modes); i++) {
        assert_int_equal(fchmod(fd, modes[i].mode), 0);
        assert_int_equal(sn_tenants_open(NULL, NULL, path, NULL, &err), modes[i].rc);
    }
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(ftruncate(fd, SN_TENANTS_FILE_MAX_BYTES + 1), 0);
    assert_int_equal(sn_tenants_open(NULL, NULL, path, NULL, &err), SN_EINVALID_ARGUMENT);
    unlink(path);
    assert_int_equal(sn_tenants_open(NULL, NULL, path, NULL, &err), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_tenants_open(NULL, NULL, "/tmp", NULL, &err), SN_EINVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(refuses),
        cmocka_unit_test(too_many),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
