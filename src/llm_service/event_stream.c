/* event_stream.c - see event_stream.h. */
#include "llm_service/event_stream.h"

#include "executor/result_json.h"
#include "llm_service/work.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>

/* For the end of a stream whose time is up: the client may have been about to read. */
enum { PATIENCE_NS = 2000000000 };

void sn_event_stream_begin(sn_event_stream *stream, sn_http_request *request, uint64_t until_ns) {
    *stream = (sn_event_stream){.request = request, .until_ns = until_ns};
    sn_http_add_header(request, "X-Accel-Buffering", "no"); /* nginx would hold events back */
    sn_http_sse_begin(request);
}

static int send_until(sn_event_stream *stream, const char *name, const json_t *json,
                      uint64_t until_ns) {
    sn_auto_free char *text = sn_http_work_text(json);
    if (!text)
        return SN_ERESOURCE_EXHAUSTED;
    return sn_http_sse_event(stream->request, name, NULL, text, strlen(text), until_ns, NULL);
}

int sn_event_stream_send(sn_event_stream *stream, const char *name, const json_t *json) {
    return send_until(stream, name, json, stream->until_ns);
}

/* ---- text ---- */

/* `text` may be any bytes. */
static int send_text(sn_event_stream *stream, const char *name, const char *text, size_t bytes) {
    size_t valid_bytes;
    sn_auto_free char *valid = sn_utf8_repair(text, bytes, false, &valid_bytes);
    if (bytes == 0)
        return 0;
    json_t *json =
        valid ? json_pack("{s:o}", "text", json_stringn_nocheck(valid, valid_bytes)) : NULL;
    int rc = sn_event_stream_send(stream, name, json);
    json_decref(json);
    return rc;
}

static int tell_text(sn_event_stream *stream, const char *name, sn_unfinished *unfinished,
                     const char *data, size_t bytes) {
    sn_auto_free char *text = malloc(unfinished->bytes + bytes + 1);
    if (!text)
        return SN_ERESOURCE_EXHAUSTED;
    memcpy(text, unfinished->data, unfinished->bytes);
    memcpy(text + unfinished->bytes, data, bytes);
    bytes += unfinished->bytes;
    unfinished->bytes = sn_utf8_unfinished(text, bytes);
    bytes -= unfinished->bytes;
    memcpy(unfinished->data, text + bytes, unfinished->bytes);
    return send_text(stream, name, text, bytes);
}

int sn_event_stream_end_text(sn_event_stream *stream) {
    size_t out_bytes = stream->out.bytes, err_bytes = stream->err.bytes;
    stream->out.bytes = stream->err.bytes = 0;
    int rc = send_text(stream, "stdout", stream->out.data, out_bytes);
    return rc ? rc : send_text(stream, "stderr", stream->err.data, err_bytes);
}

/* ---- the rest ---- */

static int tell_bundle(sn_event_stream *stream, const char *name, const sn_bundle *bundle) {
    json_t *json = sn_bundle_json_value(bundle);
    int rc = sn_event_stream_send(stream, name, json);
    json_decref(json);
    return rc;
}

int sn_event_stream_tell(void *user, const sn_event *event) {
    sn_event_stream *stream = user;
    int rc = 0;
    switch (event->kind) {
    case SN_EVENT_STDOUT:
        return tell_text(stream, "stdout", &stream->out, event->data, event->data_bytes);
    case SN_EVENT_STDERR:
        return tell_text(stream, "stderr", &stream->err, event->data, event->data_bytes);
    case SN_EVENT_DISPLAY:
        return tell_bundle(stream, "display", event->bundle);
    case SN_EVENT_RESULT:
        rc = sn_event_stream_end_text(stream);
        return rc ? rc : tell_bundle(stream, "result", event->bundle);
    case SN_EVENT_ERROR: /* the result that follows has it */
        break;
    }
    return 0;
}

static uint64_t last_until_ns(const sn_event_stream *stream) {
    uint64_t until_ns = sn_now_ns() + PATIENCE_NS;
    return until_ns > stream->until_ns ? until_ns : stream->until_ns;
}

int sn_event_stream_done(sn_event_stream *stream, const json_t *json) {
    const json_t *error = json_object_get(json, "error");
    stream->until_ns = last_until_ns(stream);
    int rc = sn_event_stream_end_text(stream);
    if (rc == 0 && json_is_object(error))
        rc = sn_event_stream_send(stream, "error", error);
    return rc ? rc : sn_event_stream_send(stream, "done", json);
}

int sn_event_stream_failed(sn_event_stream *stream, const sn_error *error) {
    json_t *json = sn_http_error_value(error);
    int rc = send_until(stream, "failed", json, last_until_ns(stream));
    json_decref(json);
    return rc;
}
