/*
 * struct_json.h - JSON as google.protobuf.Value and Struct, which messages for existing clients
 * carry. Nesting is not checked here: what is read was unpacked by sn_message_unpack(), what is
 * made is our own.
 */
#ifndef SN_AGENT_CORE_STRUCT_JSON_H
#define SN_AGENT_CORE_STRUCT_JSON_H

#include "struct.pb-c.h"

#include <jansson.h>
#include <stdbool.h>

typedef Google__Protobuf__Struct sn_struct;
typedef Google__Protobuf__Value sn_value;

/* The value of a field, the last one if there are several; NULL: there is none, or it is null.
 * `object` may be NULL. */
const sn_value *sn_struct_get(const sn_struct *object, const char *name);

/* Whether a text is exactly this. */
bool sn_bytes_are(const ProtobufCBinaryData *bytes, const char *text);

/* As though they had been unpacked: release with google__protobuf__value__free_unpacked(value,
 * NULL) and so on. NULL: no memory, or `json` is NULL, or of another kind. `json` stays the
 * caller's. */
sn_value *sn_value_of_json(const json_t *json);
sn_struct *sn_struct_of_json(const json_t *json);

#endif
