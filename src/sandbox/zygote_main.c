/*
 * zygote_main.c - inside the zygote: forks a worker for each byte on the control socket, reaps
 * them, and kills those whose taker says so or is gone. One thread, one loop.
 */
#include "sandbox/zygote_main.h"

#include "sandbox/worker.h"
#include "sandbox/zygote.h"
#include "util/auto.h"
#include "util/io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { CONTROL, CHILDREN, FIXED };

typedef struct child {
    pid_t pid;
    int life;
} child;

typedef struct zygote {
    const sn_interpreter *interpreter;
    struct pollfd *polled; /* CONTROL, CHILDREN, then one for each child's life */
    child *children;       /* children[i] goes with polled[FIXED + i] */
    size_t count;
    size_t capacity;
} zygote;

/* Sends the two descriptors of a new worker, or one byte 1 and none if there is none. */
static void answer(int control, char failed, const int fds[2]) {
    struct iovec part = {&failed, 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } extra = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (!failed) {
        message.msg_control = extra.space;
        message.msg_controllen = sizeof extra.space;
        extra.header.cmsg_level = SOL_SOCKET;
        extra.header.cmsg_type = SCM_RIGHTS;
        extra.header.cmsg_len = CMSG_LEN(2 * sizeof(int));
        memcpy(CMSG_DATA(&extra.header), fds, 2 * sizeof(int));
    }
    while (sendmsg(control, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

static bool reserve(zygote *z) {
    if (z->count < z->capacity)
        return true;
    size_t capacity = z->capacity ? z->capacity * 2 : 16;
    struct pollfd *polled = realloc(z->polled, (FIXED + capacity) * sizeof *polled);
    if (polled)
        z->polled = polled;
    child *children = realloc(z->children, capacity * sizeof *children);
    if (children)
        z->children = children;
    if (!polled || !children)
        return false;
    z->capacity = capacity;
    return true;
}

/* A worker behind two new sockets; false if there can be none. */
static bool fork_worker(zygote *z) {
    int job[2], life[2];
    if (!reserve(z) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, job) < 0)
        return false;
    sn_auto_fd int job_theirs = job[0];
    sn_auto_fd int job_worker = job[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) < 0)
        return false;
    sn_auto_fd int life_theirs = life[0];
    sn_auto_fd int life_mine = life[1];
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0)
        sn_worker_main(job_worker, self, z->interpreter);
    z->polled[FIXED + z->count] = (struct pollfd){life_mine, POLLIN, 0};
    z->children[z->count++] = (child){pid, SN_STEAL_FD(life_mine)};
    answer(z->polled[CONTROL].fd, 0, (int[2]){job_theirs, life_theirs});
    return true;
}

static void forget(zygote *z, size_t i) {
    close(z->children[i].life);
    z->count--;
    z->children[i] = z->children[z->count];
    z->polled[FIXED + i] = z->polled[FIXED + z->count];
}

static void reap(zygote *z) {
    struct signalfd_siginfo ignored;
    (void)!read(z->polled[CHILDREN].fd, &ignored, sizeof ignored);
    sn_exit_report report = {0};
    pid_t pid;
    while ((pid = wait4(-1, &report.wait_status, WNOHANG, &report.usage)) > 0)
        for (size_t i = 0; i < z->count; i++)
            if (z->children[i].pid == pid) {
                (void)!send(z->children[i].life, &report, sizeof report,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
                forget(z, i);
                break;
            }
}

/* Whatever comes from the taker, a byte or the end, it means that the worker is to go. */
static void kill_unwanted(zygote *z) {
    for (size_t i = 0; i < z->count; i++)
        if (z->polled[FIXED + i].revents) {
            kill(z->children[i].pid, SIGKILL);
            z->polled[FIXED + i].fd =
                -1; /* nothing more to hear; `life` is closed when it is reaped */
        }
}

static int watch_children(void) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    if (sigprocmask(SIG_SETMASK, &children, NULL) < 0)
        return -1;
    return signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

_Noreturn void sn_zygote_main(int control, const sn_interpreter *interpreter) {
    zygote z = {.interpreter = interpreter};
    prctl(PR_SET_NAME, "shannon-zygote");
    signal(SIGINT, SIG_IGN); /* Ctrl-C is for the supervisor to interpret */
    signal(SIGTSTP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    if ((control > 0 && close_range(0, (unsigned)control - 1, 0) < 0) ||
        close_range((unsigned)control + 1, ~0u, 0) < 0)
        _exit(1);
    int children = watch_children();
    if (children < 0 || !reserve(&z))
        _exit(1);
    z.polled[CONTROL] = (struct pollfd){control, POLLIN, 0};
    z.polled[CHILDREN] = (struct pollfd){children, POLLIN, 0};
    for (;;) {
        if (poll(z.polled, FIXED + z.count, -1) < 0)
            continue;
        kill_unwanted(&z);
        if (z.polled[CHILDREN].revents)
            reap(&z);
        if (z.polled[CONTROL].revents) {
            char wish;
            ssize_t n = read(control, &wish, 1);
            if (n == 0 || (n < 0 && errno != EINTR))
                _exit(0); /* the supervisor is gone, and with this process its workers */
            if (n == 1 && !fork_worker(&z))
                answer(control, 1, NULL);
        }
    }
}
