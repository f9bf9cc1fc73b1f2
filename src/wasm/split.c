/* split.c - see split.h. */
#include "wasm/split.h"

#include "util/auto.h"
#include "util/error.h"

#include <string.h>

/* A top-level declaration or definition: from its first line to the line that ends it. */
typedef struct item {
    const char *text;
    size_t bytes;
    const char *body; /* after the first line */
} item;

typedef struct splitter {
    sn_split *split;
    const char *at;
    sn_error *err;
    size_t part_bytes;
    size_t part_start;
    bool complete; /* the last definition of the file was seen */
} splitter;

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to split the code");
}

static int unknown(sn_error *err, const char *text) {
    size_t line = strcspn(text, "\n");
    return sn_fail(err, SN_EUNAVAILABLE, "wasm2c wrote something this version does not know: %.*s",
                   (int)(line > 80 ? 80 : line), text);
}

static const char *next_line(const char *at) {
    const char *end = strchr(at, '\n');
    return end ? end + 1 : at + strlen(at);
}

/* False at the end of the file. An item ends with a line that is "}" or "};", or with its first
 * line if that ends in ';' or is a comment. */
static bool next_item(item *out, splitter *s) {
    while (*s->at == '\n')
        s->at++;
    if (!*s->at)
        return false;
    out->text = s->at;
    const char *end = next_line(s->at);
    out->body = end;
    bool one_line = starts_with(s->at, "/*") || (end - s->at >= 2 && end[-2] == ';');
    while (!one_line && *end) {
        const char *line = end;
        end = next_line(line);
        if (strncmp(line, "}\n", 2) == 0 || strncmp(line, "};\n", 3) == 0)
            break;
    }
    s->at = end;
    out->bytes = (size_t)(end - out->text);
    return true;
}

/* ---- one kind of item each ---- */

static int take_types_count(splitter *s, const item *it) {
    s->split->types_count = (uint32_t)strtoul(strchr(it->text, '[') + 1, NULL, 10);
    return 0;
}

static int take_prototype(splitter *s, const item *it) {
    const char *text = it->text + strlen("static ");
    return sn_split_rewrite(&s->split->prototypes, text, (size_t)(it->text + it->bytes - text),
                            s->err);
}

/* A function, without "static", into the current part; a full part is closed first. */
static int take_function(splitter *s, const item *it) {
    sn_split *split = s->split;
    static const char *const writes[] = {"_table_set(",          "_table_init(",
                                         "_table_fill(",         "_table_copy(",
                                         "wasm_rt_grow_funcref", "wasm_rt_grow_externref"};
    for (size_t i = 0; i < SN_COUNT(writes) && !split->tables_change; i++)
        split->tables_change = memmem(it->text, it->bytes, writes[i], strlen(writes[i]));
    size_t part = split->functions.bytes - s->part_start;
    if (split->parts_count == 0 || part + it->bytes / 2 > s->part_bytes) {
        size_t *starts = realloc(split->starts, (split->parts_count + 2) * sizeof *starts);
        if (!starts)
            return no_memory(s->err);
        split->starts = starts;
        starts[split->parts_count++] = s->part_start = split->functions.bytes;
    }
    const char *text = it->text + strlen("static ");
    int rc =
        sn_split_rewrite(&split->functions, text, (size_t)(it->text + it->bytes - text), s->err);
    split->starts[split->parts_count] = split->functions.bytes;
    return rc;
}

static int take_constant(splitter *s, const item *it) {
    const char *text = it->text + strlen("static ");
    size_t declaration = strcspn(text, "=");
    sn_split *split = s->split;
    if (!sn_buffer_add(&split->externs, "extern ", 7) ||
        !sn_buffer_add(&split->externs, text, declaration) ||
        !sn_buffer_add(&split->externs, ";\n", 2))
        return no_memory(s->err);
    return sn_split_rewrite(&split->constants, text, (size_t)(it->text + it->bytes - text), s->err);
}

static int take_globals(splitter *s, const item *it) {
    return sn_split_rewrite(&s->split->globals, it->body,
                            (size_t)(it->text + it->bytes - it->body) - 2, s->err);
}

static int take_tables(splitter *s, const item *it) {
    return sn_split_rewrite(&s->split->tables, it->body,
                            (size_t)(it->text + it->bytes - it->body) - 2, s->err);
}

static int take_end(splitter *s, const item *it) {
    s->complete = it->bytes > 2 && strncmp(it->text + it->bytes - 2, "}\n", 2) == 0;
    return 0;
}

/* By their beginnings; `take` NULL: not needed. */
static const struct kind {
    const char *prefix;
    int (*take)(splitter *s, const item *it);
} kinds[] = {
    {"static u32 func_types[", take_types_count},
    {"static void init_func_types(void) {", NULL},
    {"static void init_globals(", take_globals},
    {"static const u8 data_segment_data_", take_constant},
    {"static void init_memories(", NULL},
    {"static void init_data_instances(", NULL},
    {"static const wasm_elem_segment_expr_t elem_segment_exprs_", take_constant},
    {"static void init_tables(", take_tables},
    {"static void init_elem_instances(", NULL},
    {"static void init_instance_import(", NULL},
    {"/* export: ", NULL},
    {"void Z_m_init_module(", NULL},
    {"void Z_m_instantiate(", NULL},
    {"void Z_m_free(", take_end},
};

static int take_item(splitter *s, const item *it) {
    for (size_t i = 0; i < SN_COUNT(kinds); i++)
        if (starts_with(it->text, kinds[i].prefix))
            return kinds[i].take ? kinds[i].take(s, it) : 0;
    size_t first = (size_t)(it->body - it->text);
    bool is_function = memmem(it->text, first, " w2c_f", 6) != NULL;
    if (starts_with(it->text, "static ") && is_function)
        return it->text[it->bytes - 2] == ';' ? take_prototype(s, it) : take_function(s, it);
    if (memmem(it->text, first, " Z_mZ_f", 7)) /* an exported function's outer shell */
        return 0;
    return unknown(s->err, it->text);
}

/* ---- the header ---- */

static int take_multi(sn_split *split, const char *header, sn_error *err) {
    const char *at = header;
    while ((at = strstr(at, "#ifndef wasm_multi_"))) {
        const char *end = strstr(at, "#endif");
        if (!end)
            return unknown(err, at);
        end = next_line(end);
        if (!sn_buffer_add(&split->types, at, (size_t)(end - at)))
            return no_memory(err);
        at = end;
    }
    return 0;
}

static int take_state(sn_split *split, const char *header, sn_error *err) {
    static const char start[] = "typedef struct Z_m_instance_t {\n";
    const char *at = strstr(header, start);
    if (!at)
        return unknown(err, "no instance structure");
    at += sizeof start - 1;
    for (; !starts_with(at, "} Z_m_instance_t;"); at = next_line(at)) {
        if (!*at)
            return unknown(err, "an unfinished instance structure");
        static const char *const ours[] = {"  struct Z_h_instance_t* ", "  wasm_rt_memory_t ",
                                           "  wasm_rt_funcref_table_t ",
                                           "  wasm_rt_externref_table_t ", "  char dummy_member;"};
        bool skip = false;
        for (size_t i = 0; i < SN_COUNT(ours); i++)
            skip |= starts_with(at, ours[i]);
        if (!skip && !sn_buffer_add(&split->state, at, (size_t)(next_line(at) - at)))
            return no_memory(err);
    }
    return 0;
}

int sn_split_read(sn_split *out, const char *header, const char *source, size_t part_bytes,
                  sn_error *err) {
    *out = (sn_split){0};
    splitter s = {.split = out, .err = err, .part_bytes = part_bytes};
    int rc = take_multi(out, header, err);
    if (rc == 0)
        rc = take_state(out, header, err);
    if (rc < 0)
        return rc;
    static const char preamble_end[] = "static bool s_module_initialized = false;\n";
    s.at = strstr(source, preamble_end);
    if (!s.at)
        return unknown(err, "no end of its preamble");
    s.at += sizeof preamble_end - 1;
    item it;
    while (rc == 0 && next_item(&it, &s))
        rc = take_item(&s, &it);
    if (rc == 0 && !s.complete)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "wasm2c's output is cut off");
    return rc;
}

void sn_split_free(sn_split *split) {
    sn_buffer *buffers[] = {&split->types,   &split->state,     &split->prototypes,
                            &split->externs, &split->constants, &split->globals,
                            &split->tables,  &split->functions};
    for (size_t i = 0; i < SN_COUNT(buffers); i++)
        sn_buffer_free(buffers[i]);
    free(split->starts);
    *split = (sn_split){0};
}
