/*
 * error.h - fills the caller's sn_error. The message is written where the error happens and says
 * what was wrong; the hint says what to do. Every function returns the code, so that `return
 * sn_fail(err, ...)` reads well.
 */
#ifndef SN_UTIL_ERROR_H
#define SN_UTIL_ERROR_H

#include "shannon.h"

#define SN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Sets code and message, and clears the hint. `err` may be NULL. */
int sn_fail(sn_error *err, int code, const char *fmt, ...) SN_PRINTF(3, 4);

/* As sn_fail, with ": " and the text of `errnum` at the end. ENOSPC, EDQUOT and ENOMEM become
 * SN_ERESOURCE_EXHAUSTED. */
int sn_fail_errno(sn_error *err, int code, int errnum, const char *fmt, ...) SN_PRINTF(4, 5);

/* Adds what to do; returns the error's code, also where `err` is NULL: it follows the sn_fail()
 * that it is about, in the same thread. */
int sn_hint(sn_error *err, const char *fmt, ...) SN_PRINTF(2, 3);

#endif
