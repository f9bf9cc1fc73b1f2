/*
 * openapi.h - what is served, as an OpenAPI document: openapi.json describes every route there may
 * be, and the document has those that there are, with the limits that hold here.
 */
#ifndef SN_LLM_SERVICE_OPENAPI_H
#define SN_LLM_SERVICE_OPENAPI_H

#include "service/http.h"

/* openapi.json, made into this at build time. */
extern const char sn_openapi_text[];

/* json_decref() it; NULL: no memory. A route that openapi.json does not describe is there with
 * nothing but its name, and "x-undescribed". */
json_t *sn_openapi(const sn_http_routes *routes, const sn_executor_figures *limits, bool has_token);

#endif
