/*
 * json_text.h - JSON from and for a server that is believed nothing.
 *
 * What comes is made readable first: bytes that are no UTF-8, halves of surrogate pairs and NULs
 * become U+FFFD (models end in the middle of a character, and their servers with them), and what
 * consists of very many values is refused before memory is taken for each of them.
 */
#ifndef SN_MODEL_JSON_TEXT_H
#define SN_MODEL_JSON_TEXT_H

#include "shannon.h"

#include <jansson.h>

enum { SN_JSON_VALUES_MOST = 200000 };

/* No string in it has a NUL. SN_EINTERNAL: it is none, or too large; SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_json_read(json_t **out, const char *text, size_t bytes, sn_error *err);

/* A string, repaired where it is no UTF-8. NULL: no memory. */
json_t *sn_json_string(const char *text);

/* Of a member of an object; not there or of another type: NULL, 0. `json` may be anything. */
const char *sn_json_text(const json_t *json, const char *key);
uint64_t sn_json_count(const json_t *json, const char *key);

/* The arguments of a call, in a form that every server takes: an object. "" is {}, and what is none
 * is {"_raw": "..."}. NULL: no memory. */
json_t *sn_json_arguments(const char *arguments);

/* The same as text: as it is, if it is an object. free() it. */
char *sn_json_arguments_text(const char *arguments);

/* {"type": ...} */
bool sn_json_is_type(const json_t *json, const char *type);

#endif
