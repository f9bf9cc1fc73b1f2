/* session_json.c - see session_json.h. */
#include "llm_service/session_json.h"

#include "util/auto.h"
#include "util/utf8.h"

#include <string.h>

json_t *sn_session_json(const sn_session_info *info, const char *name) {
    return json_pack("{s:s, s:f, s:f, s:I, s:I, s:I, s:b}", "id", name, "created", info->created,
                     "used", info->used, "step", (json_int_t)info->step, "stored_bytes",
                     (json_int_t)info->stored_bytes, "memory_bytes", (json_int_t)info->memory_bytes,
                     "usable", info->usable);
}

/* What was kept of it may end within a character. */
static json_t *code_of(const sn_session_step *step) {
    size_t bytes;
    const char *code = step->code ? step->code : "";
    sn_auto_free char *text = sn_utf8_repair(code, strlen(code), true, &bytes);
    return text ? json_stringn(text, bytes) : NULL;
}

static json_t *step_json(const sn_session_step *step) {
    return json_pack("{s:I, s:f, s:s, s:I, s:I, s:o}", "step", (json_int_t)step->step, "time",
                     step->time, "status", sn_status_name(step->status), "stored_bytes",
                     (json_int_t)step->stored_bytes, "memory_bytes", (json_int_t)step->memory_bytes,
                     "code", code_of(step));
}

json_t *sn_session_history_json(const sn_session_info *info, const char *name) {
    json_t *steps = json_array();
    for (size_t i = 0; steps && i < info->steps_count; i++)
        json_array_append_new(steps, step_json(&info->steps[i]));
    return json_pack("{s:s, s:o}", "id", name, "steps", steps);
}
