/*
 * cmd_run.c - `shannon run`: one execution. The guest's output is passed on as it comes, this
 * process's stdin goes to the guest as it asks for it, and the guest's exit code becomes ours.
 */
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/print.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    KEY_TIMEOUT = 256,
    KEY_MEMORY,
    KEY_FILE,
    KEY_JSON,
    KEY_SESSION,
    KEY_INTERPRETER,
    KEY_VALUE,
    KEY_SEED,
    KEY_TIME,
    KEY_WEAK,
    KEY_WORKSPACE,
    KEY_DISCARD,
};

static const struct argp_option options[] = {
    {0, 'c', "CODE", 0, "run this Python code", 0},
    {"timeout", KEY_TIMEOUT, "S", 0,
     "raise TimeoutError after S seconds, 1 to 60 (default 30), and end it a second later", 0},
    {"memory", KEY_MEMORY, "MB", 0, "limit the guest's memory (default and most: 256)", 0},
    {"file", KEY_FILE, "HOST[:GUEST]", 0,
     "give the guest a read-only copy of a file as /tmp/GUEST (default: the file's own name); "
     "may be repeated",
     0},
    {"workspace", KEY_WORKSPACE, "MB", 0,
     "give the guest a folder /workspace, in memory, to write up to so much into (default: none; "
     "in "
     "a session 64, which stays)",
     0},
    {"value", KEY_VALUE, 0, 0, "also print the last expression's value, as the prompt would", 0},
    {"json", KEY_JSON, 0, 0, "print the result as one JSON object, at the end", 0},
    {"seed", KEY_SEED, "N", 0,
     "make the run deterministic: all randomness comes from N, and the clock starts at --time and "
     "moves by sleeping only",
     0},
    {"time", KEY_TIME, "S", 0,
     "where a deterministic run's clock starts, in seconds since 1970 (default 0); with --seed", 0},
    {"session", KEY_SESSION, "ID", 0,
     "continue from this session's last step, and add one; see `shannon session --help`", 0},
    {"discard", KEY_DISCARD, 0, 0,
     "with --session: leave no step behind, the session stays as it is", 0},
    {"interpreter", KEY_INTERPRETER, "WASM", 0,
     "run this module, compiled before by `shannon interpreter build`; without code it is run as "
     "an "
     "ordinary WASI program",
     0},
    {"allow-weak-sandbox", KEY_WEAK, 0, 0,
     "run also where the kernel has no system call filters (seccomp), with one wall less; see "
     "`shannon doctor`",
     0},
    {0},
};

static const char doc[] =
    "Runs Python in a fresh sandbox: a FILE, the code given with -c, or a program read from "
    "standard "
    "input (-).\n"
    "\v"
    "Arguments after the program become sys.argv[1:]; put -- before those that begin with a dash.\n"
    "\n"
    "The guest sees this process's standard input, the files given with --file (read-only, in "
    "/tmp), "
    "and nothing else of this machine: no other file, no network, no process.\n"
    "\n"
    "With AGENT_CORE_ADDR=HOST:PORT in the environment it runs in an agent-core there (and "
    "SHANNON_API_TOKEN, SHANNON_CA_FILE: its token, TLS), with HOST:PORT,HOST:PORT,... in one of "
    "them; standard input is then read to its end first, at most 8 MiB, unless it is a terminal.\n"
    "\n"
    "Exit status: the guest's own (0; 1 after an uncaught exception; what sys.exit gave); 124 the "
    "time "
    "limit was reached; 137 the memory limit was reached, or the sandbox stopped a crash; 125 too "
    "much output, or Shannon could not run it (the message says why); 130 interrupted; 2 wrong "
    "usage.\n"
    "\n"
    "Examples:\n"
    "  shannon run -c 'import statistics; print(statistics.mean([1, 2, 4]))'\n"
    "  shannon run --file sales.csv report.py -- --year 2024\n"
    "  shannon run --json -c '6 * 7'\n"
    "  shannon run --session mine -c 'x = 1'; shannon run --session mine -c 'print(x)'";

typedef struct run_args {
    const char *code;
    const char *file; /* NULL or the program's path; "-": standard input */
    bool has_program;
    const char **args; /* sys.argv */
    size_t args_count;
    sn_input_file *files;
    size_t files_count;
    sn_request request;
    const char *interpreter;
    bool json;
    bool value;
    bool allow_weak;
    bool has_time;
    sn_deterministic deterministic;
    sn_error err;
} run_args;

/* ---- options ---- */

static void add_file(run_args *args, char *spec, struct argp_state *state) {
    char *colon = strrchr(spec, ':');
    const char *guest = colon && colon[1] ? colon + 1 : NULL;
    if (colon)
        *colon = '\0';
    if (!guest) {
        const char *slash = strrchr(spec, '/');
        guest = slash ? slash + 1 : spec;
    }
    char *content;
    size_t bytes;
    if (sn_read_file(&content, &bytes, spec, SN_FILES_MAX_BYTES, &args->err) < 0) {
        args->err.code = SN_EINVALID_ARGUMENT;
        sn_hint(&args->err, "--file needs a readable file of at most 64 MiB: --file HOST[:GUEST]");
        return;
    }
    sn_input_file *grown = realloc(args->files, (args->files_count + 1) * sizeof *grown);
    if (!grown)
        argp_failure(state, SN_EXIT_FAILED, ENOMEM, "--file");
    grown[args->files_count++] = (sn_input_file){guest, content, bytes};
    args->files = grown;
}

static void add_arg(run_args *args, const char *arg, struct argp_state *state) {
    const char **grown = realloc(args->args, (args->args_count + 2) * sizeof *grown);
    if (!grown)
        argp_failure(state, SN_EXIT_FAILED, ENOMEM, "arguments");
    grown[args->args_count++] = arg;
    args->args = grown;
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    run_args *args = state->input;
    uint64_t megabytes;
    switch (key) {
    case 'c':
        args->code = arg;
        args->has_program = true;
        return 0;
    case KEY_TIMEOUT:
        if (!sn_parse_double(&args->request.timeout_seconds, arg) ||
            args->request.timeout_seconds == 0)
            sn_fail(&args->err, SN_EINVALID_ARGUMENT,
                    "--timeout is '%s'; it must be a number of seconds from 1 to 60", arg);
        return 0;
    case KEY_MEMORY:
        if (!sn_parse_u64(&megabytes, arg, 1, UINT32_MAX))
            sn_fail(&args->err, SN_EINVALID_ARGUMENT,
                    "--memory is '%s'; it must be a whole number of megabytes", arg);
        else
            args->request.memory_limit_mb = (uint32_t)megabytes;
        return 0;
    case KEY_WORKSPACE:
        if (!sn_parse_u64(&megabytes, arg, 1, SN_WORKSPACE_MAX_BYTES >> 20))
            sn_fail(&args->err, SN_EINVALID_ARGUMENT,
                    "--workspace is '%s'; it must be a whole number of megabytes, 1 to 1024", arg);
        else
            args->request.workspace_bytes = megabytes << 20;
        return 0;
    case KEY_FILE:
        add_file(args, arg, state);
        return 0;
    case KEY_JSON:
        args->json = true;
        return 0;
    case KEY_VALUE:
        args->value = true;
        return 0;
    case KEY_SEED:
        if (!sn_parse_u64(&args->deterministic.seed, arg, 0, UINT64_MAX))
            sn_fail(&args->err, SN_EINVALID_ARGUMENT, "--seed is '%s'; it must be a whole number",
                    arg);
        args->request.deterministic = &args->deterministic;
        return 0;
    case KEY_TIME:
        args->has_time = true;
        if (!sn_parse_double(&args->deterministic.time, arg))
            sn_fail(&args->err, SN_EINVALID_ARGUMENT,
                    "--time is '%s'; it must be a number of seconds since 1970", arg);
        return 0;
    case KEY_WEAK:
        args->allow_weak = true;
        return 0;
    case ARGP_KEY_END:
        if (args->has_time && !args->request.deterministic)
            sn_fail(&args->err, SN_EINVALID_ARGUMENT,
                    "--time needs --seed: the two make a run deterministic");
        return 0;
    case KEY_SESSION:
        args->request.session_id = arg;
        return 0;
    case KEY_DISCARD:
        args->request.discard = true;
        return 0;
    case KEY_INTERPRETER:
        args->interpreter = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (!args->has_program && !(args->interpreter && state->quoted)) {
            args->file = arg;
            args->has_program = true;
            return 0;
        }
        add_arg(args, arg, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- output ---- */

static int print_json(const sn_result *result, sn_error *err) {
    sn_auto_free char *json = sn_result_json(result);
    if (!json)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the JSON");
    puts(json);
    return 0;
}

/* ---- the program ---- */

/* The code, its name in tracebacks and sys.argv[0]. `*owned` is to be freed. */
static int load_program(char **owned, run_args *args, sn_error *err) {
    sn_request *request = &args->request;
    if (!args->has_program && args->interpreter) {
        request->command = true;
        args->args[0] = args->interpreter;
    } else if (args->code) {
        request->code = args->code;
        request->code_bytes = strlen(args->code);
        request->filename = "<string>";
        args->args[0] = "-c";
    } else {
        const char *path = args->file ? args->file : "-";
        int rc = sn_read_file(owned, &request->code_bytes, path, SN_CODE_MAX_BYTES, err);
        if (rc < 0) {
            err->code = SN_EINVALID_ARGUMENT;
            return rc;
        }
        request->code = *owned;
        request->filename = strcmp(path, "-") == 0 ? "<stdin>" : path;
        args->args[0] = path;
    }
    bool from_stdin = !request->command && !args->code && (!args->file || !strcmp(args->file, "-"));
    request->stdin_fd = from_stdin ? -1 : STDIN_FILENO;
    request->args = args->args;
    request->args_count = args->args_count;
    request->files = args->files;
    request->files_count = args->files_count;
    request->cancel_fd = sn_interrupt_fd();
    return 0;
}

static int execute(int *exit_code, run_args *args, sn_error *err) {
    sn_auto_free char *owned = NULL;
    sn_executor_options executor_options = SN_EXECUTOR_OPTIONS_INIT;
    executor_options.interpreter_path = args->interpreter;
    executor_options.single = true;
    executor_options.allow_weak_sandbox = args->allow_weak;
    executor_options.on_notice = sn_cli_notice;
    sn_executor *executor;
    sn_printer to = {args->value};
    sn_result *result;
    int rc = sn_interrupt_catch(SN_INTERRUPT_ONCE, err);
    if (rc == 0)
        rc = load_program(&owned, args, err);
    if (rc == 0)
        rc = sn_executor_open(&executor, &executor_options, err);
    if (rc < 0)
        return rc;
    rc =
        sn_execute(&result, executor, &args->request, args->json ? NULL : sn_print_event, &to, err);
    sn_executor_close(executor);
    if (rc < 0)
        return rc;
    if (args->json)
        rc = print_json(result, err);
    else
        sn_print_end(result);
    *exit_code = result->exit_code;
    sn_result_free(result);
    return rc;
}

int sn_cmd_run(int argc, char **argv) {
    static const struct argp argp = {options, parse_option, "[FILE | -] [ARG...]", doc, 0, 0, 0};
    run_args args = {.request = SN_REQUEST_INIT, .err = SN_ERROR_INIT};
    argp_err_exit_status = SN_EXIT_USAGE;
    args.args = calloc(1, sizeof *args.args);
    args.args_count = 1;
    if (!args.args)
        return SN_EXIT_FAILED;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &args);
    int exit_code = 0, rc = args.err.code;
    if (rc == 0)
        rc = execute(&exit_code, &args, &args.err);
    if (rc < 0)
        exit_code = sn_cli_error(&args.err, args.json);
    for (size_t i = 0; i < args.files_count; i++)
        free((void *)args.files[i].content);
    free(args.files);
    free(args.args);
    return exit_code;
}
