/*
 * cmd_repl.c - `shannon repl`: a prompt over a session. Each statement is an execution and makes a
 * step; lines that begin with a colon are about the session itself.
 */
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/repl_line.h"
#include "cli/repl_python.h"

#include "sandbox/interpreter.h"
#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { KEY_SESSION = 256, KEY_TIMEOUT, KEY_MEMORY, KEY_WEAK };

static const struct argp_option options[] = {
    {"session", KEY_SESSION, "ID", 0,
     "go on in this session, or begin it (default: one that is gone afterwards)", 0},
    {"timeout", KEY_TIMEOUT, "S", 0, "limit of each statement, 1 to 60 s (default 30)", 0},
    {"memory", KEY_MEMORY, "MB", 0, "limit of the guest's memory (default and most: 256)", 0},
    {"allow-weak-sandbox", KEY_WEAK, 0, 0, "see `shannon run --help`", 0},
    {0},
};

static const char doc[] =
    "A Python prompt in the sandbox. Everything that is entered is kept in the session, step by "
    "step, and is there again the next time, in this program or another.\n"
    "\v"
    "Tab completes names as they are in the session. Ctrl-C interrupts a statement, and what it "
    "has done until then stays; Ctrl-D leaves. Where standard input is no terminal, statements are "
    "read from it without a prompt, and input() finds nothing to read.\n"
    "\n"
    "Lines that begin with a colon:\n"
    "  :steps             what was entered, with its step's number\n"
    "  :undo              back to before the last step\n"
    "  :rewind STEP       back to a step; 0 is the fresh interpreter\n"
    "  :fork NAME [STEP]  go on in a new session that begins here, or at a step\n"
    "  :session [NAME]    which session this is; go on in another one\n"
    "  :sessions          all sessions\n"
    "  :help  :quit";

static const char help[] =
    ":steps             what was entered, with its step's number\n"
    ":undo              back to before the last step\n"
    ":rewind STEP       back to a step; 0 is the fresh interpreter\n"
    ":fork NAME [STEP]  go on in a new session that begins here, or at a step\n"
    ":session [NAME]    which session this is; go on in another one\n"
    ":sessions          all sessions\n"
    ":help  :quit       or Ctrl-D\n";

typedef struct repl {
    sn_executor *executor;
    sn_sessions *sessions;
    sn_repl_lines *lines;
    const char *wanted; /* the session asked for, or NULL */
    char *id;
    char *temporary; /* the session that goes with the prompt, or NULL */
    sn_request request;
    uint64_t step;
    bool allow_weak;
    bool left;
    bool failed; /* where nobody sees it: the exit status tells */
    sn_error err;
} repl;

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    repl *r = state->input;
    uint64_t megabytes;
    switch (key) {
    case KEY_SESSION:
        r->wanted = arg;
        return 0;
    case KEY_TIMEOUT:
        if (!sn_parse_double(&r->request.timeout_seconds, arg) || r->request.timeout_seconds == 0)
            sn_fail(&r->err, SN_EINVALID_ARGUMENT,
                    "--timeout is '%s'; it must be a number of seconds from 1 to 60", arg);
        return 0;
    case KEY_MEMORY:
        if (!sn_parse_u64(&megabytes, arg, 1, UINT32_MAX))
            sn_fail(&r->err, SN_EINVALID_ARGUMENT,
                    "--memory is '%s'; it must be a whole number of megabytes", arg);
        else
            r->request.memory_limit_mb = (uint32_t)megabytes;
        return 0;
    case KEY_WEAK:
        r->allow_weak = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is not expected here: `shannon run` runs a program", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- the session ---- */

/* `*step` is where it is: 0 if it is not there yet. */
static int find_step(uint64_t *step, repl *r, const char *id, sn_error *err) {
    sn_session_info *info;
    int rc = sn_session_show(&info, r->sessions, id, err);
    if (rc == SN_ENOT_FOUND) {
        *step = 0;
        return 0;
    }
    if (rc < 0)
        return rc;
    *step = info->step;
    sn_session_info_free(info, 1);
    return 0;
}

static int switch_to(repl *r, const char *id, sn_error *err) {
    int rc = find_step(&r->step, r, id, err);
    if (rc < 0)
        return rc;
    char *own = strdup(id);
    if (!own)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory");
    free(r->id);
    r->id = own;
    r->request.session_id = own;
    return 0;
}

static void show_place(const repl *r) {
    if (r->temporary && strcmp(r->temporary, r->id) == 0)
        printf("step %llu of a session that is gone afterwards; :fork NAME keeps it\n",
               (unsigned long long)r->step);
    else
        printf("session %s, step %llu\n", r->id, (unsigned long long)r->step);
}

/* ---- :commands ---- */

typedef struct words {
    char *word[3];
    size_t count;
} words;

static int wants(sn_error *err, const char *usage) {
    return sn_fail(err, SN_EINVALID_ARGUMENT, "it is used like this: %s", usage);
}

static int nothing_yet(sn_error *err) {
    return sn_fail(err, SN_EINVALID_ARGUMENT, "nothing was entered yet");
}

static int do_steps(repl *r, const words *w, sn_error *err) {
    sn_session_info *info;
    (void)w;
    if (r->step == 0)
        return nothing_yet(err);
    int rc = sn_session_show(&info, r->sessions, r->id, err);
    if (rc < 0)
        return rc;
    sn_print_session(info, false);
    sn_session_info_free(info, 1);
    return 0;
}

static int rewind_to(repl *r, uint64_t step, sn_error *err) {
    if (r->step == 0)
        return nothing_yet(err);
    int rc = sn_session_rewind(r->sessions, r->id, step, err);
    if (rc < 0)
        return rc;
    r->step = step;
    show_place(r);
    return 0;
}

static int do_undo(repl *r, const words *w, sn_error *err) {
    (void)w;
    return rewind_to(r, r->step ? r->step - 1 : 0, err);
}

static int do_rewind(repl *r, const words *w, sn_error *err) {
    uint64_t step;
    if (w->count != 2 || !sn_parse_u64(&step, w->word[1], 0, INT64_MAX))
        return wants(err, ":rewind STEP, a number from :steps, or 0");
    return rewind_to(r, step, err);
}

static int do_fork(repl *r, const words *w, sn_error *err) {
    uint64_t step = SN_STEP_LAST;
    if (w->count < 2 || (w->count == 3 && !sn_parse_u64(&step, w->word[2], 0, INT64_MAX)))
        return wants(err, ":fork NAME [STEP]");
    if (r->step == 0)
        return nothing_yet(err);
    int rc = sn_session_fork(r->sessions, r->id, step, w->word[1], err);
    if (rc == 0)
        rc = switch_to(r, w->word[1], err);
    if (rc == 0)
        show_place(r);
    return rc;
}

static int do_session(repl *r, const words *w, sn_error *err) {
    int rc = w->count > 1 ? switch_to(r, w->word[1], err) : 0;
    if (rc == 0)
        show_place(r);
    return rc;
}

static int do_sessions(repl *r, const words *w, sn_error *err) {
    sn_session_info *infos;
    size_t count;
    (void)w;
    int rc = sn_session_list(&infos, &count, r->sessions, err);
    if (rc < 0)
        return rc;
    sn_print_sessions(infos, count);
    sn_session_info_free(infos, count);
    return 0;
}

static int do_help(repl *r, const words *w, sn_error *err) {
    (void)r, (void)w, (void)err;
    fputs(help, stdout);
    return 0;
}

static int do_quit(repl *r, const words *w, sn_error *err) {
    (void)w, (void)err;
    r->left = true;
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(repl *r, const words *w, sn_error *err);
} commands[] = {
    {":steps", do_steps},       {":undo", do_undo},       {":rewind", do_rewind},
    {":fork", do_fork},         {":session", do_session}, {":help", do_help},
    {":sessions", do_sessions}, {":quit", do_quit},       {":q", do_quit},
};

static int find_and_run(repl *r, const words *w, sn_error *err) {
    for (size_t i = 0; i < SN_COUNT(commands); i++)
        if (strcmp(w->word[0], commands[i].name) == 0)
            return commands[i].run(r, w, err);
    return sn_fail(err, SN_EINVALID_ARGUMENT, "there is no %s; :help lists what there is",
                   w->word[0]);
}

static void report(repl *r, const sn_error *err) {
    fprintf(stderr, "%s\n", err->message);
    if (err->hint[0])
        fprintf(stderr, "  %s\n", err->hint);
    r->failed = true;
}

static void run_command(repl *r, const char *line) {
    sn_auto_free char *copy = strdup(line);
    sn_error err = SN_ERROR_INIT;
    words w = {.count = 0};
    char *rest = NULL;
    for (char *word = copy ? strtok_r(copy, " \t", &rest) : NULL; word;
         word = strtok_r(NULL, " \t", &rest)) {
        if (w.count == SN_COUNT(w.word)) {
            sn_fail(&err, SN_EINVALID_ARGUMENT, "%s has too many words", w.word[0]);
            return report(r, &err);
        }
        w.word[w.count++] = word;
    }
    if (w.count && find_and_run(r, &w, &err) < 0)
        report(r, &err);
    fflush(stdout);
}

/* ---- Python ---- */

static void run_code(repl *r, const sn_buffer *code) {
    sn_printer printer = {.value = true};
    sn_error err = SN_ERROR_INIT;
    sn_result *result;
    r->request.code = (const char *)code->data;
    r->request.code_bytes = code->bytes;
    if (sn_execute(&result, r->executor, &r->request, sn_print_event, &printer, &err) < 0)
        return report(r, &err);
    sn_print_end(result);
    if (result->session_id) /* elsewhere it is not known what became of one that was cancelled */
        r->step = result->step;
    if (result->status != SN_STATUS_OK)
        r->failed = true;
    sn_result_free(result);
    (void)sn_interrupt_taken();
}

static bool is_leaving(const char *line) {
    static const char *const ways[] = {"exit", "quit", "exit()", "quit()"};
    for (size_t i = 0; i < SN_COUNT(ways); i++)
        if (strcmp(line, ways[i]) == 0)
            return true;
    return false;
}

/* Runs what was entered if it is whole, and forgets it then. */
static void take_statement(repl *r, sn_buffer *entered, bool at_end) {
    enum sn_statement what = SN_STATEMENT_WHOLE;
    sn_error err = SN_ERROR_INIT;
    int rc =
        sn_statement_look(&what, r->executor, (const char *)entered->data, entered->bytes, &err);
    if (rc < 0)
        report(r, &err);
    else if (what == SN_STATEMENT_BEGUN && !at_end)
        return;
    else if (what != SN_STATEMENT_NONE)
        run_code(r, entered);
    sn_buffer_free(entered);
}

static void take_line(repl *r, sn_buffer *entered, const char *line) {
    if (entered->bytes == 0 && *line == ':')
        return run_command(r, line);
    if (entered->bytes == 0 && is_leaving(line)) {
        r->left = true;
        return;
    }
    if (entered->bytes == 0 && line[strspn(line, " \t")] == '\0')
        return;
    bool ok = (entered->bytes == 0 || sn_buffer_add(entered, "\n", 1)) &&
              sn_buffer_add(entered, line, strlen(line));
    if (!ok) {
        sn_buffer_free(entered);
        fputs("no memory for so much code\n", stderr);
        return;
    }
    take_statement(r, entered, false);
}

static void serve(repl *r) {
    sn_buffer entered = {0};
    while (!r->left) {
        const char *line;
        enum sn_line what = sn_repl_lines_next(&line, r->lines, entered.bytes ? "... " : ">>> ");
        if (what == SN_LINE_END)
            break;
        if (what == SN_LINE)
            take_line(r, &entered, line);
        else {
            fputs("\nKeyboardInterrupt\n", stderr);
            sn_buffer_free(&entered);
        }
    }
    if (entered.bytes && !sn_interrupt_is_end())
        take_statement(r, &entered, true);
    if (sn_repl_lines_is_terminal(r->lines) && !r->left)
        putchar('\n');
}

/* ---- the whole ---- */

static size_t complete(void *user, char ***found, const char *prefix) {
    repl *r = user;
    return sn_names_complete(found, r->executor, r->id, prefix);
}

static int open_session(repl *r, sn_error *err) {
    r->sessions = sn_executor_sessions(r->executor, err);
    if (!r->sessions)
        return err->code;
    if (r->wanted)
        return switch_to(r, r->wanted, err);
    r->temporary = sn_format("repl-%llx-%x", (unsigned long long)time(NULL), (unsigned)getpid());
    return switch_to(r, r->temporary, err);
}

static int talk(repl *r, sn_error *err) {
    sn_auto_free char *home = NULL;
    int rc = sn_home_find(&home, NULL, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *history = sn_format("%s/repl_history", home);
    rc = sn_repl_lines_open(&r->lines, history, complete, r, err);
    if (rc < 0)
        return rc;
    if (sn_repl_lines_is_terminal(r->lines)) {
        r->request.stdin_fd = STDIN_FILENO;
        printf("Shannon " SN_VERSION ", Python 3.11 in a sandbox: ");
        show_place(r);
        puts(":help lists what there is besides Python, Ctrl-D leaves");
        fflush(stdout);
    }
    serve(r);
    if (sn_repl_lines_is_terminal(r->lines))
        r->failed = false; /* was seen */
    sn_repl_lines_close(r->lines);
    return 0;
}

static int open_and_talk(repl *r, sn_error *err) {
    sn_executor_options wanted = SN_EXECUTOR_OPTIONS_INIT;
    wanted.allow_weak_sandbox = r->allow_weak;
    wanted.on_notice = sn_cli_notice;
    int rc = sn_executor_open(&r->executor, &wanted, err);
    if (rc < 0)
        return rc;
    rc = sn_interrupt_catch(SN_INTERRUPT_AGAIN, err);
    r->request.cancel_fd = sn_interrupt_fd();
    if (rc == 0)
        rc = open_session(r, err);
    if (rc == 0)
        rc = talk(r, err);
    if (r->temporary)
        (void)!sn_session_delete(r->sessions, r->temporary, NULL);
    free(r->temporary);
    free(r->id);
    sn_executor_close(r->executor);
    return rc;
}

int sn_cmd_repl(int argc, char **argv) {
    static const struct argp argp = {options, parse_option, "", doc, 0, 0, 0};
    repl r = {.request = SN_REQUEST_INIT, .err = SN_ERROR_INIT};
    argp_err_exit_status = SN_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &r);
    int rc = r.err.code;
    if (rc == 0)
        rc = open_and_talk(&r, &r.err);
    if (rc < 0)
        return sn_cli_error(&r.err, false);
    return r.failed;
}
