/*
 * accept.c - accept4(2), as gRPC finds it in this program (which exports it; src/meson.build).
 *
 * gRPC 1.51 stops listening for good when accept4() fails for want of descriptors, so whoever opens
 * enough connections would end the service for everybody. Here a connection for which there is no
 * room is closed, and descriptors are left over for executions. Numbers of descriptors are given
 * out from the lowest, so the number says how many there are.
 */
#include "rpc/accept.h"

#include "shannon.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CONNECTIONS_MOST = 16384 };

static int ceiling = CONNECTIONS_MOST;
static int spare = -1; /* given up to get rid of a connection when there are no others */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void sn_accept_prepare(void) {
    struct rlimit limit;
    pthread_mutex_lock(&lock);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 * 3 < CONNECTIONS_MOST)
        ceiling = (int)(limit.rlim_cur / 4 * 3);
    if (spare < 0)
        spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pthread_mutex_unlock(&lock);
}

/* Less than 0: as accept4(2), but never for want of descriptors. Otherwise the connection was
 * dropped. */
static int drop_one(int fd, int flags) {
    pthread_mutex_lock(&lock);
    if (spare >= 0)
        close(spare);
    int dropped = (int)syscall(SYS_accept4, fd, NULL, NULL, flags);
    int saved_errno = errno;
    if (dropped >= 0)
        close(dropped);
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pthread_mutex_unlock(&lock);
    errno = dropped < 0 && (saved_errno == EMFILE || saved_errno == ENFILE) ? EAGAIN : saved_errno;
    return dropped;
}

SN_PUBLIC int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags) {
    socklen_t room = bytes ? *bytes : 0;
    for (;;) {
        if (bytes)
            *bytes = room;
        int got = (int)syscall(SYS_accept4, fd, address, bytes, flags);
        if (got < 0 && (errno == EMFILE || errno == ENFILE) && (got = drop_one(fd, flags)) >= 0)
            continue;
        if (got < ceiling)
            return got;
        close(got);
    }
}
