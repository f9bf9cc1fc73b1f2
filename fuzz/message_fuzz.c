/*
 * message_fuzz.c - protobuf messages of types that nest: any bytes. What is accepted is no deeper
 * than allowed, and what is made of it again is accepted, too.
 */
#include "require.h"

#include "struct.pb-c.h"
#include "util/message.h"

#include <stdlib.h>

enum { FIELDS_MOST = 10000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Messages below this one, on the deepest way. */
static unsigned depth_of(const ProtobufCMessage *message) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    unsigned deepest = 0;
    for (unsigned f = 0; f < type->n_fields; f++) {
        const ProtobufCFieldDescriptor *field = &type->fields[f];
        const char *base = (const char *)message;
        ProtobufCMessage *const *messages = (ProtobufCMessage *const *)(base + field->offset);
        size_t count = 1;
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            count = *(const uint32_t *)(base + field->quantifier_offset) == field->id;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            count = *(const size_t *)(base + field->quantifier_offset);
            messages = *(ProtobufCMessage *const *const *)(base + field->offset);
        }
        for (size_t i = 0; i < count; i++) {
            unsigned depth = messages[i] ? 1 + depth_of(messages[i]) : 0;
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return deepest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const ProtobufCMessageDescriptor *const types[] = {
        &google__protobuf__value__descriptor, &google__protobuf__struct__descriptor,
        &google__protobuf__list_value__descriptor};
    sn_error err = SN_ERROR_INIT;
    if (size == 0)
        return 0;
    const ProtobufCMessageDescriptor *type = types[data[0] % 3];
    int good = sn_message_check(type, data + 1, size - 1, FIELDS_MOST, &err);
    ProtobufCMessage *message = sn_message_unpack(type, data + 1, size - 1, FIELDS_MOST, &err);
    REQUIRE(good == 0 || !message);
    REQUIRE(message || err.code == SN_EINVALID_ARGUMENT);
    if (!message)
        return 0;
    REQUIRE(depth_of(message) <= SN_MESSAGE_DEPTH);
    size_t bytes = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(bytes + 1);
    REQUIRE(packed);
    REQUIRE(protobuf_c_message_pack(message, packed) == bytes);
    /* An absent oneof or entry stays absent, so there are no more fields than before. */
    REQUIRE(sn_message_check(type, packed, bytes, FIELDS_MOST, NULL) == 0);
    free(packed);
    protobuf_c_message_free_unpacked(message, NULL);
    return 0;
}
