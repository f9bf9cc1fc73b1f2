/* require.h - what a fuzz target demands of its subject. */
#ifndef SN_FUZZ_REQUIRE_H
#define SN_FUZZ_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

/* Aborts, saying where, unless it is so. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
