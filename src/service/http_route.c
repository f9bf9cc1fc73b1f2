/* http_route.c - see http_route.h. */
#include "service/http_route.h"

#include "util/error.h"
#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>

/* ---- decoding ---- */

static int digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. False: an escape is none, or stands for NUL. */
static bool decode(char *text, bool plus_is_blank) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        char c = *from;
        if (c == '+' && plus_is_blank)
            c = ' ';
        if (c == '%') {
            int high = digit(from[1]);
            int low = high < 0 ? -1 : digit(from[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high * 16 + low);
            from += 2;
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

static bool has_control(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return true;
    return false;
}

static bool is_utf8(const char *text) {
    size_t bytes = strlen(text);
    return sn_utf8_valid_prefix(text, bytes) == bytes;
}

/* ---- a path ---- */

static int parse_part(char *part, sn_error *err) {
    if (!decode(part, false))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the path has a %% that begins no escape");
    if (!is_utf8(part) || has_control(part) || strchr(part, '/'))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "a part of the path is no UTF-8, or hides a control character or a slash");
    if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the path has a part \"%s\"", part);
    return 0;
}

/* Decoding makes parts shorter, so what follows is moved up: the parts lie one behind the other in
 * both copies, and a part's place in one is its place in the other. */
static int parse_path(sn_http_target *out, const char *text, size_t bytes, sn_error *err) {
    sn_error ignored;
    char *from = strndup(text, bytes), *to = out->path = malloc(bytes + 1);
    out->rest = malloc(bytes + 1);
    int rc = !from || !to || !out->rest
                 ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a request")
                 : 0;
    char *next = from;
    for (char *part; rc == 0 && (part = strsep(&next, "/"));) {
        if (out->parts_count == SN_HTTP_PARTS_MOST)
            rc = sn_fail(err, SN_EINVALID_ARGUMENT, "the path has more than %d parts",
                         SN_HTTP_PARTS_MOST);
        else
            rc = parse_part(part, err ? err : &ignored);
        if (rc < 0)
            break;
        size_t size = strlen(part) + 1;
        out->parts[out->parts_count++] = memcpy(to, part, size);
        memcpy(out->rest + (to - out->path), part, size);
        to += size;
        if (next)
            out->rest[to - out->path - 1] = '/';
    }
    free(from);
    return rc;
}

/* ---- a query ---- */

static int add_pair(sn_http_target *out, char *pair, sn_error *err) {
    char *value = strchr(pair, '=');
    if (value)
        *value++ = '\0';
    if (!decode(pair, true) || (value && !decode(value, true)))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the query has a %% that begins no escape");
    if (!is_utf8(pair) || (value && !is_utf8(value)))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the query is not UTF-8");
    if (sn_http_target_query(out, pair))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the query has a name twice");
    if (out->query_count == SN_HTTP_QUERY_MOST)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the query has more than %d names",
                       SN_HTTP_QUERY_MOST);
    out->query[out->query_count].name = pair;
    out->query[out->query_count++].value = value ? value : "";
    return 0;
}

static int parse_query(sn_http_target *out, const char *text, sn_error *err) {
    char *next = out->pairs = strdup(text);
    int rc = next ? 0 : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a request");
    for (char *pair; rc == 0 && (pair = strsep(&next, "&"));)
        if (*pair)
            rc = add_pair(out, pair, err);
    return rc;
}

/* ---- a target ---- */

/* RFC 3986's characters, and in a query also those that clients do not escape. */
static bool is_target_char(char c, bool in_query) {
    if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        return true;
    return c && (strchr("-._~%!$&'()*+,;=:@/", c) || (in_query && strchr("?[]{}|\\^`\"<>", c)));
}

int sn_http_target_parse(sn_http_target *out, const char *text, sn_error *err) {
    const char *query = strchr(text, '?');
    size_t path_bytes = query ? (size_t)(query - text) : strlen(text);
    memset(out, 0, sizeof *out);
    if (*text != '/')
        return sn_fail(err, SN_EINVALID_ARGUMENT, "what is asked for is no path");
    for (size_t i = 0; text[i]; i++)
        if (!is_target_char(text[i], i >= path_bytes))
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "the path or query has a character that must be escaped (%%%02X)",
                           (unsigned char)text[i]);
    int rc = parse_path(out, text + 1, path_bytes - 1, err);
    if (rc == 0 && query)
        rc = parse_query(out, query + 1, err);
    return rc;
}

void sn_http_target_free(sn_http_target *target) {
    free(target->path);
    free(target->rest);
    free(target->pairs);
    memset(target, 0, sizeof *target);
}

const char *sn_http_target_query(const sn_http_target *target, const char *name) {
    for (size_t i = 0; i < target->query_count; i++)
        if (strcmp(target->query[i].name, name) == 0)
            return target->query[i].value;
    return NULL;
}

/* ---- patterns ---- */

/* A part of a pattern, up to the next slash or the end. */
typedef struct piece {
    const char *text; /* a parameter's name without { } and ... */
    size_t bytes;
    bool is_param, is_rest;
} piece;

/* False: there is none any more. `*at` is behind the slash of the last. */
static bool next_piece(piece *out, const char **at) {
    if (!*at)
        return false;
    const char *end = strchrnul(*at, '/');
    *out = (piece){.text = *at, .bytes = (size_t)(end - *at)};
    if (out->bytes >= 2 && **at == '{' && end[-1] == '}') {
        out->is_param = true;
        out->text++;
        out->bytes -= 2;
        if (out->bytes > 3 && memcmp(out->text + out->bytes - 3, "...", 3) == 0) {
            out->is_rest = true;
            out->bytes -= 3;
        }
    }
    *at = *end ? end + 1 : NULL;
    return true;
}

bool sn_http_pattern_is_valid(const char *pattern) {
    piece p;
    if (*pattern != '/')
        return false;
    const char *at = pattern + 1;
    for (size_t count = 1; next_piece(&p, &at); count++) {
        bool is_word = strcspn(p.text, "{}.%?#") >= p.bytes;
        if (count > SN_HTTP_PARTS_MOST || (p.is_param && (!is_word || !p.bytes)))
            return false;
        if (!p.is_param && (memchr(p.text, '{', p.bytes) || memchr(p.text, '}', p.bytes)))
            return false;
        if (p.is_rest && at)
            return false;
    }
    return true;
}

static bool rest_fits(const sn_http_target *target, size_t from) {
    for (size_t i = from; i < target->parts_count; i++)
        if (!*target->parts[i])
            return false;
    return from < target->parts_count;
}

bool sn_http_pattern_fits(const char *pattern, const sn_http_target *target) {
    const char *at = pattern + 1;
    size_t i = 0;
    for (piece p; next_piece(&p, &at); i++) {
        if (p.is_rest)
            return rest_fits(target, i);
        if (i >= target->parts_count)
            return false;
        const char *part = target->parts[i];
        if (p.is_param ? !*part : strlen(part) != p.bytes || memcmp(part, p.text, p.bytes) != 0)
            return false;
    }
    return i == target->parts_count;
}

const char *sn_http_pattern_param(const char *pattern, const sn_http_target *target,
                                  const char *name) {
    const char *at = pattern + 1;
    size_t i = 0;
    for (piece p; next_piece(&p, &at); i++)
        if (p.is_param && strlen(name) == p.bytes && memcmp(name, p.text, p.bytes) == 0)
            return p.is_rest ? target->rest + (target->parts[i] - target->path) : target->parts[i];
    return NULL;
}
