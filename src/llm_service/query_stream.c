/* query_stream.c - see query_stream.h. */
#include "llm_service/query_stream.h"

#include "llm_service/query_json.h"

int sn_query_stream_tell(void *user, const sn_agent_event *event) {
    sn_query_stream *query = user;
    sn_event_stream *stream = &query->events;
    const char *name;
    if (event->kind == SN_AGENT_OUTPUT)
        return sn_event_stream_tell(stream, event->event);
    int rc = event->kind == SN_AGENT_RESULT ? sn_event_stream_end_text(stream) : 0;
    if (rc < 0)
        return rc;
    json_t *json = sn_query_event_json(&name, event, query->session_id);
    rc = sn_event_stream_send(stream, name, json);
    json_decref(json);
    return rc;
}
