/* log.c - see log.h. log_line.c makes a line, log_limit.c says whether it is too many. */
#include "service/log.h"

#include "service/log_limit.h"
#include "service/log_line.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

_Static_assert(SN_LOG_LINE_MAX_BYTES <= PIPE_BUF, "a pipe takes a line whole");

const char *const sn_log_levels[] = {
    [SN_LOG_ERROR] = "error", [SN_LOG_WARN] = "warn",    [SN_LOG_INFO] = "info",
    [SN_LOG_DEBUG] = "debug", [SN_LOG_DEBUG + 1] = NULL,
};

static _Atomic enum sn_log_format log_format = SN_LOG_JSON;
static _Atomic enum sn_log_level most = SN_LOG_INFO;
static atomic_int log_fd = STDERR_FILENO;
static atomic_uint_fast64_t lost;
static sn_log_limit limit = SN_LOG_LIMIT_INIT;

/* ---- what is written ---- */

int sn_log_start(sn_error *err) {
    const char *name = getenv("SHANNON_LOG");
    if (!name || !*name) {
        sn_log_set_level(SN_LOG_INFO);
        return 0;
    }
    for (size_t i = 0; sn_log_levels[i]; i++)
        if (strcmp(sn_log_levels[i], name) == 0) {
            sn_log_set_level((enum sn_log_level)i);
            return 0;
        }
    sn_fail(err, SN_EINVALID_ARGUMENT, "SHANNON_LOG is '%.64s', not error, warn, info or debug",
            name);
    return sn_hint(err, "correct the environment variable, or unset it for info");
}

void sn_log_set_level(enum sn_log_level level) {
    atomic_store(&most, level);
}

void sn_log_set_format(enum sn_log_format format) {
    atomic_store(&log_format, format);
}

void sn_log_set_fd(int fd) {
    atomic_store(&log_fd, fd);
}

bool sn_log_is_on(enum sn_log_level level) {
    return level <= atomic_load_explicit(&most, memory_order_relaxed);
}

uint64_t sn_log_lost(void) {
    return atomic_load(&lost);
}

/* ---- writing ---- */

static void write_line(enum sn_log_level level, const char *event, const sn_field *fields) {
    char text[SN_LOG_LINE_MAX_BYTES];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    size_t bytes = sn_log_line(text, &now, atomic_load(&log_format), level, event, fields);
    if (sn_write_full(atomic_load(&log_fd), text, bytes) < 0)
        atomic_fetch_add(&lost, 1);
}

static void say_what_was_left_out(uint64_t now_ns) {
    char event[SN_LOG_EVENT_MAX_BYTES];
    uint64_t count;
    while (sn_log_limit_take(event, &count, &limit, now_ns))
        write_line(SN_LOG_WARN, "left_out",
                   (sn_field[]){SN_STRING("of", event), SN_INTEGER("lines", count), {0}});
}

void sn_log(enum sn_log_level level, const char *event, const sn_field *fields) {
    if (!sn_log_is_on(level))
        return;
    int kept = errno; /* a caller may still want to tell it */
    uint64_t now_ns = sn_now_ns();
    say_what_was_left_out(now_ns);
    if (level > SN_LOG_WARN || sn_log_limit_allows(&limit, event, now_ns))
        write_line(level, event, fields);
    errno = kept;
}

void sn_log_flush(void) {
    say_what_was_left_out(UINT64_MAX);
}

/* ---- request ids ---- */

const char *sn_request_id(char out[SN_REQUEST_ID_BYTES]) {
    uint8_t random[(SN_REQUEST_ID_BYTES - 1) / 2];
    ssize_t n;
    do
        n = getrandom(random, sizeof random, 0);
    while (n < 0 && errno == EINTR);
    if (n != sizeof random)
        abort(); /* so few bytes come whole; a kernel without randomness runs nothing of ours */
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
    return out;
}
