/*
 * repl_line.h - the lines that a person types: on a terminal with editing, history and completion
 * (libedit), else as they come.
 */
#ifndef SN_CLI_REPL_LINE_H
#define SN_CLI_REPL_LINE_H

#include "shannon.h"

typedef struct sn_repl_lines sn_repl_lines;

/* The words that may follow `prefix`, each beginning with it; `*words` and each word are to be
 * freed. */
typedef size_t (*sn_repl_lines_complete_fn)(void *user, char ***words, const char *prefix);

/* `history_path`: where lines are remembered for the next time, or NULL. */
SN_WARN_UNUSED int sn_repl_lines_open(sn_repl_lines **out, const char *history_path,
                                      sn_repl_lines_complete_fn complete, void *user,
                                      sn_error *err);
void sn_repl_lines_close(sn_repl_lines *lines);

/* A person sits there. */
bool sn_repl_lines_is_terminal(const sn_repl_lines *lines);

enum sn_line { SN_LINE, SN_LINE_INTERRUPTED, SN_LINE_END };

/* The next line without its newline, valid until the next call; the prompt is shown to a person
 * only. */
enum sn_line sn_repl_lines_next(const char **line, sn_repl_lines *lines, const char *prompt);

#endif
