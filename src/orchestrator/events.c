/* events.c - see events.h. */
#include "orchestrator/events.h"

#include "util/auto.h"
#include "util/error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const names[] = {
    "WORKFLOW_STARTED", "TOOL_INVOKED",   "TOOL_OBSERVATION",   "LLM_PARTIAL",
    "PROGRESS",         "ERROR_OCCURRED", "WORKFLOW_COMPLETED",
};

const char *sn_task_event_name(sn_task_event_type type) {
    return names[type - 1];
}

/* ---- adding ---- */

static void drop_first(sn_task_events *events) {
    sn_task_event *event = events->first;
    events->first = event->next;
    if (!events->first)
        events->last = NULL;
    events->count--;
    events->bytes -= event->bytes;
    free(event);
}

static bool append(sn_task_events *events, uint64_t number, sn_task_event_type type,
                   const char *data, size_t bytes) {
    sn_task_event *event = malloc(sizeof *event + bytes + 1);
    if (!event)
        return false;
    *event = (sn_task_event){.number = number, .type = type, .bytes = bytes};
    memcpy(event->data, data, bytes);
    event->data[bytes] = '\0';
    if (events->last)
        events->last->next = event;
    else
        events->first = event;
    events->last = event;
    events->number = number;
    events->count++;
    events->bytes += bytes;
    while (events->count > SN_TASK_EVENTS_MOST ||
           (events->bytes > SN_TASK_EVENTS_MOST_BYTES && events->count > 1))
        drop_first(events);
    return true;
}

static json_t *timestamp(void) {
    int64_t ms = sn_task_now_ms();
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    size_t at = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + at, sizeof text - at, ".%03dZ", (int)(ms % 1000));
    return json_string(text);
}

bool sn_task_events_add(sn_task_events *events, sn_task_event_type type, const char *id,
                        json_t *data) {
    uint64_t number = events->number + 1;
    if (!data)
        data = json_object();
    json_object_set_new(data, "type", json_string(sn_task_event_name(type)));
    json_object_set_new(data, "workflow_id", json_string(id));
    json_object_set_new(data, "seq", json_integer((json_int_t)number));
    json_object_set_new(data, "timestamp", timestamp());
    sn_auto_free char *text = json_dumps(data, JSON_COMPACT);
    json_decref(data);
    return text && append(events, number, type, text, strlen(text));
}

bool sn_task_events_copy(sn_task_events *events, const sn_task_event *event) {
    return append(events, event->number, event->type, event->data, event->bytes);
}

const sn_task_event *sn_task_events_after(const sn_task_events *events, uint64_t number) {
    const sn_task_event *event = events->first;
    if (number >= events->number)
        return NULL;
    while (event && event->number <= number)
        event = event->next;
    return event;
}

void sn_task_events_clear(sn_task_events *events) {
    while (events->first)
        drop_first(events);
    *events = (sn_task_events){0};
}

/* ---- in the store ---- */

json_t *sn_task_events_json(const sn_task_events *events) {
    size_t bytes = events->bytes;
    json_t *list = json_array();
    for (const sn_task_event *event = events->first; event; event = event->next) {
        if (bytes <= SN_TASK_EVENTS_KEPT_BYTES || event == events->last)
            json_array_append_new(list,
                                  json_pack("[I, i, s#]", (json_int_t)event->number,
                                            (int)event->type, event->data, (int)event->bytes));
        bytes -= event->bytes;
    }
    return list;
}

int sn_task_events_of_json(sn_task_events *out, const json_t *json, sn_error *err) {
    *out = (sn_task_events){0};
    bool ok = json_is_array(json);
    for (size_t i = 0; ok && i < json_array_size(json); i++) {
        const json_t *item = json_array_get(json, i);
        const json_t *number = json_array_get(item, 0), *data = json_array_get(item, 2);
        json_int_t type = json_integer_value(json_array_get(item, 1));
        ok = json_is_integer(number) && json_integer_value(number) > 0 &&
             (uint64_t)json_integer_value(number) > out->number && type >= SN_TASK_STARTED &&
             type <= SN_TASK_ENDED && json_is_string(data) &&
             append(out, (uint64_t)json_integer_value(number), (sn_task_event_type)type,
                    json_string_value(data), json_string_length(data));
    }
    if (ok)
        return 0;
    sn_task_events_clear(out);
    return sn_fail(err, SN_EUNAVAILABLE, "the events of a task are damaged");
}
