/*
 * cli.h - the command line: one table of commands (main.c), one file a command.
 *
 * A command's exit code is 0, or SN_EXIT_USAGE when the call itself was wrong, or SN_EXIT_FAILED
 * when Shannon could not do it; `shannon run` ends with the guest's.
 */
#ifndef SN_CLI_CLI_H
#define SN_CLI_CLI_H

#include "shannon.h"
#include <argp.h>

enum { SN_EXIT_USAGE = 2, SN_EXIT_FAILED = 125 };

typedef struct sn_command {
    const char *name;
    const char *summary;                /* one line, for the overview */
    int (*main)(int argc, char **argv); /* argv[0] is "shannon NAME" */
} sn_command;

int sn_cmd_run(int argc, char **argv);
int sn_cmd_interpreter(int argc, char **argv);
int sn_cmd_doctor(int argc, char **argv);
int sn_cmd_repl(int argc, char **argv);
int sn_cmd_session(int argc, char **argv);
int sn_cmd_agent_core(int argc, char **argv);
int sn_cmd_llm_service(int argc, char **argv);
int sn_cmd_serve(int argc, char **argv);
int sn_cmd_orchestrator(int argc, char **argv);

/* Prints the error for a person, or as JSON on stdout; returns the exit code that goes with it. */
int sn_cli_error(const sn_error *err, bool json);

/* Prints what was done unasked, in one line on stderr; an sn_executor_options.on_notice. */
void sn_cli_notice(void *user, const char *text);

#endif
