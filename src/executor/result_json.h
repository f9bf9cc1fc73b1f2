/*
 * result_json.h - the result as sn_result_json() has it, before it becomes text.
 */
#ifndef SN_EXECUTOR_RESULT_JSON_H
#define SN_EXECUTOR_RESULT_JSON_H

#include "shannon.h"

#include <jansson.h>

/* For json_dumps(): as many digits as a time in milliseconds needs. */
#define SN_JSON_DIGITS JSON_REAL_PRECISION(8)

/* json_decref() it. NULL: no memory. */
json_t *sn_result_json_value(const sn_result *result);
json_t *sn_bundle_json_value(const sn_bundle *bundle);

#endif
