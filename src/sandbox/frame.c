/* frame.c - see frame.h. */
#include "sandbox/frame.h"

#include "sandbox/state.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

size_t sn_frame_limit(uint32_t kind) {
    static const size_t limits[SN_FRAME_KINDS] = {
        [SN_FRAME_STDOUT] = SN_FRAME_CHUNK_BYTES,
        [SN_FRAME_STDERR] = SN_FRAME_CHUNK_BYTES,
        [SN_FRAME_RESULT] = SN_FRAME_EVENT_MOST_BYTES,
        [SN_FRAME_DISPLAY] = SN_FRAME_EVENT_MOST_BYTES,
        [SN_FRAME_ERROR] = SN_FRAME_EVENT_MOST_BYTES,
        [SN_FRAME_INPUT] = sizeof(uint32_t),
        [SN_FRAME_MEMORY] = sizeof(uint64_t),
        [SN_FRAME_IMAGE] = SN_FRAME_CHUNK_BYTES,
        [SN_FRAME_PAGES] = SN_FRAME_PAGES_MOST * sizeof(uint32_t),
        [SN_FRAME_STATE] = SN_STATE_BLOB_MOST_BYTES,
        [SN_FRAME_UNSAVED] = sizeof(sn_error),
        [SN_FRAME_FAULT] = sizeof(sn_error),
        [SN_FRAME_DONE] = sizeof(sn_frame_done),
    };
    return kind < SN_FRAME_KINDS ? limits[kind] : 0;
}

int sn_frame_send_parts(int fd, struct iovec *parts, int count) {
    while (count > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        while (count > 0 && (size_t)n >= parts->iov_len) {
            n -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + n;
            parts->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int sn_frame_send(int fd, enum sn_frame_kind kind, const void *data, size_t bytes) {
    sn_frame_header header = {(uint32_t)kind, (uint32_t)bytes};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)data, bytes}};
    return sn_frame_send_parts(fd, parts, 2);
}

int sn_frame_string(const char **string, size_t *string_bytes, const void **data, size_t *bytes) {
    uint32_t length;
    if (*bytes == 0)
        return 0;
    if (*bytes < sizeof length)
        return -1;
    memcpy(&length, *data, sizeof length);
    if (length > *bytes - sizeof length)
        return -1;
    *string = (const char *)*data + sizeof length;
    *string_bytes = length;
    *data = *string + length;
    *bytes -= sizeof length + length;
    return 1;
}

int sn_frame_strings(const void *data, size_t bytes) {
    const char *string;
    size_t string_bytes;
    int count = 0, rc;
    while ((rc = sn_frame_string(&string, &string_bytes, &data, &bytes)) > 0)
        if (count++ == INT_MAX)
            return -1;
    return rc < 0 ? -1 : count;
}
