/* buffer.c - see buffer.h. */
#include "util/buffer.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(sn_buffer *buffer, size_t bytes) {
    if (bytes + 1 <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < bytes + 1)
        capacity *= 2;
    char *grown = realloc(buffer->data, capacity);
    if (!grown)
        return false;
    buffer->data = grown;
    buffer->capacity = capacity;
    return true;
}

bool sn_buffer_add(sn_buffer *buffer, const void *data, size_t bytes) {
    if (buffer->limit_bytes && bytes > buffer->limit_bytes - buffer->bytes) {
        bytes = buffer->limit_bytes - buffer->bytes;
        buffer->truncated = true;
    }
    if (bytes > SIZE_MAX / 4 - buffer->bytes || !reserve(buffer, buffer->bytes + bytes))
        return false;
    if (bytes > 0)
        memcpy(buffer->data + buffer->bytes, data, bytes);
    buffer->bytes += bytes;
    buffer->data[buffer->bytes] = '\0';
    return true;
}

char *sn_buffer_take(sn_buffer *buffer, size_t *bytes) {
    if (!reserve(buffer, buffer->bytes))
        return NULL;
    buffer->data[buffer->bytes] = '\0';
    char *data = buffer->data;
    *bytes = buffer->bytes;
    *buffer = (sn_buffer){.limit_bytes = buffer->limit_bytes};
    return data;
}

void sn_buffer_free(sn_buffer *buffer) {
    free(buffer->data);
    *buffer = (sn_buffer){.limit_bytes = buffer->limit_bytes};
}
