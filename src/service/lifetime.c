/* lifetime.c - see lifetime.h. */
#include "service/lifetime.h"

#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static sigset_t ends(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

int sn_lifetime_begin(sn_error *err) {
    sigset_t set = ends();
    struct rlimit files;
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    return failed ? sn_fail_errno(err, SN_EINTERNAL, failed, "cannot hold back signals") : 0;
}

bool sn_lifetime_wait(uint64_t timeout_ns) {
    sigset_t set = ends();
    uint64_t until_ns = sn_now_ns() + timeout_ns;
    for (;;) {
        uint64_t now_ns = sn_now_ns();
        uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
        struct timespec left = {(time_t)(left_ns / 1000000000u), (long)(left_ns % 1000000000u)};
        if (sigtimedwait(&set, NULL, &left) > 0)
            return true;
        if (errno != EINTR)
            return false;
    }
}

void sn_lifetime_hurry(void) {
    sigset_t set = ends();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void sn_lifetime_tell(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    strcpy(to.sun_path, path);
    if (*path == '@')
        to.sun_path[0] = '\0'; /* an abstract one */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, bytes);
    close(fd);
}
