/* session_json.h - sessions as JSON, by the names of sn_session_info. */
#ifndef SN_LLM_SERVICE_SESSION_JSON_H
#define SN_LLM_SERVICE_SESSION_JSON_H

#include "shannon.h"

#include <jansson.h>

/* json_decref() them; NULL: no memory. `name` is what the caller calls the session. */
json_t *sn_session_json(const sn_session_info *info, const char *name);
json_t *sn_session_history_json(const sn_session_info *info, const char *name);

#endif
