/* remote_stdin.h - a guest's stdin, read before its code is sent: it travels in the request. */
#ifndef SN_EXECUTOR_REMOTE_STDIN_H
#define SN_EXECUTOR_REMOTE_STDIN_H

#include "util/buffer.h"

/*
 * Reads `fd` to its end; a terminal, which may have none, is not read. 0; 1: `cancel_fd` (or -1)
 * became readable; SN_EINVALID_ARGUMENT: more than SN_STDIN_MAX_BYTES, or it cannot be read.
 * Release the buffer with sn_buffer_free().
 */
SN_WARN_UNUSED int sn_remote_stdin_read(sn_buffer *out, int fd, int cancel_fd, sn_error *err);

#endif
