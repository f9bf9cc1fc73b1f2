/*
 * guests.h - modules for the tests: written as text, made binary by wat2wasm, compiled into a cache
 * of the test's own. A failure on the way fails the test.
 */
#ifndef SN_TESTS_WASM_GUESTS_H
#define SN_TESTS_WASM_GUESTS_H

#include "test.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "wasm/aot.h"
#include "wasm/instance.h"

/* A folder for everything that the test makes; removed when the program ends. */
const char *guests_folder(void);

/* The path of a file in it; free() it. */
char *guests_path(const char *name);

void guests_write(const char *name, const void *data, size_t bytes);

/* Makes the binary NAME.wasm of `wat`; its path, to be freed. */
char *guests_wasm(const char *name, const char *wat);

/* The binary of `wat` in memory; free() it. */
uint8_t *guests_binary(size_t *bytes, const char *wat);

/* Builds a module with the test's host functions as its only imports. */
int guests_build(char **native_path, const char *wasm_path, sn_error *err);

/* Text to loaded object. */
sn_native *guests_native(const char *name, const char *wat);

/*
 * The host functions, module "host":
 *   exit (i32), trap (i32), add (i32 i32) -> i32, mix (i32 i64 f32 f64) -> f64, deep (i32) -> i32,
 *   which uses that many KiB of the guest's stack, fault (), which does what guests_fault does.
 */
extern void (*guests_fault)(void);
extern const sn_host_func *const guests_tables[1];

/* A fresh instance with the limit, in 64 KiB pages. */
sn_instance *guests_instance(sn_native *native, uint32_t limit_pages);

/* A call that must be possible; how it ended. `count` parameters follow, as uint32_t. */
sn_call guests_call(sn_instance *instance, const char *name, size_t count, ...);

/* Mode `mode`, wherever it is in the file system. */
void guests_chmod(const char *path, unsigned mode);

#endif
