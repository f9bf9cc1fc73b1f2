/* query_code_test.c - which queries are code. */
#include "service/query_code.h"
#include "test.h"

#include <stdlib.h>

typedef struct example {
    const char *query;
    const char *alone, *anywhere; /* NULL: no code */
} example;

static const example examples[] = {
    {"", NULL, NULL},
    {"What is 6 * 7?", NULL, NULL},
    {"Execute Python: print(1)", "print(1)", "print(1)"},
    {"  execute python:print(1)\n", "print(1)\n", "print(1)\n"},
    {"Run Python code:\n  if 1:\n", "  if 1:\n", "  if 1:\n"},
    {"Execute Python:", "", ""},
    {"Execute Python: ```python\nx\n```\nand tell me", "x\n", "x\n"},
    {"Execute Python: ```\nx\n```", "x\n", "x\n"},
    {"Execute Python: ```x", NULL, NULL},
    {"Execute Python and tell me", NULL, NULL},
    {"```python\nprint('a')\n```", "print('a')\n", "print('a')\n"},
    {"\n```Python3 numbered\r\nx\n```  \n", "x\n", "x\n"},
    {"```\nx\n```", "x\n", "x\n"},
    {"Run:\n```\nx\n```", NULL, NULL},
    {"```python\nx", "x", "x"},
    {"```python\n```", "", ""},
    {"```python", NULL, NULL},
    {"```pythonic\nx\n```", NULL, NULL},
    {"```js\nx\n```", NULL, NULL},
    {"Run this:\n```py\nx\n```", NULL, "x\n"},
    {"```py\nx\n```\nwhy does it fail?", NULL, "x\n"},
    {"```js\nx\n```\n```python\ny\n```", NULL, "y\n"},
    {"```js\nx ```python\n```\nz", NULL, NULL},
};

static void which_queries_are_code(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const char *const wanted[] = {examples[i].alone, examples[i].anywhere};
        for (int where = SN_CODE_ALONE; where <= SN_CODE_ANYWHERE; where++) {
            char *code = sn_query_code(examples[i].query, where);
            if (!wanted[where])
                assert_null(code);
            else
                assert_string_equal(code ? code : "(none)", wanted[where]);
            free(code);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(which_queries_are_code)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
