/* http_json.c - a body as JSON. */
#include "service/http_private.h"

#include "service/http_text.h"
#include "util/error.h"
#include "util/parse.h"

/* Every value but the first has a comma, a colon or a bracket before it. */
static bool has_too_many(const char *text, size_t bytes) {
    size_t count = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes && count <= SN_HTTP_JSON_VALUES_MOST; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted)
            count += c == ',' || c == '[' || c == '{' || c == ':';
    }
    return count > SN_HTTP_JSON_VALUES_MOST;
}

int sn_http_json_body(json_t **out, const sn_http_request *r, sn_error *err) {
    const char *type = sn_http_header(r, "Content-Type");
    size_t bytes;
    const char *body = sn_http_body(&bytes, r);
    json_error_t wrong;
    if (!type || !sn_http_is_type(type, "application/json")) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "the body is not declared as JSON");
        return sn_hint(err, "send it with \"Content-Type: application/json\"");
    }
    if (has_too_many(body, bytes))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the body has more than %d values",
                       SN_HTTP_JSON_VALUES_MOST);
    if (sn_json_is_too_deep(body, bytes))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the body is nested deeper than %d",
                       SN_JSON_DEPTH_MOST);
    *out = json_loadb(body, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    if (*out)
        return 0;
    if (json_error_code(&wrong) == json_error_out_of_memory)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the body");
    return sn_fail(err, SN_EINVALID_ARGUMENT, "the body is no JSON: line %d, column %d: %s",
                   wrong.line, wrong.column, wrong.text);
}
