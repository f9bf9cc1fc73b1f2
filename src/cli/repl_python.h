/*
 * repl_python.h - what only Python knows about what is typed: whether a statement is whole, and
 * which names may follow. Both are asked in the sandbox, the names in the session itself, which
 * does not notice.
 */
#ifndef SN_CLI_REPL_PYTHON_H
#define SN_CLI_REPL_PYTHON_H

#include "shannon.h"

enum sn_statement {
    SN_STATEMENT_NONE,  /* blank lines and comments */
    SN_STATEMENT_BEGUN, /* more is to come */
    SN_STATEMENT_WHOLE, /* also what is wrong, so that running it says what is wrong */
};

/* As Python's own prompt has it: a compound statement ends with an empty line. */
SN_WARN_UNUSED int sn_statement_look(enum sn_statement *out, sn_executor *executor,
                                     const char *text, size_t bytes, sn_error *err);

/* The names, or attributes, that begin with `prefix`: see sn_repl_lines_complete_fn. */
size_t sn_names_complete(char ***words, sn_executor *executor, const char *session_id,
                         const char *prefix);

#endif
