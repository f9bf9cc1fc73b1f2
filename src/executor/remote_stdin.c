/* remote_stdin.c - see remote_stdin.h. */
#include "executor/remote_stdin.h"

#include "util/error.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* 0: read on; 1: it has ended. */
static int read_some(sn_buffer *out, int fd, sn_error *err) {
    char room[1 << 16];
    ssize_t n = read(fd, room, sizeof room);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n == 0 || (n < 0 && errno == EBADF)) /* there is none */
        return 1;
    if (n < 0)
        return sn_fail_errno(err, SN_EINVALID_ARGUMENT, errno, "stdin cannot be read");
    if (out->bytes + (size_t)n > SN_STDIN_MAX_BYTES) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "stdin has more than the limit of 8 MiB (%d bytes)",
                SN_STDIN_MAX_BYTES);
        sn_hint(err,
                "it is sent to agent-core as a whole; only an executor in this process can read "
                "on while it runs");
        return SN_EINVALID_ARGUMENT;
    }
    return sn_buffer_add(out, room, (size_t)n)
               ? 0
               : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for stdin");
}

int sn_remote_stdin_read(sn_buffer *out, int fd, int cancel_fd, sn_error *err) {
    struct pollfd fds[] = {{fd, POLLIN, 0}, {cancel_fd, POLLIN, 0}};
    int rc = 0;
    if (isatty(fd))
        return 0;
    while (rc == 0) {
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents)
            return 1;
        rc = read_some(out, fd, err);
    }
    return rc < 0 ? rc : 0;
}
