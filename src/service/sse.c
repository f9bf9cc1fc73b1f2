/* sse.c - see sse.h. */
#include "service/sse.h"

#include <assert.h>
#include <string.h>

static bool add_line(sn_buffer *out, const char *field, const char *text, size_t bytes) {
    return sn_buffer_add(out, field, strlen(field)) && sn_buffer_add(out, ": ", 2) &&
           sn_buffer_add(out, text, bytes) && sn_buffer_add(out, "\n", 1);
}

static size_t line_bytes(const char *data, size_t bytes) {
    size_t i = 0;
    while (i < bytes && data[i] != '\n' && data[i] != '\r')
        i++;
    return i;
}

static bool add_data(sn_buffer *out, const char *data, size_t bytes) {
    for (;;) {
        size_t line = line_bytes(data, bytes);
        if (!add_line(out, "data", data, line))
            return false;
        if (line == bytes)
            return true;
        line += data[line] == '\r' && line + 1 < bytes && data[line + 1] == '\n' ? 2 : 1;
        data += line;
        bytes -= line;
    }
}

bool sn_sse_event(sn_buffer *out, const char *event, const char *id, const char *data,
                  size_t bytes) {
    assert(!event || !strpbrk(event, "\r\n"));
    assert(!id || !strpbrk(id, "\r\n"));
    return (!event || add_line(out, "event", event, strlen(event))) &&
           (!id || add_line(out, "id", id, strlen(id))) && add_data(out, data, bytes) &&
           sn_buffer_add(out, "\n", 1);
}
