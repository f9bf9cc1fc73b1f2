/* config_value.c - see config_value.h. */
#include "service/config_value.h"

#include "util/parse.h"
#include "util/utf8.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS_MOST = 366 * 24 * 3600 };

static uint64_t most_of(const sn_setting *s) {
    if (s->most)
        return s->most;
    switch (s->type) {
    case SN_SETTING_STRING:
        return SN_CONFIG_VALUE_MAX_BYTES;
    case SN_SETTING_SECONDS:
        return SECONDS_MOST;
    case SN_SETTING_ADDRESS:
        return UINT16_MAX;
    default:
        return UINT64_MAX;
    }
}

/* ---- what may be ---- */

static void name_choices(char out[SN_ALLOWED_MAX_BYTES], const char *const *choices) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; choices[i] && used < SN_ALLOWED_MAX_BYTES; i++) {
        const char *between = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        used +=
            (size_t)snprintf(out + used, SN_ALLOWED_MAX_BYTES - used, "%s%s", between, choices[i]);
    }
}

void sn_value_allowed(char out[SN_ALLOWED_MAX_BYTES], const sn_setting *s) {
    const size_t size = SN_ALLOWED_MAX_BYTES;
    const uint64_t least = s->least, most = most_of(s);
    switch (s->type) {
    case SN_SETTING_STRING:
        snprintf(out, size,
                 "a text of %" PRIu64 " to %" PRIu64 " bytes, UTF-8 without control characters",
                 least ? least : 1, most);
        return;
    case SN_SETTING_NUMBER:
        if (most == UINT64_MAX)
            snprintf(out, size, "a number from %" PRIu64 " up", least);
        else
            snprintf(out, size, "a number from %" PRIu64 " to %" PRIu64, least, most);
        return;
    case SN_SETTING_SECONDS:
        snprintf(out, size, "a number of seconds from %" PRIu64 " to %" PRIu64, least, most);
        return;
    case SN_SETTING_BOOLEAN:
        snprintf(out, size, "true or false (or yes, no, on, off, 1, 0)");
        return;
    case SN_SETTING_ADDRESS:
        snprintf(out, size,
                 "HOST:PORT, as 127.0.0.1:8000 or [::1]:8000, with a port from %" PRIu64
                 " to %" PRIu64,
                 least, most);
        return;
    case SN_SETTING_PATH:
        snprintf(out, size, "the path of something that can be read");
        return;
    case SN_SETTING_CHOICE:
        name_choices(out, s->choices);
        return;
    }
    assert(!"a type of setting");
}

/* ---- what is ---- */

static bool parse_boolean(bool *out, const char *text) {
    static const char *const words[][2] = {
        {"false", "true"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int value = 0; value < 2; value++)
            if (strcmp(text, words[i][value]) == 0) {
                *out = value;
                return true;
            }
    return false;
}

static bool parse_choice(size_t *out, const char *const *choices, const char *text) {
    for (*out = 0; choices[*out]; ++*out)
        if (strcmp(choices[*out], text) == 0)
            return true;
    return false;
}

static bool is_host(const char *host) {
    struct in_addr ignored;
    static const char digits[] = "0123456789.", more[] = "abcdefghijklmnopqrstuvwxyz"
                                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                         "0123456789.-_";
    if (!host[strspn(host, digits)]) /* also none at all */
        return inet_pton(AF_INET, host, &ignored) == 1;
    return !host[strspn(host, more)] && *host != '-' && *host != '.';
}

static bool parse_address(sn_address *out, const char *text, uint64_t least, uint64_t most) {
    struct in6_addr ignored;
    uint64_t port;
    const char *colon = strrchr(text, ':');
    if (!colon || !sn_parse_u64(&port, colon + 1, least, most))
        return false;
    bool brackets = text[0] == '[' && colon - text >= 2 && colon[-1] == ']';
    size_t bytes = (size_t)(colon - text) - (brackets ? 2 : 0);
    if (bytes >= sizeof out->host)
        return false;
    memcpy(out->host, text + brackets, bytes);
    out->host[bytes] = '\0';
    out->port = (uint16_t)port;
    return brackets ? inet_pton(AF_INET6, out->host, &ignored) == 1 : is_host(out->host);
}

static bool parse_seconds(double *out, const char *text, uint64_t least, uint64_t most) {
    return sn_parse_double(out, text) && *out >= (double)least && *out <= (double)most;
}

/* No line of a file or a log may come out of a value. */
static bool is_text(const char *text, size_t least, size_t most) {
    size_t bytes = strlen(text);
    for (size_t i = 0; i < bytes; i++)
        if ((text[i] >= 0 && text[i] < ' ') || text[i] == 0x7F)
            return false;
    return bytes >= least && bytes <= most && sn_utf8_valid_prefix(text, bytes) == bytes;
}

static bool parse(sn_value *out, const sn_setting *s, const char *text) {
    const uint64_t least = s->least, most = most_of(s);
    if (!is_text(text, 1, SN_CONFIG_VALUE_MAX_BYTES))
        return false;
    switch (s->type) {
    case SN_SETTING_STRING:
        return is_text(text, least, most);
    case SN_SETTING_NUMBER:
        return sn_parse_u64(&out->number, text, least, most);
    case SN_SETTING_SECONDS:
        return parse_seconds(&out->seconds, text, least, most);
    case SN_SETTING_BOOLEAN:
        return parse_boolean(&out->boolean, text);
    case SN_SETTING_ADDRESS:
        return parse_address(&out->address, text, least, most);
    case SN_SETTING_PATH:
        return true;
    case SN_SETTING_CHOICE:
        return parse_choice(&out->choice, s->choices, text);
    }
    return false;
}

bool sn_value_parse(sn_value *out, char why[SN_WHY_MAX_BYTES], const sn_setting *s,
                    const char *text) {
    if (!parse(out, s, text)) {
        char allowed[SN_ALLOWED_MAX_BYTES];
        sn_value_allowed(allowed, s);
        snprintf(why, SN_WHY_MAX_BYTES, "is not %s", allowed);
        return false;
    }
    if (s->type == SN_SETTING_PATH && euidaccess(text, R_OK) < 0) {
        char reason[128];
        snprintf(why, SN_WHY_MAX_BYTES, "cannot be read: %s",
                 strerror_r(errno, reason, sizeof reason));
        return false;
    }
    return true;
}
