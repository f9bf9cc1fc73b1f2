/* shim.c - see shim.h. */
#include "wasm/shim.h"

#include "util/auto.h"
#include "util/error.h"
#include "wasm/native/abi.h"

#include <stdarg.h>
#include <string.h>

typedef struct writer {
    sn_buffer *out;
    bool failed;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *fmt, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int bytes = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (bytes < 0 || (size_t)bytes >= sizeof text || !sn_buffer_add(w->out, text, (size_t)bytes))
        w->failed = true;
}

static void put_buffer(writer *w, const sn_buffer *buffer) {
    if (buffer->bytes > 0 && !sn_buffer_add(w->out, buffer->data, buffer->bytes))
        w->failed = true;
}

static int finish(const writer *w, sn_error *err) {
    return w->failed ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to write the code") : 0;
}

static const char *c_type(char letter) {
    switch (letter) {
    case 'i':
        return "u32";
    case 'I':
        return "u64";
    case 'f':
        return "f32";
    case 'F':
        return "f64";
    case 'r':
        return "wasm_rt_funcref_t";
    default:
        return "wasm_rt_externref_t";
    }
}

/* ---- types of functions ---- */

static int compare_types(const void *a, const void *b, void *module) {
    const sn_module *m = module;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = strcmp(m->types[x], m->types[y]);
    return order ? order : x < y ? -1 : x > y;
}

/* A number for each type, from 1: the position of the first that is equal. NULL: no memory. */
static uint32_t *number_types(const sn_module *module) {
    sn_auto_free uint32_t *sorted = calloc((size_t)module->types_count + 1, sizeof *sorted);
    uint32_t *ids = calloc((size_t)module->types_count + 1, sizeof *ids);
    if (!sorted || !ids) {
        free(ids);
        return NULL;
    }
    for (uint32_t i = 0; i < module->types_count; i++)
        sorted[i] = i;
    qsort_r(sorted, module->types_count, sizeof *sorted, compare_types, (void *)module);
    uint32_t first = 0;
    for (uint32_t i = 0; i < module->types_count; i++) {
        if (i == 0 || strcmp(module->types[sorted[i]], module->types[first]) != 0)
            first = sorted[i];
        ids[sorted[i]] = first + 1;
    }
    return ids;
}

/* ---- tables ---- */

/* Whether all places of the table are known now and stay as they are. */
static bool is_constant(const sn_module *module, const sn_split *split, uint32_t table) {
    if (split->tables_change || module->other_elements > 0 || module->tables[table].element != 'r')
        return false;
    for (uint32_t i = 0; i < module->elements_count; i++) {
        const sn_module_element *element = &module->elements[i];
        if (element->table == table &&
            (uint64_t)element->at + element->count > module->tables[table].min)
            return false; /* instantiation traps, as it has to */
    }
    return module->tables[table].min > 0;
}

static bool all_constant(const sn_module *module, const sn_split *split) {
    for (uint32_t i = 0; i < module->tables_count; i++)
        if (!is_constant(module, split, i))
            return false;
    return true;
}

static void put_function_name(writer *w, const sn_module *module, uint32_t function) {
    if (function < module->imports_count)
        put(w, "Z_hZ_i%u", function);
    else
        put(w, "w2c_f%u", function);
}

static void put_places(writer *w, const sn_module *module, uint32_t table, const uint32_t *ids) {
    put(w, "const sn_place T%u_places[%u] = {\n", table, module->tables[table].min);
    /* A later segment overwrites an earlier one, as a later initialiser does in C. */
    for (uint32_t i = 0; i < module->elements_count; i++) {
        const sn_module_element *element = &module->elements[i];
        if (element->table != table)
            continue;
        for (uint32_t k = 0; k < element->count; k++) {
            uint32_t function = element->functions[k];
            put(w, "[%u] = {.function = {%u, (sn_code)", element->at + k,
                ids[module->functions[function]]);
            put_function_name(w, module, function);
            put(w, "}},\n");
        }
    }
    put(w, "};\n");
}

/* ---- common.h ---- */

static void put_import_prototypes(writer *w, const sn_module *module) {
    for (uint32_t i = 0; i < module->imports_count; i++) {
        const char *type = module->types[module->imports[i].type];
        const char *results = strchr(type, ':') + 1;
        put(w, "%s Z_hZ_i%u(", *results ? c_type(*results) : "void", i);
        for (const char *at = type; *at != ':'; at++)
            put(w, "%s%s", at > type ? ", " : "", c_type(*at));
        put(w, "%s);\n", *type == ':' ? "void" : "");
    }
}

int sn_shim_common(sn_buffer *out, const sn_module *module, const sn_split *split, sn_error *err) {
    writer w = {.out = out};
    sn_auto_free uint32_t *ids = number_types(module);
    if (!ids)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to write the code");
    put(&w, "#include \"native.h\"\n");
    put_buffer(&w, &split->types);
    put(&w, "static const u32 func_types[%u] = {", module->types_count + 1);
    for (uint32_t i = 0; i < module->types_count; i++)
        put(&w, "%u,", ids[i]);
    put(&w, "};\n");
    put(&w, "typedef struct sn_module_state {\n");
    put_buffer(&w, &split->state);
    put(&w, "char end;\n} sn_module_state;\n");
    put(&w,
        "#define SN_HEADER_BYTES ((sizeof(sn_module_state) + SN_STATE_BYTES + 4095) & ~4095ul)\n"
        "#define sn_module ((sn_module_state SN_GS *)(-(s64)SN_HEADER_BYTES))\n");
    for (uint32_t i = 0; i < module->memories_count; i++)
        put(&w, "SN_MEMORY(M%u, %u, %s)\n", i, i, i == 0 ? "SN_CELL_GS" : "SN_CELL_BASE");
    for (uint32_t i = 0; i < module->tables_count; i++)
        if (is_constant(module, split, i))
            put(&w, "SN_TABLE_CONST(T%u, %u, %u)\n", i, i, module->tables[i].min);
        else
            put(&w, "SN_TABLE(T%u, %u)\n", i, i);
    put_import_prototypes(&w, module);
    put_buffer(&w, &split->prototypes);
    put_buffer(&w, &split->externs);
    return finish(&w, err);
}

/* ---- shim.c ---- */

/* u32 Z_hZ_i7(u32 a0, u64 a1) { ... call with the context before a0 and a1 ... } */
static void put_import_stubs(writer *w, const sn_module *module) {
    for (uint32_t i = 0; i < module->imports_count; i++) {
        const char *type = module->types[module->imports[i].type];
        const char *results = strchr(type, ':') + 1;
        const char *result = *results ? c_type(*results) : "void";
        put(w, "%s Z_hZ_i%u(", result, i);
        for (const char *at = type; *at != ':'; at++)
            put(w, "%s%s a%d", at > type ? ", " : "", c_type(*at), (int)(at - type));
        put(w, "%s) {\n    const sn_state_import *import = sn_import(%u);\n    %s((%s (*)(void *",
            *type == ':' ? "void" : "", i, *results ? "return " : "", result);
        for (const char *at = type; *at != ':'; at++)
            put(w, ", %s", c_type(*at));
        put(w, "))import->code)(import->context");
        for (const char *at = type; *at != ':'; at++)
            put(w, ", a%d", (int)(at - type));
        put(w, ");\n}\n");
    }
}

static void put_imports(writer *w, const sn_module *module) {
    put(w, "static const sn_native_import imports[] = {\n");
    for (uint32_t i = 0; i < module->imports_count; i++)
        put(w, "{\"%s\", \"%s\", \"%s\"},\n", module->imports[i].module, module->imports[i].name,
            module->types[module->imports[i].type]);
    put(w, "{0}};\n");
}

static void put_exports(writer *w, const sn_module *module) {
    put(w, "static const sn_native_export exports[] = {\n");
    for (uint32_t i = 0; i < module->exports_count; i++) {
        const sn_module_export *export = &module->exports[i];
        put(w, "{\"%s\", ", export->name);
        switch (export->kind) {
        case SN_EXTERN_FUNCTION:
            put(w, "\"%s\", SN_NATIVE_FUNCTION, 0, (sn_code)",
                module->types[module->functions[export->index]]);
            put_function_name(w, module, export->index);
            break;
        case SN_EXTERN_GLOBAL:
            put(w, "\"%c%s\", SN_NATIVE_GLOBAL, __builtin_offsetof(sn_module_state, w2c_g%u), NULL",
                module->globals[export->index].type,
                module->globals[export->index].is_mutable ? "m" : "", export->index);
            break;
        case SN_EXTERN_MEMORY:
            put(w, "\"\", SN_NATIVE_MEMORY, %u, NULL", export->index);
            break;
        case SN_EXTERN_TABLE:
            put(w, "\"\", SN_NATIVE_TABLE, %u, NULL", export->index);
            break;
        }
        put(w, "},\n");
    }
    put(w, "{0}};\n");
}

static void put_memories_and_tables(writer *w, const sn_module *module, const sn_split *split) {
    put(w, "static const sn_native_memory memories[] = {\n");
    for (uint32_t i = 0; i < module->memories_count; i++)
        put(w, "{%u, %u},\n", module->memories[i].min_pages, module->memories[i].max_pages);
    put(w, "{0}};\nstatic const sn_native_table tables[] = {\n");
    for (uint32_t i = 0; i < module->tables_count; i++) {
        put(w, "{%u, %uu, ", module->tables[i].min, module->tables[i].max);
        if (is_constant(module, split, i))
            put(w, "T%u_places},\n", i);
        else
            put(w, "NULL},\n");
    }
    put(w, "{0}};\n");
}

static void put_segments(writer *w, const sn_module *module) {
    size_t at = 0;
    put(w, "extern const u8 sn_segments[];\nstatic const sn_native_segment segments[] = {\n");
    for (uint32_t i = 0; i < module->segments_count; i++) {
        const sn_module_segment *segment = &module->segments[i];
        if (segment->passive)
            continue;
        put(w, "{%u, %uu, %zu, sn_segments + %zu},\n", segment->memory, segment->at, segment->bytes,
            at);
        at += segment->bytes;
    }
    put(w, "{0}};\n");
}

static void put_profile(writer *w) {
    put(w, "extern void __llvm_profile_set_filename(const char *);\n"
           "extern int __llvm_profile_write_file(void);\n"
           "static int write_profile(const char *path) {\n"
           "    __llvm_profile_set_filename(path);\n"
           "    return __llvm_profile_write_file();\n}\n");
}

int sn_shim_source(sn_buffer *out, const sn_module *module, const sn_split *split,
                   const sn_shim_options *options, sn_error *err) {
    writer w = {.out = out};
    sn_auto_free uint32_t *ids = number_types(module);
    if (!ids)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to write the code");
    put(&w, "#include \"common.h\"\n");
    put_buffer(&w, &split->constants);
    for (uint32_t i = 0; i < module->tables_count; i++)
        if (is_constant(module, split, i))
            put_places(&w, module, i, ids);
    put_import_stubs(&w, module);
    put(&w, "static void init(void) {\n");
    put_buffer(&w, &split->globals);
    if (!all_constant(module, split))
        put_buffer(&w, &split->tables);
    put(&w, "}\n");
    put_imports(&w, module);
    put_exports(&w, module);
    put_memories_and_tables(&w, module, split);
    put_segments(&w, module);
    if (options->profile)
        put_profile(&w);
    put(&w,
        "__attribute__((visibility(\"default\"))) const sn_native_descriptor " SN_NATIVE_SYMBOL
        " = {\n"
        "    .magic = SN_NATIVE_MAGIC, .version = SN_NATIVE_VERSION,\n"
        "    .bytes = sizeof(sn_native_descriptor), .header_bytes = SN_HEADER_BYTES,\n"
        "    .cpu_level = %u, .imports_count = %u, .exports_count = %u, .memories_count = %u,\n"
        "    .tables_count = %u, .segments_count = sizeof segments / sizeof segments[0] - 1,\n"
        "    .imports = imports, .exports = exports, .memories = memories, .tables = tables,\n"
        "    .segments = segments, .init = init,\n",
        options->cpu_level, module->imports_count, module->exports_count, module->memories_count,
        module->tables_count);
    if (module->has_start)
        put(&w, "    .start = w2c_f%u,\n", module->start);
    if (options->profile)
        put(&w, "    .write_profile = write_profile,\n");
    put(&w, "};\n");
    return finish(&w, err);
}

int sn_shim_segments(sn_buffer *assembler, sn_buffer *bytes, const sn_module *module,
                     sn_error *err) {
    writer w = {.out = assembler};
    put(&w, ".section .rodata,\"a\",@progbits\n"
            ".balign 4096\n.globl sn_segments\n.hidden sn_segments\nsn_segments:\n"
            ".incbin \"segments.bin\"\n.byte 0\n"
            ".section .note.GNU-stack,\"\",@progbits\n");
    for (uint32_t i = 0; i < module->segments_count; i++) {
        const sn_module_segment *segment = &module->segments[i];
        if (!segment->passive && segment->bytes > 0 &&
            !sn_buffer_add(bytes, segment->data, segment->bytes))
            w.failed = true;
    }
    return finish(&w, err);
}
