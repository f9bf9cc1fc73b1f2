/*
 * rewrite.c - takes the instance pointer out of wasm2c's C (split.h).
 *
 * Every use is found by the word "instance" and must be one of the patterns below. Text between
 * uses is copied as it is.
 */
#include "wasm/split.h"

#include "util/auto.h"
#include "util/error.h"

#include <string.h>

static const char word[] = "instance";
enum { WORD = sizeof word - 1 };

/* What else a rule does after its replacement. */
enum action {
    NOTHING,
    NUMBER_THEN_PAGES, /* M0.pages -> SN_PAGES(M0) */
    NUMBER_THEN_SIZE,  /* T0.size -> SN_SIZE(T0) */
    DROP_ENVIRONMENT,  /* T0.data[x].module_instance, an argument: dropped */
    CALL_TYPE,         /* the number, then the function's type without its void* */
};

/* The text `before` the word and `after` it are replaced. The first rule that fits is taken. */
static const struct rule {
    const char *before;
    const char *after;
    const char *replacement;
    enum action action;
} rules[] = {
    {"offsetof(Z_m_", "_t, Z_h_instance)", "0", NOTHING},
    {"(Z_m_", "_t* instance, ", "(", NOTHING},
    {"(Z_m_", "_t* instance)", "(void)", NOTHING},
    {"(Z_m_", "_t*, ", "(", NOTHING},
    {"(Z_m_", "_t*)", "(void)", NOTHING},
    {"(", "->Z_h_instance, ", "(", NOTHING},
    {"(", "->Z_h_instance)", "()", NOTHING},
    {"CALL_INDIRECT(", "->w2c_T", "CALL_INDIRECT(T", CALL_TYPE},
    {", ", "->w2c_T", "", DROP_ENVIRONMENT},
    {"&", "->w2c_M", "M", NOTHING},
    {"&", "->w2c_T", "T", NOTHING},
    {"", "->w2c_M", "SN_PAGES(M", NUMBER_THEN_PAGES},
    {"", "->w2c_T", "SN_SIZE(T", NUMBER_THEN_SIZE},
    {"", "->w2c_g", "sn_module->w2c_g", NOTHING},
    {"", "->data_segment_dropped_", "sn_module->data_segment_dropped_", NOTHING},
    {"", "->elem_segment_dropped_", "sn_module->elem_segment_dropped_", NOTHING},
    {"(", ", ", "(", NOTHING},
    {"(", ")", "()", NOTHING},
    {", ", "}", "}", NOTHING},
    {", ", ", func_types)", ")", NOTHING},
};

typedef struct text {
    sn_buffer *out;
    const char *at; /* what is before was copied or replaced */
    const char *end;
    bool no_memory;
} text;

static void put(text *t, const char *data, size_t bytes) {
    if (bytes > 0 && !sn_buffer_add(t->out, data, bytes))
        t->no_memory = true;
}

static bool follows(const text *t, const char *at, const char *expected) {
    size_t bytes = strlen(expected);
    return bytes <= (size_t)(t->end - at) && memcmp(at, expected, bytes) == 0;
}

static bool skip(text *t, const char *expected) {
    if (!follows(t, t->at, expected))
        return false;
    t->at += strlen(expected);
    return true;
}

static void copy_number(text *t) {
    const char *start = t->at;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
        t->at++;
    put(t, start, (size_t)(t->at - start));
}

/* Up to and with `mark`, within the line. */
static bool copy_through(text *t, const char *mark) {
    const char *line = memchr(t->at, '\n', (size_t)(t->end - t->at));
    const char *found = memmem(t->at, (size_t)((line ? line : t->end) - t->at), mark, strlen(mark));
    if (!found)
        return false;
    put(t, t->at, (size_t)(found - t->at) + strlen(mark));
    t->at = found + strlen(mark);
    return true;
}

static bool act(text *t, enum action action) {
    switch (action) {
    case NOTHING:
        return true;
    case NUMBER_THEN_PAGES:
        copy_number(t);
        put(t, ")", 1);
        return skip(t, ".pages");
    case NUMBER_THEN_SIZE:
        copy_number(t);
        put(t, ")", 1);
        return skip(t, ".size");
    case DROP_ENVIRONMENT: {
        static const char last[] = "].module_instance";
        const char *found = memmem(t->at, (size_t)(t->end - t->at), last, sizeof last - 1);
        const char *line = memchr(t->at, '\n', (size_t)(t->end - t->at));
        if (!found || (line && line < found))
            return false;
        t->at = found + sizeof last - 1;
        return true;
    }
    case CALL_TYPE:
        copy_number(t);
        if (!copy_through(t, " (*)("))
            return false;
        if (skip(t, "void*, "))
            return true;
        put(t, "void", 4);
        return skip(t, "void*") && t->at < t->end && *t->at == ')';
    }
    return false;
}

static bool replace(text *t, const char *found) {
    for (size_t i = 0; i < SN_COUNT(rules); i++) {
        size_t before = strlen(rules[i].before);
        if (before > (size_t)(found - t->at) || !follows(t, found - before, rules[i].before) ||
            !follows(t, found + WORD, rules[i].after))
            continue;
        put(t, t->at, (size_t)(found - before - t->at));
        put(t, rules[i].replacement, strlen(rules[i].replacement));
        t->at = found + WORD + strlen(rules[i].after);
        return act(t, rules[i].action);
    }
    return false;
}

int sn_split_rewrite(sn_buffer *out, const char *source, size_t bytes, sn_error *err) {
    text t = {.out = out, .at = source, .end = source + bytes};
    const char *found;
    while ((found = memmem(t.at, (size_t)(t.end - t.at), word, WORD)))
        if (!replace(&t, found)) {
            const char *start = found - t.at > 30 ? found - 30 : t.at;
            return sn_fail(err, SN_EUNAVAILABLE,
                           "wasm2c wrote something this version does not know: \"%.*s\"",
                           (int)(t.end - start > 80 ? 80 : t.end - start), start);
        }
    put(&t, t.at, (size_t)(t.end - t.at));
    return t.no_memory ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to split the code") : 0;
}
