/*
 * instance.c - makes an instance: memories, tables, imports. call.c runs it.
 *
 * The order is that of the specification as far as a guest can tell: imports are matched, memories
 * and tables made, then globals and table segments are filled in by the object's own code, then
 * data. All of a guest's state is what this leaves in linear memory, in the header below it and in
 * the tables; where the tables never change, memory and header can be saved and gone on from.
 */
#include "wasm/instance.h"

#include "util/auto.h"
#include "util/error.h"
#include "wasm/state.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { TABLE_ELEMENTS_DEFAULT = 10000 };

/* ---- imports ---- */

static int match_import(sn_state_import *out, const sn_native_import *import,
                        const sn_instance_options *options, sn_error *err) {
    for (size_t t = 0; t < options->host_tables_count; t++)
        for (const sn_host_func *host = options->host_tables[t]; host->name; host++) {
            if (strcmp(host->name, import->name) != 0 || strcmp(host->module, import->module) != 0)
                continue;
            if (strcmp(host->type, import->type) != 0)
                return sn_fail(err, SN_EINVALID_ARGUMENT,
                               "the module imports %s.%s as %s, but it is %s", import->module,
                               import->name, import->type, host->type);
            *out = (sn_state_import){host->func, options->host_contexts[t]};
            return 0;
        }
    return sn_fail(err, SN_EINVALID_ARGUMENT, "the module imports %s.%s, which does not exist here",
                   import->module, import->name);
}

static int match_imports(sn_instance *instance, const sn_instance_options *options, sn_error *err) {
    const sn_native_descriptor *d = instance->native->descriptor;
    instance->imports = calloc((size_t)d->imports_count + 1, sizeof *instance->imports);
    if (!instance->imports)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an instance");
    for (uint32_t i = 0; i < d->imports_count; i++) {
        int rc = match_import(&instance->imports[i], &d->imports[i], options, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- memories ---- */

static int check_limit(uint64_t bytes, uint64_t limit, sn_error *err) {
    if (bytes <= limit)
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT,
            "memory minimum size of %llu bytes exceeds memory limits (%llu)",
            (unsigned long long)bytes, (unsigned long long)limit);
    return sn_hint(err, "the module needs a higher memory limit to start");
}

static int make_memories(sn_instance *instance, const sn_saved *saved, sn_error *err) {
    const sn_native_descriptor *d = instance->native->descriptor;
    uint64_t sizes[SN_NATIVE_MEMORIES_MOST] = {0}, sum = 0;
    instance->memories_count = d->memories_count ? d->memories_count : 1;
    for (uint32_t i = 0; i < d->memories_count; i++)
        sizes[i] = (uint64_t)d->memories[i].min_pages * SN_WASM_PAGE_BYTES;
    if (saved)
        sizes[0] = saved->memory_bytes;
    for (uint32_t i = 0; i < d->memories_count; i++)
        sum += sizes[i];
    int rc = check_limit(sum, instance->memory_limit_bytes, err);
    for (uint32_t i = 0; rc == 0 && i < instance->memories_count; i++)
        rc = sn_memory_open(&instance->memories[i], sizes[i], instance->memory_limit_bytes,
                            i == 0 ? d->header_bytes : 0, err);
    if (rc < 0)
        return rc;
    instance->state = (sn_state *)(instance->memories[0].base - SN_STATE_BYTES);
    for (uint32_t i = 0; i < d->memories_count; i++)
        instance->state->memories[i] = (sn_state_memory){instance->memories[i].base,
                                                         (uint32_t)(sizes[i] / SN_WASM_PAGE_BYTES)};
    return 0;
}

/* What instantiation puts into linear memory. */
static int fill_memories(sn_instance *instance, sn_error *err) {
    const sn_native_descriptor *d = instance->native->descriptor;
    for (uint32_t i = 0; i < d->segments_count; i++) {
        const sn_native_segment *segment = &d->segments[i];
        void *to =
            sn_memory_range(&instance->memories[segment->memory], segment->at, segment->bytes);
        if (!to)
            return sn_fail(
                err, SN_EINVALID_ARGUMENT,
                "the module's data segment %u (%llu bytes at %u) lies outside its memory", i,
                (unsigned long long)segment->bytes, segment->at);
        memcpy(to, segment->data, segment->bytes);
    }
    return 0;
}

/* ---- going on from what was saved ---- */

static int not_ours(sn_error *err, const char *why) {
    return sn_fail(err, SN_EUNAVAILABLE, "the saved state is not of this module: %s", why);
}

static int check_sizes(const sn_instance *instance, uint64_t memory_bytes, size_t globals_bytes,
                       sn_error *err) {
    const sn_native_descriptor *d = instance->native->descriptor;
    size_t own_bytes;
    if (!sn_instance_globals(instance, &own_bytes) || own_bytes != globals_bytes)
        return not_ours(err, "its globals");
    uint64_t least = (uint64_t)d->memories[0].min_pages * SN_WASM_PAGE_BYTES;
    uint64_t most = (uint64_t)d->memories[0].max_pages * SN_WASM_PAGE_BYTES;
    if (memory_bytes < least || memory_bytes > most || memory_bytes % SN_WASM_PAGE_BYTES != 0)
        return not_ours(err, "the size of its memory");
    return 0;
}

static int check_saved(const sn_instance *instance, const sn_saved *saved, sn_error *err) {
    enum { PAGE = 4096 };
    int rc = check_sizes(instance, saved->memory_bytes, saved->globals_bytes, err);
    if (rc < 0)
        return rc;
    uint64_t end = 0;
    for (size_t i = 0; i < saved->runs_count; i++) {
        const sn_saved_run *run = &saved->runs[i];
        if (run->bytes == 0 || (run->at | run->bytes | run->offset) % PAGE != 0 || run->at < end ||
            run->at > saved->memory_bytes || run->bytes > saved->memory_bytes - run->at)
            return not_ours(err, "the order of its pages");
        end = run->at + run->bytes;
    }
    return 0;
}

static int restore(sn_instance *instance, const sn_saved *saved, sn_error *err) {
    uint8_t *base = instance->memories[0].base;
    size_t globals_bytes;
    memcpy(sn_instance_globals(instance, &globals_bytes), saved->globals, saved->globals_bytes);
    for (size_t i = 0; i < saved->runs_count; i++) {
        const sn_saved_run *run = &saved->runs[i];
        if (mmap(base + run->at, run->bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, saved->fd,
                 (off_t)run->offset) == MAP_FAILED)
            return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot map the saved state");
    }
    instance->started = true;
    return 0;
}

int sn_instance_resume(sn_instance *instance, uint64_t memory_bytes, const void *globals,
                       size_t globals_bytes, sn_error *err) {
    sn_memory *memory = &instance->memories[0];
    int rc = check_sizes(instance, memory_bytes, globals_bytes, err);
    if (rc == 0 && memory_bytes < memory->size_bytes)
        rc = not_ours(err, "the size of its memory");
    if (rc == 0)
        rc = check_limit(memory_bytes, instance->memory_limit_bytes, err);
    if (rc < 0)
        return rc;
    uint64_t more = memory_bytes - memory->size_bytes;
    memory->limit_bytes = instance->memory_limit_bytes;
    if (more > 0 && !sn_memory_grow(memory, more))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the saved state");
    instance->state->memories[0].pages = (uint32_t)(memory_bytes / SN_WASM_PAGE_BYTES);
    memcpy(sn_instance_globals(instance, &globals_bytes), globals, globals_bytes);
    return 0;
}

/* ---- tables ---- */

static int make_tables(sn_instance *instance, uint32_t limit, sn_error *err) {
    const sn_native_descriptor *d = instance->native->descriptor;
    for (uint32_t i = 0; i < d->tables_count; i++) {
        const sn_native_table *table = &d->tables[i];
        uint32_t max = table->max < limit ? table->max : limit;
        if (max < table->min)
            max = table->min;
        sn_place *data = (sn_place *)table->data; /* never written: no function changes it */
        if (!data && max > 0) {
            instance->table_bytes[i] = max * sizeof *data;
            data = mmap(NULL, instance->table_bytes[i], PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (data == MAP_FAILED)
                return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno,
                                     "cannot make a table of %u elements", max);
            instance->tables[i] = data;
        }
        instance->state->tables[i] = (sn_state_table){data, table->min, max};
    }
    return 0;
}

static int run_init(sn_instance *instance, sn_error *err) {
    sn_call_run(instance, (sn_code)instance->native->descriptor->init);
    if (instance->result.outcome == SN_RETURNED)
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT, "the module's tables cannot be filled: %s",
                   sn_trap_text(instance->result.trap));
}

/* ---- the whole ---- */

static int build(sn_instance *instance, const sn_instance_options *options, sn_error *err) {
    uint32_t elements = options->table_elements ? options->table_elements : TABLE_ELEMENTS_DEFAULT;
    int rc = match_imports(instance, options, err);
    if (rc == 0 && options->saved)
        rc = check_saved(instance, options->saved, err);
    if (rc == 0)
        rc = make_memories(instance, options->saved, err);
    if (rc == 0)
        rc = make_tables(instance, elements, err);
    if (rc == 0)
        rc = sn_stack_open(&instance->stack, options->stack_bytes, err);
    if (rc < 0)
        return rc;
    instance->state->host = &sn_host_functions;
    instance->state->imports = instance->imports;
    instance->state->host_stack_limit = (uintptr_t)instance->stack.low + SN_STACK_HOST_BYTES;
    rc = run_init(instance, err);
    if (rc < 0)
        return rc;
    return options->saved ? restore(instance, options->saved, err) : fill_memories(instance, err);
}

int sn_instance_new(sn_instance **out, sn_native *native, const sn_instance_options *options,
                    sn_error *err) {
    sn_instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an instance");
    instance->native = native;
    instance->memory_limit_bytes = options->memory_limit_bytes;
    instance->started = !native->descriptor->start;
    int rc = build(instance, options, err);
    if (rc < 0) {
        sn_instance_free(instance);
        return rc;
    }
    *out = instance;
    return 0;
}

void sn_instance_free(sn_instance *instance) {
    if (!instance)
        return;
    sn_stack_close(&instance->stack);
    for (uint32_t i = 0; i < SN_NATIVE_TABLES_MOST; i++)
        if (instance->tables[i])
            munmap(instance->tables[i], instance->table_bytes[i]);
    for (uint32_t i = 0; i < instance->memories_count; i++)
        sn_memory_close(&instance->memories[i],
                        i == 0 ? instance->native->descriptor->header_bytes : 0);
    free(instance->imports);
    free(instance);
}

sn_memory *sn_instance_memory(sn_instance *instance) {
    return &instance->memories[0];
}

int sn_instance_set_memory_limit(sn_instance *instance, uint64_t bytes, sn_error *err) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < instance->memories_count; i++)
        sum += instance->memories[i].size_bytes;
    int rc = check_limit(sum, bytes, err);
    if (rc == 0)
        instance->memory_limit_bytes = bytes;
    return rc;
}

void *sn_instance_globals(const sn_instance *instance, size_t *bytes) {
    const sn_native_descriptor *d = instance->native->descriptor;
    if (d->memories_count != 1)
        return NULL;
    for (uint32_t i = 0; i < d->tables_count; i++)
        if (!d->tables[i].data)
            return NULL;
    *bytes = d->header_bytes - SN_STATE_BYTES;
    return instance->memories[0].base - d->header_bytes;
}
