/*
 * request_json.h - an execution's request as JSON, by the names that every interface uses:
 *
 *     {"code": "print(input())", "session_id": "s", "timeout_seconds": 5, "memory_limit_mb": 64,
 *      "stdin": "text", "files": [{"path": "data.csv", "content": "a,b"},
 *                                 {"path": "x.png", "content_base64": "iVBORw=="}],
 *      "deterministic": {"seed": 1, "time": 1700000000}, "args": ["name", "arg"],
 *      "filename": "report.py", "discard": false, "workspace_mb": 64}
 *
 * Nothing is ignored and nothing is clamped: what is not known, of another type or out of its range
 * is an error that names the field. null is as if the field were not there. What depends on the
 * service's limits is for sn_request_validate() to check.
 */
#ifndef SN_LLM_SERVICE_REQUEST_JSON_H
#define SN_LLM_SERVICE_REQUEST_JSON_H

#include "shannon.h"

#include <jansson.h>

/* Its texts lie in the JSON, which it keeps. */
typedef struct sn_request_json {
    sn_request request;
    json_t *json;
    sn_deterministic deterministic;
    const char **args;
    sn_input_file *files;
    void **decoded; /* contents that were base64 */
    size_t decoded_count;
} sn_request_json;

/* SN_EINVALID_ARGUMENT: the request is wrong; SN_ERESOURCE_EXHAUSTED: no memory. In both cases
 * `*out` is empty. `err` must not be NULL. */
SN_WARN_UNUSED int sn_request_json_read(sn_request_json *out, json_t *json, sn_error *err);
void sn_request_json_clear(sn_request_json *request);

#endif
