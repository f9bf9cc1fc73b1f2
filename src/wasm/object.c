/* object.c - loads native objects; see instance.h and native/abi.h. */
#include "wasm/object.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

static int unusable(sn_error *err, const char *path, const char *why) {
    sn_fail(err, SN_EUNAVAILABLE, "%s cannot be used: %s", path, why);
    return sn_hint(err, "make it anew with `shannon interpreter build --force FILE.wasm`");
}

static bool cpu_has_level(unsigned level) {
    switch (level) {
    case 1:
        return true;
    case 2:
        return __builtin_cpu_supports("x86-64-v2");
    case 3:
        return __builtin_cpu_supports("x86-64-v3");
    default:
        return false;
    }
}

static int check_descriptor(const sn_native_descriptor *d, const char *path, sn_error *err) {
    if (!d || d->magic != SN_NATIVE_MAGIC)
        return unusable(err, path, "it is not a compiled module");
    if (d->version != SN_NATIVE_VERSION || d->bytes != sizeof *d)
        return unusable(err, path, "another version of Shannon made it");
    if (d->memories_count > SN_NATIVE_MEMORIES_MOST || d->tables_count > SN_NATIVE_TABLES_MOST ||
        d->header_bytes < SN_STATE_BYTES || d->header_bytes % 4096 != 0)
        return unusable(err, path, "its description makes no sense");
    if (!cpu_has_level(d->cpu_level))
        return unusable(err, path, "it was compiled for a newer processor");
    return 0;
}

/* Finds the executable part of the object that the descriptor lies in. */
static int find_code(struct dl_phdr_info *info, size_t size, void *user) {
    (void)size;
    sn_native *native = user;
    uintptr_t descriptor = (uintptr_t)native->descriptor, start = 0, end = 0;
    bool found = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD)
            continue;
        found |= descriptor >= at && descriptor < at + part->p_memsz;
        if (part->p_flags & PF_X) {
            start = at;
            end = at + part->p_memsz;
        }
    }
    if (found) {
        native->code_start = start;
        native->code_end = end;
    }
    return found;
}

int sn_native_open(sn_native **out, const char *path, sn_error *err) {
    sn_auto_free char *with_slash = strchr(path, '/') ? NULL : sn_format("./%s", path);
    void *handle = dlopen(with_slash ? with_slash : path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return unusable(err, path, dlerror());
    const sn_native_descriptor *descriptor = dlsym(handle, SN_NATIVE_SYMBOL);
    int rc = check_descriptor(descriptor, path, err);
    sn_native *native = rc == 0 ? calloc(1, sizeof *native) : NULL;
    if (!native) {
        dlclose(handle);
        return rc < 0 ? rc : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to load %s", path);
    }
    *native = (sn_native){.handle = handle, .descriptor = descriptor};
    dl_iterate_phdr(find_code, native);
    *out = native;
    return 0;
}

void sn_native_close(sn_native *native) {
    if (!native)
        return;
    dlclose(native->handle);
    free(native);
}

const sn_native_export *sn_native_find(const sn_native *native, const char *name,
                                       enum sn_native_kind kind) {
    const sn_native_descriptor *d = native->descriptor;
    for (uint32_t i = 0; i < d->exports_count; i++)
        if (d->exports[i].kind == kind && strcmp(d->exports[i].name, name) == 0)
            return &d->exports[i];
    return NULL;
}

const void *sn_native_code(const sn_native *native, size_t *bytes) {
    enum { PAGE = 4096 };
    uintptr_t start = native->code_start / PAGE * PAGE;
    *bytes = (native->code_end - start + PAGE - 1) / PAGE * PAGE;
    return (const void *)start;
}

bool sn_native_has_function(const sn_native *native, const char *name) {
    return sn_native_find(native, name, SN_NATIVE_FUNCTION) != NULL;
}

int sn_native_check_limits(const sn_native *native, const sn_module_limits *limits, sn_error *err) {
    const sn_native_descriptor *d = native->descriptor;
    sn_module_table tables[SN_NATIVE_TABLES_MOST];
    sn_module_memory memories[SN_NATIVE_MEMORIES_MOST];
    for (uint32_t i = 0; i < d->tables_count; i++)
        tables[i] = (sn_module_table){'r', d->tables[i].min, d->tables[i].max};
    for (uint32_t i = 0; i < d->memories_count; i++)
        memories[i] = (sn_module_memory){d->memories[i].min_pages, d->memories[i].max_pages};
    sn_module described = {
        .tables = tables,
        .tables_count = d->tables_count,
        .memories = memories,
        .memories_count = d->memories_count,
    };
    return sn_module_check_limits(&described, limits, err);
}

int sn_native_write_profile(const sn_native *native, const char *path, sn_error *err) {
    if (!native->descriptor->write_profile)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the module was compiled without profile_generate");
    if (native->descriptor->write_profile(path) != 0)
        return sn_fail(err, SN_EUNAVAILABLE, "cannot write the profile to %s", path);
    return 0;
}
