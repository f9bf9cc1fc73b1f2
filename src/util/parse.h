/*
 * parse.h - numbers from people: the whole text or nothing, in a range; and how deep a JSON text is
 * nested, before a parser that calls itself is let near it.
 */
#ifndef SN_UTIL_PARSE_H
#define SN_UTIL_PARSE_H

#include "shannon.h"

/* A decimal integer from `min` to `max`. False: the text is something else. */
SN_WARN_UNUSED bool sn_parse_u64(uint64_t *out, const char *text, uint64_t min, uint64_t max);

/* A finite decimal number such as "1", "2.5" or "1e1"; no hexadecimal, no leading space. */
SN_WARN_UNUSED bool sn_parse_double(double *out, const char *text);

/* Most threads here have small stacks, and jansson goes 2,048 deep; nobody means that. */
enum { SN_JSON_DEPTH_MOST = 100 };

/* Whether [ and { outside of strings are nested deeper than SN_JSON_DEPTH_MOST somewhere. The text
 * need be no JSON. */
bool sn_json_is_too_deep(const char *text, size_t bytes);

#endif
