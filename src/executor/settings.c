/* settings.c - see settings.h. */
#include "executor/settings.h"

#include "util/error.h"
#include "util/parse.h"

#include <stdlib.h>
#include <unistd.h>

static int bad(sn_error *err, const char *name, const char *value, int min, int max) {
    sn_fail(err, SN_EINVALID_ARGUMENT, "%s is '%s', not a number from %d to %d", name, value, min,
            max);
    return sn_hint(err, "correct the environment variable, or unset it for its default");
}

/* Leaves `*out` alone if the variable is not set. */
static int read_number(uint32_t *out, const char *name, int min, int max, sn_error *err) {
    const char *text = getenv(name);
    uint64_t number;
    if (!text || !*text)
        return 0;
    if (!sn_parse_u64(&number, text, (uint64_t)min, (uint64_t)max))
        return bad(err, name, text, min, max);
    *out = (uint32_t)number;
    return 0;
}

uint32_t sn_settings_workers(uint32_t memory_limit_mb) {
    uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES), page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t count = pages * page / 4 * 3 / ((uint64_t)memory_limit_mb << 20);
    return count < SN_WORKERS_LEAST ? SN_WORKERS_LEAST
           : count > SN_WORKERS_MAX ? SN_WORKERS_MAX
                                    : (uint32_t)count;
}

int sn_settings_read(sn_settings *out, sn_error *err) {
    *out = (sn_settings){SN_MEMORY_DEFAULT_MB, SN_TIMEOUT_MAX_SECONDS, 0, 0};
    int rc = read_number(&out->memory_limit_mb, "WASI_MEMORY_LIMIT_MB", SN_MEMORY_MIN_MB,
                         SN_MEMORY_MAX_MB, err);
    if (rc == 0)
        rc = read_number(&out->workers, "SHANNON_WORKERS", 1, SN_WORKERS_MAX, err);
    if (rc == 0)
        rc = read_number(&out->cpu_seconds, "SHANNON_CPU_SECONDS", 1, 2 * SN_TIMEOUT_MAX_SECONDS,
                         err);
    if (rc < 0)
        return rc;
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
