/* addresses_test.c - lists of agent-cores, and which of them a session is at home at. */
#include "executor/addresses.h"
#include "test.h"
#include "util/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lists_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *all[4];
    } cases[] = {
        {"h:1", {"h:1"}},
        {" h:1 ,\t[::1]:2,192.0.2.7:65535 ", {"h:1", "[::1]:2", "192.0.2.7:65535"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sn_addresses a;
        size_t count = 0;
        assert_int_equal(sn_addresses_read(&a, cases[i].text, NULL), 0);
        for (; cases[i].all[count]; count++)
            assert_string_equal(a.all[count], cases[i].all[count]);
        assert_int_equal(a.count, count);
        sn_addresses_clear(&a);
    }
}

static void all_that_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"h:1,", "'' is empty"},
        {",", "'' is empty; '' is empty"},
        {"h:1,x,h:1,y:0", "'x' is no address of an agent-core; 'h:1' is there twice; "
                          "'y:0' is no address of an agent-core"},
        {"a b:1", "'a b:1' is no address of an agent-core"},
        {"h:99999", "'h:99999' is no address of an agent-core"},
        {"unix:/x:1", "'unix:/x:1' is no address of an agent-core"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sn_addresses a;
        sn_error err = SN_ERROR_INIT;
        assert_int_equal(sn_addresses_read(&a, cases[i].text, &err), SN_EINVALID_ARGUMENT);
        assert_string_equal(err.message, cases[i].says);
        assert_non_null(strstr(err.hint, "HOST:PORT"));
        assert_int_equal(a.count, 0);
        assert_int_equal(sn_addresses_read(&a, cases[i].text, NULL), SN_EINVALID_ARGUMENT);
    }
}

static void lists_are_bounded(void **state) {
    (void)state;
    static char text[1 << 16];
    sn_addresses a;
    sn_error err = SN_ERROR_INIT;
    size_t used = 0;
    for (int i = 1; i <= SN_ADDRESSES_MOST; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%sh:%d", i > 1 ? "," : "", i);
    assert_int_equal(sn_addresses_read(&a, text, &err), 0);
    assert_int_equal(a.count, SN_ADDRESSES_MOST);
    sn_addresses_clear(&a);
    strcpy(text + used, ",h:1000");
    assert_int_equal(sn_addresses_read(&a, text, &err), SN_EINVALID_ARGUMENT);
    assert_string_equal(err.message, "'h:1000' is one more than the 64 there may be");
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(sn_addresses_read(&a, text, &err), SN_EINVALID_ARGUMENT);
    assert_true(strlen(err.message) < 200);
    memset(text, ',', sizeof text - 1);
    assert_int_equal(sn_addresses_read(&a, text, &err), SN_EINVALID_ARGUMENT);
    assert_true(strlen(err.message) < 1000);
}

/* ---- homes ---- */

enum { IDS = 6000 };

static void read_list(sn_addresses *a, const char *text) {
    assert_int_equal(sn_addresses_read(a, text, NULL), 0);
}

static const char *home_of(const sn_addresses *a, int number) {
    char id[32];
    snprintf(id, sizeof id, "session-%d", number);
    return a->all[sn_addresses_home(a, id)];
}

static void homes_are_spread(void **state) {
    (void)state;
    sn_addresses a;
    size_t at[3] = {0};
    read_list(&a, "127.0.0.1:50051,127.0.0.1:50052,127.0.0.1:50053");
    for (int i = 0; i < IDS; i++) {
        char id[32];
        snprintf(id, sizeof id, "session-%d", i);
        at[sn_addresses_home(&a, id)]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(at[i], IDS / 3 * 9 / 10, IDS / 3 * 11 / 10);
    sn_addresses_clear(&a);
}

static void homes_do_not_depend_on_the_order(void **state) {
    (void)state;
    sn_addresses a, b;
    read_list(&a, "h1:1,h2:1,h3:1,h4:1");
    read_list(&b, "h3:1,h1:1,h4:1,h2:1");
    for (int i = 0; i < IDS; i++)
        assert_string_equal(home_of(&a, i), home_of(&b, i));
    sn_addresses_clear(&a);
    sn_addresses_clear(&b);
}

static void only_those_move_that_must(void **state) {
    (void)state;
    sn_addresses three, four;
    size_t moved = 0;
    read_list(&three, "h1:1,h2:1,h3:1");
    read_list(&four, "h1:1,h2:1,h3:1,h4:1");
    for (int i = 0; i < IDS; i++) {
        const char *before = home_of(&three, i), *after = home_of(&four, i);
        moved += strcmp(before, after) != 0;
        if (strcmp(before, after) != 0)
            assert_string_equal(after, "h4:1");
    }
    assert_in_range(moved, IDS / 4 * 9 / 10, IDS / 4 * 11 / 10);
    sn_addresses_clear(&three);
    sn_addresses_clear(&four);
}

/* They are what clients agree on: other values would be other machines. */
static void homes_stay_the_same_between_versions(void **state) {
    (void)state;
    sn_addresses a;
    read_list(&a, "h1:1,h2:1,h3:1");
    char homes[13] = "";
    for (int i = 0; i < 12; i++)
        homes[i] = home_of(&a, i)[1];
    assert_string_equal(homes, "112123132133");
    sn_addresses_clear(&a);
}

/* ---- the public calls ---- */

static void they_return_the_code_without_an_error_to_fill(void **state) {
    (void)state;
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    sn_sessions_options sessions_options = SN_SESSIONS_OPTIONS_INIT;
    sn_executor *executor;
    sn_sessions *sessions;
    options.agent_core_addr = sessions_options.agent_core_addr = "x,y";
    assert_int_equal(sn_executor_open(&executor, &options, NULL), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_sessions_open(&sessions, &sessions_options, NULL), SN_EINVALID_ARGUMENT);
    options.agent_core_addr = "h:1,h:2";
    options.interpreter_path = "x.wasm";
    assert_int_equal(sn_executor_open(&executor, &options, NULL), SN_EINVALID_ARGUMENT);
    options.agent_core_addr = "h:1";
    assert_int_equal(sn_executor_open(&executor, &options, NULL), SN_EINVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(all_that_is_wrong_is_named),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(homes_are_spread),
        cmocka_unit_test(homes_do_not_depend_on_the_order),
        cmocka_unit_test(only_those_move_that_must),
        cmocka_unit_test(homes_stay_the_same_between_versions),
        cmocka_unit_test(they_return_the_code_without_an_error_to_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
