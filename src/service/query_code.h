/*
 * query_code.h - whether a query in words is Python to be executed as it is.
 *
 * It is, behind "Execute Python:" (or "Run Python:", "Execute Python code:", however it is
 * capitalised), or as a block fenced by ```:
 *
 *     Execute Python: print(6 * 7)
 *
 *     ```python
 *     print(6 * 7)
 *     ```
 */
#ifndef SN_SERVICE_QUERY_CODE_H
#define SN_SERVICE_QUERY_CODE_H

#include <stdbool.h>

typedef enum sn_code_where {
    SN_CODE_ALONE,    /* a block counts only if there is nothing else */
    SN_CODE_ANYWHERE, /* or the first block marked as Python, whatever is around it */
} sn_code_where;

/* Whether it begins with "Execute Python:" or the like. */
bool sn_query_has_command(const char *query);

/* The code, which may be empty; free() it. NULL: the query is none, or no memory. */
char *sn_query_code(const char *query, sn_code_where where);

#endif
