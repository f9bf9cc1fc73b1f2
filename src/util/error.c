/* error.c - see error.h. */
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *sn_error_name(int code) {
    static const char *const names[] = {
        [-SN_OK] = "ok",
        [-SN_EINVALID_ARGUMENT] = "invalid_argument",
        [-SN_ENOT_FOUND] = "not_found",
        [-SN_EUNAUTHENTICATED] = "unauthenticated",
        [-SN_ERESOURCE_EXHAUSTED] = "resource_exhausted",
        [-SN_EUNAVAILABLE] = "unavailable",
        [-SN_EDEADLINE_EXCEEDED] = "deadline_exceeded",
        [-SN_EINTERNAL] = "internal",
    };
    if (code > 0 || -code >= (int)(sizeof names / sizeof names[0]))
        return "internal";
    return names[-code];
}

/* This thread's last one, for a hint to an error that nobody wants to hear. */
static _Thread_local int last_code = SN_EINTERNAL;

static int vfail(sn_error *err, int code, const char *fmt, va_list ap) {
    last_code = code;
    if (err) {
        err->code = code;
        err->hint[0] = '\0';
        vsnprintf(err->message, sizeof err->message, fmt, ap);
    }
    return code;
}

int sn_fail(sn_error *err, int code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vfail(err, code, fmt, ap);
    va_end(ap);
    return code;
}

int sn_fail_errno(sn_error *err, int code, int errnum, const char *fmt, ...) {
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == ENOMEM)
        code = SN_ERESOURCE_EXHAUSTED;
    va_list ap;
    va_start(ap, fmt);
    vfail(err, code, fmt, ap);
    va_end(ap);
    if (err) {
        char text[128];
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s",
                 strerror_r(errnum, text, sizeof text));
    }
    return code;
}

int sn_hint(sn_error *err, const char *fmt, ...) {
    if (!err)
        return last_code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return err->code;
}
