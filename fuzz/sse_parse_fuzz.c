/*
 * sse_parse_fuzz.c - takes what it is given as a stream of events. However the stream is cut into
 * pieces, the events are those that a reader of whole lines finds.
 */
#include "require.h"

#include "model/sse_parse.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(sn_buffer *to, const char *data, size_t bytes) {
    REQUIRE(sn_buffer_add(to, data, bytes));
}

static int on_event(void *user, const char *data, size_t bytes) {
    sn_buffer *events = user;
    REQUIRE(data[bytes] == '\0');
    add(events, data, bytes);
    add(events, "\0|", 2);
    return 0;
}

/* Line by line, as it is described. */
static void read_plainly(sn_buffer *events, const char *at, const char *end) {
    sn_buffer event = {0};
    bool has_data = false, is_whole = true;
    if (end - at >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    while (at < end) {
        const char *line = at;
        while (at < end && *at != '\n' && *at != '\r')
            at++;
        size_t bytes = (size_t)(at - line);
        is_whole = at < end;
        if (!is_whole)
            break;
        at += *at == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1;
        if (bytes == 0 && has_data) {
            on_event(events, event.data ? event.data : "", event.bytes);
            has_data = false;
            event.bytes = 0;
        }
        if (bytes < 4 || memcmp(line, "data", 4) != 0 || (bytes > 4 && line[4] != ':'))
            continue;
        size_t from = bytes == 4 ? 4 : bytes > 5 && line[5] == ' ' ? 6 : 5;
        if (has_data)
            add(&event, "\n", 1);
        add(&event, line + from, bytes - from);
        has_data = true;
    }
    if (has_data && is_whole)
        on_event(events, event.data, event.bytes);
    sn_buffer_free(&event);
}

static void read_in_pieces(sn_buffer *events, const char *data, size_t size, size_t piece) {
    sn_sse_parser parser = SN_SSE_PARSER_INIT(on_event, events);
    for (size_t at = 0; at < size; at += piece)
        REQUIRE(sn_sse_feed(&parser, data + at, piece < size - at ? piece : size - at, NULL) == 0);
    REQUIRE(sn_sse_end(&parser, NULL) == 0);
    sn_sse_clear(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    sn_buffer expected = {0};
    if (size > 1 << 16)
        return 0;
    read_plainly(&expected, text, text + size);
    for (size_t piece = 1; piece <= size; piece = piece * 3 + 1) {
        sn_buffer events = {0};
        read_in_pieces(&events, text, size, piece);
        REQUIRE(events.bytes == expected.bytes);
        REQUIRE(events.bytes == 0 || memcmp(events.data, expected.data, events.bytes) == 0);
        sn_buffer_free(&events);
    }
    sn_buffer_free(&expected);
    return 0;
}
