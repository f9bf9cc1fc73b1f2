/*
 * buffer.h - bytes that grow, up to a limit that its owner sets. What does not fit is dropped and
 * remembered, so that output from a guest never takes more memory than was agreed.
 */
#ifndef SN_UTIL_BUFFER_H
#define SN_UTIL_BUFFER_H

#include "shannon.h"

typedef struct sn_buffer {
    char *data; /* NUL-terminated once something was added; NULL before */
    size_t bytes;
    size_t capacity;
    size_t limit_bytes; /* 0: none */
    bool truncated;     /* something was dropped */
} sn_buffer;

/* Adds as much as the limit allows. False: no memory (the buffer is as before). */
SN_WARN_UNUSED bool sn_buffer_add(sn_buffer *buffer, const void *data, size_t bytes);

/* Gives the bytes away, NUL-terminated, and empties the buffer. NULL: no memory. */
char *sn_buffer_take(sn_buffer *buffer, size_t *bytes);

void sn_buffer_free(sn_buffer *buffer);

#endif
