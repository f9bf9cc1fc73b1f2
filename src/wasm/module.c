/*
 * module.c - see module.h.
 *
 * A module is a header and a row of sections, each with an id and a length. One function reads each
 * kind of section; each must use up its bytes exactly. Memory is taken only for counts that the
 * section's length allows (sn_reader_count), so a module of n bytes costs a small multiple of n.
 */
#include "wasm/module.h"

#include "util/auto.h"
#include "util/error.h"
#include "wasm/reader.h"

#include <string.h>

enum {
    NAME_MOST_BYTES = 512,
    PARAMETERS_MOST = 1000,
    MEMORY_PAGES_MOST = 65536, /* 4 GiB */
};

static void *take_memory(sn_reader *r, size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory && !r->failed) {
        r->failed = true;
        sn_fail(r->err, SN_ERESOURCE_EXHAUSTED, "no memory to read the module");
    }
    return memory;
}

/* ---- small parts ---- */

bool sn_module_name_is_safe(const char *name, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        char c = name[i];
        bool alnum = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr("_.$-:/#@+", c)))
            return false;
    }
    return true;
}

static char *read_name(sn_reader *r, const char *what) {
    uint32_t bytes = sn_reader_u32(r);
    if (bytes > NAME_MOST_BYTES)
        sn_reader_fail(r, "has %s of %u bytes; %d are allowed", what, bytes, NAME_MOST_BYTES);
    const char *text = (const char *)sn_reader_take(r, bytes);
    if (!text)
        return NULL;
    if (!sn_module_name_is_safe(text, bytes)) {
        sn_reader_fail(r, "has %s with an unsafe character", what);
        sn_hint(r->err, "allowed are letters, digits and _ . $ - : / # @ +");
        return NULL;
    }
    char *name = take_memory(r, (size_t)bytes + 1, 1);
    if (name)
        memcpy(name, text, bytes);
    return name;
}

static char read_value_type(sn_reader *r) {
    uint8_t code = sn_reader_u8(r);
    switch (code) {
    case 0x7f:
        return 'i';
    case 0x7e:
        return 'I';
    case 0x7d:
        return 'f';
    case 0x7c:
        return 'F';
    case 0x70:
        return 'r';
    case 0x6f:
        return 'e';
    case 0x7b:
        sn_reader_fail(r, "uses vectors (v128), which this build does not support");
        sn_hint(r->err, "compile the module without SIMD, for instance with -mno-simd128");
        return 0;
    default:
        sn_reader_fail(r, "has an unknown value type 0x%02x", code);
        return 0;
    }
}

static void read_limits(sn_reader *r, uint32_t *min, uint32_t *max, const char *what) {
    uint8_t flags = sn_reader_u8(r);
    if (flags & 4)
        sn_reader_fail(r, "has a 64-bit %s; this build supports 32-bit ones", what);
    else if (flags & 2)
        sn_reader_fail(r, "has a shared %s; this build supports no threads", what);
    else if (flags > 1)
        sn_reader_fail(r, "has a %s with unknown flags 0x%02x", what, flags);
    *min = sn_reader_u32(r);
    *max = flags & 1 ? sn_reader_u32(r) : SN_NO_MAXIMUM;
    if (*max < *min)
        sn_reader_fail(r, "has a %s whose maximum %u is below its minimum %u", what, *max, *min);
}

/* The offset of a segment: i32.const alone. Globals can't be meant, since none can be imported. */
static uint32_t read_offset(sn_reader *r) {
    uint8_t opcode = sn_reader_u8(r);
    if (!r->failed && opcode != 0x41)
        sn_reader_fail(r, "has an offset that is not an i32.const (opcode 0x%02x)", opcode);
    uint32_t value = (uint32_t)sn_reader_s32(r);
    uint8_t end = sn_reader_u8(r);
    if (!r->failed && end != 0x0b)
        sn_reader_fail(r, "has an offset that is more than an i32.const (opcode 0x%02x)", end);
    return value;
}

/* ---- sections ---- */

static void read_types(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_count(r, 3, "types");
    m->types = take_memory(r, count, sizeof *m->types);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        char text[2 * PARAMETERS_MOST + 2];
        size_t used = 0;
        uint8_t form = sn_reader_u8(r);
        if (!r->failed && form != 0x60)
            sn_reader_fail(r, "has a type of unknown form 0x%02x", form);
        for (int results = 0; results < 2; results++) {
            uint32_t values = sn_reader_count(r, 1, "values");
            if (values > PARAMETERS_MOST)
                sn_reader_fail(r, "has a type of %u values; %d are allowed", values,
                               PARAMETERS_MOST);
            for (uint32_t k = 0; k < values && !r->failed; k++)
                text[used++] = read_value_type(r);
            if (!results)
                text[used++] = ':';
        }
        if (r->failed)
            return;
        m->types[i] = take_memory(r, used + 1, 1);
        if (m->types[i])
            memcpy(m->types[i], text, used);
        m->types_count = i + 1;
    }
}

static void read_imports(sn_module *m, sn_reader *r) {
    static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
    uint32_t count = sn_reader_count(r, 4, "imports");
    m->imports = take_memory(r, count, sizeof *m->imports);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        sn_module_import *import = &m->imports[i];
        m->imports_count = i + 1;
        import->module = read_name(r, "an import's module name");
        import->name = read_name(r, "an import's name");
        uint8_t kind = sn_reader_u8(r);
        if (!r->failed && kind != SN_EXTERN_FUNCTION) {
            sn_reader_fail(r, "imports the %s %s.%s; this build supports functions only",
                           kind < SN_COUNT(kinds) ? kinds[kind] : "unknown thing", import->module,
                           import->name);
            return;
        }
        import->type = sn_reader_u32(r);
        if (!r->failed && import->type >= m->types_count)
            sn_reader_fail(r, "gives %s.%s type %u of %u", import->module, import->name,
                           import->type, m->types_count);
        if (r->failed)
            return;
        const char *type = m->types[import->type];
        if (strlen(strchr(type, ':')) > 2 || strpbrk(type, "re"))
            sn_reader_fail(r,
                           "imports %s.%s of type %s; this build supports numbers and at most one "
                           "result",
                           import->module, import->name, type);
    }
}

/* Called for a module without a function section, too: the imported ones come first. */
static void read_functions(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_left(r) ? sn_reader_count(r, 1, "functions") : 0;
    uint32_t all = m->imports_count + count;
    m->functions = take_memory(r, all, sizeof *m->functions);
    for (uint32_t i = 0; i < all && !r->failed; i++) {
        m->functions[i] = i < m->imports_count ? m->imports[i].type : sn_reader_u32(r);
        if (!r->failed && m->functions[i] >= m->types_count)
            sn_reader_fail(r, "gives function %u type %u of %u", i, m->functions[i],
                           m->types_count);
        m->functions_count = i + 1;
    }
}

static void read_tables(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_count(r, 3, "tables");
    m->tables = take_memory(r, count, sizeof *m->tables);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        m->tables[i].element = read_value_type(r);
        if (!r->failed && m->tables[i].element != 'r' && m->tables[i].element != 'e')
            sn_reader_fail(r, "has a table of numbers");
        read_limits(r, &m->tables[i].min, &m->tables[i].max, "table");
        m->tables_count = i + 1;
    }
}

static void read_memories(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_count(r, 2, "memories");
    m->memories = take_memory(r, count, sizeof *m->memories);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        sn_module_memory *memory = &m->memories[i];
        read_limits(r, &memory->min_pages, &memory->max_pages, "memory");
        if (memory->max_pages == SN_NO_MAXIMUM)
            memory->max_pages = MEMORY_PAGES_MOST;
        if (memory->min_pages > MEMORY_PAGES_MOST || memory->max_pages > MEMORY_PAGES_MOST)
            sn_reader_fail(r, "has a memory of more than %d pages", MEMORY_PAGES_MOST);
        m->memories_count = i + 1;
    }
}

/* Initial values are not evaluated, only stepped over: wasm2c validates and translates them. */
static void skip_initial_value(sn_reader *r) {
    uint8_t opcode = sn_reader_u8(r);
    if (opcode == 0x41)
        sn_reader_s32(r);
    else if (opcode == 0x42) /* i64.const: at most ten bytes, judged by wasm2c */
        while (sn_reader_u8(r) & 0x80)
            ;
    else if (opcode == 0x43)
        sn_reader_take(r, 4);
    else if (opcode == 0x44)
        sn_reader_take(r, 8);
    else if (opcode == 0xd0)
        sn_reader_u8(r);
    else if (opcode == 0xd2)
        sn_reader_u32(r);
    else if (!r->failed)
        sn_reader_fail(r, "has an initial value this build does not support (opcode 0x%02x)",
                       opcode);
    if (sn_reader_u8(r) != 0x0b && !r->failed)
        sn_reader_fail(r, "has an initial value of several instructions");
}

static void read_globals(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_count(r, 4, "globals");
    m->globals = take_memory(r, count, sizeof *m->globals);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        m->globals[i].type = read_value_type(r);
        uint8_t mutability = sn_reader_u8(r);
        if (mutability > 1)
            sn_reader_fail(r, "has a global with unknown flags 0x%02x", mutability);
        m->globals[i].is_mutable = mutability;
        skip_initial_value(r);
        m->globals_count = i + 1;
    }
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void refuse_duplicates(const sn_module *m, sn_reader *r) {
    if (r->failed || m->exports_count < 2)
        return;
    sn_auto_free const char **names = take_memory(r, m->exports_count, sizeof *names);
    if (!names)
        return;
    for (uint32_t i = 0; i < m->exports_count; i++)
        names[i] = m->exports[i].name;
    qsort(names, m->exports_count, sizeof *names, compare_names);
    for (uint32_t i = 1; i < m->exports_count; i++)
        if (strcmp(names[i - 1], names[i]) == 0) {
            sn_reader_fail(r, "exports %s twice", names[i]);
            return;
        }
}

static void read_exports(sn_module *m, sn_reader *r) {
    const uint32_t counts[] = {
        [SN_EXTERN_FUNCTION] = m->functions_count,
        [SN_EXTERN_TABLE] = m->tables_count,
        [SN_EXTERN_MEMORY] = m->memories_count,
        [SN_EXTERN_GLOBAL] = m->globals_count,
    };
    uint32_t count = sn_reader_count(r, 3, "exports");
    m->exports = take_memory(r, count, sizeof *m->exports);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        sn_module_export *export = &m->exports[i];
        m->exports_count = i + 1;
        export->name = read_name(r, "an export's name");
        uint8_t kind = sn_reader_u8(r);
        export->index = sn_reader_u32(r);
        if (r->failed)
            return;
        if (kind >= SN_COUNT(counts))
            sn_reader_fail(r, "exports %s of unknown kind 0x%02x", export->name, kind);
        else if (export->index >= counts[kind])
            sn_reader_fail(r, "exports %s as number %u of %u", export->name, export->index,
                           counts[kind]);
        export->kind = kind;
    }
    refuse_duplicates(m, r);
}

static void read_start(sn_module *m, sn_reader *r) {
    m->has_start = true;
    m->start = sn_reader_u32(r);
    if (r->failed)
        return;
    if (m->start >= m->functions_count || strcmp(m->types[m->functions[m->start]], ":") != 0)
        sn_reader_fail(r, "names function %u, which is not one without parameters and results",
                       m->start);
    else if (m->start < m->imports_count)
        sn_reader_fail(r, "names an imported function; this build supports the module's own");
}

/* Kinds 0 and 2 place plain function numbers; whatever else there is (from reference types) is
 * stepped over. */
static void read_elements(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_count(r, 2, "segments");
    m->elements = take_memory(r, count, sizeof *m->elements);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint32_t flags = sn_reader_u32(r);
        bool active = !(flags & 1), expressions = flags & 4;
        sn_module_element element = {0};
        if (flags > 7)
            sn_reader_fail(r, "has a segment of unknown kind %u", flags);
        if (active && (flags & 2))
            element.table = sn_reader_u32(r);
        if (active)
            element.at = read_offset(r);
        if (flags & 3)
            sn_reader_u8(r); /* the kind or type of element */
        if (active && !r->failed && element.table >= m->tables_count)
            sn_reader_fail(r, "fills table %u of %u", element.table, m->tables_count);
        element.count = sn_reader_count(r, 1, "elements");
        element.functions = take_memory(r, element.count, sizeof *element.functions);
        for (uint32_t k = 0; k < element.count && !r->failed; k++) {
            if (expressions) {
                skip_initial_value(r);
                continue;
            }
            element.functions[k] = sn_reader_u32(r);
            if (element.functions[k] >= m->functions_count)
                sn_reader_fail(r, "names function %u of %u", element.functions[k],
                               m->functions_count);
        }
        if (active && !expressions && !r->failed) {
            m->elements[m->elements_count++] = element;
        } else {
            m->other_elements++;
            free(element.functions);
        }
    }
}

static void read_code(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_left(r) ? sn_reader_count(r, 3, "bodies") : 0;
    if (!r->failed && count != m->functions_count - m->imports_count)
        sn_reader_fail(r, "has %u bodies for %u functions", count,
                       m->functions_count - m->imports_count);
    for (uint32_t i = 0; i < count && !r->failed; i++)
        sn_reader_take(r, sn_reader_u32(r));
}

static void read_data(sn_module *m, sn_reader *r) {
    uint32_t count = sn_reader_count(r, 2, "segments");
    m->segments = take_memory(r, count, sizeof *m->segments);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        sn_module_segment *segment = &m->segments[i];
        uint32_t flags = sn_reader_u32(r);
        if (flags > 2)
            sn_reader_fail(r, "has a segment of unknown kind %u", flags);
        segment->passive = flags == 1;
        segment->memory = flags == 2 ? sn_reader_u32(r) : 0;
        if (!segment->passive) {
            segment->at = read_offset(r);
            if (!r->failed && segment->memory >= m->memories_count)
                sn_reader_fail(r, "fills memory %u of %u", segment->memory, m->memories_count);
        }
        segment->bytes = sn_reader_u32(r);
        segment->data = sn_reader_take(r, segment->bytes);
        m->segments_count = i + 1;
    }
}

/* ---- the whole ---- */

/* In the order the specification asks for; `always` also without such a section. */
static const struct {
    enum sn_section id;
    const char *name;
    void (*read)(sn_module *m, sn_reader *r);
    bool always;
} section_kinds[] = {
    {SN_SECTION_TYPE, "type", read_types, false},
    {SN_SECTION_IMPORT, "import", read_imports, false},
    {SN_SECTION_FUNCTION, "function", read_functions, true},
    {SN_SECTION_TABLE, "table", read_tables, false},
    {SN_SECTION_MEMORY, "memory", read_memories, false},
    {SN_SECTION_GLOBAL, "global", read_globals, false},
    {SN_SECTION_EXPORT, "export", read_exports, false},
    {SN_SECTION_START, "start", read_start, false},
    {SN_SECTION_ELEMENT, "element", read_elements, false},
    {SN_SECTION_DATA_COUNT, "data count", NULL, false},
    {SN_SECTION_CODE, "code", read_code, true},
    {SN_SECTION_DATA, "data", read_data, false},
};

static int check_header(const uint8_t *data, size_t bytes, sn_error *err) {
    static const uint8_t magic[] = {0, 'a', 's', 'm'};
    static const uint8_t core[] = {1, 0, 0, 0}, component[] = {0x0d, 0, 1, 0};
    if (bytes >= 8 && memcmp(data, magic, 4) == 0) {
        if (memcmp(data + 4, core, 4) == 0)
            return 0;
        if (memcmp(data + 4, component, 4) == 0) {
            sn_fail(err, SN_EINVALID_ARGUMENT,
                    "this is a WebAssembly component; this build runs core modules");
            return sn_hint(err, "build it for WASI preview 1 (wasm32-wasip1), or take the core "
                                "module out of the component");
        }
        return sn_fail(
            err, SN_EINVALID_ARGUMENT,
            "unknown WebAssembly version %02x %02x %02x %02x; this build reads version 1", data[4],
            data[5], data[6], data[7]);
    }
    size_t blank = 0;
    while (blank < bytes && strchr(" \t\r\n", data[blank]) && data[blank])
        blank++;
    if (blank < bytes && (data[blank] == '(' || data[blank] == ';')) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "this looks like WebAssembly's text format");
        return sn_hint(err, "make a binary of it first: wat2wasm FILE.wat");
    }
    sn_fail(err, SN_EINVALID_ARGUMENT,
            bytes < 8 ? "this is not a WebAssembly module: it has %zu bytes"
                      : "this is not a WebAssembly module: it does not begin with \\0asm",
            bytes);
    return sn_hint(err, "the file may be damaged or unfinished; build or fetch it again");
}

static int find_sections(sn_module *m, sn_reader *r) {
    size_t rank = 0; /* sections up to here may not follow any more */
    r->section = "next";
    while (sn_reader_left(r) > 0) {
        uint8_t id = sn_reader_u8(r);
        uint32_t bytes = sn_reader_u32(r);
        size_t kind = 0;
        while (kind < SN_COUNT(section_kinds) && section_kinds[kind].id != id)
            kind++;
        if (id == 13)
            sn_reader_fail(r, "declares exceptions (tags), which this build does not support");
        else if (id != SN_SECTION_CUSTOM && kind == SN_COUNT(section_kinds))
            sn_reader_fail(r, "has the unknown number %u", id);
        if (!r->failed && bytes > sn_reader_left(r)) {
            if (id != SN_SECTION_CUSTOM)
                r->section = section_kinds[kind].name;
            sn_reader_fail(r, "has %u bytes, %zu are there: the file is cut off", bytes,
                           sn_reader_left(r));
        }
        const uint8_t *data = sn_reader_take(r, bytes);
        if (!data)
            return -1;
        if (id == SN_SECTION_CUSTOM)
            continue;
        if (kind < rank) {
            r->section = section_kinds[kind].name;
            sn_reader_fail(r, "comes twice or too late");
            return -1;
        }
        rank = kind + 1;
        m->sections[id] = (sn_module_section){data, bytes};
    }
    return r->failed ? -1 : 0;
}

int sn_module_parse(sn_module *out, const void *data, size_t bytes, sn_error *err) {
    *out = (sn_module){.data = data, .bytes = bytes};
    int rc = check_header(data, bytes, err);
    if (rc < 0)
        return rc;
    sn_error found = SN_ERROR_INIT;
    const uint8_t *start = data;
    sn_reader r = {.start = start, .at = start + 8, .end = start + bytes, .err = &found};
    find_sections(out, &r);
    for (size_t i = 0; i < SN_COUNT(section_kinds) && !r.failed; i++) {
        const sn_module_section *section = &out->sections[section_kinds[i].id];
        if (!section_kinds[i].read || (!section->data && !section_kinds[i].always))
            continue;
        r.section = section_kinds[i].name;
        r.at = section->data ? section->data : r.end;
        r.end = section->data ? section->data + section->bytes : r.end;
        section_kinds[i].read(out, &r);
        if (!r.failed && section->data && r.at != r.end)
            sn_reader_fail(&r, "has %zu bytes too many", sn_reader_left(&r));
        r.end = start + bytes;
    }
    if (r.failed && err)
        *err = found;
    return r.failed ? found.code : 0;
}

void sn_module_free(sn_module *m) {
    for (uint32_t i = 0; i < m->types_count; i++)
        free(m->types[i]);
    for (uint32_t i = 0; i < m->imports_count; i++) {
        free(m->imports[i].module);
        free(m->imports[i].name);
    }
    for (uint32_t i = 0; i < m->exports_count; i++)
        free(m->exports[i].name);
    for (uint32_t i = 0; i < m->elements_count; i++)
        free(m->elements[i].functions);
    free(m->types);
    free(m->imports);
    free(m->functions);
    free(m->tables);
    free(m->memories);
    free(m->globals);
    free(m->exports);
    free(m->elements);
    free(m->segments);
    *m = (sn_module){0};
}
