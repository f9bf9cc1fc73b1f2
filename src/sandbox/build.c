/* build.c - see build.h. */
#include "sandbox/build.h"

#include "sandbox/imports.h"
#include "sandbox/interpreter.h"
#include "sandbox/job.h"
#include "util/auto.h"
#include "util/error.h"
#include "wasm/cache.h"
#include "wasm/tools.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

enum { TRAINING_SECONDS = 60, TRAINING_MEMORY_MB = 512 };

static void tell(const sn_aot_options *aot, const char *stage, unsigned done, unsigned total) {
    if (aot->progress)
        aot->progress(aot->user, stage, done, total);
}

static int train_with(const sn_interpreter *interpreter, const char *program, const char *profile,
                      sn_error *err) {
    sn_auto_free char *code = NULL;
    sn_job job = {
        .filename = program,
        .args = &program,
        .args_count = 1,
        .stdin_fd = -1,
        .cancel_fd = -1,
        .timeout_ns = TRAINING_SECONDS * 1000000000ull,
        .memory_limit_bytes = (uint64_t)TRAINING_MEMORY_MB << 20,
        .output_limit_bytes = SN_OUTPUT_MOST_BYTES,
    };
    int rc = sn_read_file(&code, &job.code_bytes, program, SN_CODE_MAX_BYTES, err);
    if (rc < 0)
        return rc;
    job.code = code;
    sn_job_end end;
    sn_zygote *zygote;
    sn_zygote_options options = SN_ZYGOTE_OPTIONS_INIT;
    options.profile_path = profile;
    rc = sn_zygote_start(&zygote, interpreter, &options, err);
    if (rc < 0)
        return rc;
    rc = sn_job_run(&end, zygote, &job, err);
    sn_zygote_stop(zygote);
    if (rc < 0)
        return rc;
    if (end.ending != SN_JOB_DONE || end.done.outcome != SN_RETURNED || end.done.exit_code != 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the training program %s does not run to its end",
                       program);
    return 0;
}

static int merge_profiles(const char *folder, size_t count, sn_error *err) {
    enum { FIXED = 4 };
    sn_auto_free const char **argv = calloc(FIXED + count + 1, sizeof *argv);
    sn_auto_free char *names = calloc(count + 1, 32);
    if (!argv || !names)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory");
    argv[0] = "llvm-profdata-19";
    argv[1] = "merge";
    argv[2] = "-o";
    argv[3] = "merged";
    for (size_t i = 0; i < count; i++) {
        snprintf(names + 32 * i, 32, "%zu.profraw", i);
        argv[FIXED + i] = names + 32 * i;
    }
    sn_tool tool = {argv, "merge.log"};
    sn_tools_options options = {.folder = folder, .jobs = 1};
    return sn_tools_run(&tool, 1, &options, err);
}

/* Leaves the merged profile in `folder`. */
static int train(const char *folder, const char *wasm, const glob_t *programs, sn_aot_options aot,
                 sn_error *err) {
    sn_auto_free char *object = sn_format("%s/instrumented.so", folder);
    sn_auto_free char *made = NULL;
    bool built;
    /* what this process itself counts, it would write to its current folder when it exits */
    setenv("LLVM_PROFILE_FILE", "/dev/null", 1);
    aot.instrumented = object;
    int rc = sn_aot_build(&made, &built, wasm, &aot, err);
    if (rc < 0)
        return rc;
    sn_interpreter interpreter;
    rc = sn_interpreter_open_native(&interpreter, wasm, object, err);
    if (rc < 0)
        return rc;
    if (!interpreter.is_guest)
        rc = sn_fail(err, SN_EINVALID_ARGUMENT, "%s is not a Python guest: it cannot be trained",
                     wasm);
    unsigned count = (unsigned)programs->gl_pathc;
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        sn_auto_free char *profile = sn_format("%s/%u.profraw", folder, i);
        tell(&aot, "training", i, count);
        if (aot.cancel && *aot.cancel)
            rc = sn_fail(err, SN_EINTERNAL, "interrupted");
        else
            rc = train_with(&interpreter, programs->gl_pathv[i], profile, err);
    }
    sn_interpreter_close(&interpreter);
    if (rc == 0)
        tell(&aot, "training", count, count);
    return rc == 0 ? merge_profiles(folder, count, err) : rc;
}

static int build_trained(char **native_path, bool *built, const char *wasm, const char *training,
                         sn_aot_options aot, sn_error *err) {
    sn_auto_free char *cache = NULL;
    int rc = sn_cache_folder(&cache, aot.home, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *folder = sn_format("%s/train-XXXXXX", cache);
    sn_auto_free char *pattern = sn_format("%s/*.py", training);
    glob_t programs;
    if (glob(pattern, 0, NULL, &programs) != 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "there are no programs (*.py) in %s", training);
    if (!mkdtemp(folder)) {
        globfree(&programs);
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot make a folder in %s", cache);
    }
    sn_auto_free char *merged = sn_format("%s/merged", folder);
    rc = train(folder, wasm, &programs, aot, err);
    if (rc == 0) {
        aot.profile = merged;
        aot.force = true;
        rc = sn_aot_build(native_path, built, wasm, &aot, err);
    }
    globfree(&programs);
    sn_remove_tree(folder);
    return rc;
}

static int compile(char **native_path, bool *built, const char *path,
                   const sn_build_options *options, sn_error *err) {
    sn_auto_free char *home = NULL;
    sn_auto_free char *wasm = NULL;
    sn_aot_options aot = SN_AOT_OPTIONS_INIT;
    int rc = sn_home_find(&home, NULL, err);
    if (rc == 0)
        rc = sn_interpreter_find(&wasm, path, err);
    if (rc == 0)
        rc = sn_interpreter_check(home, wasm, err);
    if (rc == 0)
        rc = sn_module_limits_from_env(&aot.limits, err);
    if (rc < 0)
        return rc;
    aot.home = home;
    aot.jobs = options->jobs;
    aot.force = options->force;
    aot.cancel = options->cancel;
    aot.progress = options->progress;
    aot.user = options->user;
    aot.host_tables = sn_import_tables;
    aot.host_tables_count = SN_IMPORT_TABLES;
    if (!options->training)
        return sn_aot_build(native_path, built, wasm, &aot, err);
    sn_auto_free char *found = NULL;
    aot.check_only = true;
    rc = sn_aot_build(&found, built, wasm, &aot, err);
    if (rc < 0)
        return rc;
    if (!*built && sn_cache_has_trained(home, wasm)) {
        *native_path = SN_STEAL(found);
        return 0;
    }
    aot.check_only = false;
    return build_trained(native_path, built, wasm, options->training, aot, err);
}

int sn_interpreter_build(char **native_path, bool *built, const char *path,
                         const sn_build_options *options, sn_error *err) {
    sn_interpreter interpreter;
    int rc = compile(native_path, built, path, options, err);
    if (rc < 0)
        return rc;
    rc = sn_interpreter_open(&interpreter, NULL, path, options->notice, options->user, err);
    if (rc == 0)
        sn_interpreter_close(&interpreter);
    else
        free(SN_STEAL(*native_path));
    return rc;
}
