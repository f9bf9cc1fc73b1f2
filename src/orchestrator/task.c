/* task.c - see task.h. */
#include "orchestrator/task.h"

#include "util/auto.h"
#include "util/utf8.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

const char *const sn_task_states[] = {"queued",    "running", "completed", "failed",
                                      "cancelled", "timeout", NULL};
const char *const sn_task_modes[] = {"simple", "standard", "complex", NULL};

static int place_of(const char *const *names, const char *name) {
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i + 1;
    return 0;
}

const char *sn_task_state_name(sn_task_state state) {
    return sn_task_states[state - 1];
}

const char *sn_task_mode_name(sn_query_mode mode) {
    return sn_task_modes[mode - 1];
}

int sn_task_state_of(const char *name) {
    return place_of(sn_task_states, name);
}

int sn_task_mode_of(const char *name) {
    return place_of(sn_task_modes, name);
}

bool sn_task_has_ended(sn_task_state state) {
    return state > SN_TASK_RUNNING;
}

void sn_task_clear(sn_task *task) {
    free(task->query);
    free(task->result);
    json_decref(task->context);
    json_decref(task->calls);
    json_decref(task->plan);
    *task = (sn_task){0};
}

/* ---- ids ---- */

int64_t sn_task_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The clock's milliseconds and 12 bits that count within one; never back, whatever the clock does.
 */
static uint64_t next_stamp(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last;
    uint64_t now = (uint64_t)sn_task_now_ms() << 12;
    pthread_mutex_lock(&lock);
    last = now > last ? now : last + 1;
    now = last;
    pthread_mutex_unlock(&lock);
    return now;
}

void sn_task_make_id(char out[SN_TASK_ID_BYTES]) {
    uint64_t stamp = next_stamp(), random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    random = (random & 0x3fffffffffffffff) | 0x8000000000000000; /* the variant */
    snprintf(out, SN_TASK_ID_BYTES, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(stamp >> 28),
             (unsigned)(stamp >> 12 & 0xffff), (unsigned)(stamp & 0xfff), (unsigned)(random >> 48),
             (unsigned long long)(random & 0xffffffffffff));
}

bool sn_task_id_is_valid(const char *id) {
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i = 0;
    for (; form[i]; i++)
        if (form[i] == '-' ? id[i] != '-' : !id[i] || !strchr("0123456789abcdef", id[i]))
            return false;
    return !id[i];
}

/* ---- texts ---- */

void sn_task_copy_text(char *to, size_t room, const char *from) {
    size_t bytes = strnlen(from, room - 1);
    bytes = sn_utf8_valid_prefix(from, bytes);
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)from[i] < ' ' || from[i] == 0x7f ? ' ' : from[i];
    to[bytes] = '\0';
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text) {
    return *text ? json_string(text) : json_null();
}

static json_t *time_json(int64_t ms) {
    char text[40];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (ms <= 0 || !gmtime_r(&seconds, &tm))
        return json_null();
    size_t at = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + at, sizeof text - at, ".%03dZ", (int)(ms % 1000));
    return json_string(text);
}

static json_t *usage_json(const sn_task_head *head) {
    int64_t wall_ms = head->started_ms && head->ended_ms ? head->ended_ms - head->started_ms : 0;
    return json_pack("{s:I, s:I, s:I, s:i, s:I}", "input_tokens",
                     (json_int_t)head->usage.input_tokens, "output_tokens",
                     (json_int_t)head->usage.output_tokens, "total_tokens",
                     (json_int_t)(head->usage.input_tokens + head->usage.output_tokens), "calls",
                     (int)head->calls, "wall_ms", (json_int_t)wall_ms);
}

json_t *sn_task_summary_json(const sn_task_head *head) {
    return json_pack("{s:s, s:s, s:s, s:f, s:s, s:s, s:{s:s, s:s}, s:o, s:o, s:o, s:o, s:o, s:o, "
                     "s:o}",
                     "task_id", head->id, "workflow_id", head->id, "status",
                     sn_task_state_name(head->state), "progress", head->progress, "query",
                     head->brief, "mode", sn_task_mode_name(head->mode), "route", "mode",
                     sn_task_mode_name(head->mode), "why", head->why, "session_id",
                     text_or_null(head->session_id), "user_id", text_or_null(head->user_id),
                     "error", text_or_null(head->error), "created_at", time_json(head->created_ms),
                     "started_at", time_json(head->started_ms), "completed_at",
                     time_json(head->ended_ms), "usage", usage_json(head));
}

json_t *sn_task_json(const sn_task *task) {
    json_t *json = sn_task_summary_json(&task->head);
    if (!json)
        return NULL;
    json_object_set_new(json, "query", json_string(task->query ? task->query : ""));
    json_object_set_new(json, "result", task->result ? json_string(task->result) : json_null());
    json_object_set_new(json, "model_used", text_or_null(task->head.model));
    json_object_set_new(json, "calls", task->calls ? json_incref(task->calls) : json_array());
    if (task->plan)
        json_object_set(json, "plan", task->plan);
    if (task->context)
        json_object_set(json, "context", task->context);
    return json;
}
