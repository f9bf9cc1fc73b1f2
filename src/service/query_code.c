/* query_code.c - see query_code.h. */
#include "service/query_code.h"

#include "util/auto.h"

#include <string.h>
#include <strings.h>

#define SPACE " \t\r\n"

static const char *const commands[] = {
    "Execute Python:", "Execute Python code:", "Run Python:", "Run Python code:"};
static const char *const languages[] = {"python", "python3", "py"};
static const char fence[] = "```";
static const char fence_line[] = "\n```";

typedef struct block {
    const char *code, *end; /* end: of the code; what follows it is `rest` */
    const char *rest;
    bool is_python, is_plain; /* marked as such; not marked at all */
} block;

/* `at` is behind the opening fence. False: the line does not end, so there is no block. */
static bool read_block(block *out, const char *at) {
    size_t word = strcspn(at, SPACE);
    const char *line = strchr(at, '\n');
    if (!line)
        return false;
    *out = (block){.code = line + 1, .is_plain = word == 0};
    for (size_t i = 0; i < SN_COUNT(languages); i++)
        out->is_python |= strlen(languages[i]) == word && strncasecmp(at, languages[i], word) == 0;
    const char *end = strstr(line, fence_line);
    out->end = !end ? out->code + strlen(out->code) : end < out->code ? out->code : end + 1;
    out->rest = end ? end + sizeof fence_line - 1 : out->end;
    return true;
}

static char *copy(const block *b) {
    return strndup(b->code, (size_t)(b->end - b->code));
}

static char *first_block(const char *text) {
    block b;
    while ((text = strstr(text, fence))) {
        if (!read_block(&b, text + sizeof fence - 1))
            return NULL;
        if (b.is_python)
            return copy(&b);
        text = b.rest;
    }
    return NULL;
}

/* `text` begins with a fence. */
static char *only_block(const char *text) {
    block b;
    bool ok = read_block(&b, text + sizeof fence - 1) && (b.is_python || b.is_plain) &&
              b.rest[strspn(b.rest, SPACE)] == '\0';
    return ok ? copy(&b) : NULL;
}

/* What follows a command. */
static char *asked(const char *text) {
    block b;
    const char *at = text + strspn(text, SPACE);
    if (strncmp(at, fence, sizeof fence - 1) == 0)
        return read_block(&b, at + sizeof fence - 1) ? copy(&b) : NULL;
    at = text + strspn(text, " \t");
    return strdup(at + strspn(at, "\r\n")); /* the next line may be indented */
}

/* What follows a command; NULL: it does not begin with one. */
static const char *behind_command(const char *query) {
    const char *at = query + strspn(query, SPACE);
    for (size_t i = 0; i < SN_COUNT(commands); i++)
        if (strncasecmp(at, commands[i], strlen(commands[i])) == 0)
            return at + strlen(commands[i]);
    return NULL;
}

bool sn_query_has_command(const char *query) {
    return behind_command(query) != NULL;
}

char *sn_query_code(const char *query, sn_code_where where) {
    const char *behind = behind_command(query);
    if (behind)
        return asked(behind);
    const char *at = query + strspn(query, SPACE);
    char *code = strncmp(at, fence, sizeof fence - 1) == 0 ? only_block(at) : NULL;
    return !code && where == SN_CODE_ANYWHERE ? first_block(at) : code;
}
