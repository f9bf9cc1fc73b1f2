/* retry.c - see retry.h. */
#include "model/retry.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

enum { YEARS_S = 10 * 366 * 24 * 3600 };

uint64_t sn_retry_pause_ns(unsigned tries, uint64_t first_ns, uint32_t chance) {
    uint64_t whole = first_ns;
    for (unsigned i = 1; i < tries && whole < SN_RETRY_PAUSE_MOST_NS; i++)
        whole *= 2;
    if (whole > SN_RETRY_PAUSE_MOST_NS)
        whole = SN_RETRY_PAUSE_MOST_NS;
    return whole / 2 + (uint64_t)((double)(whole - whole / 2) * (chance / (double)UINT32_MAX));
}

/* "Sun, 06 Nov 1994 08:49:37 GMT". Not strptime(): months have English names in every locale. */
static bool parse_date(time_t *out, const char *text) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    char month[4] = "";
    int end = 0;
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
               &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 ||
        end == 0 || text[end])
        return false;
    const char *found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!found || (found - months) % 3 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 ||
        tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
        return false;
    tm.tm_mon = (int)(found - months) / 3;
    tm.tm_year -= 1900;
    *out = timegm(&tm);
    return true;
}

bool sn_retry_after_ns(uint64_t *out, const char *value, time_t now) {
    double seconds;
    time_t date;
    if (!sn_parse_double(&seconds, value)) {
        if (!parse_date(&date, value))
            return false;
        seconds = (double)date - (double)now;
    } else if (seconds < 0) {
        return false;
    }
    if (seconds < 0)
        seconds = 0;
    if (seconds > YEARS_S)
        seconds = YEARS_S;
    *out = (uint64_t)(seconds * (double)SECOND_NS);
    return true;
}

bool sn_is_cancelled(int cancel_fd) {
    struct pollfd fd = {.fd = cancel_fd, .events = POLLIN};
    return cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
}

int sn_fail_cancelled(sn_error *err) {
    return sn_fail(err, SN_EUNAVAILABLE, "the question to the model was cancelled");
}

int sn_fail_deadline(sn_error *err) {
    return sn_fail(err, SN_EDEADLINE_EXCEEDED, "the model has not answered before the deadline");
}

int sn_retry_wait(uint64_t pause_ns, uint64_t deadline_ns, int cancel_fd, sn_error *err) {
    uint64_t end = sn_now_ns() + pause_ns;
    bool is_late = deadline_ns && deadline_ns < end;
    if (is_late)
        end = deadline_ns;
    struct pollfd fd = {.fd = cancel_fd, .events = POLLIN};
    for (;;) {
        uint64_t now = sn_now_ns(), left = now < end ? end - now : 0;
        struct timespec time = {(time_t)(left / SECOND_NS), (long)(left % SECOND_NS)};
        int n = ppoll(&fd, 1, &time, NULL);
        if (n > 0)
            return sn_fail_cancelled(err);
        if (n < 0 && errno != EINTR)
            return sn_fail_errno(err, SN_EINTERNAL, errno, "poll");
        if (n == 0 && sn_now_ns() >= end)
            return is_late ? sn_fail_deadline(err) : 0;
    }
}
