/*
 * frames_fuzz.c - what a worker that was taken over may send to its supervisor: any bytes. It must
 * come to an end, within its bounds, and say what it took.
 */
#include "sandbox/supervisor.h"
#include "util/io.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all that it is given. */
static int take(void *user, enum sn_frame_kind kind, const void *data, size_t bytes) {
    unsigned *sum = user;
    if (bytes > sn_frame_limit(kind))
        abort();
    for (size_t i = 0; i < bytes; i++)
        *sum += ((const uint8_t *)data)[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { OUTPUT_MOST = 4096, SOCKET_HOLDS = 100000 };
    int sockets[2], life[2];
    unsigned sum = 0;
    sn_job job = {
        .code = "1",
        .code_bytes = 1,
        .stdin_data = "input",
        .stdin_bytes = 5,
        .stdin_fd = -1,
        .cancel_fd = -1,
        .timeout_ns = 1000000000u,
        .output_limit_bytes = OUTPUT_MOST,
        .on_frame = take,
        .user = &sum,
    };
    if (size > SOCKET_HOLDS || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, life) < 0)
        abort();
    sn_exit_report report = {SIGKILL, 0, 1};
    if (sn_send_full(sockets[1], data, size) < 0 ||
        sn_send_full(life[1], &report, sizeof report) < 0)
        abort();
    shutdown(sockets[1], SHUT_WR);
    sn_ready worker = {sockets[0], life[0]};
    sn_job_end end = {0};
    sn_error err = SN_ERROR_INIT;
    if (sn_supervise(&end, &worker, &job, true, sn_now_ns(), &err) < 0 && err.code >= 0)
        abort();
    sn_ready_release(&worker);
    close(sockets[1]);
    close(life[1]);
    return 0;
}
