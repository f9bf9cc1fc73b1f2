/* nearest.c - see nearest.h. Levenshtein's distance, row by row. */
#include "service/nearest.h"

#include <string.h>

enum { WORD_MOST = 64 };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

unsigned sn_word_distance(const char *a, const char *b) {
    const size_t a_bytes = strnlen(a, WORD_MOST), b_bytes = strnlen(b, WORD_MOST);
    unsigned row[WORD_MOST + 1];
    for (size_t j = 0; j <= b_bytes; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_bytes; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_bytes; j++) {
            unsigned replaced = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_bytes];
}
