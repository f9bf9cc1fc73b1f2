/* wire_unpack.c - see wire_unpack.h. */
#include "executor/wire_unpack.h"

#include "executor.pb-c.h"
#include "executor/result.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_BYTES = 8 << 20 }; /* beside twice what was sent */

static void *take_memory(void *user, size_t bytes) {
    size_t *left = user;
    if (bytes > *left)
        return NULL;
    *left -= bytes;
    return malloc(bytes);
}

static void give_back(void *user, void *memory) {
    (void)user;
    free(memory);
}

void *sn_wire_unpack(const ProtobufCMessageDescriptor *of, const void *data, size_t bytes) {
    size_t left = 2 * bytes + ROOM_BYTES;
    ProtobufCAllocator bounded = {take_memory, give_back, &left};
    return protobuf_c_message_unpack(of, &bounded, bytes, data);
}

void *sn_wire_pack(size_t *bytes, const ProtobufCMessage *message) {
    *bytes = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(*bytes + 1);
    if (packed)
        protobuf_c_message_pack(message, packed);
    return packed;
}

int sn_wire_nonsense(sn_error *err, const char *what) {
    sn_fail(err, SN_EINTERNAL, "agent-core's answer makes no sense: %s", what);
    return sn_hint(err, "is it a `shannon agent-core` of this version?");
}

char *sn_wire_text(const ProtobufCBinaryData *text) {
    return sn_text_shown((const char *)text->data, text->len);
}

double sn_wire_number(double number) {
    return number >= 0 && number <= 1e12 ? number : 0;
}

bool sn_wire_status(enum sn_status *out, int status) {
    *out = (enum sn_status)(status - SHANNON__V1__STATUS__STATUS_OK);
    return status >= SHANNON__V1__STATUS__STATUS_OK &&
           status <= SHANNON__V1__STATUS__STATUS_CANCELLED;
}
