/* aot_test.c - building: what is refused, what goes wrong on the way, and that nothing is left
 * behind. */
#include "guests.h"

#include "wasm/cache.h"
#include "wasm/tools.h"

#include <dirent.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char simple_wat[] = "(module (func (export \"f\") (result i32) (i32.const 1)))";

static sn_aot_options options_here(void) {
    sn_aot_options options = SN_AOT_OPTIONS_INIT;
    options.home = guests_folder();
    options.host_tables = guests_tables;
    options.host_tables_count = 1;
    return options;
}

/* Files in the cache whose names begin with `prefix`. */
static int count_files(const char *home, const char *prefix) {
    sn_auto_free char *folder = sn_format("%s/native", home);
    DIR *list = opendir(folder);
    int count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        count += entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    if (list)
        closedir(list);
    return count;
}

static void nothing_is_left(const char *home) {
    assert_int_equal(count_files(home, "build-"), 0);
    assert_int_equal(count_files(home, ""), count_files(home, "lock"));
}

static int forget_all(void **state) {
    (void)state;
    sn_auto_free char *folder = guests_path("native");
    sn_remove_tree(folder);
    return 0;
}

static void refused(const char *wat, const sn_aot_options *options, int code, const char *part,
                    const char *hint) {
    sn_auto_free char *wasm = guests_wasm("refused", wat);
    sn_auto_free char *path = NULL;
    bool built;
    sn_error err = SN_ERROR_INIT;
    int rc = sn_aot_build(&path, &built, wasm, options, &err);
    if (rc != code || !strstr(err.message, part) || !strstr(err.hint, hint))
        fail_msg("%d: \"%s\" (%s), not %d: \"%s\" (%s)", rc, err.message, err.hint, code, part,
                 hint);
    assert_null(path);
    nothing_is_left(options->home);
}

static void modules_are_built_once(void **state) {
    (void)state;
    sn_aot_options options = options_here();
    sn_auto_free char *wasm = guests_wasm("once", simple_wat);
    sn_error err = SN_ERROR_INIT;
    struct stat first, second;
    for (int i = 0; i < 3; i++) {
        sn_auto_free char *path = NULL;
        bool built;
        options.force = i == 2;
        assert_int_equal(sn_aot_build(&path, &built, wasm, &options, &err), 0);
        assert_int_equal(built, i != 1);
        assert_int_equal(stat(path, i == 0 ? &first : &second), 0);
        assert_int_equal(second.st_mode & 0077, i == 0 ? second.st_mode & 0077 : 0);
    }
    assert_int_not_equal(first.st_ino, second.st_ino);
    assert_int_equal(count_files(guests_folder(), "build-"), 0);
}

static void bad_modules_are_refused(void **state) {
    (void)state;
    sn_aot_options options = options_here();
    refused("(module (import \"host\" \"absent\" (func)))", &options, SN_EINVALID_ARGUMENT,
            "imports host.absent, which the sandbox does not offer", "WASI preview 1");
    refused("(module (import \"env\" \"exit\" (func (param i32))))", &options, SN_EINVALID_ARGUMENT,
            "imports env.exit", "");
    refused("(module (import \"host\" \"exit\" (func (param i64))))", &options,
            SN_EINVALID_ARGUMENT, "has another type here", "");
    refused("(module (table 20000 funcref))", &options, SN_EINVALID_ARGUMENT,
            "table minimum size of 20000 elements exceeds table limits (10000)",
            "WASI_TABLE_ELEMENTS_LIMIT");
    /* what only the translator sees: bodies that are not valid */
    refused("(module (func (result i32) (i64.const 1)))", &options, SN_EINVALID_ARGUMENT, "wasm2c",
            "damaged");
    refused("(module (func (drop (i32.add (i32.const 1)))))", &options, SN_EINVALID_ARGUMENT,
            "wasm2c", "");
    refused("(module (func (drop (i32.load (i32.const 1)))))", &options, SN_EINVALID_ARGUMENT,
            "wasm2c", "");
    refused("(module (func (local i32) (local.set 5 (i32.const 1))))", &options,
            SN_EINVALID_ARGUMENT, "wasm2c", "");
    refused("(module (func (drop (i32x4.splat (i32.const 1)))))", &options, SN_EINVALID_ARGUMENT,
            "", "");
    refused("(module (func (param f32) (drop (f32x4.splat (local.get 0)))))", &options,
            SN_EINVALID_ARGUMENT, "an instruction", "vectors (SIMD)");
    options.limits.module_bytes = 10;
    refused(simple_wat, &options, SN_EINVALID_ARGUMENT, "limit of 10 bytes", "");
}

static void missing_tools_are_named(void **state) {
    (void)state;
    sn_aot_options options = options_here();
    sn_auto_free char *wasm = guests_wasm("refused", simple_wat);
    sn_auto_free char *search = sn_format("%s", getenv("PATH"));
    sn_auto_free char *path = NULL;
    bool built;
    sn_error err = SN_ERROR_INIT;
    setenv("PATH", "/absent", 1);
    int rc = sn_aot_build(&path, &built, wasm, &options, &err);
    setenv("PATH", search, 1);
    assert_int_equal(rc, SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "cannot run"));
    assert_non_null(strstr(err.hint, "apt-get install"));
    nothing_is_left(guests_folder());
    /* what is there is used, compiler or not */
    assert_int_equal(sn_aot_build(&path, &built, wasm, &options, &err), 0);
    sn_auto_free char *again = NULL;
    setenv("PATH", "/absent", 1);
    rc = sn_aot_build(&again, &built, wasm, &options, &err);
    setenv("PATH", search, 1);
    assert_int_equal(rc, 0);
    assert_false(built);
}

static volatile sig_atomic_t cancel;

static void cancel_at(void *user, const char *stage, unsigned done, unsigned total) {
    (void)done, (void)total;
    if (strstr(stage, user))
        cancel = 1;
}

static void cancelled_builds_leave_nothing(void **state) {
    (void)state;
    static const char *const stages[] = {"translating", "compiling", "linking"};
    for (size_t i = 0; i < SN_COUNT(stages); i++) {
        sn_aot_options options = options_here();
        options.cancel = &cancel;
        options.progress = cancel_at;
        options.user = (void *)stages[i];
        cancel = 0;
        refused(simple_wat, &options, SN_EINTERNAL, "interrupted", "");
        assert_int_equal(cancel, 1);
    }
}

/* Of a build that was killed; the training's are told by their age. */
static void stale_folders_are_removed(void **state) {
    (void)state;
    static const char *const names[] = {"native", "native/build-dead", "native/train-dead",
                                        "native/train-alive"};
    for (size_t i = 0; i < SN_COUNT(names); i++) {
        sn_auto_free char *folder = guests_path(names[i]);
        assert_int_equal(mkdir(folder, 0700), 0);
    }
    guests_write("native/build-dead/part000.c", "x", 1);
    sn_auto_free char *dead = guests_path("native/train-dead");
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, dead, times, 0), 0);
    sn_auto_free char *wasm = guests_wasm("stale", simple_wat);
    sn_auto_free char *path = NULL;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(guests_build(&path, wasm, &err), 0);
    assert_int_equal(count_files(guests_folder(), "build-"), 0);
    assert_int_equal(count_files(guests_folder(), "train-"), 1);
}

static void builds_at_once_wait_for_each_other(void **state) {
    (void)state;
    enum { BUILDERS = 3 };
    sn_auto_free char *wasm = guests_wasm("contended", simple_wat);
    pid_t pids[BUILDERS];
    for (int i = 0; i < BUILDERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            sn_aot_options options = options_here();
            char *path;
            bool built;
            sn_error err = SN_ERROR_INIT;
            int rc = sn_aot_build(&path, &built, wasm, &options, &err);
            _exit(rc < 0 ? 100 : built);
        }
    }
    int built = 0;
    for (int i = 0; i < BUILDERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        built += WEXITSTATUS(status);
    }
    assert_int_equal(built, 1);
}

/* In a process with mounts of its own: 0 if all is as it should be, 77 if that cannot be had. */
static int build_on_small_disk(const char *wasm, const char *home, unsigned kilobytes) {
    sn_auto_free char *size = sn_format("size=%uk,mode=700", kilobytes);
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", home, "tmpfs", 0, size) < 0)
        return 77;
    sn_aot_options options = options_here();
    options.home = home;
    char *path;
    bool built;
    sn_error err = SN_ERROR_INIT;
    int rc = sn_aot_build(&path, &built, wasm, &options, &err);
    if (rc != SN_ERESOURCE_EXHAUSTED || !strstr(err.message, home)) {
        fprintf(stderr, "%u KiB: %d %s\n", kilobytes, rc, err.message);
        return 1;
    }
    return count_files(home, "build-") == 0 ? 0 : 2;
}

static void full_disks_are_told(void **state) {
    (void)state;
    static const unsigned sizes[] = {4, 16, 40, 64};
    sn_auto_free char *wasm = guests_wasm("full", simple_wat);
    sn_auto_free char *home = guests_path("small");
    assert_int_equal(mkdir(home, 0700), 0);
    for (size_t i = 0; i < SN_COUNT(sizes); i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(build_on_small_disk(wasm, home, sizes[i]));
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
            skip(); /* no right to mount */
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static bool has_profile_runtime(void) {
    static const char *const argv[] = {"clang-19", "-print-file-name=libclang_rt.profile-x86_64.a",
                                       NULL};
    sn_auto_free char *path = NULL;
    sn_error err = SN_ERROR_INIT;
    return sn_tool_first_line(&path, argv, &err) == 0 && access(path, R_OK) == 0;
}

static void profiles_are_made_and_used(void **state) {
    (void)state;
    static const char *const merge[] = {"llvm-profdata-19", "merge", "-o", "merged", "raw", NULL};
    if (!has_profile_runtime())
        skip();
    sn_aot_options options = options_here();
    sn_auto_free char *wasm = guests_wasm("profiled", simple_wat);
    sn_auto_free char *counting = guests_path("counting.so");
    sn_auto_free char *raw = guests_path("raw");
    sn_auto_free char *merged = guests_path("merged");
    sn_auto_free char *path = NULL;
    sn_auto_free char *trained = NULL;
    bool built;
    sn_error err = SN_ERROR_INIT;
    options.instrumented = counting;
    assert_int_equal(sn_aot_build(&path, &built, wasm, &options, &err), 0);
    assert_string_equal(path, counting);
    static sn_native *counter; /* stays open: the profile's runtime in it keeps the file's name */
    sn_native *native = NULL;
    assert_int_equal(sn_native_open(&counter, counting, &err), 0);
    sn_instance *instance = guests_instance(counter, 1);
    assert_int_equal(guests_call(instance, "f", 0).value, 1);
    assert_int_equal(sn_native_write_profile(counter, raw, &err), 0);
    sn_instance_free(instance);
    sn_tool tool = {merge, "merge.log"};
    sn_tools_options tools = {.folder = guests_folder(), .jobs = 1};
    assert_int_equal(sn_tools_run(&tool, 1, &tools, &err), 0);
    assert_false(sn_cache_has_trained(guests_folder(), wasm));
    options.instrumented = NULL;
    options.profile = merged;
    assert_int_equal(sn_aot_build(&trained, &built, wasm, &options, &err), 0);
    assert_true(built);
    assert_true(sn_cache_has_trained(guests_folder(), wasm));
    assert_int_equal(sn_native_open(&native, trained, &err), 0);
    assert_int_equal(sn_native_write_profile(native, raw, &err), SN_EINVALID_ARGUMENT);
    sn_native_close(native);
    options.profile = "/absent";
    options.force = true;
    sn_auto_free char *none = NULL;
    assert_int_equal(sn_aot_build(&none, &built, wasm, &options, &err), SN_ENOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(modules_are_built_once, forget_all),
        cmocka_unit_test_teardown(bad_modules_are_refused, forget_all),
        cmocka_unit_test_teardown(missing_tools_are_named, forget_all),
        cmocka_unit_test_teardown(cancelled_builds_leave_nothing, forget_all),
        cmocka_unit_test_teardown(stale_folders_are_removed, forget_all),
        cmocka_unit_test_teardown(builds_at_once_wait_for_each_other, forget_all),
        cmocka_unit_test_teardown(full_disks_are_told, forget_all),
        cmocka_unit_test_teardown(profiles_are_made_and_used, forget_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
