/*
 * retry.h - how long to wait before the next try: as long as the server wants, else twice as long
 * each time, with chance, so that many clients that were turned away together do not come back
 * together.
 */
#ifndef SN_MODEL_RETRY_H
#define SN_MODEL_RETRY_H

#include "shannon.h"

#include <time.h>

#define SN_RETRY_PAUSE_MOST_NS UINT64_C(8000000000)
/* A server that wants to be left alone for longer is not asked again. */
#define SN_RETRY_AFTER_MOST_NS UINT64_C(60000000000)

/* The pause after the `tries`th try, 1 or more: between half and all of first_ns * 2^(tries - 1),
 * by `chance`. */
uint64_t sn_retry_pause_ns(unsigned tries, uint64_t first_ns, uint32_t chance);

/* Retry-After: seconds, or a date as HTTP writes it. False: it is neither. A time that has passed
 * is 0; what is very long comes out as some years. */
bool sn_retry_after_ns(uint64_t *out, const char *value, time_t now);

/* Waits. 0, SN_EDEADLINE_EXCEEDED: until `deadline_ns` (0: none) has come; SN_EUNAVAILABLE: until
 * cancel_fd (-1: none) has become readable. */
SN_WARN_UNUSED int sn_retry_wait(uint64_t pause_ns, uint64_t deadline_ns, int cancel_fd,
                                 sn_error *err);

/* Whether it is readable, or closed at its other end. */
bool sn_is_cancelled(int cancel_fd);

/* In the words that every call that ends so has. */
int sn_fail_cancelled(sn_error *err);
int sn_fail_deadline(sn_error *err);

#endif
