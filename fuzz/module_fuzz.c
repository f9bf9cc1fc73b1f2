/*
 * module_fuzz.c - reads what it is given as a WebAssembly module. Whatever it is, it is taken or
 * refused with a reason; what is taken has indices that fit, and can be written again without its
 * names and data (canonical.h), which makes a module that is taken, too.
 */
#include "util/auto.h"
#include "util/buffer.h"
#include "wasm/canonical.h"
#include "wasm/module.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check_names(const sn_module *m) {
    for (uint32_t i = 0; i < m->imports_count; i++) {
        require(sn_module_name_is_safe(m->imports[i].module, strlen(m->imports[i].module)));
        require(sn_module_name_is_safe(m->imports[i].name, strlen(m->imports[i].name)));
    }
    for (uint32_t i = 0; i < m->exports_count; i++)
        require(sn_module_name_is_safe(m->exports[i].name, strlen(m->exports[i].name)));
}

static void check_indices(const sn_module *m) {
    require(m->functions_count >= m->imports_count);
    for (uint32_t i = 0; i < m->functions_count; i++)
        require(m->functions[i] < m->types_count && strchr(m->types[m->functions[i]], ':'));
    for (uint32_t i = 0; i < m->elements_count; i++) {
        require(m->elements[i].table < m->tables_count);
        for (uint32_t k = 0; k < m->elements[i].count; k++)
            require(m->elements[i].functions[k] < m->functions_count);
    }
    for (uint32_t i = 0; i < m->segments_count; i++) {
        require(m->segments[i].data >= m->data);
        require(m->segments[i].data + m->segments[i].bytes <= m->data + m->bytes);
        require(m->segments[i].passive || m->segments[i].memory < m->memories_count);
    }
    if (m->has_start)
        require(m->start < m->functions_count);
}

static void check_rewritten(const sn_module *m) {
    sn_buffer out = {0};
    sn_module again;
    sn_error err = SN_ERROR_INIT;
    require(sn_canonical_write(&out, m, &err) == 0);
    require(sn_module_parse(&again, out.data, out.bytes, &err) == 0);
    require(again.functions_count == m->functions_count && again.types_count == m->types_count);
    require(again.imports_count == m->imports_count && !again.has_start);
    for (uint32_t i = 0; i < again.segments_count; i++)
        require(again.segments[i].passive || again.segments[i].bytes == 0);
    sn_module_free(&again);
    sn_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_module module;
    sn_module_limits limits = SN_MODULE_LIMITS_INIT;
    sn_error err = SN_ERROR_INIT;
    int rc = sn_module_parse(&module, data, size, &err);
    require(rc == err.code);
    require(rc == 0 || (rc == SN_EINVALID_ARGUMENT && err.message[0]));
    if (rc == 0) {
        check_names(&module);
        check_indices(&module);
        check_rewritten(&module);
        rc = sn_module_check_limits(&module, &limits, &err);
        require(rc == 0 || rc == SN_EINVALID_ARGUMENT);
    }
    sn_module_free(&module);
    return 0;
}
