/* route.c - see route.h. */
#include "orchestrator/route.h"

#include "service/query_code.h"
#include "util/auto.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LONG_BYTES = 1500, LINES_MOST = 10000 };

typedef struct question {
    const char *query;
    const json_t *context;
} question;

/* ---- words ---- */

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The first place of a phrase, in any case, that is not part of a longer word. */
static const char *find(const char *text, const char *phrase) {
    size_t bytes = strlen(phrase);
    for (const char *at = text; *at; at++)
        if (strncasecmp(at, phrase, bytes) == 0 && (at == text || !is_word(at[-1])) &&
            !is_word(at[bytes]))
            return at;
    return NULL;
}

static bool has_any(const char *text, const char *const *phrases) {
    for (; *phrases; phrases++)
        if (find(text, *phrases))
            return true;
    return false;
}

/* ---- code ---- */

static bool has_parameters(question *q) {
    return json_is_object(json_object_get(q->context, "tool_parameters"));
}

static const char *skip_blank(const char *at) {
    return at + strspn(at, " \t\r\n");
}

static bool asks_to_execute(question *q) {
    return sn_query_has_command(q->query);
}

static bool is_block(question *q) {
    sn_auto_free char *code = sn_query_code(q->query, SN_CODE_ALONE);
    return code && *code;
}

static size_t name_bytes(const char *text) {
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.')
        n++;
    return isdigit((unsigned char)text[0]) ? 0 : n;
}

/* "a", "a.b, c", "a as b" to the line's end; in a sentence, words stand beside each other. */
static bool is_list_of_modules(const char *at) {
    for (;;) {
        size_t name = name_bytes(at);
        if (name == 0)
            return false;
        at += name;
        at += strspn(at, " \t");
        if (strncmp(at, "as ", 3) == 0 && (name = name_bytes(at + 3)) > 0) {
            at += 3 + name;
            at += strspn(at, " \t");
        }
        if (*at == '\0' || *at == '\r' || *at == '\n' || *at == ';')
            return true;
        if (*at++ != ',')
            return false;
        at += strspn(at, " \t");
    }
}

/* "import a, b", "from a import b", "x = 1", "print(1)": what no sentence begins with. */
static bool begins_like_code(const char *line, size_t bytes) {
    size_t name = name_bytes(line);
    const char *after = line + name + strspn(line + name, " \t");
    if (name == 0 || name >= bytes)
        return false;
    if (strncmp(line, "import ", 7) == 0)
        return is_list_of_modules(line + 7);
    if (strncmp(line, "from ", 5) == 0) {
        const char *imports = line + 5 + name_bytes(line + 5);
        return strncmp(imports, " import ", 8) == 0;
    }
    if (strncmp(line, "def ", 4) == 0 || strncmp(line, "class ", 6) == 0)
        return memchr(line, ':', bytes) != NULL;
    if (*after == '=' && after[1] != '=')
        return true;
    return line[name] == '(' && (line[bytes - 1] == ')' || line[bytes - 1] == ';');
}

static bool is_bare_code(question *q) {
    const char *line = skip_blank(q->query);
    size_t bytes = strcspn(line, "\r\n"), all = strlen(q->query);
    return begins_like_code(line, bytes) && q->query[all - 1] != '?';
}

/* ---- several steps ---- */

/* "1. ", "2) ", "- ", "* " */
static bool is_item(const char *line) {
    line += strspn(line, " \t");
    size_t digits = strspn(line, "0123456789");
    if (digits > 0 && digits < 4)
        return (line[digits] == '.' || line[digits] == ')') && line[digits + 1] == ' ';
    return (line[0] == '-' || line[0] == '*') && line[1] == ' ';
}

static bool has_list(question *q) {
    unsigned items = 0, lines = 0;
    for (const char *line = q->query; line && *line && lines < LINES_MOST; lines++) {
        items += is_item(line);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return items >= 2;
}

static bool has_order(question *q) {
    static const char *const then[] = {"then", "afterwards", "next", "finally", "second", NULL};
    static const char *const alone[] = {"and then", "after that",        "step by step",
                                        "step 1",   "once that is done", NULL};
    const char *first = find(q->query, "first");
    return (first && has_any(first, then)) || has_any(q->query, alone);
}

static bool has_each(question *q) {
    static const char *const phrases[] = {"for each",    "for every",    "for all of",
                                          "each of the", "every one of", NULL};
    return has_any(q->query, phrases);
}

static bool compares(question *q) {
    static const char *const phrases[] = {
        "compare", "compares",           "comparison",          "versus",        "vs",
        "vs.",     "difference between", "differences between", "pros and cons", NULL};
    return has_any(q->query, phrases);
}

/* Question marks that end a sentence. */
static bool has_questions(question *q) {
    unsigned count = 0;
    for (const char *at = strchr(q->query, '?'); at; at = strchr(at + 1, '?'))
        count += at[1] == '\0' || isspace((unsigned char)at[1]);
    return count >= 2;
}

static bool is_long(question *q) {
    return strlen(q->query) > LONG_BYTES;
}

static bool always(question *q) {
    (void)q;
    return true;
}

/* ---- the table ---- */

static const struct rule {
    const char *why;
    sn_query_mode mode;
    bool (*fits)(question *q);
} rules[] = {
    {"tool_parameters", SN_MODE_SIMPLE, has_parameters},
    {"execute_python", SN_MODE_SIMPLE, asks_to_execute},
    {"code_block", SN_MODE_SIMPLE, is_block},
    {"bare_code", SN_MODE_SIMPLE, is_bare_code},
    {"list", SN_MODE_COMPLEX, has_list},
    {"first_then", SN_MODE_COMPLEX, has_order},
    {"for_each", SN_MODE_COMPLEX, has_each},
    {"compare", SN_MODE_COMPLEX, compares},
    {"several_questions", SN_MODE_COMPLEX, has_questions},
    {"long", SN_MODE_COMPLEX, is_long},
    {"one_step", SN_MODE_STANDARD, always},
};

sn_route sn_route_task(const char *query, const json_t *context, int given) {
    question q = {.query = query, .context = context};
    const struct rule *rule = rules;
    while (!rule->fits(&q))
        rule++;
    sn_route route = {.mode = rule->mode,
                      .why = rule->why,
                      .is_code = rule->mode == SN_MODE_SIMPLE,
                      .is_bare = rule->fits == is_bare_code};
    if (given == 0)
        return route;
    if (given != SN_MODE_SIMPLE) /* whoever wants a model to see code may have it so */
        route = (sn_route){0};
    route.mode = (sn_query_mode)given;
    route.why = "given";
    return route;
}
