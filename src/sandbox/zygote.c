/*
 * zygote.c - the supervisor's side of the zygote: keeps workers in stock.
 *
 * Each byte sent over the control socket is a wish for one worker; each answer brings one. Wishes
 * are made one for one as workers are taken, so the zygote forks while the taken worker runs.
 */
#include "sandbox/zygote.h"

#include "sandbox/zygote_main.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { SPARE_MOST = 16 };

struct sn_zygote {
    const sn_interpreter *interpreter;
    pthread_mutex_t lock;
    unsigned spare;
    int control; /* -1: no zygote runs */
    pid_t pid;
    unsigned wished; /* and not answered yet */
    sn_ready stock[SPARE_MOST];
    unsigned stock_count;
};

static void ready_close(sn_ready *ready) {
    close(ready->fd);
    close(ready->life);
}

static void end(sn_zygote *z) {
    for (; z->stock_count > 0; z->stock_count--)
        ready_close(&z->stock[z->stock_count - 1]);
    if (z->control < 0)
        return;
    close(SN_STEAL_FD(z->control));
    kill(z->pid, SIGKILL);
    while (waitpid(z->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    z->wished = 0;
}

static int begin(sn_zygote *z, sn_error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot make a socket pair");
    sn_auto_fd int mine = pair[0];
    sn_auto_fd int theirs = pair[1];
    pid_t pid = fork();
    if (pid < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot start a zygote");
    if (pid == 0)
        sn_zygote_main(theirs, z->interpreter);
    z->pid = pid;
    z->control = SN_STEAL_FD(mine);
    return 0;
}

static void wish(sn_zygote *z) {
    while (z->control >= 0 && z->stock_count + z->wished < z->spare &&
           send(z->control, "w", 1, MSG_NOSIGNAL) == 1)
        z->wished++;
}

enum received { NOTHING, WORKER, REFUSED, GONE };

static enum received receive(sn_ready *out, int control, int flags) {
    char failed;
    struct iovec part = {&failed, 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } extra;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = extra.space,
                             .msg_controllen = sizeof extra.space};
    ssize_t n;
    do
        n = recvmsg(control, &message, flags | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return NOTHING;
    if (n != 1)
        return GONE;
    if (failed || message.msg_controllen < CMSG_LEN(2 * sizeof(int)))
        return REFUSED;
    int fds[2];
    memcpy(fds, CMSG_DATA(&extra.header), sizeof fds);
    *out = (sn_ready){fds[0], fds[1]};
    return WORKER;
}

/* Brings in what the zygote has answered; waits for at least one worker if there is none. */
static enum received restock(sn_zygote *z) {
    while (z->wished > 0 && z->stock_count < SPARE_MOST) {
        sn_ready ready;
        enum received what = receive(&ready, z->control, z->stock_count > 0 ? MSG_DONTWAIT : 0);
        if (what == NOTHING)
            break;
        if (what == GONE)
            return GONE;
        z->wished--;
        if (what == REFUSED)
            return z->stock_count > 0 ? WORKER : REFUSED;
        z->stock[z->stock_count++] = ready;
    }
    return z->stock_count > 0 ? WORKER : GONE;
}

static int take_locked(sn_ready *out, sn_zygote *z, sn_error *err) {
    enum { TRIES = 2 };
    for (int i = 0; i < TRIES; i++) {
        int rc = z->control < 0 ? begin(z, err) : 0;
        if (rc < 0)
            return rc;
        wish(z);
        enum received what = restock(z);
        if (what == WORKER) {
            *out = z->stock[--z->stock_count];
            wish(z);
            return 0;
        }
        if (what == REFUSED)
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no process or memory for another worker");
        end(z);
    }
    return sn_fail(err, SN_EUNAVAILABLE, "the zygote does not start");
}

int sn_zygote_take(sn_ready *out, sn_zygote *zygote, sn_error *err) {
    pthread_mutex_lock(&zygote->lock);
    int rc = take_locked(out, zygote, err);
    pthread_mutex_unlock(&zygote->lock);
    return rc;
}

void sn_zygote_distrust(sn_zygote *zygote) {
    pthread_mutex_lock(&zygote->lock);
    for (; zygote->stock_count > 0; zygote->stock_count--)
        ready_close(&zygote->stock[zygote->stock_count - 1]);
    pthread_mutex_unlock(&zygote->lock);
}

int sn_zygote_start(sn_zygote **out, const sn_interpreter *interpreter, unsigned spare,
                    sn_error *err) {
    sn_zygote *z = calloc(1, sizeof *z);
    if (!z)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a zygote");
    z->interpreter = interpreter;
    z->spare = spare < 1 ? 1 : spare > SPARE_MOST ? SPARE_MOST : spare;
    z->control = -1;
    pthread_mutex_init(&z->lock, NULL);
    fflush(NULL); /* so that the child has nothing of ours to write a second time */
    int rc = begin(z, err);
    if (rc < 0) {
        sn_zygote_stop(z);
        return rc;
    }
    wish(z);
    *out = z;
    return 0;
}

void sn_zygote_stop(sn_zygote *zygote) {
    if (!zygote)
        return;
    end(zygote);
    pthread_mutex_destroy(&zygote->lock);
    free(zygote);
}
