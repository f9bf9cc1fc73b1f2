/* utf8.c - see utf8.h. */
#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>

/*
 * Bytes of the character that starts at `at`, or 0 if none does. `*unfinished`: what is there could
 * be the beginning of one. Table 3-7 of the Unicode standard: only the second byte's range depends
 * on the first.
 */
static size_t character(const unsigned char *at, size_t left, bool *unfinished) {
    *unfinished = false;
    unsigned char first = at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    size_t need = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (size_t i = 1; i < need; i++) {
        if (i == left) {
            *unfinished = true;
            return 0;
        }
        if (at[i] < low || at[i] > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return need;
}

size_t sn_utf8_valid_prefix(const char *text, size_t bytes) {
    size_t at = 0;
    bool unfinished;
    while (at < bytes) {
        size_t n = character((const unsigned char *)text + at, bytes - at, &unfinished);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

size_t sn_utf8_unfinished(const char *text, size_t bytes) {
    for (size_t n = 1; n < SN_UTF8_CHARACTER_MAX_BYTES && n <= bytes; n++) {
        bool unfinished;
        (void)character((const unsigned char *)text + bytes - n, n, &unfinished);
        if (unfinished)
            return n;
    }
    return 0;
}

char *sn_utf8_repair(const char *text, size_t bytes, bool truncated, size_t *out_bytes) {
    static const char replacement[3] = {'\xEF', '\xBF', '\xBD'};
    if (bytes > (SIZE_MAX - 1) / sizeof replacement)
        return NULL;
    size_t valid = bytes ? sn_utf8_valid_prefix(text, bytes) : 0;
    char *out = malloc(valid + (bytes - valid) * sizeof replacement + 1);
    if (!out)
        return NULL;
    if (valid)
        memcpy(out, text, valid);
    size_t at = valid, used = valid;
    while (at < bytes) {
        bool unfinished;
        size_t n = character((const unsigned char *)text + at, bytes - at, &unfinished);
        if (n == 0 && unfinished && truncated)
            break;
        if (n == 0) {
            memcpy(out + used, replacement, sizeof replacement);
            used += sizeof replacement;
            at++;
            continue;
        }
        memcpy(out + used, text + at, n);
        used += n;
        at += n;
    }
    out[used] = '\0';
    *out_bytes = used;
    return out;
}
