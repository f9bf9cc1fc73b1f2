/*
 * sock.c - sockets: there are none, and no descriptor ever becomes one. A program that asks hears
 * so in the errno that POSIX has for it.
 */
#include "wasi/calls.h"
#include "wasi/state.h"

static uint32_t not_a_socket(sn_wasi *wasi, uint32_t fd) {
    sn_fd *file;
    int e = sn_fd_get(&file, wasi, fd, 0);
    return e ? (uint32_t)e : SN_WASI_NOTSOCK;
}

uint32_t sn_wasi_sock_accept(void *context, uint32_t fd, uint32_t flags, uint32_t result) {
    (void)flags, (void)result;
    return not_a_socket(context, fd);
}

uint32_t sn_wasi_sock_recv(void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
                           uint32_t flags, uint32_t result, uint32_t result_flags) {
    (void)iovs, (void)iovs_len, (void)flags, (void)result, (void)result_flags;
    return not_a_socket(context, fd);
}

uint32_t sn_wasi_sock_send(void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
                           uint32_t flags, uint32_t result) {
    (void)iovs, (void)iovs_len, (void)flags, (void)result;
    return not_a_socket(context, fd);
}

uint32_t sn_wasi_sock_shutdown(void *context, uint32_t fd, uint32_t how) {
    (void)how;
    return not_a_socket(context, fd);
}
