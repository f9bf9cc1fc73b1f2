/* http_text.c - see http_text.h. */
#include "service/http_text.h"

#include "service/http.h"
#include "util/auto.h"
#include "util/parse.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_word_char(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool sn_http_is_token(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (!is_word_char(text[i]) && (!text[i] || !strchr("!#$%&'*+-.^_`|~", text[i])))
            return false;
    return bytes > 0;
}

bool sn_http_is_value(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7F)
            return false;
    return true;
}

bool sn_http_is_request_id(const char *text) {
    size_t bytes = 0;
    for (; text[bytes]; bytes++)
        if (bytes == SN_HTTP_REQUEST_ID_MOST_BYTES ||
            (!is_word_char(text[bytes]) && !strchr("._-", text[bytes])))
            return false;
    return bytes > 0;
}

bool sn_http_is_loopback_host(const char *host) {
    char name[64];
    uint64_t port;
    struct in_addr ip;
    size_t bytes = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (bytes >= sizeof name || bytes > strlen(host))
        return false;
    if (host[bytes] && (host[bytes] != ':' || !sn_parse_u64(&port, host + bytes + 1, 0, 65535)))
        return false;
    memcpy(name, host, bytes);
    name[bytes] = '\0';
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, name, &ip) == 1 && ntohl(ip.s_addr) >> 24 == 127;
}

bool sn_http_is_same_origin(const char *origin, const char *host) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < SN_COUNT(schemes); i++)
        if (strncasecmp(origin, schemes[i], strlen(schemes[i])) == 0)
            return strcasecmp(origin + strlen(schemes[i]), host) == 0;
    return false;
}

bool sn_http_is_type(const char *content_type, const char *type) {
    size_t bytes = strlen(type);
    if (strncasecmp(content_type, type, bytes) != 0)
        return false;
    content_type += bytes;
    content_type += strspn(content_type, " \t");
    return !*content_type || *content_type == ';';
}
