/*
 * sse_parse.h - reads server-sent events as they come, in pieces cut anywhere. Lines end with LF,
 * CR or CR LF; `data` lines of an event are joined by LF; comments, `event`, `id`, `retry` and
 * unknown fields are skipped (the APIs repeat an event's name in its data). An event ends with an
 * empty line; at the end of the stream one whose last line was whole counts, too.
 */
#ifndef SN_MODEL_SSE_PARSE_H
#define SN_MODEL_SSE_PARSE_H

#include "util/buffer.h"

enum { SN_SSE_EVENT_MOST_BYTES = 16 << 20 }; /* of one event's data */

/* An event's data; NUL-terminated, not necessarily UTF-8. Other than 0 ends the reading. */
typedef int (*sn_sse_event_fn)(void *user, const char *data, size_t bytes);

typedef struct sn_sse_parser {
    sn_sse_event_fn on_event;
    void *user;
    /* private */
    sn_buffer line; /* as much as there is of the one that comes */
    sn_buffer data;
    bool has_data;
    bool skip_lf;     /* the last byte was a CR */
    bool has_started; /* the place of a byte order mark is behind */
} sn_sse_parser;

#define SN_SSE_PARSER_INIT(function, argument) {.on_event = (function), .user = (argument)}

/* 0; what on_event returned; SN_EINTERNAL: an event is too long; SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_sse_feed(sn_sse_parser *parser, const char *data, size_t bytes,
                               sn_error *err);
SN_WARN_UNUSED int sn_sse_end(sn_sse_parser *parser, sn_error *err);
void sn_sse_clear(sn_sse_parser *parser);

#endif
