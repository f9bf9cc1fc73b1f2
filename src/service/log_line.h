/* log_line.h - one line of the log, as text; see log.h for what is in it. */
#ifndef SN_SERVICE_LOG_LINE_H
#define SN_SERVICE_LOG_LINE_H

#include "service/log.h"

#include <time.h>

/* Writes the line with its line feed and without a NUL; returns its bytes. `fields` may be NULL. */
size_t sn_log_line(char out[SN_LOG_LINE_MAX_BYTES], const struct timespec *now,
                   enum sn_log_format format, enum sn_log_level level, const char *event,
                   const sn_field *fields);

#endif
