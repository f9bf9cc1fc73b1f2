/*
 * message.h - unpacks protobuf messages that come from a network. protobuf-c does it by recursion
 * without a bound, joins fields that come twice in quadratic time, and makes of two bytes more than
 * a hundred; so a message is walked through first, without recursion, and memory is rationed.
 *
 * Refused, beside what is damaged: nesting beyond SN_MESSAGE_DEPTH, more fields than the caller
 * allows, and a submessage that may be there once and is there twice. (protobuf's rules say that
 * those are joined; nobody sends them.)
 */
#ifndef SN_UTIL_MESSAGE_H
#define SN_UTIL_MESSAGE_H

#include "shannon.h"

#include <protobuf-c/protobuf-c.h>

enum {
    SN_MESSAGE_DEPTH = 100, /* what protobuf's own implementations allow */
    SN_MESSAGE_MEMORY_MOST_BYTES = 256 << 20,
};

/* Whether it can be unpacked as a message of this type; needs no memory. `fields_most` counts those
 * of submessages, too. SN_EINVALID_ARGUMENT says what is wrong. */
SN_WARN_UNUSED int sn_message_check(const ProtobufCMessageDescriptor *type, const void *data,
                                    size_t bytes, size_t fields_most, sn_error *err);

/* Checks and unpacks. Release with protobuf_c_message_free_unpacked(message, NULL), or the type's
 * own ..._free_unpacked(). NULL: SN_EINVALID_ARGUMENT as above, or SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED void *sn_message_unpack(const ProtobufCMessageDescriptor *type, const void *data,
                                       size_t bytes, size_t fields_most, sn_error *err);

#endif
