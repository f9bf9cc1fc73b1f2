/* config_file.c - see config_file.h. A line is copied and then taken apart in place. */
#include "service/config_file.h"

#include "util/utf8.h"

#include <string.h>

#define BLANKS " \t"

/* ---- values ---- */

/* Ends a text in place where its trailing blanks begin. */
static void trim_end(char *text) {
    size_t bytes = strlen(text);
    while (bytes > 0 && strchr(BLANKS, text[bytes - 1]))
        text[--bytes] = '\0';
}

/* Moves what is between the quotes to the beginning. NULL, or what is wrong. */
static const char *unquote(char *text) {
    const char quote = *text;
    const char *from = text + 1;
    char *to = text;
    while (*from && *from != quote) {
        if (quote == '"' && *from == '\\') {
            from++;
            if (!*from || !strchr("\"\\$`", *from))
                return "a backslash in double quotes is only for \\\" \\\\ \\$ \\`; use single "
                       "quotes, or double it";
        }
        *to++ = *from++;
    }
    if (!*from)
        return "the quote is not closed in its line";
    if (from[1])
        return "something follows the closing quote; comments have lines of their own";
    *to = '\0';
    return NULL;
}

/* In place. NULL, or what is wrong. */
static const char *settle_value(char *text) {
    if (*text == '\'' || *text == '"')
        return unquote(text);
    return strchr(text, '\\') ? "a backslash has to stand in single quotes" : NULL;
}

/* ---- lines ---- */

static bool is_key(const char *text) {
    if (!*text || (*text >= '0' && *text <= '9'))
        return false;
    for (; *text; text++)
        if (!(*text >= 'A' && *text <= 'Z') && !(*text >= 'a' && *text <= 'z') &&
            !(*text >= '0' && *text <= '9') && *text != '_')
            return false;
    return true;
}

static const char *check_bytes(const char *line, size_t bytes) {
    if (bytes > SN_CONFIG_LINE_MAX_BYTES)
        return "the line is longer than 10000 bytes";
    for (size_t i = 0; i < bytes; i++)
        if ((line[i] >= 0 && line[i] < ' ' && line[i] != '\t') || line[i] == 0x7F)
            return "there is a control character in the line";
    return sn_utf8_valid_prefix(line, bytes) == bytes ? NULL : "the line is not UTF-8";
}

_Static_assert(SN_CONFIG_LINE_MAX_BYTES == 10000, "as the message says");

/* NULL, or what is wrong; a line that says nothing leaves `*key` NULL. */
static const char *parse_line(char **key, char **value, char *line) {
    *key = NULL;
    line += strspn(line, BLANKS);
    trim_end(line);
    if (!*line)
        return NULL;
    if (*line == '#' || *line == ';')
        return line[strlen(line) - 1] == '\\'
                   ? "a comment that ends with a backslash would hide the next line"
                   : NULL;
    char *equals = strchr(line, '=');
    if (!equals)
        return "there is no '=' in the line, which is to be KEY=VALUE or a comment";
    *equals = '\0';
    trim_end(line);
    if (!is_key(line))
        return "what stands before '=' is no key; a key is letters, digits and '_'";
    *value = equals + 1 + strspn(equals + 1, BLANKS);
    const char *wrong = settle_value(*value);
    *key = wrong ? NULL : line;
    return wrong;
}

void sn_config_file_parse(const sn_config_reader *reader, const char *text, size_t bytes) {
    char line[SN_CONFIG_LINE_MAX_BYTES + 1];
    unsigned number = 0;
    for (size_t at = 0; at < bytes;) {
        const char *end = memchr(text + at, '\n', bytes - at);
        size_t length = end ? (size_t)(end - text) - at : bytes - at;
        size_t content = length - (length > 0 && text[at + length - 1] == '\r');
        const char *wrong = check_bytes(text + at, content);
        char *key = NULL, *value = NULL;
        number++;
        if (!wrong) {
            memcpy(line, text + at, content);
            line[content] = '\0';
            wrong = parse_line(&key, &value, line);
        }
        if (wrong)
            reader->problem(reader->user, number, wrong);
        else if (key)
            reader->pair(reader->user, number, key, value);
        at += length + 1;
    }
    explicit_bzero(line, sizeof line);
}
