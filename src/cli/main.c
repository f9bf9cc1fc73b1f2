/* main.c - the command `shannon`: finds the subcommand and hands over. */
#include "cli/cli.h"

#include "util/auto.h"

#include <stdio.h>
#include <string.h>

static const sn_command commands[] = {
    {"run", "run Python (or a WASI program) in the sandbox", sn_cmd_run},
    {"repl", "an interactive prompt over a session", sn_cmd_repl},
    {"session", "list, show, fork, rewind, delete, export and import sessions", sn_cmd_session},
    {"serve", "serve everything at once", sn_cmd_serve},
    {"agent-core", "serve executions and sessions over gRPC", sn_cmd_agent_core},
    {"llm-service", "serve executions, sessions and tools over HTTP", sn_cmd_llm_service},
    {"orchestrator", "take tasks, route and keep them", sn_cmd_orchestrator},
    {"interpreter", "list and compile interpreters", sn_cmd_interpreter},
    {"doctor", "show which walls stand on this machine, and whether all is in place",
     sn_cmd_doctor},
};

static void print_help(FILE *to) {
    fputs("Usage: shannon COMMAND [OPTION...]\n"
          "\n"
          "Runs Python that a language model (or a person) wrote, safely and at once: CPython 3.11 "
          "in a\n"
          "WebAssembly sandbox, without network, processes or the host's files.\n"
          "\n"
          "Commands:\n",
          to);
    for (size_t i = 0; i < SN_COUNT(commands); i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fputs("\n"
          "Examples:\n"
          "  shannon run -c 'print(sum(range(10)))'\n"
          "  echo '3 4' | shannon run -c 'a, b = map(int, input().split()); print(a * b)'\n"
          "  shannon run --file data.csv --timeout 5 report.py\n"
          "\n"
          "`shannon COMMAND --help` explains a command. The environment variables are in "
          "README.md.\n",
          to);
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("shannon " SN_VERSION);
        return 0;
    }
    for (size_t i = 0; i < SN_COUNT(commands); i++) {
        if (strcmp(name, commands[i].name) != 0)
            continue;
        sn_auto_free char *full = NULL;
        if (asprintf(&full, "shannon %s", name) < 0)
            return SN_EXIT_FAILED;
        argv[1] = full;
        return commands[i].main(argc - 1, argv + 1);
    }
    if (*name)
        fprintf(stderr, "shannon: there is no command '%s'\n\n", name);
    print_help(stderr);
    return SN_EXIT_USAGE;
}
