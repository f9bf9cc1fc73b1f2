/* accept.c - see accept.h. What is malformed fits nothing. */
#include "llm_service/accept.h"

#include <string.h>
#include <strings.h>

enum { QUALITY_MOST = 1000 };

/* Where the element ends: at a comma or at `stop`, but for those in quotes. */
static const char *end_of(const char *at, char stop) {
    bool quoted = false;
    for (; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == ',' || *at == stop))
            break;
    }
    return at;
}

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t");
}

/* "0.5", "1", "0.125" and the like; anything else is 0. */
static unsigned parse_quality(const char *at, const char *end) {
    unsigned value = 0, unit = QUALITY_MOST;
    for (; at < end && unit > 0; at++) {
        if (*at == '.' && unit == QUALITY_MOST / 10)
            continue;
        if (*at < '0' || *at > '9')
            return 0;
        value += (unsigned)(*at - '0') * unit;
        unit /= 10;
    }
    return at == end && value <= QUALITY_MOST ? value : 0;
}

/* Of the parameters from `at` to the element's end. */
static unsigned quality_of(const char *at) {
    while (*at == ';') {
        at = skip_blanks(at + 1);
        const char *end = end_of(at, ';');
        const char *last = end;
        while (last > at && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        if (strncasecmp(at, "q=", 2) == 0)
            return parse_quality(at + 2, last);
        at = end;
    }
    return QUALITY_MOST;
}

/* 3: it is the type, 2: all of its kind, 1: everything, 0: it does not fit. */
static unsigned fit(const char *range, size_t bytes, const char *type) {
    size_t main_bytes = strcspn(type, "/") + 1;
    if (bytes == strlen(type) && strncasecmp(range, type, bytes) == 0)
        return 3;
    if (bytes == main_bytes + 1 && strncasecmp(range, type, main_bytes) == 0 &&
        range[main_bytes] == '*')
        return 2;
    return bytes == 3 && memcmp(range, "*/*", 3) == 0;
}

unsigned sn_accept_quality(bool *is_named, const char *accept, const char *type) {
    unsigned best = 0, quality = 0;
    for (const char *at = accept; *at;) {
        at = skip_blanks(at);
        size_t bytes = strcspn(at, ";, \t");
        unsigned now = fit(at, bytes, type);
        const char *rest = skip_blanks(at + bytes);
        if (now > best) {
            best = now;
            quality = quality_of(rest);
        }
        at = end_of(rest, ',');
        at += *at == ',';
    }
    *is_named = best == 3;
    return quality;
}

bool sn_accept_events(const char *accept) {
    bool events_named, json_named;
    if (!accept)
        return false;
    unsigned events = sn_accept_quality(&events_named, accept, "text/event-stream");
    unsigned json = sn_accept_quality(&json_named, accept, "application/json");
    return events > json || (events > 0 && events == json && events_named && !json_named);
}
