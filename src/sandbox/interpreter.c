/* interpreter.c - see interpreter.h. */
#include "sandbox/interpreter.h"

#include "sandbox/image_make.h"
#include "util/auto.h"
#include "util/error.h"
#include "wasm/cache.h"

#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { ARCHIVE_MAX_BYTES = 256 << 20, MANIFEST_MAX_BYTES = 1 << 20 };

static const char *env_or_null(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

int sn_home_find(char **out, const char *home, sn_error *err) {
    if (!home)
        home = env_or_null("SHANNON_HOME");
    if (home) {
        *out = sn_format("%s", home);
        return 0;
    }
    const char *data = env_or_null("XDG_DATA_HOME");
    const char *user = env_or_null("HOME");
    if (!data && !user) {
        sn_fail(err, SN_EUNAVAILABLE,
                "no folder for the cache: neither SHANNON_HOME nor HOME is set");
        return sn_hint(err, "set SHANNON_HOME to a folder that this user may write");
    }
    *out = data ? sn_format("%s/shannon", data) : sn_format("%s/.local/share/shannon", user);
    return 0;
}

/* Where things may lie, from the folder of this program. */
static const char *const interpreter_places[] = {
    "../wasm-interpreters/" SN_INTERPRETER_NAME ".wasm",
    "../share/shannon/interpreters/" SN_INTERPRETER_NAME ".wasm",
    "../../wasm-interpreters/" SN_INTERPRETER_NAME ".wasm", /* a test in build/tests */
};
static const char *const native_places[] = {"../lib/shannon"};

/* What lies at one of these places, the first that is there. free() it; NULL: none. */
static char *find_beside_program(const char *const *from, size_t count) {
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0)
        return NULL;
    program[n] = '\0';
    char *slash = strrchr(program, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    for (size_t i = 0; i < count; i++) {
        sn_auto_free char *path = sn_format("%s/%s", program, from[i]);
        char *real = realpath(path, NULL);
        if (real)
            return real;
    }
    return NULL;
}

int sn_interpreter_find(char **out, const char *path, sn_error *err) {
    bool from_env = !path && (path = env_or_null("PYTHON_WASI_WASM_PATH"));
    if (!path) {
        *out = find_beside_program(interpreter_places, SN_COUNT(interpreter_places));
        if (*out)
            return 0;
        sn_fail(err, SN_ENOT_FOUND, "no Python interpreter was built yet");
        return sn_hint(err,
                       "run scripts/setup_python_wasi.sh in the project's folder, or name a module "
                       "with PYTHON_WASI_WASM_PATH");
    }
    if (access(path, R_OK) < 0) {
        sn_fail(err, SN_ENOT_FOUND, "no interpreter can be read at %s%s", path,
                from_env ? " (from PYTHON_WASI_WASM_PATH)" : "");
        return sn_hint(
            err, "check the path; scripts/setup_python_wasi.sh builds the default interpreter");
    }
    *out = sn_format("%s", path);
    return 0;
}

/* The path of a file that belongs to a module: its own with another suffix. */
static char *beside(const char *wasm_path, const char *suffix) {
    size_t stem = strlen(wasm_path);
    if (stem > 5 && strcmp(wasm_path + stem - 5, ".wasm") == 0)
        stem -= 5;
    return sn_format("%.*s%s", (int)stem, wasm_path, suffix);
}

/* The standard library: the archive with the module's name. A module without one brings its own. */
static int map_archive(sn_mapping *out, const char *wasm_path, bool needed, sn_error *err) {
    sn_auto_free char *path = beside(wasm_path, ".zip");
    if (!needed && access(path, F_OK) < 0)
        return 0;
    int rc = sn_map_file(out, path, ARCHIVE_MAX_BYTES, err);
    if (rc < 0)
        sn_hint(err, "this is the interpreter's standard library; scripts/setup_python_wasi.sh "
                     "makes it anew");
    return rc;
}

/* ---- the manifest that setup_python_wasi.sh writes: what the files must be ---- */

static int check_file(const json_t *manifest, const char *part, const char *home, const char *path,
                      sn_error *err) {
    const char *expected =
        json_string_value(json_object_get(json_object_get(manifest, part), "sha256"));
    char found[SN_DIGEST_TEXT_BYTES];
    if (!expected)
        return 0;
    int rc = sn_cache_digest(found, home, path, ARCHIVE_MAX_BYTES, err);
    if (rc == 0 && strcmp(found, expected) == 0)
        return 0;
    if (rc < 0)
        return sn_hint(err, "run scripts/setup_python_wasi.sh");
    sn_fail(err, SN_EUNAVAILABLE, "%s is damaged: it is not what was built (its SHA-256 differs)",
            path);
    return sn_hint(err, "run scripts/setup_python_wasi.sh --force");
}

int sn_interpreter_check(const char *home, const char *wasm_path, sn_error *err) {
    sn_auto_free char *manifest_path = beside(wasm_path, ".json");
    sn_auto_free char *archive_path = beside(wasm_path, ".zip");
    sn_auto_free char *text = NULL;
    size_t bytes;
    if (access(manifest_path, F_OK) < 0)
        return 0; /* somebody else's module */
    int rc = sn_read_file(&text, &bytes, manifest_path, MANIFEST_MAX_BYTES, err);
    if (rc < 0)
        return rc;
    json_t *manifest = json_loadb(text, bytes, 0, NULL);
    if (!manifest) {
        sn_fail(err, SN_EUNAVAILABLE, "%s is damaged: it is not JSON", manifest_path);
        return sn_hint(err, "run scripts/setup_python_wasi.sh --force");
    }
    rc = check_file(manifest, "wasm", home, wasm_path, err);
    if (rc == 0)
        rc = check_file(manifest, "archive", home, archive_path, err);
    json_decref(manifest);
    return rc;
}

/* ---- opening ---- */

int sn_interpreter_open_native(sn_interpreter *out, const char *path, const char *native,
                               sn_error *err) {
    sn_interpreter made = {.path = sn_format("%s", path)};
    sn_module_limits limits;
    int rc = sn_module_limits_from_env(&limits, err);
    if (rc == 0)
        rc = sn_native_open(&made.native, native, err);
    if (rc == 0)
        rc = sn_native_check_limits(made.native, &limits, err);
    if (rc == 0) {
        made.is_guest = sn_native_has_function(made.native, "guest_abi");
        rc = map_archive(&made.archive, made.path, made.is_guest, err);
    }
    bool filters = sn_filter_available(); /* else it is for the zygote to refuse */
    if (rc == 0 && filters)
        rc = sn_filter_new(&made.worker_filter, SN_FILTER_WORKER, err);
    if (rc == 0 && filters)
        rc = sn_filter_new(&made.zygote_filter, SN_FILTER_ZYGOTE, err);
    if (rc < 0) {
        sn_interpreter_close(&made);
        return rc;
    }
    *out = made;
    return 0;
}

/* ---- the image ---- */

static void say(sn_notice_fn notice, void *user, const char *text) {
    if (notice)
        notice(user, text);
}

/* What is kept saves time the next time, no more: a folder that cannot be written is no error. */
static void keep_image(const char *path, const char *file, size_t bytes, sn_notice_fn notice,
                       void *user) {
    sn_error err = SN_ERROR_INIT;
    sn_auto_free char *folder = sn_format("%.*s", (int)(strrchr(path, '/') - path), path);
    int rc = sn_make_dirs(folder, &err);
    if (rc == 0)
        rc = sn_replace_file(path, file, bytes, &err);
    if (rc < 0) {
        sn_auto_free char *text = sn_format("the base image is not kept: %s", err.message);
        say(notice, user, text);
    }
}

static int make_image(sn_interpreter *interpreter, const char *path, sn_notice_fn notice,
                      void *user, sn_error *err) {
    sn_auto_free char *file = NULL;
    size_t bytes;
    uint64_t start = sn_now_ns();
    int rc = sn_image_make(&interpreter->image, &file, &bytes, interpreter, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *text = sn_format("made the interpreter's base image: %.1f MB in %.0f ms",
                                        (double)bytes / 1e6, (double)(sn_now_ns() - start) / 1e6);
    say(notice, user, text);
    keep_image(path, file, bytes, notice, user);
    return 0;
}

static int open_image(sn_interpreter *interpreter, const char *home, sn_notice_fn notice,
                      void *user, sn_error *err) {
    sn_image_origin *origin = &interpreter->origin;
    sn_auto_free char *archive = beside(interpreter->path, ".zip");
    int rc =
        sn_cache_digest(origin->module_sha256, home, interpreter->path, ARCHIVE_MAX_BYTES, err);
    if (rc == 0)
        rc = sn_cache_digest(origin->archive_sha256, home, archive, ARCHIVE_MAX_BYTES, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *path = sn_image_path(home, origin);
    sn_error why = SN_ERROR_INIT;
    rc = sn_image_open(&interpreter->image, path, origin, &why);
    if (rc == 0)
        return 0;
    if (rc != SN_ENOT_FOUND)
        say(notice, user, why.message);
    return make_image(interpreter, path, notice, user, err);
}

/* What this user has compiled goes before what was installed. */
static int find_native(char **out, const char *home, const char *wasm, sn_error *err) {
    sn_error ignored;
    int rc = sn_cache_find(out, home, wasm, err);
    if (rc == 0)
        return 0;
    sn_auto_free char *installed = find_beside_program(native_places, SN_COUNT(native_places));
    if (!installed)
        return rc;
    int second = sn_cache_find_installed(out, home, installed, wasm, &ignored);
    return second == 0 ? 0 : rc;
}

int sn_interpreter_open(sn_interpreter *out, const char *home, const char *path,
                        sn_notice_fn notice, void *user, sn_error *err) {
    sn_auto_free char *cache = NULL;
    sn_auto_free char *wasm = NULL;
    sn_auto_free char *native = NULL;
    int rc = sn_home_find(&cache, home, err);
    if (rc == 0)
        rc = sn_interpreter_find(&wasm, path, err);
    if (rc == 0)
        rc = sn_interpreter_check(cache, wasm, err);
    if (rc == 0)
        rc = find_native(&native, cache, wasm, err);
    if (rc == 0)
        rc = sn_interpreter_open_native(out, wasm, native, err);
    if (rc < 0 || !out->is_guest)
        return rc;
    rc = open_image(out, cache, notice, user, err);
    if (rc < 0)
        sn_interpreter_close(out);
    return rc;
}

void sn_interpreter_close(sn_interpreter *interpreter) {
    if (interpreter->native)
        sn_native_close(interpreter->native);
    sn_unmap(&interpreter->archive);
    sn_filter_free(interpreter->worker_filter);
    sn_filter_free(interpreter->zygote_filter);
    sn_image_close(interpreter->image);
    free(interpreter->path);
    *interpreter = (sn_interpreter){0};
}
