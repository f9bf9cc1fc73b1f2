/*
 * interrupt.h - Ctrl-C, and the signals that end a program, as a descriptor that becomes readable:
 * what an execution is cancelled by.
 */
#ifndef SN_CLI_INTERRUPT_H
#define SN_CLI_INTERRUPT_H

#include "shannon.h"

enum sn_interrupt_mode {
    SN_INTERRUPT_ONCE,  /* the second one ends the process, as without this */
    SN_INTERRUPT_AGAIN, /* each counts; system calls that wait return EINTR */
};

/* Catches SIGINT, SIGTERM and SIGHUP from now on, and ignores SIGPIPE. */
SN_WARN_UNUSED int sn_interrupt_catch(enum sn_interrupt_mode mode, sn_error *err);

/* An sn_request.cancel_fd. */
int sn_interrupt_fd(void);

/* Whether there was one since it was last asked; the descriptor is not readable then any more. */
bool sn_interrupt_taken(void);

/* Whether the process was told to end. */
bool sn_interrupt_is_end(void);

#endif
