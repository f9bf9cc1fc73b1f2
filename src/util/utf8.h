/*
 * utf8.h - UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef SN_UTIL_UTF8_H
#define SN_UTIL_UTF8_H

#include "shannon.h"

/* Length of the longest prefix of `text` that is valid; `bytes` when all of it is. */
size_t sn_utf8_valid_prefix(const char *text, size_t bytes);

enum { SN_UTF8_CHARACTER_MAX_BYTES = 4 };

/* Bytes at the end of `text` that are the beginning of a character whose rest may follow; fewer
 * than SN_UTF8_CHARACTER_MAX_BYTES. */
size_t sn_utf8_unfinished(const char *text, size_t bytes);

/*
 * A copy in which each byte that belongs to no valid character is replaced by U+FFFD;
 * NUL-terminated. `truncated`: the text was cut, so an unfinished character at its end is left out
 * instead. Release with free(). NULL: no memory.
 */
char *sn_utf8_repair(const char *text, size_t bytes, bool truncated, size_t *out_bytes);

#endif
