/* canonical.c - see canonical.h. */
#include "wasm/canonical.h"

#include "util/auto.h"
#include "util/error.h"

#include <string.h>

/* Bytes of one section, or of the file; `failed`: out of memory somewhere on the way. */
typedef struct writer {
    sn_buffer bytes;
    bool failed;
} writer;

static void put(writer *w, const void *data, size_t bytes) {
    if (bytes > 0 && !sn_buffer_add(&w->bytes, data, bytes))
        w->failed = true;
}

static void put_u8(writer *w, uint8_t value) {
    put(w, &value, 1);
}

static void put_u32(writer *w, uint32_t value) {
    while (value > 0x7f) {
        put_u8(w, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    put_u8(w, (uint8_t)value);
}

static void put_name(writer *w, const char *name) {
    put_u32(w, (uint32_t)strlen(name));
    put(w, name, strlen(name));
}

static void put_section(writer *file, enum sn_section id, writer *content) {
    put_u8(file, (uint8_t)id);
    put_u32(file, (uint32_t)content->bytes.bytes);
    put(file, content->bytes.data, content->bytes.bytes);
    file->failed |= content->failed;
    sn_buffer_free(&content->bytes);
}

static void put_imports(writer *file, const sn_module *module) {
    writer w = {0};
    put_u32(&w, module->imports_count);
    for (uint32_t i = 0; i < module->imports_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "i%u", i);
        put_name(&w, "h");
        put_name(&w, name);
        put_u8(&w, SN_EXTERN_FUNCTION);
        put_u32(&w, module->imports[i].type);
    }
    put_section(file, SN_SECTION_IMPORT, &w);
}

/* Exported functions stay exported: ref.func may name only functions that are declared so. */
static void put_exports(writer *file, const sn_module *module) {
    writer w = {0}, list = {0};
    uint32_t count = 0;
    sn_auto_free bool *seen = calloc((size_t)module->functions_count + 1, sizeof *seen);
    file->failed |= !seen;
    for (uint32_t i = 0; seen && i < module->exports_count; i++) {
        const sn_module_export *export = &module->exports[i];
        if (export->kind != SN_EXTERN_FUNCTION || seen[export->index])
            continue;
        seen[export->index] = true;
        char name[16];
        snprintf(name, sizeof name, "f%u", export->index);
        put_name(&list, name);
        put_u8(&list, SN_EXTERN_FUNCTION);
        put_u32(&list, export->index);
        count++;
    }
    put_u32(&w, count);
    put(&w, list.bytes.data, list.bytes.bytes);
    w.failed |= list.failed;
    sn_buffer_free(&list.bytes);
    put_section(file, SN_SECTION_EXPORT, &w);
}

static void put_data(writer *file, const sn_module *module) {
    writer w = {0};
    put_u32(&w, module->segments_count);
    for (uint32_t i = 0; i < module->segments_count; i++) {
        const sn_module_segment *segment = &module->segments[i];
        if (segment->passive) {
            put_u8(&w, 1);
            put_u32(&w, (uint32_t)segment->bytes);
            put(&w, segment->data, segment->bytes);
        } else { /* i32.const 0, end, no bytes */
            put(&w, "\0\x41\0\x0b\0", 5);
        }
    }
    put_section(file, SN_SECTION_DATA, &w);
}

int sn_canonical_write(sn_buffer *out, const sn_module *module, sn_error *err) {
    static const enum sn_section order[] = {
        SN_SECTION_TYPE,       SN_SECTION_IMPORT, SN_SECTION_FUNCTION, SN_SECTION_TABLE,
        SN_SECTION_MEMORY,     SN_SECTION_GLOBAL, SN_SECTION_EXPORT,   SN_SECTION_ELEMENT,
        SN_SECTION_DATA_COUNT, SN_SECTION_CODE,   SN_SECTION_DATA,
    };
    writer file = {.bytes = *out};
    put(&file, "\0asm\1\0\0\0", 8);
    for (size_t i = 0; i < SN_COUNT(order); i++) {
        const sn_module_section *section = &module->sections[order[i]];
        if (!section->data)
            continue;
        if (order[i] == SN_SECTION_IMPORT)
            put_imports(&file, module);
        else if (order[i] == SN_SECTION_EXPORT)
            put_exports(&file, module);
        else if (order[i] == SN_SECTION_DATA)
            put_data(&file, module);
        else {
            writer copy = {0};
            put(&copy, section->data, section->bytes);
            put_section(&file, order[i], &copy);
        }
    }
    *out = file.bytes;
    return file.failed ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to prepare the module")
                       : 0;
}
