/*
 * wire.h - requests, events and results as they are in proto/shannon/v1/executor.proto.
 *
 * Strings are bytes there as far as protobuf-c knows (scripts/make_proto.sh): a NUL in code or
 * output does not end it.
 */
#ifndef SN_EXECUTOR_WIRE_H
#define SN_EXECUTOR_WIRE_H

#include "shannon.h"

/* A request and what it refers to. */
typedef struct sn_wire_request {
    sn_request request;
    sn_deterministic deterministic;
    char *session_id;
    char *filename;
    char **args;
    sn_input_file *files;
    void *message; /* unpacked */
} sn_wire_request;

/* SN_EINVALID_ARGUMENT: it is no ExecuteRequest, or a text has a NUL where none can be. */
SN_WARN_UNUSED int sn_wire_read_request(sn_wire_request *out, const void *data, size_t bytes,
                                        sn_error *err);
void sn_wire_request_clear(sn_wire_request *request);

/* Packed messages; free() them. NULL: no memory. */
void *sn_wire_response(size_t *bytes, const sn_result *result);
void *sn_wire_event(size_t *bytes, const sn_event *event);
void *sn_wire_done(size_t *bytes, const sn_result *result);

#endif
