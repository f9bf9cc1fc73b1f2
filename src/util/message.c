/* message.c - see message.h. */
#include "util/message.h"

#include "util/error.h"

#include <assert.h>
#include <stdlib.h>

enum { NUMBER_MOST_BYTES = 10, TAG_MOST_BYTES = 5, LENGTH_MOST_BYTES = 5, NAME_BITS = 3 };

#define FIELD_NUMBER_MOST ((1u << 29) - 1)

/* ---- walking through ---- */

/* A message that has been begun. */
typedef struct level {
    const ProtobufCMessageDescriptor *type;
    const uint8_t *end;
    uint64_t seen; /* which of its single submessages, by their place in the type */
} level;

typedef struct walk {
    const uint8_t *at;
    unsigned depth; /* of levels[]: the root alone is 0 */
    level levels[SN_MESSAGE_DEPTH + 1];
} walk;

/* NULL, or what is wrong. */
typedef const char *verdict;

static bool read_number(uint64_t *out, walk *w, size_t most) {
    const uint8_t *end = w->levels[w->depth].end;
    *out = 0;
    for (size_t i = 0; i < most && w->at < end; i++) {
        uint8_t byte = *w->at++;
        *out |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool skip(walk *w, uint64_t bytes) {
    if (bytes > (uint64_t)(w->levels[w->depth].end - w->at))
        return false;
    w->at += bytes;
    return true;
}

/* Goes on in a submessage. */
static verdict enter(walk *w, const ProtobufCFieldDescriptor *field, uint64_t bytes) {
    level *outer = &w->levels[w->depth];
    if (bytes > (uint64_t)(outer->end - w->at))
        return "it is cut short";
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        size_t place = (size_t)(field - outer->type->fields);
        assert(place < 64);
        if (outer->seen & UINT64_C(1) << place)
            return "a submessage is there twice";
        outer->seen |= UINT64_C(1) << place;
    }
    if (w->depth == SN_MESSAGE_DEPTH)
        return "it is nested too deeply";
    w->levels[++w->depth] = (level){field->descriptor, w->at + bytes, 0};
    return NULL;
}

static verdict take_field(walk *w) {
    static const char damaged[] = "a field's number or length is damaged";
    uint64_t tag, number;
    if (!read_number(&tag, w, TAG_MOST_BYTES) || tag >> NAME_BITS == 0 ||
        tag >> NAME_BITS > FIELD_NUMBER_MOST)
        return damaged;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
        w->levels[w->depth].type, (unsigned)(tag >> NAME_BITS));
    bool is_message = field && field->type == PROTOBUF_C_TYPE_MESSAGE;
    unsigned wire = tag & ((1 << NAME_BITS) - 1);
    if (is_message && wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return "a field is of another type";
    switch (wire) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_number(&number, w, NUMBER_MOST_BYTES) ? NULL : damaged;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(w, 8) ? NULL : damaged;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(w, 4) ? NULL : damaged;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!read_number(&number, w, LENGTH_MOST_BYTES))
            return damaged;
        if (is_message)
            return enter(w, field, number);
        return skip(w, number) ? NULL : "it is cut short";
    default: /* groups; not in proto3 */
        return "a field is of an unknown kind";
    }
}

static verdict walk_through(walk *w, size_t fields_most) {
    verdict wrong = NULL;
    size_t fields = 0;
    while (!wrong) {
        if (w->at < w->levels[w->depth].end)
            wrong = fields++ == fields_most ? "it has too many fields" : take_field(w);
        else if (w->depth > 0)
            w->depth--;
        else
            break;
    }
    return wrong;
}

int sn_message_check(const ProtobufCMessageDescriptor *type, const void *data, size_t bytes,
                     size_t fields_most, sn_error *err) {
    static const uint8_t nothing[1];
    const uint8_t *begin = bytes > 0 ? data : nothing;
    walk w;
    w.at = begin;
    w.depth = 0;
    w.levels[0] = (level){type, begin + bytes, 0};
    verdict wrong = walk_through(&w, fields_most);
    return wrong ? sn_fail(err, SN_EINVALID_ARGUMENT, "the message is no %s: %s (byte %zu of %zu)",
                           type->name, wrong, (size_t)(w.at - begin), bytes)
                 : 0;
}

/* ---- unpacking ---- */

enum { MEMORY_LEAST_BYTES = 4096, MEMORY_FACTOR = 64, BLOCK_OVERHEAD_BYTES = 16 };

/* What may still be allocated; what is freed meanwhile does not count. */
typedef struct ration {
    size_t left_bytes;
    bool is_used_up;
} ration;

static void *allocate(void *user, size_t bytes) {
    ration *r = user;
    if (r->left_bytes < BLOCK_OVERHEAD_BYTES || bytes > r->left_bytes - BLOCK_OVERHEAD_BYTES) {
        r->is_used_up = true;
        return NULL;
    }
    r->left_bytes -= bytes + BLOCK_OVERHEAD_BYTES;
    return malloc(bytes);
}

static void release(void *user, void *block) {
    (void)user;
    free(block);
}

void *sn_message_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t bytes,
                        size_t fields_most, sn_error *err) {
    if (sn_message_check(type, data, bytes, fields_most, err) < 0)
        return NULL;
    ration r = {MEMORY_LEAST_BYTES, false};
    r.left_bytes += bytes < SN_MESSAGE_MEMORY_MOST_BYTES / MEMORY_FACTOR
                        ? bytes * MEMORY_FACTOR
                        : SN_MESSAGE_MEMORY_MOST_BYTES;
    ProtobufCAllocator allocator = {allocate, release, &r};
    void *message = protobuf_c_message_unpack(type, &allocator, bytes, data);
    if (!message && r.is_used_up)
        sn_fail(err, SN_EINVALID_ARGUMENT,
                "the message of %zu bytes would need more than %d MiB of memory", bytes,
                SN_MESSAGE_MEMORY_MOST_BYTES >> 20);
    else if (!message)
        sn_fail(err, SN_EINVALID_ARGUMENT, "the message is no %s: a field is of another type",
                type->name);
    return message;
}
