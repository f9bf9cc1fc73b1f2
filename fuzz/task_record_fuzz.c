/*
 * task_record_fuzz.c - what a damaged store may hand over as a task: any bytes, as they are and
 * behind a checksum that fits. What is taken is within its bounds, and the same when it is written
 * and read again.
 */
#include "require.h"

#include "orchestrator/events.h"
#include "orchestrator/record.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_head(const void *data, size_t size) {
    sn_task_head head, again;
    sn_error err = SN_ERROR_INIT;
    sn_buffer written = {0};
    if (sn_task_record_read(&head, data, size, &err) < 0) {
        REQUIRE(err.code == SN_EUNAVAILABLE && *err.message);
        return;
    }
    REQUIRE(head.progress >= 0 && head.progress <= 1 && sn_task_id_is_valid(head.id));
    REQUIRE(sn_task_record_write(&written, &head, &err) == 0);
    REQUIRE(sn_task_record_read(&again, written.data, written.bytes, &err) == 0);
    REQUIRE(memcmp(&head, &again, sizeof head) == 0);
    json_t *json = sn_task_summary_json(&head);
    REQUIRE(json);
    json_decref(json);
    sn_buffer_free(&written);
}

static void read_events(const void *data, size_t size) {
    sn_task_events events;
    json_t *json;
    if (sn_task_record_read_json(&json, data, size, NULL) < 0)
        return;
    if (sn_task_events_of_json(&events, json, NULL) == 0) {
        REQUIRE(events.count <= SN_TASK_EVENTS_MOST);
        sn_task_events_clear(&events);
    }
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_buffer sealed = {0};
    read_head(data, size);
    read_events(data, size);
    if (sn_task_record_seal(&sealed, data, size, NULL) == 0) {
        read_head(sealed.data, sealed.bytes);
        read_events(sealed.data, sealed.bytes);
    }
    sn_buffer_free(&sealed);
    return 0;
}
