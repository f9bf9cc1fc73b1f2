/* http_json.c - a body as JSON. */
#include "service/http_private.h"

#include "service/http_text.h"
#include "util/error.h"

int sn_http_json_body(json_t **out, const sn_http_request *r, sn_error *err) {
    const char *type = sn_http_header(r, "Content-Type");
    size_t bytes;
    const char *body = sn_http_body(&bytes, r);
    json_error_t wrong;
    if (!type || !sn_http_is_type(type, "application/json")) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "the body is not declared as JSON");
        return sn_hint(err, "send it with \"Content-Type: application/json\"");
    }
    *out = json_loadb(body, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    if (*out)
        return 0;
    if (json_error_code(&wrong) == json_error_out_of_memory)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the body");
    return sn_fail(err, SN_EINVALID_ARGUMENT, "the body is no JSON: line %d, column %d: %s",
                   wrong.line, wrong.column, wrong.text);
}
