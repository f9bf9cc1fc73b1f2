/* endpoint.c - see endpoint.h. */
#include "model/endpoint.h"

#include "model/curl.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>
#include <strings.h>

static bool is_visible(const char *text) {
    for (; *text; text++)
        if (*text <= ' ' || *text == 0x7F) /* also what is no ASCII, as char has a sign */
            return false;
    return true;
}

static int refuse(sn_error *err, const char *why) {
    sn_fail(err, SN_EINVALID_ARGUMENT, "the model's base URL %s", why);
    if (err)
        sn_hint(err, "set LLM_BASE_URL to something like https://api.openai.com/v1 or "
                     "http://127.0.0.1:8080/v1");
    return SN_EINVALID_ARGUMENT;
}

static bool has_part(const sn_curl *curl, CURLU *url, CURLUPart part) {
    char *text = NULL;
    if (curl->url_get(url, part, &text, 0) != CURLUE_OK)
        return false;
    curl->free(text);
    return true;
}

static int check_parts(const sn_curl *curl, CURLU *url, const char *text, sn_error *err) {
    if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
        return refuse(err, "begins with neither http:// nor https://");
    if (curl->url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return refuse(err, "is none");
    if (has_part(curl, url, CURLUPART_USER) || has_part(curl, url, CURLUPART_PASSWORD)) {
        refuse(err, "has a user in it");
        return err ? sn_hint(err, "a key goes to LLM_API_KEY") : SN_EINVALID_ARGUMENT;
    }
    if (strpbrk(text, "?#"))
        return refuse(err, "has a query or a fragment");
    return 0;
}

static int check(const char *text, sn_error *err) {
    const sn_curl *curl;
    int rc = sn_curl_load(&curl, err);
    if (rc < 0)
        return rc;
    if (!text || !*text)
        return refuse(err, "is missing");
    if (strlen(text) > SN_ENDPOINT_URL_MOST_BYTES || !is_visible(text))
        return refuse(err, "is too long, or has a character that no URL has");
    CURLU *url = curl->url();
    if (!url)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a model");
    rc = check_parts(curl, url, text, err);
    curl->url_cleanup(url);
    return rc;
}

static bool ends_in(const char *text, size_t bytes, const char *end) {
    size_t end_bytes = strlen(end);
    return bytes >= end_bytes && memcmp(text + bytes - end_bytes, end, end_bytes) == 0;
}

int sn_endpoint_url(char **out, const char *base_url, const sn_protocol *protocol, sn_error *err) {
    int rc = check(base_url, err);
    if (rc < 0)
        return rc;
    size_t bytes = strlen(base_url);
    while (bytes > 0 && base_url[bytes - 1] == '/')
        bytes--;
    bool is_missing = protocol->version && !ends_in(base_url, bytes, protocol->version);
    *out = sn_format("%.*s%s%s", (int)bytes, base_url, is_missing ? protocol->version : "",
                     protocol->path);
    return 0;
}

int sn_endpoint_check_key(const char *key, sn_error *err) {
    if (key && (!*key || strlen(key) > SN_ENDPOINT_KEY_MOST_BYTES || !is_visible(key)))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the model's key has to be 1 to %d visible ASCII characters",
                       SN_ENDPOINT_KEY_MOST_BYTES);
    return 0;
}
