/*
 * cache.h - where native objects are kept and how they are checked.
 *
 *     <home>/native/<key>.so          an object; the key is a hash of module, compiler, flags and
 * SN_AOT_VERSION <home>/native/<module>.json     its record, by the module's SHA-256
 *     <home>/native/at-<hash>.json    what is known of a path: size, inode, times and SHA-256 of
 * the file there
 *
 * An object is trusted code, so it is compared with the SHA-256 in its record. Reading 15 MB to
 * hash them at every start would cost more than starting; so records also keep the size, inode and
 * times of the files, as git's index does. While these are unchanged the files are taken to be
 * unchanged; otherwise they are hashed again, and either the record is renewed or the object is
 * refused. Files that others can write are refused.
 */
#ifndef SN_WASM_CACHE_H
#define SN_WASM_CACHE_H

#include "util/io.h"
#include "wasm/digest.h"

#include <sys/stat.h>

/* Part of every key: to be changed with anything that changes the native code or its interface. */
#define SN_AOT_VERSION "1"

/*
 * Finds checked native code for the module at `wasm_path`; `*out_path` is the caller's to free.
 * Errors: SN_ENOT_FOUND no such module; SN_EUNAVAILABLE not compiled yet, or damaged: the hint
 * names the command that mends it.
 */
SN_WARN_UNUSED int sn_cache_find(char **out_path, const char *home, const char *wasm_path,
                                 sn_error *err);

/*
 * The same for native code that came with the program, in a folder like a home, which is only read:
 * that its files are unchanged is remembered in `home`. Of an object that was copied with its
 * record only the contents have to be the same.
 */
SN_WARN_UNUSED int sn_cache_find_installed(char **out_path, const char *home, const char *installed,
                                           const char *wasm_path, sn_error *err);

/* SHA-256 of the file at `path`, from the record if the file is unchanged. SN_EINVALID_ARGUMENT:
 * over `max_bytes`. */
SN_WARN_UNUSED int sn_cache_digest(char out[SN_DIGEST_TEXT_BYTES], const char *home,
                                   const char *path, size_t max_bytes, sn_error *err);

/* Only this user and root may be able to write what is run. SN_EUNAVAILABLE: others can. */
SN_WARN_UNUSED int sn_cache_check_owner(const char *path, const struct stat *st, sn_error *err);

/* The folder of the objects, made if it is not there. free() it. */
SN_WARN_UNUSED int sn_cache_folder(char **out, const char *home, sn_error *err);

typedef struct sn_cache_entry {
    char *wasm_path; /* of the module when it was built */
    char *module_sha256;
    char *native_path;
    char *compiler;
    bool trained; /* optimised by a profile */
    uint64_t native_bytes;
    int64_t built; /* seconds since 1970 */
} sn_cache_entry;

/* Whether there is native code of the module that was optimised by a profile. */
bool sn_cache_has_trained(const char *home, const char *wasm_path);

/* Records the object at `native_path` (in the folder) as the code of the module with this SHA-256.
 */
SN_WARN_UNUSED int sn_cache_add(const char *home, const char *wasm_path, const char *module_sha256,
                                const char *native_path, const char *compiler, bool trained,
                                sn_error *err);

/* All records. `*entries` is the caller's; release with sn_cache_entries_free(). */
SN_WARN_UNUSED int sn_cache_list(sn_cache_entry **entries, size_t *count, const char *home,
                                 sn_error *err);
void sn_cache_entries_free(sn_cache_entry *entries, size_t count);

#endif
