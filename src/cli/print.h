/*
 * print.h - what the command line shows people: what an execution writes, and sessions.
 */
#ifndef SN_CLI_PRINT_H
#define SN_CLI_PRINT_H

#include "shannon.h"

typedef struct sn_printer {
    bool value; /* also the last expression's value, as Python's prompt would */
} sn_printer;

/* An sn_event_fn; `user` is an sn_printer. Each goes to the stream where it belongs, at once. */
int sn_print_event(void *user, const sn_event *event);

/* How it ended, on stderr, if that is worth a word. */
void sn_print_end(const sn_result *result);

/* A table. */
void sn_print_sessions(const sn_session_info *infos, size_t count);

/* One with its steps; `code`: the whole code of each, else its first line. */
void sn_print_session(const sn_session_info *info, bool code);

#endif
