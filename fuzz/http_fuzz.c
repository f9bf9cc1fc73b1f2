/*
 * http_fuzz.c - takes what it is given as the target of a request. One that is taken consists of
 * harmless texts, and is the same again when it is escaped and read; one that is not has a reason.
 * The same bytes go through the checks of single texts, and through an event and back.
 */
#include "require.h"

#include "service/http_route.h"
#include "service/http_text.h"
#include "service/sse.h"
#include "util/buffer.h"
#include "util/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(sn_buffer *to, const char *text) {
    REQUIRE(sn_buffer_add(to, text, strlen(text)));
}

static void add_escaped(sn_buffer *to, const char *text) {
    for (; *text; text++) {
        char escape[4];
        snprintf(escape, sizeof escape, "%%%02x", (unsigned char)*text);
        add(to, escape);
    }
}

static void check_part(const sn_http_target *target, size_t i) {
    const char *part = target->parts[i];
    REQUIRE(sn_utf8_valid_prefix(part, strlen(part)) == strlen(part));
    REQUIRE(strcmp(part, ".") != 0 && strcmp(part, "..") != 0 && !strchr(part, '/'));
    for (const char *c = part; *c; c++)
        REQUIRE((unsigned char)*c >= ' ' && *c != 0x7F);
}

static void check_patterns(const sn_http_target *target) {
    bool is_full = true;
    for (size_t i = 0; i < target->parts_count; i++)
        is_full &= target->parts[i][0] != '\0';
    REQUIRE(sn_http_pattern_fits("/{x...}", target) == is_full);
    REQUIRE(sn_http_pattern_fits("/{x}", target) == (is_full && target->parts_count == 1));
    if (!is_full)
        return;
    const char *at = sn_http_pattern_param("/{x...}", target, "x");
    for (size_t i = 0; i < target->parts_count; i++) {
        size_t bytes = strlen(target->parts[i]);
        REQUIRE(memcmp(at, target->parts[i], bytes) == 0);
        REQUIRE(at[bytes] == (i + 1 < target->parts_count ? '/' : '\0'));
        at += bytes + 1;
    }
}

static void check_same(const sn_http_target *a) {
    sn_buffer text = {0};
    sn_http_target b;
    for (size_t i = 0; i < a->parts_count; i++) {
        add(&text, "/");
        add_escaped(&text, a->parts[i]);
    }
    for (size_t i = 0; i < a->query_count; i++) {
        add(&text, i ? "&" : "?");
        add_escaped(&text, a->query[i].name);
        add(&text, "=");
        add_escaped(&text, a->query[i].value);
    }
    REQUIRE(sn_http_target_parse(&b, text.data, NULL) == 0);
    REQUIRE(a->parts_count == b.parts_count && a->query_count == b.query_count);
    for (size_t i = 0; i < a->parts_count; i++)
        REQUIRE(strcmp(a->parts[i], b.parts[i]) == 0);
    for (size_t i = 0; i < a->query_count; i++)
        REQUIRE(strcmp(sn_http_target_query(a, b.query[i].name), b.query[i].value) == 0);
    sn_http_target_free(&b);
    sn_buffer_free(&text);
}

static void check_target(const char *text) {
    sn_http_target target;
    sn_error err = SN_ERROR_INIT;
    int rc = sn_http_target_parse(&target, text, &err);
    REQUIRE(rc == 0 || (rc == SN_EINVALID_ARGUMENT && err.message[0]));
    if (rc == 0) {
        REQUIRE(target.parts_count > 0);
        for (size_t i = 0; i < target.parts_count; i++)
            check_part(&target, i);
        check_patterns(&target);
        check_same(&target);
    }
    sn_http_target_free(&target);
}

static void check_texts(const char *text, size_t bytes) {
    if (sn_http_pattern_is_valid(text))
        REQUIRE(text[0] == '/');
    if (sn_http_is_loopback_host(text))
        REQUIRE(strspn(text, "localhstLOCALHST0123456789.:[]") == strlen(text));
    if (sn_http_is_request_id(text))
        REQUIRE(sn_http_is_token(text, strlen(text)));
    if (sn_http_is_token(text, bytes))
        REQUIRE(sn_http_is_value(text, bytes) && strlen(text) == bytes);
    (void)sn_http_is_same_origin(text, "localhost");
    (void)sn_http_is_type(text, "application/json");
}

/* As a browser reads it: lines "data: ...", then an empty one. */
static void check_event(const char *data, size_t bytes) {
    sn_buffer text = {0};
    REQUIRE(sn_sse_event(&text, NULL, NULL, data, bytes));
    const char *at = text.data, *end = text.data + text.bytes;
    size_t i = 0;
    for (bool is_first = true; *at != '\n'; is_first = false) {
        if (!is_first) {
            REQUIRE(i < bytes && (data[i] == '\n' || data[i] == '\r'));
            i += data[i] == '\r' && i + 1 < bytes && data[i + 1] == '\n' ? 2 : 1;
        }
        REQUIRE(end - at > 6 && memcmp(at, "data: ", 6) == 0);
        for (at += 6; at < end && *at != '\n'; at++, i++)
            REQUIRE(*at != '\r' && i < bytes && data[i] == *at);
        REQUIRE(at++ < end);
    }
    REQUIRE(i == bytes && at + 1 == end);
    sn_buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = '\0';
    check_target(text);
    check_texts(text, size);
    check_event(text, size);
    free(text);
    return 0;
}
