/*
 * json_value.h - values of requests in JSON, taken strictly: what has another type or is out of its
 * range is SN_EINVALID_ARGUMENT, and the message begins with the field's name.
 */
#ifndef SN_LLM_SERVICE_JSON_VALUE_H
#define SN_LLM_SERVICE_JSON_VALUE_H

#include "shannon.h"

#include <jansson.h>

/* A member that is there and not null; else NULL. */
const json_t *sn_json_get(const json_t *object, const char *name);

/* The object has none but these members; NULL after the last. The hint is the nearest one. `where`
 * stands before a member's name: "", "parameters.". `err` must not be NULL. */
SN_WARN_UNUSED int sn_json_known(const json_t *object, const char *const *names, const char *where,
                                 sn_error *err);

/* "NAME is a list; it must be WANTED". */
int sn_json_not_a(const char *name, const json_t *value, const char *wanted, sn_error *err);

/* Of these, a text without NUL, and any text. They lie in the value. */
SN_WARN_UNUSED int sn_json_take_text(const char **out, const char *name, const json_t *value,
                                     sn_error *err);
SN_WARN_UNUSED int sn_json_bytes(const char **out, size_t *bytes, const char *name,
                                 const json_t *value, sn_error *err);

/* A whole number, however it is written: 64, 64.0, 6.4e1. */
SN_WARN_UNUSED int sn_json_whole(uint64_t *out, const char *name, const json_t *value,
                                 uint64_t least, uint64_t most, sn_error *err);

#endif
