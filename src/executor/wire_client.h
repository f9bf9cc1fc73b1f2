/*
 * wire_client.h - the other direction of wire.h and wire_session.h: requests are packed, and what a
 * server answers is read. It is believed nothing: memory is bounded by the message's size, texts
 * are repaired, and what makes no sense is refused.
 */
#ifndef SN_EXECUTOR_WIRE_CLIENT_H
#define SN_EXECUTOR_WIRE_CLIENT_H

#include "executor/wire_session.h"

/* Packed messages; free() them. NULL: no memory. */
void *sn_wire_request_pack(size_t *bytes, const sn_request *request);
void *sn_wire_session_pack(size_t *bytes, sn_wire_session_kind kind,
                           const sn_wire_session_request *request);

/* All errors here: SN_EINTERNAL, it is no such message; SN_ERESOURCE_EXHAUSTED, no memory. */

/* Release with sn_result_free(). */
SN_WARN_UNUSED int sn_wire_read_response(sn_result **out, const void *data, size_t bytes,
                                         sn_error *err);

/* One of a stream: an event or, as the last one, the result; the other is left empty. */
typedef struct sn_wire_happened {
    sn_event event; /* kind 0: none, or of a kind that is not known here */
    sn_bundle bundle;
    sn_result *result;
    void *message; /* unpacked; what the event's data point to */
} sn_wire_happened;

SN_WARN_UNUSED int sn_wire_read_event(sn_wire_happened *out, const void *data, size_t bytes,
                                      sn_error *err);
void sn_wire_happened_clear(sn_wire_happened *happened);

/* Release with sn_session_info_free(). */
SN_WARN_UNUSED int sn_wire_read_info(sn_session_info **out, const void *data, size_t bytes,
                                     sn_error *err);

/* A page of a list. `next`: what to ask for to get the ones behind it, "": it was the last. */
SN_WARN_UNUSED int sn_wire_read_infos(sn_session_info **out, size_t *count,
                                      char next[SN_SESSION_ID_MAX_BYTES + 1], const void *data,
                                      size_t bytes, sn_error *err);

SN_WARN_UNUSED int sn_wire_read_limits(sn_executor_figures *out, const void *data, size_t bytes,
                                       sn_error *err);

#endif
