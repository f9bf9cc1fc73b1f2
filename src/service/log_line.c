/*
 * log_line.c - see log_line.h.
 *
 * The end of the line is kept free for what has to stand there. A field is written as long as there
 * is room; if there was none for all of it, it is taken back. No memory is taken: a line about
 * having none must still come out.
 */
#include "service/log_line.h"

#include "service/number.h"
#include "util/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DOTS "..."

enum { SN_LOG_EVENT_COLUMN = 12 };

typedef struct line {
    char *out;
    size_t bytes;
    size_t most;
    bool is_text; /* for people, instead of JSON */
    bool full;    /* something did not fit */
    bool cut;     /* and the line says so */
} line;

static void put_bytes(line *l, const char *data, size_t bytes) {
    if (l->full || bytes > l->most - l->bytes) {
        l->full = true;
        return;
    }
    memcpy(l->out + l->bytes, data, bytes);
    l->bytes += bytes;
}

static void put(line *l, const char *text) {
    put_bytes(l, text, strlen(text));
}

/* ---- texts ---- */

/* The next character, and how it is to be written. */
typedef struct character {
    size_t taken;
    size_t bytes;
    char text[8];
} character;

static size_t length_by_first(unsigned char first) {
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Control characters, also those above ASCII, which terminals obey as well; and the two separators
 * that some readers of logs take for the end of a line. */
static uint32_t code_to_escape(const unsigned char *at, size_t bytes) {
    if (bytes == 1 && (at[0] < 0x20 || at[0] == 0x7F))
        return at[0];
    if (bytes == 2 && at[0] == 0xC2 && at[1] < 0xA0)
        return at[1];
    if (bytes == 3 && at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9))
        return 0x2000u + (at[2] & 0x3Fu);
    return UINT32_MAX;
}

static character next_character(const char *at, size_t left) {
    static const char named[][2] = {
        {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}, {'"', '"'}, {'\\', '\\'}};
    character c = {.taken = length_by_first((unsigned char)*at)};
    if (c.taken > left || sn_utf8_valid_prefix(at, c.taken) != c.taken)
        return (character){1, 3, "\xEF\xBF\xBD"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (*at == named[i][0])
            return (character){1, 2, {'\\', named[i][1]}};
    uint32_t code = code_to_escape((const unsigned char *)at, c.taken);
    if (code != UINT32_MAX) {
        c.bytes = (size_t)snprintf(c.text, sizeof c.text, "\\u%04" PRIx32, code);
        return c;
    }
    c.bytes = c.taken;
    memcpy(c.text, at, c.taken);
    return c;
}

/* Whether the text has room, as it is to be written. */
static bool fits(const char *text, size_t bytes) {
    size_t used = 0;
    while (bytes > 0 && used <= SN_LOG_TEXT_MAX_BYTES) {
        character c = next_character(text, bytes);
        used += c.bytes;
        text += c.taken;
        bytes -= c.taken;
    }
    return used <= SN_LOG_TEXT_MAX_BYTES;
}

/* A word that needs no quotes where a person reads it. */
static bool is_word(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"\\=", text[i]))
            return false;
    return bytes > 0;
}

static void put_text(line *l, const char *text, size_t bytes) {
    bool whole = fits(text, bytes);
    size_t room = whole ? SN_LOG_TEXT_MAX_BYTES : SN_LOG_TEXT_MAX_BYTES - strlen(DOTS);
    const char *quote = l->is_text && is_word(text, bytes) ? "" : "\"";
    put(l, quote);
    while (bytes > 0) {
        character c = next_character(text, bytes);
        if (c.bytes > room)
            break;
        put_bytes(l, c.text, c.bytes);
        room -= c.bytes;
        text += c.taken;
        bytes -= c.taken;
    }
    if (!whole)
        put(l, DOTS);
    l->cut = l->cut || !whole;
    put(l, quote);
}

/* ---- lines ---- */

/* To a thousandth, as far as doubles have them: who reads of milliseconds wants no more digits. */
static double rounded(double number) {
    enum { MOST = 1000000000 };
    return fabs(number) < MOST ? round(number * 1000) / 1000 + 0.0 : number;
}

static void put_value(line *l, const sn_field *field) {
    char text[SN_NUMBER_TEXT_BYTES];
    switch (field->kind) {
    case SN_FIELD_STRING:
        if (!field->string)
            put(l, "null");
        else if (field->bytes == SIZE_MAX)
            put_text(l, field->string, strlen(field->string));
        else
            put_text(l, field->string, field->bytes);
        return;
    case SN_FIELD_NUMBER:
        put(l, isfinite(field->number) ? sn_number_text(text, rounded(field->number)) : "null");
        return;
    case SN_FIELD_INTEGER:
        snprintf(text, sizeof text, "%" PRId64, field->integer);
        put(l, text);
        return;
    case SN_FIELD_BOOLEAN:
        put(l, field->boolean ? "true" : "false");
        return;
    }
    assert(!"a kind of field");
}

static void put_field(line *l, const sn_field *field) {
    line before = *l;
    if (l->is_text && field->kind == SN_FIELD_STRING && !field->string)
        return; /* there is none */
    put(l, l->is_text ? " " : ",");
    put_text(l, field->key, strlen(field->key));
    put(l, l->is_text ? "=" : ":");
    put_value(l, field);
    if (l->full) {
        *l = before;
        l->cut = true;
    }
}

static void put_time(line *l, const struct timespec *now) {
    struct tm parts;
    char text[64];
    if (l->is_text)
        localtime_r(&now->tv_sec, &parts);
    else
        gmtime_r(&now->tv_sec, &parts);
    size_t used = strftime(text, sizeof text,
                           l->is_text ? "%H:%M:%S" : "{\"time\":\"%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, sizeof text - used, l->is_text ? ".%03ld" : ".%03ldZ\"",
             now->tv_nsec / 1000000);
    put(l, text);
}

/* "12:34:56.789 info  event", or all that as JSON. */
static void put_beginning(line *l, const struct timespec *now, enum sn_log_level level,
                          const char *event, const sn_field *fields) {
    char text[SN_LOG_EVENT_COLUMN * 4];
    put_time(l, now);
    if (l->is_text) {
        int column = fields && fields->key ? SN_LOG_EVENT_COLUMN : 0;
        snprintf(text, sizeof text, " %-5s %-*s", sn_log_levels[level], column, event);
        put(l, text);
        return;
    }
    put_field(l, &(sn_field)SN_STRING("level", sn_log_levels[level]));
    put_field(l, &(sn_field)SN_STRING("event", event));
}

size_t sn_log_line(char out[SN_LOG_LINE_MAX_BYTES], const struct timespec *now,
                   enum sn_log_format format, enum sn_log_level level, const char *event,
                   const sn_field *fields) {
    bool is_text = format == SN_LOG_TEXT;
    const char *cut = is_text ? " cut=true" : ",\"cut\":true", *end = is_text ? "\n" : "}\n";
    line l = {.out = out, .is_text = is_text};
    l.most = SN_LOG_LINE_MAX_BYTES - strlen(cut) - strlen(end);
    put_beginning(&l, now, level, event, fields);
    for (; fields && fields->key; fields++)
        put_field(&l, fields);
    l.most = SN_LOG_LINE_MAX_BYTES;
    if (l.cut)
        put(&l, cut);
    put(&l, end);
    assert(!l.full);
    return l.bytes;
}
