/*
 * tools.h - runs other programs (wasm2c, the compiler), without a shell: one after another or
 * several at once.
 */
#ifndef SN_WASM_TOOLS_H
#define SN_WASM_TOOLS_H

#include "shannon.h"

#include <signal.h>

/* One program to run. What it prints goes to the file `log`, which an error message quotes the end
 * of. */
typedef struct sn_tool {
    const char *const *argv; /* found on PATH; ends with NULL */
    const char *log;
} sn_tool;

typedef struct sn_tools_options {
    const char *folder;                  /* they run in it */
    unsigned jobs;                       /* at once; at least 1 */
    const volatile sig_atomic_t *cancel; /* NULL, or becomes non-zero to end them */
    void (*finished)(void *user, unsigned done, unsigned total); /* NULL allowed */
    void *user;
} sn_tools_options;

/*
 * Runs them all and blocks. After the first that fails no more are started and those under way are
 * killed. SN_EUNAVAILABLE: a program is missing or failed; SN_ERESOURCE_EXHAUSTED: its log says
 * that the disk is full; SN_EINTERNAL: cancelled.
 */
SN_WARN_UNUSED int sn_tools_run(const sn_tool *tools, size_t count, const sn_tools_options *options,
                                sn_error *err);

/* The first line that the program prints. `*out` is the caller's to free. */
SN_WARN_UNUSED int sn_tool_first_line(char **out, const char *const *argv, sn_error *err);

#endif
