/* wire_unpack.h - what the files of the wire share. */
#ifndef SN_EXECUTOR_WIRE_UNPACK_H
#define SN_EXECUTOR_WIRE_UNPACK_H

#include "shannon.h"

#include <protobuf-c/protobuf-c.h>

/* A message in fresh memory, of which it takes a bounded multiple of its size: many empty parts are
 * a few bytes on the wire, and many more in memory. NULL: it is no such message, or too much.
 * Release with protobuf_c_message_free_unpacked(message, NULL). */
void *sn_wire_unpack(const ProtobufCMessageDescriptor *of, const void *data, size_t bytes);

/* Packed; free() it. NULL: no memory. */
void *sn_wire_pack(size_t *bytes, const ProtobufCMessage *message);

/* SN_EINTERNAL. */
int sn_wire_nonsense(sn_error *err, const char *what);

/* The text repaired to UTF-8 in memory of its own, without a NUL in it. NULL: no memory. */
char *sn_wire_text(const ProtobufCBinaryData *text);

/* A count of seconds or milliseconds; what can be none (negative, not finite, millennia) is 0. */
double sn_wire_number(double number);

/* False: it is no status. */
bool sn_wire_status(enum sn_status *out, int status);

#endif
