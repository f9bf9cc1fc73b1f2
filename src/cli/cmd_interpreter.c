/* cmd_interpreter.c - `shannon interpreter`: what is there, and compiling a module ahead of time.
 */
#include "cli/cli.h"

#include "sandbox/interpreter.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/parse.h"
#include "wasm/cache.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_FORCE = 256, KEY_JOBS, KEY_QUIET };

static const struct argp_option options[] = {
    {"force", KEY_FORCE, 0, 0, "build: also when the cache has it", 0},
    {"jobs", KEY_JOBS, "N", 0, "build: compilers at once (default: one a processor)", 0},
    {"quiet", KEY_QUIET, 0, 0, "build: say nothing when there is nothing to do", 0},
    {0},
};

static const char doc[] =
    "list: the modules that are compiled to native code, and the one that `shannon run` takes.\n"
    "build: compiles a WASI preview 1 module, once; later calls find it in the cache. Without WASM "
    "it is the "
    "default interpreter.\n"
    "\v"
    "A module is checked first: one that is damaged, imports what the sandbox does not offer, or "
    "is over a limit "
    "(WASI_TABLE_ELEMENTS_LIMIT, WASI_TABLES_LIMIT, WASI_MEMORIES_LIMIT, WASI_INSTANCES_LIMIT, "
    "WASI_MEMORY_LIMIT_MB) is refused.\n"
    "\n"
    "Examples:\n"
    "  shannon interpreter build hello.wasm\n"
    "  shannon run --interpreter hello.wasm -- --some-argument";

typedef struct interpreter_args {
    const char *verb;
    const char *path;
    sn_interpreter_build_options build;
    bool quiet;
    sn_error err;
} interpreter_args;

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    interpreter_args *args = state->input;
    uint64_t jobs;
    switch (key) {
    case KEY_FORCE:
        args->build.force = true;
        return 0;
    case KEY_QUIET:
        args->quiet = true;
        return 0;
    case KEY_JOBS:
        if (!sn_parse_u64(&jobs, arg, 1, 256))
            argp_error(state, "--jobs is '%s'; it must be a number from 1 to 256", arg);
        args->build.jobs = (unsigned)jobs;
        return 0;
    case ARGP_KEY_ARG:
        if (!args->verb)
            args->verb = arg;
        else if (!args->path)
            args->path = arg;
        else
            argp_error(state, "too many arguments");
        return 0;
    case ARGP_KEY_END:
        if (!args->verb || (strcmp(args->verb, "list") != 0 && strcmp(args->verb, "build") != 0))
            argp_error(state, "say what to do: list or build");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void show_progress(void *user, const char *stage, unsigned done, unsigned total) {
    bool terminal = *(const bool *)user;
    if (total > 0 && terminal)
        fprintf(stderr, "\r\033[K%s %u of %u", stage, done, total);
    else if (terminal)
        fprintf(stderr, "\r\033[K%s", stage);
    else if (total == 0 || done == total)
        fprintf(stderr, "%s%s\n", stage, total ? ": done" : "");
}

static int build(interpreter_args *args) {
    sn_auto_free char *native = NULL;
    bool terminal = isatty(STDERR_FILENO) != 0;
    args->build.progress = show_progress;
    args->build.user = &terminal;
    uint64_t start_ns = sn_now_ns();
    bool built;
    int rc = sn_interpreter_build(&native, &built, args->path, &args->build, &args->err);
    if (terminal)
        fputs("\r\033[K", stderr);
    if (rc < 0)
        return rc;
    double seconds = (double)(sn_now_ns() - start_ns) / 1e9;
    if (built)
        printf("compiled in %.1f s: %s\n", seconds, native);
    else if (!args->quiet)
        printf("up to date: %s\n", native);
    return 0;
}

static int list(sn_error *err) {
    sn_auto_free char *home = NULL;
    sn_auto_free char *chosen = NULL;
    int rc = sn_home_find(&home, NULL, err);
    if (rc < 0)
        return rc;
    if (sn_interpreter_find(&chosen, NULL, err) < 0)
        printf("default: none (%s)\n", err->hint);
    else
        printf("default: %s\n", chosen);
    return 0;
}

int sn_cmd_interpreter(int argc, char **argv) {
    static const struct argp argp = {options, parse_option, "list\nbuild [WASM]", doc, 0, 0, 0};
    interpreter_args args = {.err = SN_ERROR_INIT};
    argp_err_exit_status = SN_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &args);
    int rc = strcmp(args.verb, "list") == 0 ? list(&args.err) : build(&args);
    return rc < 0 ? sn_cli_error(&args.err, false) : 0;
}
