/* route_test.c - which query is routed where, and by which rule. */
#include "test.h"

#include "orchestrator/route.h"
#include "util/auto.h"

#include <stdio.h>
#include <string.h>

typedef struct row {
    const char *query;
    sn_query_mode mode;
    const char *why;
} row;

static const row rows[] = {
    /* code */
    {"Execute Python: print(1)", SN_MODE_SIMPLE, "execute_python"},
    {"  \n Execute Python:\nfor i in range(3):\n    print(i)", SN_MODE_SIMPLE, "execute_python"},
    {"```python\nprint(1)\n```", SN_MODE_SIMPLE, "code_block"},
    {"\n```py\nx = 1\n\nx\n```\n", SN_MODE_SIMPLE, "code_block"},
    {"```\nprint('? first ... then')\n```", SN_MODE_SIMPLE, "code_block"},
    {"```python\nprint(1)", SN_MODE_SIMPLE, "code_block"},
    {"run python code: 1", SN_MODE_SIMPLE, "execute_python"},
    {"print(6 * 7)", SN_MODE_SIMPLE, "bare_code"},
    {"import math\nmath.pi", SN_MODE_SIMPLE, "bare_code"},
    {"import numpy as np, sys\r\nnp.e", SN_MODE_SIMPLE, "bare_code"},
    {"from math import pi\nprint(pi)", SN_MODE_SIMPLE, "bare_code"},
    {"x = 5\nfor i in range(x):\n    print(i)", SN_MODE_SIMPLE, "bare_code"},
    {"def f(x):\n    return x\nf(1)", SN_MODE_SIMPLE, "bare_code"},
    {"os.path.join('a', 'b')", SN_MODE_SIMPLE, "bare_code"},
    /* what only looks like it */
    {"import the file and sum it up", SN_MODE_STANDARD, "one_step"},
    {"Import duties of Norway in 2020", SN_MODE_STANDARD, "one_step"},
    {"from Paris to Rome, how far is it?", SN_MODE_STANDARD, "one_step"},
    {"print the first ten primes", SN_MODE_STANDARD, "one_step"},
    {"x == 5 or not", SN_MODE_STANDARD, "one_step"},
    {"What does print(1) do?", SN_MODE_STANDARD, "one_step"},
    {"What does this do?\n```python\nprint(1)\n```", SN_MODE_STANDARD, "one_step"},
    {"```python\nprint(1)\n```\nexplain it", SN_MODE_STANDARD, "one_step"},
    {"```js\nalert(1)\n```", SN_MODE_STANDARD, "one_step"},
    {"```python\n```", SN_MODE_STANDARD, "one_step"},
    {"class struggles of the 19th century", SN_MODE_STANDARD, "one_step"},
    /* one step */
    {"What is the 100th prime?", SN_MODE_STANDARD, "one_step"},
    {"Sum the numbers from 1 to 100", SN_MODE_STANDARD, "one_step"},
    {"Berechne die Summe der ersten 10 Quadratzahlen", SN_MODE_STANDARD, "one_step"},
    {"Who came first, the hen or the egg?", SN_MODE_STANDARD, "one_step"},
    {"strengthen the argument", SN_MODE_STANDARD, "one_step"},
    {"?", SN_MODE_STANDARD, "one_step"},
    {"what?no", SN_MODE_STANDARD, "one_step"},
    {"", SN_MODE_STANDARD, "one_step"},
    {" \n ", SN_MODE_STANDARD, "one_step"},
    /* several */
    {"1. make a list\n2. sort it", SN_MODE_COMPLEX, "list"},
    {"Do this:\n  1) load\n  2) plot", SN_MODE_COMPLEX, "list"},
    {"- a\n- b", SN_MODE_COMPLEX, "list"},
    {"1. only one", SN_MODE_STANDARD, "one_step"},
    {"3.14 is pi\n2.71 is e", SN_MODE_STANDARD, "one_step"},
    {"First make 10 numbers, then sort them", SN_MODE_COMPLEX, "first_then"},
    {"FIRST load it. FINALLY plot it.", SN_MODE_COMPLEX, "first_then"},
    {"Make 10 numbers and then sort them", SN_MODE_COMPLEX, "first_then"},
    {"Then tell me who was first", SN_MODE_STANDARD, "one_step"},
    {"For each of the cities, tell its population", SN_MODE_COMPLEX, "for_each"},
    {"for every prime below 50 give its square", SN_MODE_COMPLEX, "for_each"},
    {"Compare bubble sort and quicksort", SN_MODE_COMPLEX, "compare"},
    {"mergesort vs. quicksort", SN_MODE_COMPLEX, "compare"},
    {"What is the difference between a list and a tuple?", SN_MODE_COMPLEX, "compare"},
    {"incomparable vsauce", SN_MODE_STANDARD, "one_step"},
    {"What is 2+2? And what is 3+3?", SN_MODE_COMPLEX, "several_questions"},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < SN_COUNT(rows); i++) {
        sn_route route = sn_route_task(rows[i].query, NULL, 0);
        if (route.mode != rows[i].mode || strcmp(route.why, rows[i].why) != 0)
            fail_msg("'%s' is %s by %s", rows[i].query, sn_task_mode_name(route.mode), route.why);
        assert_int_equal(route.is_code, rows[i].mode == SN_MODE_SIMPLE);
        assert_int_equal(route.is_bare, strcmp(route.why, "bare_code") == 0);
    }
}

static void test_long(void **state) {
    (void)state;
    char text[2001];
    memset(text, 'a', sizeof text);
    text[2000] = '\0';
    assert_string_equal(sn_route_task(text, NULL, 0).why, "long");
    text[1500] = '\0';
    assert_string_equal(sn_route_task(text, NULL, 0).why, "one_step");
}

static void test_context(void **state) {
    (void)state;
    json_t *context = json_pack("{s:{s:s}}", "tool_parameters", "code", "1");
    assert_string_equal(sn_route_task("compare a and b", context, 0).why, "tool_parameters");
    json_decref(context);
    context = json_pack("{s:s}", "tool_parameters", "code");
    assert_string_equal(sn_route_task("what?", context, 0).why, "one_step");
    json_decref(context);
}

static void test_given(void **state) {
    (void)state;
    sn_route route = sn_route_task("compare a and b", NULL, SN_MODE_STANDARD);
    assert_int_equal(route.mode, SN_MODE_STANDARD);
    assert_string_equal(route.why, "given");
    route = sn_route_task("print(1)", NULL, SN_MODE_SIMPLE);
    assert_true(route.is_code && route.is_bare);
    route = sn_route_task("print(1)", NULL, SN_MODE_STANDARD);
    assert_false(route.is_code || route.is_bare);
    route = sn_route_task("what is it?", NULL, SN_MODE_SIMPLE);
    assert_int_equal(route.mode, SN_MODE_SIMPLE);
    assert_false(route.is_code);
}

/* No byte beyond the text is looked at, whatever it ends in. */
static void test_prefixes(void **state) {
    (void)state;
    for (size_t i = 0; i < SN_COUNT(rows); i++)
        for (size_t n = 0; n <= strlen(rows[i].query); n++) {
            char *text = strndup(rows[i].query, n);
            sn_route route = sn_route_task(text, NULL, 0);
            assert_true(route.mode >= SN_MODE_SIMPLE && route.mode <= SN_MODE_COMPLEX);
            free(text);
        }
}

static void test_ids(void **state) {
    (void)state;
    char before[SN_TASK_ID_BYTES] = "", id[SN_TASK_ID_BYTES];
    for (int i = 0; i < 10000; i++) {
        sn_task_make_id(id);
        assert_true(sn_task_id_is_valid(id));
        assert_true(strcmp(before, id) < 0);
        strcpy(before, id);
    }
    assert_false(sn_task_id_is_valid(""));
    assert_false(sn_task_id_is_valid("0"));
    id[35] = 'G';
    assert_false(sn_task_id_is_valid(id));
    id[35] = '\0';
    assert_false(sn_task_id_is_valid(id));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_long),
        cmocka_unit_test(test_context),  cmocka_unit_test(test_given),
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
