/*
 * http_stream.c - answers in pieces. What a handler writes goes to a buffer; libmicrohttpd's thread
 * is woken and takes from it, and is suspended when there is nothing. A full buffer makes the
 * writer wait.
 */
#include "service/http_private.h"

#include "service/sse.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <string.h>

/* ---- libmicrohttpd's side ---- */

static size_t take(sn_http_stream *stream, char *out, size_t most) {
    size_t bytes = stream->unsent.bytes - stream->sent;
    if (bytes > most)
        bytes = most;
    memcpy(out, stream->unsent.data + stream->sent, bytes);
    stream->sent += bytes;
    if (stream->sent == stream->unsent.bytes)
        stream->sent = stream->unsent.bytes = 0;
    return bytes;
}

static ssize_t read_stream(void *user, uint64_t position, char *out, size_t most) {
    sn_http_request *r = user;
    ssize_t rc = 0;
    (void)position;
    pthread_mutex_lock(&r->lock);
    if (r->stream.is_broken)
        rc = MHD_CONTENT_READER_END_WITH_ERROR;
    else if (r->stream.unsent.bytes > 0)
        rc = (ssize_t)take(&r->stream, out, most);
    else if (r->stream.is_ended)
        rc = MHD_CONTENT_READER_END_OF_STREAM;
    else {
        r->is_suspended = true;
        r->server->mhd->suspend_connection(r->mhd);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

/* ---- the writer's; the lock is held ---- */

/* What was sent is given up when it is half a window: the buffer has one and a half at most. */
static bool append(sn_http_request *r, const char *data, size_t bytes) {
    sn_http_stream *stream = &r->stream;
    if (stream->sent > SN_HTTP_STREAM_BYTES / 2) {
        stream->unsent.bytes -= stream->sent;
        memmove(stream->unsent.data, stream->unsent.data + stream->sent, stream->unsent.bytes);
        stream->sent = 0;
    }
    if (!sn_buffer_add(&stream->unsent, data, bytes))
        return false;
    stream->written_ns = sn_now_ns();
    sn_http_wake(r);
    return true;
}

static size_t room(const sn_http_stream *stream) {
    return SN_HTTP_STREAM_BYTES - (stream->unsent.bytes - stream->sent);
}

static int wait_for_room(sn_http_request *r, uint64_t until_ns, sn_error *err) {
    struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int waited = 0;
    while (!r->is_gone && !r->stream.is_broken && room(&r->stream) == 0 && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    if (r->is_gone || r->stream.is_broken)
        return sn_fail(err, SN_EUNAVAILABLE, "the client has gone away");
    if (room(&r->stream) == 0)
        return sn_fail(err, SN_EDEADLINE_EXCEEDED, "the client does not read what it asked for");
    return 0;
}

static int write_all(sn_http_request *r, const char *data, size_t bytes, uint64_t until_ns,
                     sn_error *err) {
    int rc;
    do {
        rc = wait_for_room(r, until_ns, err);
        size_t now = bytes < room(&r->stream) ? bytes : room(&r->stream);
        if (rc == 0 && !append(r, data, now))
            rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an answer");
        data += now;
        bytes -= now;
    } while (rc == 0 && bytes > 0);
    return rc;
}

/* ---- the watcher's; the lock is held ---- */

uint64_t sn_http_stream_tick(sn_http_request *r, uint64_t now_ns) {
    static const char comment[] = ": keep-alive\n\n";
    sn_http_stream *stream = &r->stream;
    const uint64_t every_ns = r->server->options.keep_alive_ns;
    if (!stream->is_sse)
        return UINT64_MAX;
    if (stream->written_ns + every_ns <= now_ns && (stream->is_writing || stream->unsent.bytes > 0))
        return now_ns + every_ns; /* it is the client that does not read */
    if (stream->written_ns + every_ns <= now_ns && !append(r, comment, sizeof comment - 1))
        return now_ns + every_ns;
    return stream->written_ns + every_ns;
}

/* ---- public ---- */

static void begin(sn_http_request *r, const char *content_type, bool is_sse) {
    struct MHD_Response *response = sn_http_stream_response(r, content_type, read_stream);
    uint64_t now_ns = sn_now_ns();
    pthread_mutex_lock(&r->lock);
    r->response = response;
    r->status = 200;
    r->is_answered = true;
    r->on_gone = NULL;
    r->stream.is_begun = true;
    r->stream.is_sse = is_sse;
    r->stream.is_broken = !response;
    r->stream.written_ns = now_ns;
    sn_http_wake(r);
    pthread_mutex_unlock(&r->lock);
    if (is_sse)
        sn_http_request_due(r, now_ns + r->server->options.keep_alive_ns);
}

void sn_http_stream_begin(sn_http_request *r, const char *content_type) {
    begin(r, content_type, false);
}

int sn_http_stream_write(sn_http_request *r, const void *data, size_t bytes, uint64_t until_ns,
                         sn_error *err) {
    pthread_mutex_lock(&r->lock);
    r->stream.is_writing = true;
    int rc = write_all(r, data, bytes, until_ns, err);
    r->stream.is_writing = false;
    r->stream.is_broken |= rc < 0;
    pthread_mutex_unlock(&r->lock);
    return rc;
}

void sn_http_stream_end(sn_http_request *r) {
    pthread_mutex_lock(&r->lock);
    r->stream.is_ended = true;
    if (!r->stream.is_broken)
        r->cut_ns = sn_http_read_by(r->server, r->stream.unsent.bytes - r->stream.sent);
    uint64_t cut_ns = r->cut_ns;
    sn_http_wake(r);
    pthread_mutex_unlock(&r->lock);
    sn_http_request_due(r, cut_ns);
    sn_http_handled(r);
}

void sn_http_sse_begin(sn_http_request *r) {
    begin(r, "text/event-stream", true);
}

int sn_http_sse_event(sn_http_request *r, const char *event, const char *id, const void *data,
                      size_t bytes, uint64_t until_ns, sn_error *err) {
    sn_buffer text = {0};
    int rc = sn_sse_event(&text, event, id, data, bytes)
                 ? sn_http_stream_write(r, text.data, text.bytes, until_ns, err)
                 : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an event");
    sn_buffer_free(&text);
    return rc;
}
