/*
 * origin.c - see origin.h.
 *
 * Each message is an order, with a zygote's end of its control socket if one is to be forked; each
 * is answered. The origin is the parent of its zygotes, and does not reap one before it is told to
 * kill it, so a process id that it is told never means another process. There is one zygote at a
 * time.
 */
#include "sandbox/origin.h"

#include "sandbox/zygote_main.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 20 };

typedef struct order {
    bool fork; /* a descriptor comes with it */
    pid_t kill;
} order;

typedef struct answer {
    int errnum; /* 0: done */
} answer;

typedef union ancillary {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
} ancillary;

/* ---- the origin ---- */

typedef struct state {
    int control;
    const sn_interpreter *interpreter;
    const sn_zygote_options *options;
    pid_t first; /* of a zygote's processes; ends at once if it leaves it to a second (walls.h) */
    bool first_ended;
} state;

static void wait_for(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void reap_first(state *s) {
    if (s->first > 0 && !s->first_ended)
        s->first_ended = waitpid(s->first, NULL, WNOHANG) == s->first;
}

static void on_child(int signal_number) {
    (void)signal_number;
}

/* Signals of children come only in here. */
static void wait_for_order(state *s) {
    sigset_t none;
    struct pollfd control = {s->control, POLLIN, 0};
    sigemptyset(&none);
    while (ppoll(&control, 1, NULL, &none) < 0)
        reap_first(s);
}

/* False: the program is gone. `*fd` is -1 where none came. */
static bool receive(order *o, int *fd, state *s) {
    struct iovec part = {o, sizeof *o};
    ancillary extra;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = extra.space,
                             .msg_controllen = sizeof extra.space};
    wait_for_order(s);
    ssize_t n = recvmsg(s->control, &message, MSG_CMSG_CLOEXEC);
    *fd = -1;
    if (n == sizeof *o && message.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(&extra.header), sizeof *fd);
    return n == sizeof *o;
}

static int fork_zygote(state *s, int control) {
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGCHLD, SIG_DFL);
        sn_zygote_main(control, s->interpreter, s->options);
    }
    s->first = pid;
    s->first_ended = false;
    return pid < 0 ? errno : 0;
}

static int carry_out(state *s, const order *o, int fd) {
    reap_first(s);
    if (o->fork)
        return fd < 0 ? EMFILE : fork_zygote(s, fd);
    if (o->kill > 0 && !(o->kill == s->first && s->first_ended)) {
        kill(o->kill, SIGKILL);
        wait_for(o->kill);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ; /* nothing is there any more that somebody could want to kill */
    s->first = 0;
    return 0;
}

static void close_what_is_not_needed(const state *s) {
    const sn_image *image = s->interpreter->image;
    const int keep[] = {s->control, image ? image->saved.fd : -1};
    sn_close_all_but(keep, SN_COUNT(keep));
}

static void hold_back_children(void) {
    const struct sigaction action = {.sa_handler = on_child};
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    sigaction(SIGCHLD, &action, NULL);
}

static _Noreturn void serve(state *s) {
    order o;
    int fd;
    close_what_is_not_needed(s);
    hold_back_children();
    prctl(PR_SET_NAME, "shannon-origin");
    while (receive(&o, &fd, s)) {
        answer a = {carry_out(s, &o, fd)};
        if (fd >= 0)
            close(fd);
        (void)!send(s->control, &a, sizeof a, MSG_NOSIGNAL);
    }
    _exit(0);
}

/* ---- its user's side ---- */

static int command(sn_origin *origin, const order *o, int fd, sn_error *err) {
    struct iovec part = {(void *)o, sizeof *o};
    ancillary extra = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    answer a;
    if (fd >= 0) {
        message.msg_control = extra.space;
        message.msg_controllen = sizeof extra.space;
        extra.header.cmsg_level = SOL_SOCKET;
        extra.header.cmsg_type = SCM_RIGHTS;
        extra.header.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&extra.header), &fd, sizeof fd);
    }
    ssize_t n = sendmsg(origin->control, &message, MSG_NOSIGNAL);
    while (n > 0 && (n = recv(origin->control, &a, sizeof a, 0)) < 0 && errno == EINTR)
        n = 1;
    if (n != sizeof a)
        return sn_fail(err, SN_EUNAVAILABLE, "the process that zygotes are forked from is gone");
    if (a.errnum)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, a.errnum, "cannot start a zygote");
    return 0;
}

int sn_origin_start(sn_origin *out, const sn_interpreter *interpreter,
                    const sn_zygote_options *options, sn_error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot make a socket pair");
    sn_auto_fd int mine = pair[0];
    sn_auto_fd int theirs = pair[1];
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    setsockopt(mine, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    pid_t pid = fork();
    if (pid < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot start a process");
    if (pid == 0)
        serve(&(state){.control = theirs, .interpreter = interpreter, .options = options});
    *out = (sn_origin){pid, SN_STEAL_FD(mine)};
    return 0;
}

void sn_origin_stop(sn_origin *origin) {
    if (origin->control < 0)
        return;
    close(SN_STEAL_FD(origin->control));
    kill(origin->pid, SIGKILL); /* its zygotes end with their control sockets */
    wait_for(origin->pid);
    origin->pid = -1;
}

int sn_origin_fork(sn_origin *origin, int control, sn_error *err) {
    return command(origin, &(order){.fork = true}, control, err);
}

void sn_origin_kill(sn_origin *origin, pid_t zygote) {
    (void)!command(origin, &(order){.kill = zygote}, -1, NULL);
}
