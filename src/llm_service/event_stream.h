/*
 * event_stream.h - an execution as server-sent events:
 *
 *     stdout, stderr   {"text": "..."}              as it is written, in whole characters
 *     display, result  {"text/plain": "42", ...}    what was shown; the last expression's value
 *     error            {"name", "value", "traceback"}
 *     done             the whole result             the last one of a stream that is whole
 *     failed           {"error": {"code", "message", "hint"}}   instead: it could not be served
 *
 * Writing waits while the client does not read, in the thread that executes, and so does the guest;
 * until the execution's time is up.
 */
#ifndef SN_LLM_SERVICE_EVENT_STREAM_H
#define SN_LLM_SERVICE_EVENT_STREAM_H

#include "service/http.h"
#include "util/utf8.h"

/* The beginning of a character whose rest has not come yet. */
typedef struct sn_unfinished {
    char data[SN_UTF8_CHARACTER_MAX_BYTES];
    size_t bytes;
} sn_unfinished;

typedef struct sn_event_stream {
    sn_http_request *request;
    uint64_t until_ns; /* on the clock of sn_now_ns(); what is written later is not waited for */
    sn_unfinished out, err;
} sn_event_stream;

/* Begins the answer: the request is ended with sn_http_stream_end() from now on. */
void sn_event_stream_begin(sn_event_stream *stream, sn_http_request *request, uint64_t until_ns);

/* An sn_event_fn of the stream. Non-zero: the client is gone, or does not read. */
int sn_event_stream_tell(void *stream, const sn_event *event);

/* An event of another kind; `json` NULL: there was no memory for it. It stays the caller's. */
int sn_event_stream_send(sn_event_stream *stream, const char *name, const json_t *json);

/* What is held of the text, as nothing more of it is to come. */
int sn_event_stream_end_text(sn_event_stream *stream);

/* What is left of the text, the error if there is one, and `done`. `json` is the result as the
 * client is to see it. */
int sn_event_stream_done(sn_event_stream *stream, const json_t *json);

int sn_event_stream_failed(sn_event_stream *stream, const sn_error *error);

#endif
