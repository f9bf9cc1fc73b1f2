/*
 * cmd_doctor.c - `shannon doctor`: raises the sandbox's walls as for any execution and tells which
 * of them stand here; then runs something.
 */
#include "cli/cli.h"
#include "cli/doctor_places.h"

#include "executor/settings.h"
#include "sandbox/zygote.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char doc[] =
    "Shows which walls of the sandbox stand on this machine, where the interpreter lies, which "
    "limits "
    "hold, and what an execution takes. Where AGENT_CORE_ADDR sends executions to another machine, "
    "also whether it, or each of them, answers.\n"
    "\v"
    "Exit status: 0 all is in place; 1 a wall is missing, or an agent-core does not answer; 125 "
    "nothing can be run (the message says why).";

static const struct argp_option options[] = {
    {"json", 'j', 0, 0, "print it as one JSON object", 0},
    {0},
};

typedef struct report {
    bool json;
    sn_walls walls;
    sn_settings settings;
    char *interpreter;
    uint64_t image_bytes;
    double run_ms;
    sn_doctor_places places;
} report;

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    report *r = state->input;
    (void)arg;
    if (key != 'j')
        return ARGP_ERR_UNKNOWN;
    r->json = true;
    return 0;
}

/* ---- finding out ---- */

static int look_at_walls(report *r, sn_error *err) {
    sn_interpreter interpreter;
    sn_zygote *zygote;
    sn_zygote_options zygote_options = SN_ZYGOTE_OPTIONS_INIT;
    zygote_options.allow_weak = true;
    int rc = sn_interpreter_open(&interpreter, NULL, NULL, sn_cli_notice, NULL, err);
    if (rc < 0)
        return rc;
    r->interpreter = sn_format("%s", interpreter.path);
    r->image_bytes = interpreter.image ? interpreter.image->file_bytes : 0;
    rc = sn_zygote_start(&zygote, &interpreter, &zygote_options, err);
    if (rc == 0) {
        r->walls = sn_zygote_walls(zygote);
        sn_zygote_stop(zygote);
    }
    sn_interpreter_close(&interpreter);
    return rc;
}

static int run_something(report *r, sn_error *err) {
    enum { TIMES = 20 };
    sn_executor_options executor_options = SN_EXECUTOR_OPTIONS_INIT;
    sn_executor *executor;
    executor_options.agent_core_addr = "";
    executor_options.allow_weak_sandbox = true;
    int rc = sn_executor_open(&executor, &executor_options, err);
    if (rc < 0)
        return rc;
    r->run_ms = 1e9;
    for (int i = 0; rc == 0 && i < TIMES; i++) {
        sn_request request = SN_REQUEST_INIT;
        sn_result *result;
        request.code = "print(1)";
        request.code_bytes = strlen(request.code);
        rc = sn_execute(&result, executor, &request, NULL, NULL, err);
        if (rc < 0)
            break;
        if (strcmp(result->stdout_text, "1\n") != 0)
            rc = sn_fail(err, SN_EINTERNAL, "print(1) gave %s: %s", sn_status_name(result->status),
                         result->error_value ? result->error_value : "");
        if (result->usage.wall_ms < r->run_ms)
            r->run_ms = result->usage.wall_ms;
        sn_result_free(result);
    }
    sn_executor_close(executor);
    return rc;
}

static int examine(report *r, sn_error *err) {
    int rc = sn_settings_read(&r->settings, err);
    if (rc == 0 && !r->settings.workers)
        r->settings.workers = sn_settings_workers(r->settings.memory_limit_mb);
    if (rc == 0)
        rc = look_at_walls(r, err);
    if (rc == 0)
        rc = run_something(r, err);
    if (rc == 0) /* last: gRPC's threads are not for what is forked */
        sn_doctor_ask(&r->places);
    return rc;
}

/* ---- telling ---- */

static unsigned missing(const report *r) {
    unsigned count = 0;
    for (size_t i = 0; i < SN_WALLS; i++)
        count += r->walls.errors[i] != 0;
    return count;
}

static void print_text(const report *r) {
    struct utsname system;
    uname(&system);
    printf("shannon %s on %s %s, %s, %ld processors\n\n", SN_VERSION, system.sysname,
           system.release, system.machine, sysconf(_SC_NPROCESSORS_ONLN));
    printf("interpreter  %s\n", r->interpreter);
    printf("base image   %.1f MB\n\n", (double)r->image_bytes / 1e6);
    puts("Walls around each execution:");
    printf("  yes  %-20s %s\n", "WebAssembly sandbox",
           "memory reserved and guarded, calls checked by type");
    for (size_t i = 0; i < SN_WALLS; i++) {
        int failed = r->walls.errors[i];
        printf("  %s  %-20s %s%s%s%s\n", failed ? "NO " : "yes", sn_wall_name((enum sn_wall)i),
               sn_wall_text((enum sn_wall)i), failed ? " (" : "", failed ? strerror(failed) : "",
               failed ? ")" : "");
    }
    printf("\nLimits: %u MB of memory, %g s, %u executions at once\n", r->settings.memory_limit_mb,
           r->settings.timeout_seconds, r->settings.workers);
    printf("print(1) in a fresh interpreter: %.2f ms (the best of 20)\n", r->run_ms);
    if (r->walls.errors[SN_WALL_FILTER])
        puts("\nWithout the system call filter nothing is run, unless --allow-weak-sandbox is "
             "given.");
    else if (missing(r))
        puts("\nExecutions run without the walls that say NO. A kernel that lets this user make "
             "namespaces\n(sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces) "
             "raises them.");
    sn_doctor_print(&r->places);
}

static int print_json(const report *r, sn_error *err) {
    json_t *walls = json_array();
    for (size_t i = 0; walls && i < SN_WALLS; i++) {
        int failed = r->walls.errors[i];
        json_array_append_new(walls, json_pack("{s:s, s:b, s:s?}", "name",
                                               sn_wall_name((enum sn_wall)i), "stands", !failed,
                                               "reason", failed ? strerror(failed) : NULL));
    }
    json_t *all = json_pack(
        "{s:s, s:s, s:I, s:o, s:{s:i, s:f, s:i}, s:f}", "version", SN_VERSION, "interpreter",
        r->interpreter, "image_bytes", (json_int_t)r->image_bytes, "walls", walls, "limits",
        "memory_mb", (int)r->settings.memory_limit_mb, "timeout_seconds",
        r->settings.timeout_seconds, "workers", (int)r->settings.workers, "run_ms", r->run_ms);
    if (all)
        sn_doctor_add_json(all, &r->places);
    sn_auto_free char *text = all ? json_dumps(all, 0) : NULL;
    json_decref(all);
    if (!text)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the JSON");
    puts(text);
    return 0;
}

int sn_cmd_doctor(int argc, char **argv) {
    static const struct argp argp = {options, parse_option, "", doc, 0, 0, 0};
    report r = {0};
    sn_error err = SN_ERROR_INIT;
    argp_err_exit_status = SN_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &r);
    int rc = examine(&r, &err);
    if (rc == 0 && r.json)
        rc = print_json(&r, &err);
    else if (rc == 0)
        print_text(&r);
    bool is_well = missing(&r) == 0 && sn_doctor_all_answer(&r.places);
    sn_doctor_clear(&r.places);
    free(r.interpreter);
    return rc < 0 ? sn_cli_error(&err, r.json) : is_well ? 0 : 1;
}
