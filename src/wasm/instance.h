/*
 * instance.h - runs a module that was compiled to a native object (aot.h).
 *
 * sn_native is the loaded object: code and tables, shared by all its instances and never written
 * to. sn_instance is one guest: linear memory, globals, tables. A process runs one instance at a
 * time on one thread: loads and stores go through the GS base, which belongs to the thread, and
 * faults are told apart by the reservation of the instance that is current. That is no limit in
 * practice, as each execution has its own process.
 */
#ifndef SN_WASM_INSTANCE_H
#define SN_WASM_INSTANCE_H

#include "wasm/host.h"
#include "wasm/memory.h"
#include "wasm/module.h"

typedef struct sn_native sn_native;
typedef struct sn_instance sn_instance;

/*
 * Loads the object at `path`. The caller has checked that it is the file it should be (cache.h).
 * SN_EUNAVAILABLE: not an object of this version. Release with sn_native_close() after its last
 * instance.
 */
SN_WARN_UNUSED int sn_native_open(sn_native **out, const char *path, sn_error *err);
void sn_native_close(sn_native *native);

/* Refuses an object whose tables or memories are over a limit: limits may have become tighter since
 * it was built. */
SN_WARN_UNUSED int sn_native_check_limits(const sn_native *native, const sn_module_limits *limits,
                                          sn_error *err);

/* Writes the counts of an instrumented object (aot.h, profile_generate) to a file. */
SN_WARN_UNUSED int sn_native_write_profile(const sn_native *native, const char *path,
                                           sn_error *err);

/* Where its instructions lie, whole pages. */
const void *sn_native_code(const sn_native *native, size_t *bytes);

/* Whether the module exports a function of that name, whatever its type. */
bool sn_native_has_function(const sn_native *native, const char *name);

/*
 * A guest as it was between two calls, in a file: the pages of linear memory that are not all zero,
 * and the module's globals. A *run* is a range of such pages; everything here is whole host pages.
 * The file must not change while an instance lives that was made from it.
 */
typedef struct sn_saved_run {
    uint64_t at;     /* in linear memory */
    uint64_t bytes;  /* not 0 */
    uint64_t offset; /* in the file */
} sn_saved_run;

typedef struct sn_saved {
    int fd;
    uint64_t memory_bytes;    /* size of linear memory */
    const sn_saved_run *runs; /* in order of `at`, apart from each other */
    size_t runs_count;
    const void *globals;
    size_t globals_bytes;
} sn_saved;

typedef struct sn_instance_options {
    const sn_host_func *const *host_tables; /* each ends with a name of NULL */
    void *const *host_contexts;             /* the first parameter of each table's functions */
    size_t host_tables_count;
    uint64_t memory_limit_bytes; /* memory.grow fails beyond; also refused: a larger initial size */
    size_t stack_bytes;          /* native stack for guest code; 0: 64 MiB */
    uint32_t table_elements;     /* table.grow fails beyond; 0: 10000 */
    const sn_saved *saved;       /* NULL, or where to go on from; used during the call only */
} sn_instance_options;

#define SN_INSTANCE_OPTIONS_INIT {0}

/*
 * Makes memory and tables and fills them from the module's segments, or from what was saved. Runs
 * no guest code (a start function is run by the first sn_instance_call, unless it ran before the
 * guest was saved). Errors: an import that no table offers or with another type
 * (SN_EINVALID_ARGUMENT, named), an initial memory over the limit, something saved that is not of
 * this module (SN_EUNAVAILABLE), no memory.
 */
SN_WARN_UNUSED int sn_instance_new(sn_instance **out, sn_native *native,
                                   const sn_instance_options *options, sn_error *err);
void sn_instance_free(sn_instance *instance);

/* Another limit from now on, for all memories together. SN_EINVALID_ARGUMENT: they are larger. */
SN_WARN_UNUSED int sn_instance_set_memory_limit(sn_instance *instance, uint64_t bytes,
                                                sn_error *err);

/*
 * The module's globals, as bytes that mean something only to this module: with linear memory they
 * are the whole state of a guest between two calls. NULL: they are not (several memories, or tables
 * that can change), so that the guest cannot be saved.
 */
void *sn_instance_globals(const sn_instance *instance, size_t *bytes);

/*
 * Takes a fresh instance to where a guest was: its memory grows to `memory_bytes`, its globals are
 * set. The contents of linear memory are the caller's to put there. SN_EUNAVAILABLE: not of this
 * module. SN_EINVALID_ARGUMENT: over the memory limit.
 */
SN_WARN_UNUSED int sn_instance_resume(sn_instance *instance, uint64_t memory_bytes,
                                      const void *globals, size_t globals_bytes, sn_error *err);

/* What sn_instance_watch() notes of a host page of linear memory. */
enum { SN_PAGE_UNTOUCHED, SN_PAGE_READ, SN_PAGE_WRITTEN };

/*
 * From now on notes which pages of linear memory are touched, one byte for each: pages[address /
 * 4096]. `pages` must cover the memory and live as long as the instance. It costs a signal for each
 * page and kind. A system call that is handed a pointer into an untouched page fails meanwhile, so
 * that this is for programs of our own only.
 */
SN_WARN_UNUSED int sn_instance_watch(sn_instance *instance, uint8_t *pages, sn_error *err);

/* The instance's memory (the first one, if it has several). Lives as long as the instance. */
sn_memory *sn_instance_memory(sn_instance *instance);

/* How a call into the guest ended. */
enum sn_outcome {
    SN_RETURNED,
    SN_EXITED,  /* a host function called sn_instance_exit(); `exit_code` */
    SN_TRAPPED, /* `trap` */
};

enum sn_trap {
    SN_TRAP_NONE,
    SN_TRAP_OUT_OF_BOUNDS,
    SN_TRAP_INTEGER_OVERFLOW,
    SN_TRAP_DIVIDE_BY_ZERO,
    SN_TRAP_INVALID_CONVERSION,
    SN_TRAP_UNREACHABLE,
    SN_TRAP_INDIRECT_CALL,
    SN_TRAP_UNCAUGHT_EXCEPTION,
    SN_TRAP_STACK_EXHAUSTED,
};

/* "out of bounds memory access" and so on; never NULL. */
const char *sn_trap_text(enum sn_trap trap);

typedef struct sn_call {
    enum sn_outcome outcome;
    uint32_t value; /* the result, if the function has one (i32) */
    uint32_t exit_code;
    enum sn_trap trap;
} sn_call;

/*
 * Calls the exported function `name` with `count` (0 to 2) i32 parameters on the guest's own stack
 * and blocks until it returns, exits or traps. Whatever the guest does is in `*out`; an error is:
 * no such export, or of another type. After a trap or an exit the instance must not be called
 * again. A fault outside the guest's memory and stack is not a trap: it is ours, and takes the
 * default action of its signal.
 */
SN_WARN_UNUSED int sn_instance_call(sn_call *out, sn_instance *instance, const char *name,
                                    const uint32_t *params, size_t count, sn_error *err);

/* For host functions only, during a call: unwinds to sn_instance_call(). */
_Noreturn void sn_instance_exit(uint32_t exit_code);
_Noreturn void sn_instance_trap(enum sn_trap trap);

#endif
