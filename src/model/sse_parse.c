/* sse_parse.c - see sse_parse.h. */
#include "model/sse_parse.h"

#include "util/error.h"

#include <string.h>

static int keep(sn_buffer *buffer, const char *data, size_t bytes, sn_error *err) {
    if (bytes > SN_SSE_EVENT_MOST_BYTES - buffer->bytes)
        return sn_fail(err, SN_EINTERNAL, "the model's server sent an event of more than %d MiB",
                       SN_SSE_EVENT_MOST_BYTES >> 20);
    if (!sn_buffer_add(buffer, data, bytes))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for what the model's server sends");
    return 0;
}

static int end_event(sn_sse_parser *p) {
    if (!p->has_data)
        return 0;
    int rc = p->on_event(p->user, p->data.data, p->data.bytes);
    p->has_data = false;
    p->data.bytes = 0;
    return rc;
}

static int add_data(sn_sse_parser *p, const char *value, size_t bytes, sn_error *err) {
    int rc = p->has_data ? keep(&p->data, "\n", 1, err) : 0;
    p->has_data = true;
    return rc < 0 ? rc : keep(&p->data, value, bytes, err);
}

static int take_line(sn_sse_parser *p, const char *line, size_t bytes, sn_error *err) {
    static const char mark[] = "\xEF\xBB\xBF", field[] = "data";
    const size_t field_bytes = sizeof field - 1;
    if (!p->has_started && bytes >= sizeof mark - 1 && memcmp(line, mark, sizeof mark - 1) == 0) {
        line += sizeof mark - 1;
        bytes -= sizeof mark - 1;
    }
    p->has_started = true;
    if (bytes == 0)
        return end_event(p);
    if (bytes < field_bytes || memcmp(line, field, field_bytes) != 0)
        return 0;
    if (bytes == field_bytes)
        return add_data(p, "", 0, err);
    if (line[field_bytes] != ':')
        return 0;
    size_t from = field_bytes + 1;
    from += from < bytes && line[from] == ' ';
    return add_data(p, line + from, bytes - from, err);
}

static size_t until_end_of_line(const char *data, size_t bytes) {
    const char *lf = memchr(data, '\n', bytes);
    size_t most = lf ? (size_t)(lf - data) : bytes;
    const char *cr = memchr(data, '\r', most);
    return cr ? (size_t)(cr - data) : most;
}

int sn_sse_feed(sn_sse_parser *p, const char *data, size_t bytes, sn_error *err) {
    while (bytes > 0) {
        if (p->skip_lf && *data == '\n') {
            data++;
            bytes--;
        }
        p->skip_lf = false;
        size_t part = until_end_of_line(data, bytes);
        if (part == bytes)
            return keep(&p->line, data, part, err);
        int rc;
        if (p->line.bytes == 0) {
            rc = take_line(p, data, part, err);
        } else {
            rc = keep(&p->line, data, part, err);
            if (rc == 0)
                rc = take_line(p, p->line.data, p->line.bytes, err);
            p->line.bytes = 0;
        }
        p->skip_lf = data[part] == '\r';
        if (rc != 0)
            return rc;
        data += part + 1;
        bytes -= part + 1;
    }
    return 0;
}

int sn_sse_end(sn_sse_parser *p, sn_error *err) {
    (void)err;
    return p->line.bytes == 0 ? end_event(p) : 0;
}

void sn_sse_clear(sn_sse_parser *p) {
    sn_buffer_free(&p->line);
    sn_buffer_free(&p->data);
}
