/* cmd_session.c - `shannon session`: what sessions there are, and all that is done with them beside
 * running code. */
#include "cli/cli.h"
#include "cli/print.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_STEP = 256, KEY_JSON, KEY_CODE, KEY_ID, KEY_YES };

enum { ARGUMENTS_MOST = 64 };

typedef struct session_args {
    const char *verb;
    const char *arguments[ARGUMENTS_MOST];
    size_t count;
    uint64_t step;
    const char *output;
    const char *id;
    bool json;
    bool code;
    bool yes;
    sn_error err;
} session_args;

static const struct argp_option options[] = {
    {"json", KEY_JSON, 0, 0, "print one JSON object", 0},
    {"step", KEY_STEP, "N", 0, "fork, rewind: which step (fork: default the last; 0: none)", 0},
    {"code", KEY_CODE, 0, 0, "show: the whole code of each step", 0},
    {"output", 'o', "FILE", 0, "export: where to (default: standard output)", 0},
    {"id", KEY_ID, "ID", 0, "import: another name than the one it had", 0},
    {"yes", KEY_YES, 0, 0, "clear: do not ask", 0},
    {0},
};

static const char doc[] =
    "list                     all sessions\n"
    "show ID                  one, with its steps\n"
    "fork ID NEW [--step N]   a new session that begins where ID is, or was\n"
    "rewind ID --step N       back to a step; those behind it are forgotten\n"
    "delete ID...             for good\n"
    "clear [--yes]            delete all of them\n"
    "export ID [-o FILE]      the last step as a file, for another machine with the same "
    "interpreter\n"
    "import [FILE|-] [--id ID]\n"
    "migrate ID               run its steps again, after an upgrade of the interpreter\n"
    "verify                   read everything and compare checksums\n"
    "\v"
    "A session is the whole interpreter between two executions: `shannon run --session ID` makes "
    "it, "
    "continues from its last step and adds one.\n"
    "\n"
    "Limits, by environment: SHANNON_SESSION_MB (1024), SHANNON_SESSIONS (100000), "
    "SHANNON_SESSION_STEPS (100), SHANNON_SESSION_IDLE_SECONDS (none), SHANNON_SESSIONS_DISK_MB "
    "(10240), SHANNON_SESSION_WAIT_SECONDS (30), SHANNON_SESSIONS_FULL (delete or refuse).\n"
    "\n"
    "Examples:\n"
    "  shannon run --session work -c 'x = 1'\n"
    "  shannon session fork work idea\n"
    "  shannon session rewind work --step 0\n"
    "  shannon session export work -o work.session";

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    session_args *args = state->input;
    switch (key) {
    case KEY_STEP:
        if (!sn_parse_u64(&args->step, arg, 0, INT64_MAX))
            argp_error(state, "--step is '%s'; it must be a number from 0", arg);
        return 0;
    case KEY_JSON:
        args->json = true;
        return 0;
    case KEY_CODE:
        args->code = true;
        return 0;
    case KEY_ID:
        args->id = arg;
        return 0;
    case KEY_YES:
        args->yes = true;
        return 0;
    case 'o':
        args->output = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (!args->verb)
            args->verb = arg;
        else if (args->count < ARGUMENTS_MOST)
            args->arguments[args->count++] = arg;
        else
            argp_error(state, "more than %d arguments", ARGUMENTS_MOST);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- as JSON ---- */

static json_t *info_json(const sn_session_info *info) {
    return json_pack("{s:s, s:f, s:f, s:I, s:I, s:I}", "id", info->id, "created", info->created,
                     "used", info->used, "step", (json_int_t)info->step, "stored_bytes",
                     (json_int_t)info->stored_bytes, "memory_bytes",
                     (json_int_t)info->memory_bytes);
}

static json_t *session_json(const sn_session_info *info) {
    json_t *root = info_json(info), *steps = json_array();
    for (size_t i = 0; steps && i < info->steps_count; i++) {
        const sn_session_step *step = &info->steps[i];
        json_array_append_new(
            steps, json_pack("{s:I, s:f, s:s, s:I, s:I, s:s}", "step", (json_int_t)step->step,
                             "time", step->time, "status", sn_status_name(step->status),
                             "stored_bytes", (json_int_t)step->stored_bytes, "memory_bytes",
                             (json_int_t)step->memory_bytes, "code", step->code ? step->code : ""));
    }
    json_object_set_new(root, "base", json_string(info->base));
    json_object_set_new(root, "steps", steps);
    return root;
}

static int print_json(json_t *root, sn_error *err) {
    sn_auto_free char *text = root ? json_dumps(root, JSON_REAL_PRECISION(16)) : NULL;
    json_decref(root);
    if (!text)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the JSON");
    puts(text);
    return 0;
}

/* What was done, for those verbs that have nothing to show. */
static int done(const session_args *args, const char *text, const char *id, sn_error *err) {
    if (args->json)
        return print_json(json_pack("{s:b, s:s*}", "ok", 1, "id", id), err);
    printf("%s%s%s\n", text, id ? " " : "", id ? id : "");
    return 0;
}

/* ---- the verbs ---- */

static int do_list(session_args *args, sn_sessions *sessions, sn_error *err) {
    sn_session_info *infos;
    size_t count;
    int rc = sn_session_list(&infos, &count, sessions, err);
    if (rc < 0)
        return rc;
    if (args->json) {
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(array, info_json(&infos[i]));
        rc = print_json(json_pack("{s:o}", "sessions", array), err);
    } else {
        sn_print_sessions(infos, count);
    }
    sn_session_info_free(infos, count);
    return rc;
}

static int do_show(session_args *args, sn_sessions *sessions, sn_error *err) {
    sn_session_info *info;
    int rc = sn_session_show(&info, sessions, args->arguments[0], err);
    if (rc < 0)
        return rc;
    if (args->json)
        rc = print_json(session_json(info), err);
    else
        sn_print_session(info, args->code);
    sn_session_info_free(info, 1);
    return rc;
}

static int do_fork(session_args *args, sn_sessions *sessions, sn_error *err) {
    int rc = sn_session_fork(sessions, args->arguments[0], args->step, args->arguments[1], err);
    return rc < 0 ? rc : done(args, "forked to", args->arguments[1], err);
}

static int do_rewind(session_args *args, sn_sessions *sessions, sn_error *err) {
    if (args->step == SN_STEP_LAST) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "rewind needs --step N: the step to go back to");
        return sn_hint(err, "`shannon session show %s` lists them", args->arguments[0]);
    }
    int rc = sn_session_rewind(sessions, args->arguments[0], args->step, err);
    return rc < 0 ? rc : done(args, "rewound", args->arguments[0], err);
}

static int do_delete(session_args *args, sn_sessions *sessions, sn_error *err) {
    for (size_t i = 0; i < args->count; i++) {
        int rc = sn_session_delete(sessions, args->arguments[i], err);
        if (rc < 0)
            return rc;
    }
    return done(args, "deleted", args->count == 1 ? args->arguments[0] : NULL, err);
}

static bool is_sure(void) {
    char answer[16];
    if (!isatty(STDIN_FILENO))
        return false;
    fputs("Delete all sessions for good? [y/N] ", stderr);
    return fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
}

static int do_clear(session_args *args, sn_sessions *sessions, sn_error *err) {
    if (!args->yes && !is_sure())
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "nothing was deleted; --yes deletes all sessions");
    size_t count;
    int rc = sn_session_clear(&count, sessions, err);
    if (rc < 0)
        return rc;
    if (args->json)
        return print_json(json_pack("{s:b, s:I}", "ok", 1, "deleted", (json_int_t)count), err);
    printf("deleted %zu\n", count);
    return 0;
}

/* Into a file beside the one that is wanted, which is replaced only by a whole one. */
static int export_file(const char *path, const char *id, sn_sessions *sessions, sn_error *err) {
    sn_auto_free char *temporary = sn_format("%s.XXXXXX", path);
    sn_auto_fd int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return sn_fail_errno(err, SN_EINVALID_ARGUMENT, errno, "cannot write to %s", path);
    int rc = sn_session_export(sessions, id, fd, err);
    if (rc == 0 && (fsync(fd) < 0 || rename(temporary, path) < 0))
        rc = sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot write to %s", path);
    if (rc < 0)
        (void)!unlink(temporary);
    return rc;
}

static int do_export(session_args *args, sn_sessions *sessions, sn_error *err) {
    if (args->output) {
        int rc = export_file(args->output, args->arguments[0], sessions, err);
        return rc < 0 ? rc : done(args, "exported to", args->output, err);
    }
    if (isatty(STDOUT_FILENO))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "a session is no text for a terminal: -o FILE, or send it somewhere");
    return sn_session_export(sessions, args->arguments[0], STDOUT_FILENO, err);
}

static int do_import(session_args *args, sn_sessions *sessions, sn_error *err) {
    const char *path = args->count ? args->arguments[0] : "-";
    bool from_file = strcmp(path, "-") != 0;
    sn_auto_fd int file = from_file ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (from_file && file < 0)
        return sn_fail_errno(err, SN_EINVALID_ARGUMENT, errno, "cannot read %s", path);
    sn_auto_free char *id = NULL;
    int rc = sn_session_import(sessions, args->id, from_file ? file : STDIN_FILENO, &id, err);
    return rc < 0 ? rc : done(args, "imported", id, err);
}

static void print_fault(void *user, const char *line) {
    json_t *faults = user;
    if (faults)
        json_array_append_new(faults, json_string(line));
    else
        puts(line);
}

static int do_verify(session_args *args, sn_sessions *sessions, sn_error *err) {
    json_t *list = args->json ? json_array() : NULL;
    int faults = sn_session_verify(sessions, print_fault, list, err);
    if (faults >= 0 && args->json)
        (void)!print_json(json_pack("{s:b, s:O}", "ok", faults == 0, "faults", list), err);
    else if (faults == 0)
        puts("all sessions are whole");
    json_decref(list);
    if (faults > 0) {
        sn_fail(err, SN_EUNAVAILABLE, "%d faults were found", faults);
        return sn_hint(err, "a damaged session can be rewound to a step before, or deleted");
    }
    return faults;
}

static int do_migrate(session_args *args, sn_sessions *sessions, sn_error *err) {
    (void)sessions;
    sn_executor *executor;
    sn_executor_options wanted = SN_EXECUTOR_OPTIONS_INIT;
    wanted.on_notice = sn_cli_notice;
    int rc = sn_executor_open(&executor, &wanted, err);
    if (rc < 0)
        return rc;
    rc = sn_session_migrate(executor, args->arguments[0], err);
    sn_executor_close(executor);
    return rc < 0 ? rc : done(args, "migrated", args->arguments[0], err);
}

static const struct verb {
    const char *name;
    size_t least, most; /* arguments */
    int (*run)(session_args *args, sn_sessions *sessions, sn_error *err);
    const char *usage;
} verbs[] = {
    {"list", 0, 0, do_list, "list"},
    {"show", 1, 1, do_show, "show ID"},
    {"fork", 2, 2, do_fork, "fork ID NEW [--step N]"},
    {"rewind", 1, 1, do_rewind, "rewind ID --step N"},
    {"delete", 1, ARGUMENTS_MOST, do_delete, "delete ID..."},
    {"clear", 0, 0, do_clear, "clear [--yes]"},
    {"export", 1, 1, do_export, "export ID [-o FILE]"},
    {"import", 0, 1, do_import, "import [FILE|-] [--id ID]"},
    {"migrate", 1, 1, do_migrate, "migrate ID"},
    {"verify", 0, 0, do_verify, "verify"},
};

static int run_verb(session_args *args, sn_error *err) {
    const struct verb *verb = NULL;
    for (size_t i = 0; args->verb && i < SN_COUNT(verbs); i++)
        if (strcmp(args->verb, verbs[i].name) == 0)
            verb = &verbs[i];
    if (!verb) {
        sn_fail(err, SN_EINVALID_ARGUMENT,
                args->verb ? "'%s' is nothing to do with sessions"
                           : "what is to be done with sessions?%s",
                args->verb ? args->verb : "");
        return sn_hint(
            err, "list, show, fork, rewind, delete, clear, export, import, migrate or verify; "
                 "`shannon session --help` explains them");
    }
    if (args->count < verb->least || args->count > verb->most)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "usage: shannon session %s", verb->usage);
    sn_sessions *sessions;
    int rc = sn_sessions_open(&sessions, NULL, err);
    if (rc < 0)
        return rc;
    rc = verb->run(args, sessions, err);
    sn_sessions_close(sessions);
    return rc;
}

int sn_cmd_session(int argc, char **argv) {
    static const struct argp argp = {
        options, parse_option, "list|show|fork|... [ARGUMENT...]", doc, 0, 0, 0};
    session_args args = {.step = SN_STEP_LAST, .err = SN_ERROR_INIT};
    argp_err_exit_status = SN_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &args);
    return run_verb(&args, &args.err) < 0 ? sn_cli_error(&args.err, args.json) : 0;
}
