/*
 * cache.h - where native objects are kept and how they are checked.
 *
 * An object is named by a hash of what it was made from: the module, the compiler and its flags,
 * and the version of our own translation. Beside it lies a record with the SHA-256 of the module
 * and of the object. Reading 16 MB to hash them at every start would cost more than starting, so
 * the record also keeps size, inode, mtime and ctime of both files, as git's index does: while they
 * are unchanged the files are taken to be unchanged, otherwise they are hashed again and either the
 * record is renewed or the object is refused.
 */
#ifndef SN_WASM_CACHE_H
#define SN_WASM_CACHE_H

#include "shannon.h"

/*
 * Finds checked native code for the module at `wasm_path`; `*out_path` is the caller's to free.
 * Errors: SN_ENOT_FOUND no such module; SN_EUNAVAILABLE not compiled yet, or damaged: the hint
 * names the command that mends it.
 */
SN_WARN_UNUSED int sn_cache_find(char **out_path, const char *home, const char *wasm_path,
                                 sn_error *err);

#endif
