/* cmd_interpreter.c - `shannon interpreter`: what is there, and compiling a module ahead of time.
 */
#include "cli/cli.h"

#include "sandbox/build.h"
#include "sandbox/interpreter.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/parse.h"
#include "wasm/cache.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEY_FORCE = 256, KEY_JOBS, KEY_QUIET, KEY_TRAIN };

static const struct argp_option options[] = {
    {"force", KEY_FORCE, 0, 0, "build: also when the cache has it", 0},
    {"jobs", KEY_JOBS, "N", 0, "build: compilers at once (default: one a processor)", 0},
    {"train", KEY_TRAIN, "FOLDER", 0,
     "build: optimise a Python interpreter by running the programs in FOLDER; takes twice as long",
     0},
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
    sn_build_options build;
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
    case KEY_TRAIN:
        args->build.training = arg;
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

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    interrupted = signal_number;
}

static int build(interpreter_args *args) {
    sn_auto_free char *native = NULL;
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    args->build.cancel = &interrupted;
    bool terminal = isatty(STDERR_FILENO) != 0;
    args->build.progress = show_progress;
    args->build.notice = sn_cli_notice;
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

/* What has become of the module since it was compiled. */
static const char *fate(const char *home, const sn_cache_entry *entry) {
    char now[SN_DIGEST_TEXT_BYTES];
    sn_error ignored;
    if (access(entry->wasm_path, F_OK) < 0)
        return " (the file is gone)";
    if (sn_cache_digest(now, home, entry->wasm_path, SIZE_MAX, &ignored) < 0)
        return " (the file cannot be read)";
    return strcmp(now, entry->module_sha256) == 0 ? ""
                                                  : " (the file has changed since: build it again)";
}

static void print_entry(const char *home, const sn_cache_entry *entry, const char *chosen) {
    char when[32] = "";
    time_t built = entry->built;
    struct tm local;
    if (localtime_r(&built, &local))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
    bool is_default = chosen && strcmp(chosen, entry->wasm_path) == 0;
    printf("%s %s%s\n", is_default ? "*" : " ", entry->wasm_path, fate(home, entry));
    printf("    module %.16s, native code %.1f MB, %s %s\n    %s\n", entry->module_sha256,
           (double)entry->native_bytes / 1e6, entry->trained ? "trained" : "compiled", when,
           entry->compiler);
}

static int list(sn_error *err) {
    sn_auto_free char *home = NULL;
    sn_auto_free char *chosen = NULL;
    sn_error missing = SN_ERROR_INIT;
    sn_cache_entry *entries;
    size_t count;
    int rc = sn_home_find(&home, NULL, err);
    if (rc == 0)
        rc = sn_cache_list(&entries, &count, home, err);
    if (rc < 0)
        return rc;
    if (sn_interpreter_find(&chosen, NULL, &missing) < 0)
        printf("default: none (%s; %s)\n", missing.message, missing.hint);
    else
        printf("default: %s\n", chosen);
    sn_auto_free char *real = chosen ? realpath(chosen, NULL) : NULL;
    printf("compiled, in %s/native:%s\n", home, count ? "" : " nothing");
    for (size_t i = 0; i < count; i++)
        print_entry(home, &entries[i], real);
    sn_cache_entries_free(entries, count);
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
