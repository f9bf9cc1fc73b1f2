/* cache.c - see cache.h. */
#include "wasm/cache.h"

#include "util/auto.h"
#include "util/error.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OBJECT_MOST_BYTES = 1 << 30, RECORD_MOST_BYTES = 1 << 16 };

static void json_release(json_t **slot) {
    json_decref(*slot); /* NULL is fine */
}
#define auto_json __attribute__((cleanup(json_release)))

/* ---- what is known of a file ---- */

static json_t *stat_json(const struct stat *st) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "bytes", (json_int_t)st->st_size, "inode",
                     (json_int_t)st->st_ino, "device", (json_int_t)st->st_dev, "mtime_ns",
                     (json_int_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec, "ctime_ns",
                     (json_int_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec);
}

static bool is_unchanged(const json_t *record, const struct stat *st) {
    auto_json json_t *now = stat_json(st);
    return now && json_equal(json_object_get(record, "stat"), now);
}

int sn_cache_check_owner(const char *path, const struct stat *st, sn_error *err) {
    if ((st->st_uid == geteuid() || st->st_uid == 0) && !(st->st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    sn_fail(err, SN_EUNAVAILABLE, "%s can be written by other users", path);
    return sn_hint(err, "native code is run as it is: chown it to yourself and chmod go-w, or use "
                        "another SHANNON_HOME");
}

/* A record, or NULL if there is none that can be read. */
static json_t *load(const char *path) {
    sn_auto_free char *text = NULL;
    size_t bytes;
    sn_error ignored;
    struct stat st;
    if (stat(path, &st) < 0 || sn_cache_check_owner(path, &st, NULL) < 0 ||
        sn_read_file(&text, &bytes, path, RECORD_MOST_BYTES, &ignored) < 0)
        return NULL;
    return json_loadb(text, bytes, 0, NULL);
}

static int save(const char *path, json_t *record, sn_error *err) {
    sn_auto_free char *text = record ? json_dumps(record, JSON_INDENT(1)) : NULL;
    if (!text)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a cache record");
    return sn_replace_file(path, text, strlen(text), err);
}

static int hash_file(char out[SN_DIGEST_TEXT_BYTES], const char *path, size_t max_bytes,
                     sn_error *err) {
    sn_mapping mapping;
    int rc = sn_map_file(&mapping, path, max_bytes, err);
    if (rc == 0)
        rc = sn_digest(out, mapping.data, mapping.bytes, err);
    sn_unmap(&mapping);
    return rc;
}

static const char *text_of(const json_t *record, const char *name) {
    const char *text = json_string_value(json_object_get(record, name));
    return text ? text : "";
}

/* ---- places ---- */

static int check_home(const char *folder, sn_error *err) {
    struct stat st;
    if (stat(folder, &st) < 0)
        return sn_fail_errno(err, SN_ENOT_FOUND, errno, "cannot open %s", folder);
    return sn_cache_check_owner(folder, &st, err);
}

int sn_cache_folder(char **out, const char *home, sn_error *err) {
    sn_auto_free char *folder = sn_format("%s/native", home);
    int rc = sn_make_dirs(folder, err);
    if (rc == 0)
        rc = check_home(folder, err);
    if (rc == 0)
        *out = SN_STEAL(folder);
    return rc;
}

/* FNV-1a: it only names a file, and what is in the file is checked. SHA-256 would cost a
 * millisecond here, the first use of the crypto library. */
static uint64_t name_hash(const char *text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    return hash;
}

static int path_record(char **out, char **real, const char *home, const char *path, sn_error *err) {
    *real = realpath(path, NULL);
    if (!*real)
        return sn_fail_errno(err, SN_ENOT_FOUND, errno, "cannot open %s", path);
    *out = sn_format("%s/native/at-%016llx.json", home, (unsigned long long)name_hash(*real));
    return 0;
}

/* `*record` is what to keep of the path if the file had to be read, else NULL. */
static int digest_path(char out[SN_DIGEST_TEXT_BYTES], json_t **record, const char *at,
                       const char *real, size_t max_bytes, sn_error *err) {
    struct stat st;
    *record = NULL;
    if (stat(real, &st) < 0)
        return sn_fail_errno(err, SN_ENOT_FOUND, errno, "cannot open %s", real);
    auto_json json_t *known = load(at);
    if (known && strcmp(text_of(known, "path"), real) == 0 &&
        strlen(text_of(known, "sha256")) == SN_DIGEST_TEXT_BYTES - 1 && is_unchanged(known, &st)) {
        memcpy(out, text_of(known, "sha256"), SN_DIGEST_TEXT_BYTES);
        return 0;
    }
    int rc = hash_file(out, real, max_bytes, err);
    if (rc == 0)
        *record = json_pack("{s:s, s:s, s:o}", "path", real, "sha256", out, "stat", stat_json(&st));
    return rc;
}

int sn_cache_digest(char out[SN_DIGEST_TEXT_BYTES], const char *home, const char *path,
                    size_t max_bytes, sn_error *err) {
    sn_auto_free char *real = NULL;
    sn_auto_free char *at = NULL;
    auto_json json_t *record = NULL;
    int rc = path_record(&at, &real, home, path, err);
    if (rc == 0)
        rc = digest_path(out, &record, at, real, max_bytes, err);
    sn_error
        ignored; /* where nothing was built yet, or nothing can be written, it is hashed again */
    if (rc == 0 && record)
        (void)!save(at, record, &ignored);
    return rc;
}

/* ---- objects ---- */

static char *record_path(const char *home, const char *module_sha256) {
    return sn_format("%s/native/%s.json", home, module_sha256);
}

static int not_compiled(const char *wasm_path, sn_error *err) {
    sn_fail(err, SN_EUNAVAILABLE, "%s is not compiled yet", wasm_path);
    return sn_hint(err, "run `shannon interpreter build %s` once", wasm_path);
}

static int damaged(const char *native, const char *wasm_path, sn_error *err) {
    sn_fail(err, SN_EUNAVAILABLE, "the native code of %s is damaged (%s)", wasm_path, native);
    return sn_hint(err, "run `shannon interpreter build --force %s`", wasm_path);
}

/* The object that a record names is the one that was recorded. */
static int check_object(json_t *record, const char *at, const char *native, const char *wasm_path,
                        sn_error *err) {
    struct stat st;
    char sum[SN_DIGEST_TEXT_BYTES];
    if (stat(native, &st) < 0)
        return errno == ENOENT ? not_compiled(wasm_path, err) : damaged(native, wasm_path, err);
    int rc = sn_cache_check_owner(native, &st, err);
    if (rc < 0 || is_unchanged(record, &st))
        return rc;
    rc = hash_file(sum, native, OBJECT_MOST_BYTES, err);
    if (rc < 0 || strcmp(sum, text_of(record, "sha256")) != 0)
        return damaged(native, wasm_path, err);
    json_object_set_new(record, "stat", stat_json(&st));
    sn_error ignored; /* as above: the next start hashes again */
    (void)!save(at, record, &ignored);
    return 0;
}

/* The object that the record at `at` names, in `home`; NULL: none of this version. */
static char *recorded_object(json_t **record, const char *home, const char *at) {
    *record = load(at);
    const char *file = *record ? text_of(*record, "file") : "";
    if (!*file || strchr(file, '/') || strcmp(text_of(*record, "version"), SN_AOT_VERSION) != 0)
        return NULL;
    return sn_format("%s/native/%s", home, file);
}

int sn_cache_find(char **out_path, const char *home, const char *wasm_path, sn_error *err) {
    char module[SN_DIGEST_TEXT_BYTES];
    sn_auto_free char *real = NULL;
    sn_auto_free char *path_at = NULL;
    auto_json json_t *path_known = NULL;
    auto_json json_t *record = NULL;
    int rc = path_record(&path_at, &real, home, wasm_path, err);
    if (rc == 0)
        rc = digest_path(module, &path_known, path_at, real, OBJECT_MOST_BYTES, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *at = record_path(home, module);
    sn_auto_free char *native = recorded_object(&record, home, at);
    if (!native)
        return not_compiled(wasm_path, err);
    sn_auto_free char *folder = sn_format("%s/native", home);
    rc = check_home(folder, err);
    if (rc == 0)
        rc = check_object(record, at, native, wasm_path, err);
    if (rc < 0)
        return rc;
    sn_error ignored; /* a folder that cannot be written costs time at the next start, no more */
    if (path_known)
        (void)!save(path_at, path_known, &ignored);
    *out_path = SN_STEAL(native);
    return 0;
}

int sn_cache_find_installed(char **out_path, const char *home, const char *installed,
                            const char *wasm_path, sn_error *err) {
    char module[SN_DIGEST_TEXT_BYTES], sum[SN_DIGEST_TEXT_BYTES];
    auto_json json_t *record = NULL;
    struct stat st;
    sn_error ignored;
    sn_auto_free char *remembered = NULL;
    (void)!sn_cache_folder(&remembered, home, &ignored); /* without it, all is read each time */
    int rc = sn_cache_digest(module, home, wasm_path, OBJECT_MOST_BYTES, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *folder = sn_format("%s/native", installed);
    sn_auto_free char *at = record_path(installed, module);
    sn_auto_free char *native = recorded_object(&record, installed, at);
    if (!native || stat(native, &st) < 0)
        return not_compiled(wasm_path, err);
    rc = check_home(folder, err);
    if (rc == 0)
        rc = sn_cache_check_owner(native, &st, err);
    if (rc == 0)
        rc = sn_cache_digest(sum, home, native, OBJECT_MOST_BYTES, err);
    if (rc < 0)
        return rc;
    if (strcmp(sum, text_of(record, "sha256")) != 0) {
        sn_fail(err, SN_EUNAVAILABLE, "the native code of %s is damaged (%s)", wasm_path, native);
        return sn_hint(err, "install Shannon again");
    }
    *out_path = SN_STEAL(native);
    return 0;
}

bool sn_cache_has_trained(const char *home, const char *wasm_path) {
    char module[SN_DIGEST_TEXT_BYTES];
    sn_error ignored;
    sn_auto_free char *found = NULL;
    if (sn_cache_find(&found, home, wasm_path, &ignored) < 0 ||
        sn_cache_digest(module, home, wasm_path, OBJECT_MOST_BYTES, &ignored) < 0)
        return false;
    sn_auto_free char *at = record_path(home, module);
    auto_json json_t *record = load(at);
    return json_is_true(json_object_get(record, "trained"));
}

/* A record's file name: 64 digits and ".json". */
static int is_record(const struct dirent *entry) {
    return strspn(entry->d_name, "0123456789abcdef") == SN_DIGEST_TEXT_BYTES - 1 &&
           strcmp(entry->d_name + SN_DIGEST_TEXT_BYTES - 1, ".json") == 0;
}

/* All records' names; the caller frees each and the array. Negative: none can be read. */
static int list_records(struct dirent ***out, const char *home) {
    sn_auto_free char *folder = sn_format("%s/native", home);
    return scandir(folder, out, is_record, alphasort);
}

/* The object that a record names is needed no more. Processes that run it keep it. */
static void remove_object(const char *home, const json_t *record) {
    const char *file = text_of(record, "file");
    sn_auto_free char *native = sn_format("%s/native/%s", home, file);
    if (*file && !strchr(file, '/'))
        unlink(native);
}

/* What was recorded for an earlier module at the same path, or for the same module by an earlier
 * compiler, would stay for ever. */
static void remove_superseded(const char *home, const json_t *now) {
    struct dirent **names;
    int count = list_records(&names, home);
    for (int i = 0; i < count; i++) {
        sn_auto_free char *at = sn_format("%s/native/%s", home, names[i]->d_name);
        auto_json json_t *record = load(at);
        free(names[i]);
        if (!record || strcmp(text_of(record, "module"), text_of(now, "module")) != 0 ||
            strcmp(text_of(record, "module_sha256"), text_of(now, "module_sha256")) == 0)
            continue;
        remove_object(home, record);
        unlink(at);
    }
    if (count >= 0)
        free(names);
}

int sn_cache_add(const char *home, const char *wasm_path, const char *module_sha256,
                 const char *native_path, const char *compiler, bool trained, sn_error *err) {
    char sum[SN_DIGEST_TEXT_BYTES];
    struct stat st;
    const char *slash = strrchr(native_path, '/');
    sn_auto_free char *real = realpath(wasm_path, NULL);
    int rc = hash_file(sum, native_path, OBJECT_MOST_BYTES, err);
    if (rc < 0)
        return rc;
    if (stat(native_path, &st) < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot open %s", native_path);
    auto_json json_t *record = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:o}", "module", real ? real : wasm_path,
        "module_sha256", module_sha256, "file", slash ? slash + 1 : native_path, "sha256", sum,
        "version", SN_AOT_VERSION, "compiler", compiler, "trained", trained, "built",
        (json_int_t)time(NULL), "stat", stat_json(&st));
    sn_auto_free char *at = record_path(home, module_sha256);
    auto_json json_t *before = load(at);
    rc = save(at, record, err);
    if (rc < 0)
        return rc;
    if (before && strcmp(text_of(before, "file"), text_of(record, "file")) != 0)
        remove_object(home, before);
    remove_superseded(home, record);
    return 0;
}

/* ---- the list ---- */

static bool read_entry(sn_cache_entry *out, const char *home, const char *at) {
    auto_json json_t *record = load(at);
    if (!record || !*text_of(record, "file"))
        return false;
    *out = (sn_cache_entry){
        .wasm_path = strdup(text_of(record, "module")),
        .module_sha256 = strdup(text_of(record, "module_sha256")),
        .native_path = sn_format("%s/native/%s", home, text_of(record, "file")),
        .compiler = strdup(text_of(record, "compiler")),
        .trained = json_is_true(json_object_get(record, "trained")),
        .native_bytes =
            (uint64_t)json_integer_value(json_object_get(json_object_get(record, "stat"), "bytes")),
        .built = json_integer_value(json_object_get(record, "built")),
    };
    return out->wasm_path && out->module_sha256 && out->compiler;
}

int sn_cache_list(sn_cache_entry **entries, size_t *count, const char *home, sn_error *err) {
    struct dirent **names = NULL;
    int found = list_records(&names, home);
    *count = 0;
    *entries = calloc((found > 0 ? (size_t)found : 0) + 1, sizeof **entries);
    for (int i = 0; i < found; i++) {
        sn_auto_free char *at = sn_format("%s/native/%s", home, names[i]->d_name);
        if (*entries)
            *count += read_entry(&(*entries)[*count], home, at);
        free(names[i]);
    }
    free(names);
    return *entries ? 0 : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the list");
}

void sn_cache_entries_free(sn_cache_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(entries[i].wasm_path);
        free(entries[i].module_sha256);
        free(entries[i].native_path);
        free(entries[i].compiler);
    }
    free(entries);
}
