/*
 * result_json.h - the result as sn_result_json() has it, before it becomes text.
 */
#ifndef SN_EXECUTOR_RESULT_JSON_H
#define SN_EXECUTOR_RESULT_JSON_H

#include "shannon.h"

#include <jansson.h>

/* json_decref() it. NULL: no memory. */
json_t *sn_result_json_value(const sn_result *result);

#endif
