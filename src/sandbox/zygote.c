/*
 * zygote.c - the supervisor's side of the zygote: starts it, and keeps workers in stock.
 *
 * Each byte sent over the control socket is a wish for one worker; each answer brings one. Wishes
 * for those that were taken are made when an execution has ended, and not while it runs, as forking
 * would compete with it for the processors; unless the stock is empty.
 */
#include "sandbox/zygote.h"

#include "sandbox/origin.h"
#include "sandbox/zygote_main.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { STOCK_MOST = 64 };
enum { ANSWER_SECONDS = 20 }; /* a zygote that takes longer is given up */

struct sn_zygote {
    const sn_interpreter *interpreter;
    sn_zygote_options options;
    pthread_mutex_t lock; /* of all below */
    int control;          /* -1: no zygote runs */
    pid_t pid;
    sn_origin origin; /* none: the zygote is this process's own child */
    unsigned wished;  /* and not answered yet */
    unsigned stock_count;
    unsigned starts;
    sn_walls walls;
    sn_ready stock[STOCK_MOST]; /* the newest is taken first: its pages are in the caches */
};

void sn_ready_release(sn_ready *ready) {
    close(ready->fd);
    close(ready->life);
    *ready = (sn_ready){-1, -1};
}

static void drop_stock(sn_zygote *z) {
    while (z->stock_count > 0)
        sn_ready_release(&z->stock[--z->stock_count]);
}

static void wait_for(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void end(sn_zygote *z) {
    drop_stock(z);
    if (z->control < 0)
        return;
    close(SN_STEAL_FD(z->control));
    if (z->origin.control >= 0) {
        sn_origin_kill(&z->origin, z->pid);
    } else if (z->pid > 0) {
        kill(z->pid, SIGKILL);
        wait_for(z->pid);
    }
    z->pid = -1;
    z->wished = 0;
}

/* ---- starting ---- */

static ssize_t receive_some(int control, void *data, size_t bytes) {
    ssize_t n;
    do
        n = recv(control, data, bytes, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Two messages, in whichever order they come: the zygote's pid, from the process that forked it and
 * ends (walls.h), and its hello. */
static int meet(sn_zygote *z, sn_error *err) {
    sn_zygote_hello hello = {0}, message;
    bool has_hello = false;
    z->pid = 0;
    while (z->pid == 0 || !has_hello) {
        ssize_t n = receive_some(z->control, &message, sizeof message);
        if (n == sizeof z->pid)
            memcpy(&z->pid, &message, sizeof z->pid);
        else if (n == sizeof message)
            hello = message;
        else
            break;
        has_hello |= n == sizeof message;
    }
    if (z->pid > 0 && has_hello && hello.rc == 0) {
        z->walls = hello.walls;
        return 0;
    }
    end(z);
    if (!has_hello)
        return sn_fail(err, SN_EUNAVAILABLE, "the zygote does not start");
    if (err)
        *err = hello.err;
    return hello.rc;
}

/* As our own child. The first process may have ended and left it to a second one. */
static int start_here(sn_zygote *z, int control, sn_error *err) {
    pid_t pid = fork();
    if (pid < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot start a zygote");
    if (pid == 0)
        sn_zygote_main(control, z->interpreter, &z->options);
    close(control); /* else its end would not be noticed */
    int rc = meet(z, err);
    if (z->pid != pid)
        wait_for(pid);
    return rc;
}

/* An origin that was killed is replaced by one that knows what this process knows by now: that is
 * worse, but better than none. */
static int start_from_origin(sn_zygote *z, int control, sn_error *err) {
    int rc = SN_EUNAVAILABLE;
    if (z->origin.control >= 0)
        rc = sn_origin_fork(&z->origin, control, NULL);
    if (rc == SN_EUNAVAILABLE) {
        sn_origin_stop(&z->origin);
        rc = sn_origin_start(&z->origin, z->interpreter, &z->options, err);
        if (rc == 0)
            rc = sn_origin_fork(&z->origin, control, err);
    }
    close(control);
    return rc < 0 ? rc : meet(z, err);
}

static int begin(sn_zygote *z, sn_error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot make a socket pair");
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    z->control = pair[0];
    z->starts++;
    int rc =
        z->options.ready > 0 ? start_from_origin(z, pair[1], err) : start_here(z, pair[1], err);
    if (rc < 0)
        end(z);
    return rc;
}

/* ---- the stock ---- */

/* Makes sure that so many workers are there or on their way. */
static void wish(sn_zygote *z, unsigned count) {
    while (z->stock_count + z->wished < count && send(z->control, "w", 1, MSG_NOSIGNAL) == 1)
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
    if (n < 0 && (flags & MSG_DONTWAIT) && errno == EAGAIN)
        return NOTHING;
    if (n != 1)
        return GONE;
    /* no descriptors: the zygote had no process, or we have no descriptors free */
    if (failed || message.msg_controllen < CMSG_LEN(2 * sizeof(int)))
        return REFUSED;
    int fds[2];
    memcpy(fds, CMSG_DATA(&extra.header), sizeof fds);
    *out = (sn_ready){fds[0], fds[1]};
    return WORKER;
}

/* Brings in what the zygote has answered; waits for one worker if there is none. */
static enum received restock(sn_zygote *z) {
    while (z->wished > 0 && z->stock_count < STOCK_MOST) {
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

static int take(sn_ready *out, sn_zygote *z, sn_error *err) {
    enum { TRIES = 5 };
    int rc = 0;
    for (int i = 0; i < TRIES; i++) {
        rc = z->control < 0 ? begin(z, err) : 0;
        if (rc == SN_EUNAVAILABLE)
            continue; /* somebody may have killed it while it started */
        if (rc < 0)
            return rc;
        wish(z, z->options.ready > 0 ? z->options.ready : 1);
        enum received what = restock(z);
        if (what == WORKER) {
            *out = z->stock[--z->stock_count];
            if (z->stock_count == 0)
                wish(z, z->options.ready);
            return 0;
        }
        if (what == REFUSED)
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                           "no process, descriptor or memory for another worker");
        end(z);
    }
    return rc < 0 ? rc : sn_fail(err, SN_EUNAVAILABLE, "the zygote does not stay alive");
}

int sn_zygote_take(sn_ready *out, sn_zygote *zygote, sn_error *err) {
    pthread_mutex_lock(&zygote->lock);
    int rc = take(out, zygote, err);
    pthread_mutex_unlock(&zygote->lock);
    return rc;
}

void sn_zygote_replenish(sn_zygote *zygote) {
    pthread_mutex_lock(&zygote->lock);
    if (zygote->control >= 0)
        wish(zygote, zygote->options.ready);
    pthread_mutex_unlock(&zygote->lock);
}

void sn_zygote_distrust(sn_zygote *zygote) {
    pthread_mutex_lock(&zygote->lock);
    drop_stock(zygote);
    pthread_mutex_unlock(&zygote->lock);
}

/* ---- the whole ---- */

int sn_zygote_start(sn_zygote **out, const sn_interpreter *interpreter,
                    const sn_zygote_options *options, sn_error *err) {
    sn_zygote *z = calloc(1, sizeof *z);
    if (!z)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a zygote");
    z->interpreter = interpreter;
    z->options = *options;
    if (z->options.ready > STOCK_MOST)
        z->options.ready = STOCK_MOST;
    z->control = -1;
    z->pid = -1;
    z->origin = (sn_origin)SN_ORIGIN_NONE;
    pthread_mutex_init(&z->lock, NULL);
    int rc = begin(z, err);
    if (rc < 0) {
        sn_zygote_stop(z);
        return rc;
    }
    wish(z, z->options.ready);
    *out = z;
    return 0;
}

void sn_zygote_stop(sn_zygote *zygote) {
    if (!zygote)
        return;
    end(zygote);
    sn_origin_stop(&zygote->origin);
    pthread_mutex_destroy(&zygote->lock);
    free(zygote);
}

/* ---- looking at it ---- */

sn_walls sn_zygote_walls(sn_zygote *zygote) {
    pthread_mutex_lock(&zygote->lock);
    sn_walls walls = zygote->walls;
    pthread_mutex_unlock(&zygote->lock);
    return walls;
}

unsigned sn_zygote_restarts(sn_zygote *zygote) {
    pthread_mutex_lock(&zygote->lock);
    unsigned restarts = zygote->starts > 0 ? zygote->starts - 1 : 0;
    pthread_mutex_unlock(&zygote->lock);
    return restarts;
}

pid_t sn_zygote_pid(sn_zygote *zygote) {
    pthread_mutex_lock(&zygote->lock);
    pid_t pid = zygote->control < 0 ? -1 : zygote->pid;
    pthread_mutex_unlock(&zygote->lock);
    return pid;
}

uint32_t sn_zygote_cpu_seconds(const sn_zygote *zygote) {
    return zygote->options.cpu_seconds;
}

const sn_interpreter *sn_zygote_interpreter(const sn_zygote *zygote) {
    return zygote->interpreter;
}
