/*
 * http_head.c - takes over a head that libmicrohttpd has parsed, if it is well-formed and can mean
 * one thing only.
 *
 * libmicrohttpd 0.9.75 is lenient: it takes lines that end in a bare LF, folds continued lines,
 * cuts texts at a NUL, takes the first of two lengths, and believes Transfer-Encoding before
 * Content-Length. A proxy in front of it may see another request in the same bytes, which is how
 * requests are smuggled. What it has parsed still lies where it was received: the texts of a
 * well-formed head follow each other with nothing between them but what separates them. So that is
 * checked here by their addresses, and a head with anything else in it is refused. (Another version
 * may move texts; the tests would then see good requests refused.)
 */
#include "service/http_private.h"

#include "service/http_text.h"
#include "util/error.h"
#include "util/parse.h"

#include <string.h>
#include <strings.h>

typedef struct head {
    sn_http_request *request;
    const char *next; /* where the next header must begin */
    bool is_plain;    /* as far as it was seen */
    bool has_room;
    unsigned lengths, encodings, hosts;
} head;

static bool is(const char *name, size_t bytes, const char *other) {
    return strlen(other) == bytes && strncasecmp(name, other, bytes) == 0;
}

static bool add(sn_buffer *to, const char *text, size_t bytes) {
    return sn_buffer_add(to, text, bytes) && sn_buffer_add(to, "", 1) && !to->truncated;
}

/* `text` may still end in the blanks before the line's end. */
static size_t without_blanks(const char *text, size_t bytes) {
    while (bytes > 0 && (text[bytes - 1] == ' ' || text[bytes - 1] == '\t'))
        bytes--;
    return bytes;
}

static enum MHD_Result take_header(void *user, enum MHD_ValueKind kind, const char *name,
                                   size_t name_bytes, const char *value, size_t value_bytes) {
    head *h = user;
    sn_http_request *r = h->request;
    (void)kind;
    h->is_plain = name == h->next && value > name + name_bytes &&
                  sn_http_is_token(name, name_bytes) && sn_http_is_value(value, value_bytes);
    if (!h->is_plain)
        return MHD_NO;
    h->next = value + value_bytes + strlen("\r\n");
    h->has_room = r->headers_count < SN_HTTP_HEADERS_MOST;
    if (!h->has_room)
        return MHD_NO;
    h->lengths += is(name, name_bytes, "Content-Length");
    h->encodings += is(name, name_bytes, "Transfer-Encoding");
    h->hosts += is(name, name_bytes, "Host");
    h->has_room = add(&r->headers, name, name_bytes) &&
                  add(&r->headers, value, without_blanks(value, value_bytes));
    r->headers_count += h->has_room;
    return h->has_room ? MHD_YES : MHD_NO;
}

/* Where the first header must begin, NULL: the request line has more than it should. */
static const char *end_of_line(const sn_http_request *r, const char *method, const char *target,
                               const char *version) {
    bool is_plain = !strchr(r->text, ' ') && target == method + strlen(method) + 1 &&
                    version == target + strlen(r->text) + 1;
    return is_plain ? version + strlen(version) + strlen("\r\n") : NULL;
}

static size_t head_bytes(const sn_http_request *r) {
    const union MHD_ConnectionInfo *info =
        r->server->mhd->get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static int refuse(unsigned *status, unsigned is, sn_error *err, const char *why) {
    *status = is;
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s", why);
}

static int take_framing(unsigned *status, sn_http_request *r, const head *h, const char *version,
                        sn_error *err) {
    const char *length = sn_http_header(r, "Content-Length");
    const char *encoding = sn_http_header(r, "Transfer-Encoding");
    const char *expect = sn_http_header(r, "Expect");
    bool is_old = strcmp(version, "HTTP/1.0") == 0;
    if (h->lengths + h->encodings > 1)
        return refuse(status, 400, err, "the request says more than once how long its body is");
    if (encoding && (is_old || strcasecmp(encoding, "chunked") != 0))
        return refuse(status, 400, err, "the only Transfer-Encoding is chunked, in HTTP/1.1");
    if (h->hosts > 1 || (h->hosts == 0 && !is_old))
        return refuse(status, 400, err, "a request has one Host");
    if (length && !sn_parse_u64(&r->framing.content_length, length, 0, INT64_MAX))
        return refuse(status, 400, err, "the Content-Length is no number");
    r->framing.is_chunked = encoding != NULL;
    r->framing.expects_continue = expect && !is_old && strcasecmp(expect, "100-continue") == 0;
    return 0;
}

int sn_http_head_take(unsigned *status, sn_http_request *r, const char *method, const char *target,
                      const char *version, sn_error *err) {
    head h = {.request = r, .next = end_of_line(r, method, target, version), .has_room = true};
    size_t method_bytes = strlen(method);
    h.is_plain =
        h.next && method_bytes < sizeof r->method && sn_http_is_token(method, method_bytes);
    if (h.is_plain) {
        memcpy(r->method, method, method_bytes + 1);
        r->server->mhd->get_connection_values_n(r->mhd, MHD_HEADER_KIND, take_header, &h);
    }
    if (!h.has_room)
        return refuse(status, 431, err, "the request has more headers than this server takes");
    if (!h.is_plain || h.next + strlen("\r\n") != method + head_bytes(r))
        return refuse(status, 400, err, "the request's head is malformed");
    return take_framing(status, r, &h, version, err);
}
