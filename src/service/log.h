/*
 * log.h - what a service tells its operator: one JSON object a line on stderr.
 *
 *     sn_log(SN_LOG_INFO, "executed",
 *            (sn_field[]){SN_STRING("request_id", id), SN_NUMBER("wall_ms", 1.2), {0}});
 *
 *     {"time":"2024-05-06T07:08:09.010Z","level":"info","event":"executed","request_id":"...",...}
 *
 * A line holds the fields it is given and nothing else: no code and no output of executions, unless
 * a caller makes a field of it. Texts may be hostile. Invalid UTF-8 is repaired and control
 * characters are escaped, so that no text begins a line or talks to a terminal; a text longer than
 * SN_LOG_TEXT_MAX_BYTES is cut and ends in "...", a field for which the line has no room is left
 * out, and either way the line says "cut":true.
 *
 * A line is no longer than what a pipe takes whole, and is one write(2): lines of threads and
 * processes never mix. A line that cannot be written is lost, and counted.
 *
 * Warnings and errors of one event are limited to SN_LOG_REPEATS a second, since a client can often
 * cause them; how many were left out is said in a line "left_out", with the next line of any kind
 * after that second, or by sn_log_flush(). What is normal (info) is not limited.
 *
 * Threads: everything may be called from any. Blocks as long as stderr does. (The log of
 * session/log.h is another one: the one that sessions lie in.)
 */
#ifndef SN_SERVICE_LOG_H
#define SN_SERVICE_LOG_H

#include "shannon.h"

enum sn_log_level { SN_LOG_ERROR, SN_LOG_WARN, SN_LOG_INFO, SN_LOG_DEBUG };

/* JSON is for programs. Text is for a person at a terminal: local time, and key=value. */
enum sn_log_format { SN_LOG_JSON, SN_LOG_TEXT };

enum {
    SN_LOG_LINE_MAX_BYTES = 4096, /* PIPE_BUF; with the line feed */
    SN_LOG_TEXT_MAX_BYTES = 1024, /* of one text, as it stands in the line */
    SN_LOG_REPEATS = 10,
    SN_REQUEST_ID_BYTES = 33, /* 32 digits and a NUL */
};

/* "error", "warn", "info", "debug", NULL: in the order of sn_log_level, so that they are the
 * choices of a setting whose value is the level. */
extern const char *const sn_log_levels[];

enum sn_field_kind { SN_FIELD_STRING, SN_FIELD_NUMBER, SN_FIELD_INTEGER, SN_FIELD_BOOLEAN };

typedef struct sn_field {
    const char *key; /* NULL after the last field */
    enum sn_field_kind kind;
    size_t bytes; /* of a string */
    union {
        const char *string; /* NULL becomes null */
        double number;      /* to three decimals; what is not finite becomes null */
        int64_t integer;
        bool boolean;
    };
} sn_field;

#define SN_STRING(name, value)                                                                     \
    {                                                                                              \
        (name), SN_FIELD_STRING, SIZE_MAX, {                                                       \
            .string = (value)                                                                      \
        }                                                                                          \
    }
#define SN_STRING_N(name, value, size)                                                             \
    {                                                                                              \
        (name), SN_FIELD_STRING, (size), {                                                         \
            .string = (value)                                                                      \
        }                                                                                          \
    }
#define SN_NUMBER(name, value)                                                                     \
    {                                                                                              \
        (name), SN_FIELD_NUMBER, 0, {                                                              \
            .number = (value)                                                                      \
        }                                                                                          \
    }
#define SN_INTEGER(name, value)                                                                    \
    {                                                                                              \
        (name), SN_FIELD_INTEGER, 0, {                                                             \
            .integer = (int64_t)(value)                                                            \
        }                                                                                          \
    }
#define SN_BOOLEAN(name, value)                                                                    \
    {                                                                                              \
        (name), SN_FIELD_BOOLEAN, 0, {                                                             \
            .boolean = (value)                                                                     \
        }                                                                                          \
    }

/* Sets the level from SHANNON_LOG; unset or empty: info. SN_EINVALID_ARGUMENT: it is something
 * else. */
SN_WARN_UNUSED int sn_log_start(sn_error *err);

/* Lines up to this level are written. Before anything is set: info. */
void sn_log_set_level(enum sn_log_level level);

/* Before anything is set: JSON. */
void sn_log_set_format(enum sn_log_format format);

/* Instead of stderr; stays the caller's. */
void sn_log_set_fd(int fd);

/* Whether a line of this level would be written: before collecting what only it would need. */
bool sn_log_is_on(enum sn_log_level level);

/* `event` is a word or two of the program's own, joined by '_'. `fields` may be NULL. */
void sn_log(enum sn_log_level level, const char *event, const sn_field *fields);

/* Says now what was left out, at the end of a service or now and then. */
void sn_log_flush(void);

/* Lines that could not be written since the process began. */
uint64_t sn_log_lost(void);

/* 128 random bits in hexadecimal, to tell one request's lines from another's. Returns `out`. */
const char *sn_request_id(char out[SN_REQUEST_ID_BYTES]);

#endif
