/* sse_parse_test.c - server-sent events, cut anywhere. */
#include "test.h"

#include "model/sse_parse.h"
#include "util/auto.h"

#include <string.h>

typedef struct seen {
    sn_buffer text; /* the events' data, each in brackets */
    int answer;
} seen;

static int on_event(void *user, const char *data, size_t bytes) {
    seen *s = user;
    assert_int_equal(data[bytes], '\0');
    assert_true(sn_buffer_add(&s->text, "[", 1));
    assert_true(sn_buffer_add(&s->text, data, bytes));
    assert_true(sn_buffer_add(&s->text, "]", 1));
    return s->answer;
}

static void expect(const char *stream, const char *events) {
    size_t bytes = strlen(stream);
    for (size_t piece = 1; piece <= bytes; piece++) {
        seen s = {0};
        sn_sse_parser parser = SN_SSE_PARSER_INIT(on_event, &s);
        for (size_t at = 0; at < bytes; at += piece)
            assert_int_equal(
                sn_sse_feed(&parser, stream + at, piece < bytes - at ? piece : bytes - at, NULL),
                0);
        assert_int_equal(sn_sse_end(&parser, NULL), 0);
        assert_string_equal(s.text.data ? s.text.data : "", events);
        sn_sse_clear(&parser);
        sn_buffer_free(&s.text);
    }
}

static void lines(void **state) {
    (void)state;
    expect("data: a\n\ndata: b\n\n", "[a][b]");
    expect("data: a\r\n\r\ndata: b\r\n\r\n", "[a][b]");
    expect("data: a\r\rdata: b\r\r", "[a][b]");
    expect("data: a\r\n\ndata: b\n\r\n", "[a][b]");
    expect("data: a\ndata: b\n\n", "[a\nb]");
    expect("data\ndata:\ndata: \n\n", "[\n\n]");
    expect("data:a\ndata:  b\n\n", "[a\n b]");
    expect("\n\n\ndata: a\n\n\n\n", "[a]");
    expect("\xEF\xBB\xBF"
           "data: a\n\n",
           "[a]");
    expect("data: \xEF\xBB\xBF\n\n", "[\xEF\xBB\xBF]");
}

static void fields(void **state) {
    (void)state;
    expect(": ping\n\n: data: x\n\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", "[a]");
    expect("event: only\n\ndatax: 1\n\nDATA: 2\n\n data: 3\n\ndata : 4\n\n", "");
}

static void ends(void **state) {
    (void)state;
    expect("data: a\n", "[a]");
    expect("data: a\n\ndata: b", "[a]");
    expect("data: a\n\ndata: b\nda", "[a]");
    expect("data: a\n\n: no\n", "[a]");
}

static void stops(void **state) {
    (void)state;
    seen s = {.answer = 7};
    sn_sse_parser parser = SN_SSE_PARSER_INIT(on_event, &s);
    static const char text[] = "data: a\n\ndata: b\n\n";
    assert_int_equal(sn_sse_feed(&parser, text, sizeof text - 1, NULL), 7);
    assert_string_equal(s.text.data, "[a]");
    sn_sse_clear(&parser);
    sn_buffer_free(&s.text);
}

/* Also where no line and no event ever ends. */
static void bounds(void **state) {
    (void)state;
    static const char *const endless[] = {"x", "data: x\n", "data"};
    enum { BLOCK = 1 << 16 };
    for (size_t i = 0; i < SN_COUNT(endless); i++) {
        sn_auto_free char *block = malloc(BLOCK);
        sn_error err = SN_ERROR_INIT;
        sn_sse_parser parser = SN_SSE_PARSER_INIT(on_event, NULL);
        size_t unit = strlen(endless[i]), fed = 0;
        for (size_t at = 0; at < BLOCK; at++)
            block[at] = endless[i][at % unit];
        int rc = 0;
        for (; rc == 0 && fed < 1 << 30; fed += BLOCK)
            rc = sn_sse_feed(&parser, block, BLOCK, &err);
        assert_int_equal(rc, SN_EINTERNAL);
        assert_non_null(strstr(err.message, "16 MiB"));
        assert_true(fed < (size_t)SN_SSE_EVENT_MOST_BYTES * 9);
        sn_sse_clear(&parser);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines), cmocka_unit_test(fields), cmocka_unit_test(ends),
        cmocka_unit_test(stops), cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
