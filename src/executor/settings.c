/* settings.c - see settings.h. */
#include "executor/settings.h"

#include "util/error.h"
#include "util/parse.h"

#include <stdlib.h>

static int bad(sn_error *err, const char *name, const char *value, int min, int max) {
    sn_fail(err, SN_EINVALID_ARGUMENT, "%s is '%s', not a number from %d to %d", name, value, min,
            max);
    return sn_hint(err, "correct the environment variable, or unset it for its default");
}

int sn_settings_read(sn_settings *out, sn_error *err) {
    *out = (sn_settings){SN_MEMORY_DEFAULT_MB, SN_TIMEOUT_MAX_SECONDS};
    const char *memory = getenv("WASI_MEMORY_LIMIT_MB");
    uint64_t megabytes;
    if (memory && *memory) {
        if (!sn_parse_u64(&megabytes, memory, SN_MEMORY_MIN_MB, SN_MEMORY_MAX_MB))
            return bad(err, "WASI_MEMORY_LIMIT_MB", memory, SN_MEMORY_MIN_MB, SN_MEMORY_MAX_MB);
        out->memory_limit_mb = (uint32_t)megabytes;
    }
    const char *timeout = getenv("WASI_TIMEOUT_SECONDS");
    if (timeout && *timeout) {
        if (!sn_parse_double(&out->timeout_seconds, timeout) ||
            out->timeout_seconds < SN_TIMEOUT_MIN_SECONDS ||
            out->timeout_seconds > SN_TIMEOUT_MAX_SECONDS)
            return bad(err, "WASI_TIMEOUT_SECONDS", timeout, SN_TIMEOUT_MIN_SECONDS,
                       SN_TIMEOUT_MAX_SECONDS);
    }
    return 0;
}
