/*
 * aot.c - see aot.h. One build is a walk through a folder of its own inside the cache; the finished
 * object is renamed out of it, and the folder is removed whatever happened.
 */
#include "wasm/aot.h"

#include "util/auto.h"
#include "util/error.h"
#include "wasm/cache.h"
#include "wasm/instance.h"
#include "wasm/stages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { OBJECT_MOST_BYTES = 1 << 30, TRAINING_MOST_SECONDS = 24 * 60 * 60 };

/* One build at a time in a cache: waits for the lock, or until the build is cancelled. */
static int take_lock(int *out, const char *path, const sn_aot_options *options, sn_error *err) {
    sn_auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot open %s", path);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot lock %s", path);
        if (options->cancel && *options->cancel)
            return sn_fail(err, SN_EINTERNAL, "interrupted");
        if (options->progress)
            options->progress(options->user, "waiting for another build", 0, 0);
        usleep(100000);
    }
    *out = SN_STEAL_FD(fd);
    return 0;
}

/* Whoever holds the lock is the only one who builds, so any other folder is of a build that was
 * killed. Training (sandbox/build.c) goes on without the lock; its folders are told by their age.
 */
static void remove_stale(const char *cache) {
    DIR *list = opendir(cache);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        sn_auto_free char *path = sn_format("%s/%s", cache, entry->d_name);
        struct stat st;
        bool is_old = stat(path, &st) == 0 && time(NULL) - st.st_mtime > TRAINING_MOST_SECONDS;
        if (strncmp(entry->d_name, "build-", 6) == 0 ||
            (strncmp(entry->d_name, "train-", 6) == 0 && is_old))
            sn_remove_tree(path);
    }
    if (list)
        closedir(list);
}

/* What makes this build different from others of the same module. */
typedef struct identity {
    char *compiler;
    char *object; /* path in the cache */
} identity;

static int identify(identity *out, const sn_build *b, const char *cache, sn_error *err) {
    sn_auto_free char *flags = NULL;
    int rc = sn_build_identify(&flags, &out->compiler, err);
    if (rc == 0)
        out->object = sn_format("%s/%.16s-%.16s.so", cache, b->module_sha256, flags);
    return rc;
}

/* Found, and made by what would make it now. Without a compiler to compare with, what is found
 * will do. */
static bool is_up_to_date(char **out_path, const sn_build *b, const identity *now) {
    sn_error ignored;
    if (b->options->force || b->options->instrumented ||
        sn_cache_find(out_path, b->options->home, b->wasm_path, &ignored) < 0)
        return false;
    if (!now->object || strcmp(*out_path, now->object) == 0)
        return true;
    free(SN_STEAL(*out_path));
    return false;
}

/* Loads it once, so that what goes into the cache is known to work here. */
static int check_object(const char *path, sn_error *err) {
    sn_native *native;
    int rc = sn_native_open(&native, path, err);
    if (rc == 0)
        sn_native_close(native);
    return rc;
}

static int publish(char **out_path, const sn_build *b, const identity *id, sn_error *err) {
    sn_auto_free char *made = sn_format("%s/module.so", b->folder);
    sn_auto_fd int fd = open(made, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0700) < 0 || fsync(fd) < 0 || rename(made, id->object) < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot put the object at %s",
                             id->object);
    int rc = sn_cache_add(b->options->home, b->wasm_path, b->module_sha256, id->object,
                          id->compiler, b->options->profile != NULL, err);
    if (rc == 0)
        *out_path = sn_format("%s", id->object);
    return rc;
}

/* Anywhere, also on another disk. */
static int hand_out(char **out_path, const sn_build *b, sn_error *err) {
    sn_auto_free char *made = sn_format("%s/module.so", b->folder);
    sn_mapping object = {0};
    int rc = sn_map_file(&object, made, OBJECT_MOST_BYTES, err);
    if (rc == 0)
        rc = sn_replace_file(b->options->instrumented, object.data, object.bytes, err);
    sn_unmap(&object);
    if (rc == 0)
        *out_path = sn_format("%s", b->options->instrumented);
    return rc;
}

/* Tools that run into a full disk fail in many ways, seldom saying so; and what they leave unsaid
 * looks like a damaged module. */
static int blame_disk(int rc, const char *folder, sn_error *err) {
    enum { LITTLE_BYTES = 1 << 20 };
    struct statvfs disk;
    bool is_full = rc < 0 && statvfs(folder, &disk) == 0 &&
                   (uint64_t)disk.f_bavail * disk.f_frsize < LITTLE_BYTES;
    if (is_full)
        sn_fail(err, SN_ERESOURCE_EXHAUSTED, "the disk that holds %s is full", folder);
    if (rc != SN_ERESOURCE_EXHAUSTED && !is_full)
        return rc;
    return sn_hint(err,
                   "compiling CPython needs about 250 MB there; free some, or set SHANNON_HOME "
                   "to a folder on another disk");
}

/* In a folder of its own, which is gone afterwards. */
static int build_in(char **out_path, sn_build *b, const char *cache, const identity *id,
                    sn_error *err) {
    sn_auto_free char *folder = sn_format("%s/build-XXXXXX", cache);
    if (!mkdtemp(folder))
        return blame_disk(
            sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot make a folder in %s", cache), cache,
            err);
    b->folder = folder;
    sn_auto_free char *made = sn_format("%s/module.so", folder);
    int rc = sn_build_run(b, err);
    if (rc == 0)
        rc = check_object(made, err);
    if (rc == 0)
        rc = b->options->instrumented ? hand_out(out_path, b, err) : publish(out_path, b, id, err);
    if (rc < 0 && rc != SN_EINTERNAL)
        rc = blame_disk(rc, folder, err);
    sn_remove_tree(folder);
    return rc;
}

static int build_locked(char **out_path, bool *built, sn_build *b, const char *cache,
                        sn_error *err) {
    identity id = {0};
    sn_error no_compiler;
    remove_stale(cache);
    int rc = identify(&id, b, cache, &no_compiler);
    *built = !is_up_to_date(out_path, b, &id);
    if (*built && b->options->check_only)
        rc = 0;
    else if (*built && rc < 0 && err)
        *err = no_compiler;
    else if (*built)
        rc = build_in(out_path, b, cache, &id, err);
    else
        rc = 0;
    free(id.compiler);
    free(id.object);
    return rc;
}

int sn_aot_build(char **out_path, bool *built, const char *wasm_path, const sn_aot_options *options,
                 sn_error *err) {
    sn_error local;
    err = err ? err : &local; /* the stages read it */
    sn_build b = {.options = options, .wasm_path = wasm_path};
    sn_auto_free char *cache = NULL;
    sn_auto_fd int lock = -1;
    int rc = sn_build_read(&b, err);
    if (rc == 0)
        rc = sn_cache_folder(&cache, options->home, err);
    if (rc == 0) {
        sn_auto_free char *path = sn_format("%s/lock", cache);
        rc = take_lock(&lock, path, options, err);
    }
    if (rc == 0)
        rc = build_locked(out_path, built, &b, cache, err);
    sn_build_free(&b);
    return rc;
}
