/* sse.h - one server-sent event as text (WHATWG HTML, "Server-sent events"). */
#ifndef SN_SERVICE_SSE_H
#define SN_SERVICE_SSE_H

#include "util/buffer.h"

/* Adds the event. `event` and `id` are NULL or one line each (assert). In `data` CR, LF and CR LF
 * end a line, and the reader gets LF for each. False: no memory. */
SN_WARN_UNUSED bool sn_sse_event(sn_buffer *out, const char *event, const char *id,
                                 const char *data, size_t bytes);

#endif
