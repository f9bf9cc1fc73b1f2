/* stages.c - see stages.h. */
#include "wasm/stages.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "wasm/cache.h"
#include "wasm/canonical.h"
#include "wasm/native_sources.h"
#include "wasm/shim.h"
#include "wasm/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
    CPU_LEVEL = 2, /* x86-64-v2: every machine since 2009; object.c checks it */
    PART_BYTES =
        3 << 20, /* of C in one compiler: small enough to share out, large enough to inline in */
    PARTS_MOST = 512,
    C_MOST_BYTES = 1 << 30,
};

/*
 * -O2: -O3 takes longer and is no faster on CPython. No -march beyond v2: the cache may be copied.
 * Stack clash protection makes a frame larger than a page touch each of its pages, so that none can
 * step over the guard (stack.h). Floats must round as the specification says, so no contraction.
 * Wasm has no aliasing rules.
 */
static const char *const compile_flags[] = {
    "clang-19",
    "-std=gnu17",
    "-O2",
    "-march=x86-64-v2",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-plt",
    "-fno-math-errno",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-fno-asynchronous-unwind-tables",
    "-fstack-clash-protection",
    "-w",
    "-I.",
};

static const char *const link_flags[] = {
    "clang-19",
    "-shared",
    "-fuse-ld=lld",
    "-Wl,-z,defs,-z,relro,-z,now,-z,noexecstack",
    "-Wl,--gc-sections,-s,--build-id=none",
    "-o",
    "module.so",
};

static void tell(sn_build *b, const char *stage) {
    b->stage = stage;
    if (b->options->progress)
        b->options->progress(b->options->user, stage, 0, 0);
}

static void tell_part(void *user, unsigned done, unsigned total) {
    sn_build *b = user;
    if (b->options->progress)
        b->options->progress(b->options->user, b->stage, done, total);
}

static int write_in(const sn_build *b, const char *name, const void *data, size_t bytes,
                    sn_error *err) {
    sn_auto_free char *path = sn_format("%s/%s", b->folder, name);
    sn_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -errno : sn_write_full(fd, data, bytes);
    if (rc == 0)
        return 0;
    return sn_fail_errno(err, SN_EUNAVAILABLE, -rc, "cannot write %s", path);
}

static int run_tools(sn_build *b, const sn_tool *tools, size_t count, sn_error *err) {
    unsigned jobs = b->options->jobs;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (jobs == 0)
        jobs = processors > 0 ? (unsigned)processors : 1;
    sn_tools_options options = {
        .folder = b->folder,
        .jobs = jobs,
        .cancel = b->options->cancel,
        .finished = count > 1 ? tell_part : NULL,
        .user = b,
    };
    return sn_tools_run(tools, count, &options, err);
}

/* ---- checks ---- */

static bool offers(const sn_aot_options *options, const sn_module_import *import, const char *type,
                   bool *other_type) {
    for (size_t t = 0; t < options->host_tables_count; t++)
        for (const sn_host_func *host = options->host_tables[t]; host->name; host++)
            if (strcmp(host->module, import->module) == 0 &&
                strcmp(host->name, import->name) == 0) {
                *other_type = strcmp(host->type, type) != 0;
                return !*other_type;
            }
    return false;
}

static int check_imports(const sn_build *b, sn_error *err) {
    for (uint32_t i = 0; i < b->module.imports_count; i++) {
        const sn_module_import *import = &b->module.imports[i];
        bool other_type = false;
        if (offers(b->options, import, b->module.types[import->type], &other_type))
            continue;
        sn_fail(err, SN_EINVALID_ARGUMENT, "the module imports %s.%s, which %s", import->module,
                import->name, other_type ? "has another type here" : "the sandbox does not offer");
        return sn_hint(err, "modules for WASI preview 1 (wasi_snapshot_preview1) can be run");
    }
    return 0;
}

int sn_build_read(sn_build *b, sn_error *err) {
    int rc =
        sn_read_file(&b->wasm, &b->wasm_bytes, b->wasm_path, b->options->limits.module_bytes, err);
    if (rc == 0)
        rc = sn_digest(b->module_sha256, b->wasm, b->wasm_bytes, err);
    if (rc == 0)
        rc = sn_module_parse(&b->module, b->wasm, b->wasm_bytes, err);
    if (rc == 0)
        rc = sn_module_check_limits(&b->module, &b->options->limits, err);
    if (rc == 0)
        rc = check_imports(b, err);
    return rc;
}

/* ---- stages ---- */

static int translate(sn_build *b, sn_error *err) {
    const char *const argv[] = {
        "wasm2c", "-n", "m",   "--no-debug-names",
        "m.wasm", "-o", "m.c", b->module.memories_count > 1 ? "--enable-multi-memory" : NULL,
        NULL,
    };
    sn_buffer canonical = {0};
    tell(b, "translating to C");
    int rc = sn_canonical_write(&canonical, &b->module, err);
    if (rc == 0)
        rc = write_in(b, "m.wasm", canonical.data, canonical.bytes, err);
    sn_buffer_free(&canonical);
    if (rc < 0)
        return rc;
    sn_tool tool = {argv, "wasm2c.log"};
    rc = run_tools(b, &tool, 1, err);
    if (rc != SN_EUNAVAILABLE)
        return rc;
    /* It validates function bodies, and gives up (aborts) at instructions it cannot translate: then
     * the module is to blame. */
    if (strstr(err->message, "wasm2c was ended by signal 6"))
        sn_fail(err, SN_EINVALID_ARGUMENT, "wasm2c knows no C for an instruction of the module");
    else if (strstr(err->message, "wasm2c failed"))
        err->code = SN_EINVALID_ARGUMENT;
    else
        return rc;
    return sn_hint(err, "the module is damaged, or uses what WebAssembly 1.0 with bulk memory and "
                        "reference types does not have, such as vectors (SIMD)");
}

static int split(sn_build *b, sn_error *err) {
    sn_auto_free char *header = NULL;
    sn_auto_free char *source = NULL;
    sn_auto_free char *header_path = sn_format("%s/m.h", b->folder);
    sn_auto_free char *source_path = sn_format("%s/m.c", b->folder);
    size_t bytes;
    int rc = sn_read_file(&header, &bytes, header_path, C_MOST_BYTES, err);
    if (rc == 0)
        rc = sn_read_file(&source, &bytes, source_path, C_MOST_BYTES, err);
    unlink(source_path); /* the largest file of all */
    if (rc == 0)
        rc = sn_split_read(&b->split, header, source, PART_BYTES, err);
    if (rc == 0 && b->split.types_count != b->module.types_count)
        rc = sn_fail(err, SN_EUNAVAILABLE, "wasm2c counts %u types, the module has %u",
                     b->split.types_count, b->module.types_count);
    if (rc == 0 && b->split.parts_count > PARTS_MOST)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "the module is too large to compile");
    return rc;
}

static int write_buffer(const sn_build *b, const char *name, int rc, sn_buffer *buffer,
                        sn_error *err) {
    if (rc == 0)
        rc = write_in(b, name, buffer->data ? buffer->data : "", buffer->bytes, err);
    sn_buffer_free(buffer);
    return rc;
}

static int write_parts(const sn_build *b, sn_error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->split.parts_count; i++) {
        char name[32];
        sn_buffer part = {0};
        snprintf(name, sizeof name, "part%03zu.c", i);
        size_t at = b->split.starts[i], bytes = b->split.starts[i + 1] - at;
        bool ok = sn_buffer_add(&part, "#include \"common.h\"\n", 20) &&
                  sn_buffer_add(&part, b->split.functions.data + at, bytes);
        if (!ok)
            rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the generated C");
        rc = write_buffer(b, name, rc, &part, err);
    }
    return rc;
}

static int write_sources(const sn_build *b, sn_error *err) {
    sn_shim_options shim = {CPU_LEVEL, b->options->instrumented != NULL};
    sn_buffer common = {0}, source = {0}, assembler = {0}, segments = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SN_NATIVE_SOURCES; i++)
        rc = write_in(b, sn_native_sources[i].name, sn_native_sources[i].text,
                      sn_native_sources[i].bytes, err);
    if (rc == 0)
        rc = sn_shim_common(&common, &b->module, &b->split, err);
    rc = write_buffer(b, "common.h", rc, &common, err);
    if (rc == 0)
        rc = sn_shim_source(&source, &b->module, &b->split, &shim, err);
    rc = write_buffer(b, "shim.c", rc, &source, err);
    if (rc == 0)
        rc = sn_shim_segments(&assembler, &segments, &b->module, err);
    rc = write_buffer(b, "segments.S", rc, &assembler, err);
    rc = write_buffer(b, "segments.bin", rc, &segments, err);
    return rc == 0 ? write_parts(b, err) : rc;
}

/* The tables of arguments for one compiler each. */
typedef struct job {
    char source[40];
    char object[40];
    char log[40];
    const char *argv[SN_COUNT(compile_flags) + 8];
} job;

static void fill_job(job *j, const sn_build *b, const char *stem, const char *suffix,
                     const char *profile_flag) {
    size_t n = SN_COUNT(compile_flags);
    snprintf(j->source, sizeof j->source, "%s%s", stem, suffix);
    snprintf(j->object, sizeof j->object, "%s.o", stem);
    snprintf(j->log, sizeof j->log, "%s.log", stem);
    memcpy(j->argv, compile_flags, sizeof compile_flags);
    if (profile_flag)
        j->argv[n++] = profile_flag;
    if (b->options->instrumented)
        j->argv[n++] = "-DSN_PROFILE";
    j->argv[n++] = "-c";
    j->argv[n++] = j->source;
    j->argv[n++] = "-o";
    j->argv[n++] = j->object;
    j->argv[n] = NULL;
}

static int compile(sn_build *b, sn_error *err) {
    enum { FIXED = 3 };
    size_t parts = b->split.parts_count, count = parts + FIXED;
    sn_auto_free job *jobs = calloc(count, sizeof *jobs);
    sn_auto_free sn_tool *tools = calloc(count, sizeof *tools);
    sn_auto_free char *profile = b->options->profile ? realpath(b->options->profile, NULL) : NULL;
    sn_auto_free char *use = profile ? sn_format("-fprofile-use=%s", profile) : NULL;
    const char *profile_flag = b->options->instrumented ? "-fprofile-generate" : use;
    if (!jobs || !tools)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory");
    if (b->options->profile && !profile)
        return sn_fail_errno(err, SN_ENOT_FOUND, errno, "cannot open %s", b->options->profile);
    for (size_t i = 0; i < parts; i++) {
        char stem[32];
        snprintf(stem, sizeof stem, "part%03zu", i);
        fill_job(&jobs[i], b, stem, ".c", profile_flag);
    }
    fill_job(&jobs[parts], b, "shim", ".c", NULL);
    fill_job(&jobs[parts + 1], b, "support", ".c", NULL);
    fill_job(&jobs[parts + 2], b, "segments", ".S", NULL);
    for (size_t i = 0; i < count; i++)
        tools[i] = (sn_tool){jobs[i].argv, jobs[i].log};
    tell(b, "compiling");
    return run_tools(b, tools, count, err);
}

static int link_object(sn_build *b, sn_error *err) {
    size_t parts = b->split.parts_count, n = SN_COUNT(link_flags);
    sn_auto_free char *names = calloc(parts + 1, 32);
    sn_auto_free const char **argv = calloc(n + parts + 8, sizeof *argv);
    if (!names || !argv)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory");
    memcpy(argv, link_flags, sizeof link_flags);
    if (b->options->instrumented) { /* the profile's runtime needs the C library */
        argv[n++] = "-fprofile-generate";
    } else {
        argv[n++] = "-nostdlib";
        argv[n++] = "-Wl,--pack-dyn-relocs=relr";
    }
    for (size_t i = 0; i < parts; i++) {
        snprintf(names + 32 * i, 32, "part%03zu.o", i);
        argv[n++] = names + 32 * i;
    }
    argv[n++] = "shim.o";
    argv[n++] = "support.o";
    argv[n++] = "segments.o";
    sn_tool tool = {argv, "link.log"};
    tell(b, "linking");
    return run_tools(b, &tool, 1, err);
}

int sn_build_run(sn_build *b, sn_error *err) {
    int rc = translate(b, err);
    if (rc == 0)
        rc = split(b, err);
    if (rc == 0)
        rc = write_sources(b, err);
    sn_buffer_free(&b->split.functions); /* 30 MB, on disk now */
    if (rc == 0)
        rc = compile(b, err);
    if (rc == 0)
        rc = link_object(b, err);
    return rc;
}

/* ---- identity ---- */

int sn_build_identify(char **out, char **compiler, sn_error *err) {
    static const char *const version[] = {"clang-19", "--version", NULL};
    static const char *const translator_version[] = {"wasm2c", "--version", NULL};
    sn_auto_free char *translator = NULL;
    sn_buffer text = {0};
    int rc = sn_tool_first_line(compiler, version, err);
    if (rc == 0)
        rc = sn_tool_first_line(&translator, translator_version, err);
    if (rc < 0)
        return rc;
    bool ok = sn_buffer_add(&text, SN_AOT_VERSION, strlen(SN_AOT_VERSION) + 1) &&
              sn_buffer_add(&text, *compiler, strlen(*compiler) + 1) &&
              sn_buffer_add(&text, translator, strlen(translator) + 1);
    for (size_t i = 0; ok && i < SN_COUNT(compile_flags); i++)
        ok = sn_buffer_add(&text, compile_flags[i], strlen(compile_flags[i]) + 1);
    for (size_t i = 0; ok && i < SN_COUNT(link_flags); i++)
        ok = sn_buffer_add(&text, link_flags[i], strlen(link_flags[i]) + 1);
    for (size_t i = 0; ok && i < SN_NATIVE_SOURCES; i++)
        ok = sn_buffer_add(&text, sn_native_sources[i].text, sn_native_sources[i].bytes);
    char sum[SN_DIGEST_TEXT_BYTES];
    rc = ok ? sn_digest(sum, text.data, text.bytes, err)
            : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory");
    sn_buffer_free(&text);
    if (rc == 0)
        *out = sn_format("%s", sum);
    return rc;
}

void sn_build_free(sn_build *b) {
    sn_split_free(&b->split);
    sn_module_free(&b->module);
    free(b->wasm);
}
