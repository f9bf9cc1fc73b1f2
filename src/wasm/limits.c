/*
 * limits.c - how large a module may be.
 *
 * The limits bound what a module asks for before it runs a single instruction. They are settings of
 * the operator, so a refusal names the number, the limit, and the variable that moves it.
 */
#include "wasm/memory.h"
#include "wasm/module.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/parse.h"
#include "wasm/native/abi.h"

static int over(sn_error *err, const char *variable) {
    return sn_hint(err, "raise %s if you trust the module", variable);
}

static int check_tables(const sn_module *module, const sn_module_limits *limits, sn_error *err) {
    uint32_t most = limits->tables < SN_NATIVE_TABLES_MOST ? limits->tables : SN_NATIVE_TABLES_MOST;
    if (module->tables_count > most) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "table count of %u exceeds table count limits (%u)",
                module->tables_count, most);
        return over(err, "WASI_TABLES_LIMIT");
    }
    for (uint32_t i = 0; i < module->tables_count; i++)
        if (module->tables[i].min > limits->table_elements) {
            sn_fail(err, SN_EINVALID_ARGUMENT,
                    "table minimum size of %u elements exceeds table limits (%u)",
                    module->tables[i].min, limits->table_elements);
            return over(err, "WASI_TABLE_ELEMENTS_LIMIT");
        }
    return 0;
}

static int check_memories(const sn_module *module, const sn_module_limits *limits, sn_error *err) {
    uint32_t most =
        limits->memories < SN_NATIVE_MEMORIES_MOST ? limits->memories : SN_NATIVE_MEMORIES_MOST;
    if (module->memories_count > most) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "memory count of %u exceeds memory count limits (%u)",
                module->memories_count, most);
        return over(err, "WASI_MEMORIES_LIMIT");
    }
    for (uint32_t i = 0; i < module->memories_count; i++) {
        uint64_t bytes = (uint64_t)module->memories[i].min_pages * SN_WASM_PAGE_BYTES;
        if (bytes > limits->memory_bytes) {
            sn_fail(err, SN_EINVALID_ARGUMENT,
                    "memory minimum size of %llu bytes exceeds memory limits (%llu)",
                    (unsigned long long)bytes, (unsigned long long)limits->memory_bytes);
            return over(err, "WASI_MEMORY_LIMIT_MB");
        }
    }
    return 0;
}

int sn_module_check_limits(const sn_module *module, const sn_module_limits *limits, sn_error *err) {
    if (module->bytes > limits->module_bytes)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "module size of %zu bytes exceeds the limit (%zu)", module->bytes,
                       limits->module_bytes);
    if (limits->instances < 1) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "instance count of 1 exceeds instance limits (%u)",
                limits->instances);
        return over(err, "WASI_INSTANCES_LIMIT");
    }
    int rc = check_tables(module, limits, err);
    return rc < 0 ? rc : check_memories(module, limits, err);
}

int sn_module_limits_from_env(sn_module_limits *out, sn_error *err) {
    sn_module_limits limits = SN_MODULE_LIMITS_INIT;
    uint64_t memory_mb = limits.memory_bytes >> 20;
    const struct {
        const char *name;
        uint64_t max;
        uint32_t *number;
        uint64_t *wide;
    } variables[] = {
        {"WASI_TABLE_ELEMENTS_LIMIT", 10000000, &limits.table_elements, NULL},
        {"WASI_TABLES_LIMIT", SN_NATIVE_TABLES_MOST, &limits.tables, NULL},
        {"WASI_INSTANCES_LIMIT", 1000000, &limits.instances, NULL},
        {"WASI_MEMORIES_LIMIT", SN_NATIVE_MEMORIES_MOST, &limits.memories, NULL},
        {"WASI_MEMORY_LIMIT_MB", 4096, NULL, &memory_mb},
    };
    for (size_t i = 0; i < SN_COUNT(variables); i++) {
        const char *value = getenv(variables[i].name);
        uint64_t number;
        if (!value || !*value)
            continue;
        if (!sn_parse_u64(&number, value, 1, variables[i].max)) {
            sn_fail(err, SN_EINVALID_ARGUMENT, "%s is '%.40s', not a number from 1 to %llu",
                    variables[i].name, value, (unsigned long long)variables[i].max);
            return sn_hint(err, "correct the environment variable, or unset it for its default");
        }
        if (variables[i].wide)
            *variables[i].wide = number;
        else
            *variables[i].number = (uint32_t)number;
    }
    limits.memory_bytes = memory_mb << 20;
    *out = limits;
    return 0;
}
