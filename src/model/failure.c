/* failure.c - see failure.h. */
#include "model/failure.h"

#include "model/json_text.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/utf8.h"

#include <stdio.h>
#include <string.h>

/* ---- its words ---- */

static void hide(char *text, const char *key) {
    size_t bytes = key ? strlen(key) : 0;
    if (bytes == 0)
        return;
    for (char *at = text; (at = strstr(at, key)); at += bytes)
        memset(at, '*', bytes);
}

/* No control characters (C0, C1, DEL) and no runs of blanks; never longer than it was. */
static void flatten(char *text) {
    unsigned char *from = (unsigned char *)text;
    char *to = text;
    while (*from) {
        bool is_c1 = from[0] == 0xC2 && from[1] >= 0x80 && from[1] < 0xA0;
        if (*from > ' ' && *from != 0x7F && !is_c1) {
            *to++ = (char)*from++;
            continue;
        }
        from += is_c1 ? 2 : 1;
        if (to > text && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

static void say(sn_failure *out, const char *words, const char *key) {
    size_t bytes;
    sn_auto_free char *text = sn_utf8_repair(words, strlen(words), false, &bytes);
    if (!text)
        return;
    hide(text, key);
    flatten(text);
    bytes = strlen(text);
    if (bytes < sizeof out->words) {
        memcpy(out->words, text, bytes + 1);
        return;
    }
    bytes = sizeof out->words - sizeof "...";
    bytes -= sn_utf8_unfinished(text, bytes);
    memcpy(out->words, text, bytes);
    memcpy(out->words + bytes, "...", sizeof "...");
}

/* {"message"}, {"error": {"message"}}, {"error": "..."}, {"detail"}: as servers have it. */
static const char *find_words(const json_t *json) {
    static const char *const keys[] = {"message", "error", "detail", "msg"};
    if (json_is_string(json))
        return json_string_value(json);
    if (json_is_array(json))
        return find_words(json_array_get(json, 0));
    for (size_t i = 0; i < SN_COUNT(keys); i++) {
        const json_t *member = json_object_get(json, keys[i]);
        if (json_is_string(member))
            return json_string_value(member);
    }
    const json_t *inner = json_object_get(json, "error");
    return json_is_object(inner) ? sn_json_text(inner, "message") : NULL;
}

/* ---- what it amounts to ---- */

static const struct {
    const char *word; /* at "type" or "code" */
    int status;
    bool is_final;
} kinds[] = {
    {"overloaded_error", 529, false},
    {"rate_limit_error", 429, false},
    {"rate_limit_exceeded", 429, false},
    {"insufficient_quota", 429, true},
    {"api_error", 500, false},
    {"server_error", 500, false},
    {"timeout_error", 504, false},
    {"authentication_error", 401, false},
    {"invalid_api_key", 401, false},
    {"permission_error", 403, false},
    {"billing_error", 403, false},
    {"not_found_error", 404, false},
    {"request_too_large", 413, false},
    {"invalid_request_error", 400, false},
    {"context_length_exceeded", 400, false},
    {"invalid_prompt", 400, false},
};

static bool classify_word(sn_failure *out, const char *word) {
    for (size_t i = 0; word && i < SN_COUNT(kinds); i++) {
        if (strcmp(word, kinds[i].word) != 0)
            continue;
        out->status = out->status ? out->status : kinds[i].status;
        out->is_final |= kinds[i].is_final;
        return true;
    }
    return false;
}

static void classify(sn_failure *out, const json_t *error) {
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    if (code >= 400 && code < 600 && !out->status)
        out->status = (int)code;
    classify_word(out, sn_json_text(error, "code"));
    classify_word(out, sn_json_text(error, "type"));
}

void sn_failure_from_json(sn_failure *out, const json_t *error, const char *key) {
    const char *words = find_words(error);
    *out = (sn_failure){0};
    classify(out, error);
    if (!out->status)
        out->status = 500;
    if (words)
        say(out, words, key);
}

void sn_failure_read(sn_failure *out, int status, const char *body, size_t bytes, const char *key) {
    json_t *json = NULL;
    *out = (sn_failure){.status = status};
    if (sn_json_read(&json, body ? body : "", bytes, NULL) == 0) {
        const json_t *inner = json_object_get(json, "error");
        const char *words = find_words(json);
        classify(out, json_is_object(inner) ? inner : json);
        if (words)
            say(out, words, key);
    } else if (body && !memchr(body, '<', bytes)) { /* no page for people */
        sn_auto_free char *text = sn_utf8_repair(body, bytes, false, &bytes);
        if (text)
            say(out, text, key);
    }
    json_decref(json);
}

bool sn_failure_may_pass(const sn_failure *failure) {
    int status = failure->status;
    return !failure->is_final &&
           (status == 408 || status == 409 || status == 429 || (status >= 500 && status < 600));
}

/* ---- for the caller ---- */

static int code_of(int status) {
    if (status == 429)
        return SN_ERESOURCE_EXHAUSTED;
    if (status == 401 || status == 403)
        return SN_EUNAUTHENTICATED;
    if (status == 408 || status == 409 || status >= 500)
        return SN_EUNAVAILABLE;
    if (status >= 400)
        return SN_EINVALID_ARGUMENT;
    return SN_EINTERNAL;
}

int sn_failure_report(const sn_failure *f, const char *url, sn_error *err) {
    int code = sn_fail(err, code_of(f->status), "the model's server says %d%s%s", f->status,
                       f->words[0] ? ": " : "", f->words);
    if (!err)
        return code;
    if (code == SN_EUNAUTHENTICATED)
        return sn_hint(err, "set LLM_API_KEY to a key that may use this model");
    if (code == SN_ERESOURCE_EXHAUSTED)
        return sn_hint(err, "ask later, or less often");
    if (f->status == 404 || f->status == 405)
        return sn_hint(err, "check LLM_BASE_URL, LLM_API and LLM_MODEL; %s was asked", url);
    if (f->status >= 300 && f->status < 400)
        return sn_hint(err, "set LLM_BASE_URL to where it redirects from %s", url);
    return code;
}
