/* json_text.c - see json_text.h. */
#include "model/json_text.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/utf8.h"

#include <string.h>

/* The number of \uXXXX, or -1. */
static long escape(const char *at, size_t left) {
    long number = 0;
    if (left < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        const char *found = at[i] ? strchr(digits, at[i] | 0x20) : NULL;
        if (!found)
            return -1;
        number = number * 16 + (found - digits);
    }
    return number;
}

/* At a backslash in a string: mends what it begins. How far to go on. */
static size_t mend_escape(char *at, size_t left) {
    long first = escape(at, left);
    if (first < 0)
        return left < 2 ? 1 : 2;
    if (first >= 0xD800 && first < 0xDC00) {
        long second = escape(at + 6, left - 6);
        if (second >= 0xDC00 && second < 0xE000)
            return 12;
    }
    if (first == 0 || (first >= 0xD800 && first < 0xE000))
        memcpy(at + 2, "FFFD", 4);
    return 6;
}

/* In place. The number of values there may be. */
static size_t mend(char *text, size_t bytes) {
    size_t values = 1;
    bool in_string = false;
    for (size_t i = 0; i < bytes;) {
        if (in_string && text[i] == '\\') {
            i += mend_escape(text + i, bytes - i);
            continue;
        }
        if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == ',' || text[i] == '[' || text[i] == '{'))
            values++;
        i++;
    }
    return values;
}

int sn_json_read(json_t **out, const char *text, size_t bytes, sn_error *err) {
    json_error_t wrong;
    *out = NULL;
    sn_auto_free char *mended = sn_utf8_repair(text, bytes, false, &bytes);
    if (!mended)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the model's answer");
    if (mend(mended, bytes) > SN_JSON_VALUES_MOST)
        return sn_fail(err, SN_EINTERNAL, "the model's server sent JSON of more than %d values",
                       SN_JSON_VALUES_MOST);
    if (sn_json_is_too_deep(mended, bytes))
        return sn_fail(err, SN_EINTERNAL, "the model's server sent JSON nested deeper than %d",
                       SN_JSON_DEPTH_MOST);
    *out = json_loadb(mended, bytes, 0, &wrong);
    if (*out)
        return 0;
    if (json_error_code(&wrong) == json_error_out_of_memory)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the model's answer");
    return sn_fail(err, SN_EINTERNAL, "the model's server sent JSON that is none, at byte %d",
                   wrong.position);
}

json_t *sn_json_string(const char *text) {
    size_t bytes = strlen(text);
    if (sn_utf8_valid_prefix(text, bytes) == bytes)
        return json_stringn_nocheck(text, bytes);
    sn_auto_free char *mended = sn_utf8_repair(text, bytes, false, &bytes);
    return mended ? json_stringn_nocheck(mended, bytes) : NULL;
}

const char *sn_json_text(const json_t *json, const char *key) {
    return json_string_value(json_object_get(json, key));
}

uint64_t sn_json_count(const json_t *json, const char *key) {
    json_int_t number = json_integer_value(json_object_get(json, key));
    return number > 0 ? (uint64_t)number : 0;
}

static json_t *parse(const char *text) {
    return sn_json_is_too_deep(text, strlen(text)) ? NULL : json_loads(text, 0, NULL);
}

json_t *sn_json_arguments(const char *arguments) {
    const char *text = arguments ? arguments : "";
    if (!text[strspn(text, " \t\r\n")])
        return json_object();
    json_t *json = parse(text);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return json_pack("{s:o}", "_raw", sn_json_string(text));
}

char *sn_json_arguments_text(const char *arguments) {
    json_t *json = sn_json_arguments(arguments);
    json_t *given = arguments ? parse(arguments) : NULL;
    char *text = json_is_object(given) ? strdup(arguments) : json_dumps(json, JSON_COMPACT);
    json_decref(given);
    json_decref(json);
    return text;
}

bool sn_json_is_type(const json_t *json, const char *type) {
    const char *is = sn_json_text(json, "type");
    return is && strcmp(is, type) == 0;
}
