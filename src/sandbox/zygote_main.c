/*
 * zygote_main.c - inside the zygote: forks a worker for each byte on the control socket, reaps
 * them, and kills those whose taker says so or is gone. One thread, one loop.
 */
#include "sandbox/zygote_main.h"

#include "sandbox/image.h"
#include "sandbox/job.h"
#include "sandbox/pagemap.h"
#include "sandbox/request.h"
#include "sandbox/shed.h"
#include "sandbox/worker.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONTROL, CHILDREN, FIXED };
enum {
    DEMOTED_NICE = 19 /* a weight of 15, where others have 1024 */,
    DEMOTED_SLICE_NS = 20000000
};

typedef struct child {
    pid_t pid;
    int life;
} child;

typedef struct zygote {
    const sn_zygote_options *options;
    sn_worker *worker; /* the world, as yet without a request */
    sn_jail jail;
    struct pollfd *polled; /* CONTROL, CHILDREN, then one for each child's life */
    child *children;       /* children[i] goes with polled[FIXED + i] */
    size_t count;
    size_t capacity;
} zygote;

/* ---- forking ---- */

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

static _Noreturn void become_worker(const zygote *z, int fd) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const char *profile = z->options->profile_path;
    sn_worker_main(z->worker, fd, profile ? NULL : &z->jail, profile);
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
    pid_t pid = _Fork(); /* what libraries want done at a fork is for processes that use them */
    if (pid < 0)
        return false;
    if (pid == 0)
        become_worker(z, job_worker);
    z->polled[FIXED + z->count] = (struct pollfd){life_mine, POLLIN, 0};
    z->children[z->count++] = (child){pid, SN_STEAL_FD(life_mine)};
    answer(z->polled[CONTROL].fd, 0, (int[2]){job_theirs, life_theirs});
    return true;
}

/* ---- what becomes of them ---- */

static void forget(zygote *z, size_t i) {
    close(z->children[i].life);
    z->count--;
    z->children[i] = z->children[z->count];
    z->polled[FIXED + i] = z->polled[FIXED + z->count];
}

static uint64_t time_ns(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

static void report_end(zygote *z, pid_t pid, int wait_status, const struct rusage *usage) {
    for (size_t i = 0; i < z->count; i++) {
        if (z->children[i].pid != pid)
            continue;
        sn_exit_report report = {wait_status, 0,
                                 time_ns(usage->ru_utime) + time_ns(usage->ru_stime)};
        (void)!send(z->children[i].life, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
        return forget(z, i);
    }
}

static void reap(zygote *z) {
    struct signalfd_siginfo ignored;
    (void)!read(z->polled[CHILDREN].fd, &ignored, sizeof ignored);
    int wait_status;
    struct rusage usage;
    pid_t pid;
    while ((pid = wait4(-1, &wait_status, WNOHANG, &usage)) > 0)
        report_end(z, pid, wait_status, &usage);
}

/* The kernel's struct sched_attr, version 0 (sched_setattr(2)). */
typedef struct sched_attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
} sched_attributes;

/* A small weight, and, from Linux 6.12 on, long slices: whoever wakes up and has shorter ones, as
 * all others have, need not wait for the end of this one. */
static void demote(pid_t pid) {
    const sched_attributes attributes = {
        .size = sizeof attributes, .nice = DEMOTED_NICE, .runtime = DEMOTED_SLICE_NS};
    syscall(SYS_sched_setattr, pid, &attributes, 0);
}

/* Whatever comes from the taker, a byte or the end, it means that the worker is to go; only
 * SN_LIFE_STOP means that it is to be asked first, and SN_LIFE_DEMOTE that it may stay. */
static void stop_unwanted(zygote *z) {
    for (size_t i = 0; i < z->count; i++) {
        char wish = 0;
        if (!z->polled[FIXED + i].revents)
            continue;
        (void)!read(z->children[i].life, &wish, 1);
        if (wish == SN_LIFE_STOP) {
            kill(z->children[i].pid, SIGUSR1);
            continue;
        }
        if (wish == SN_LIFE_DEMOTE) {
            demote(z->children[i].pid);
            continue;
        }
        kill(z->children[i].pid, SIGKILL);
        z->polled[FIXED + i].fd = -1; /* nothing more to hear; `life` is closed with its end */
    }
}

/* ---- the scout (warmup.h) ---- */

/* What most programs do: print, a function, an import, a value. */
static const char scouted[] = "import json, re, datetime, statistics\n"
                              "def f(x):\n"
                              "    return [x, str(x)]\n"
                              "print(f(1))\n"
                              "f(2)\n";

static void run_scout(zygote *z, uint8_t *touched) {
    int pair[2];
    sn_job job = {
        .code = scouted,
        .code_bytes = sizeof scouted - 1,
        .timeout_ns = 10ull * 1000000000u,
        .memory_limit_bytes = UINT64_MAX,
        .deterministic = true, /* real randomness would be written to the guest by the kernel */
    };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    sn_auto_fd int mine = pair[0]; /* what comes is not read: it fits */
    sn_auto_fd int theirs = pair[1];
    if (sn_request_send(mine, &job, true, NULL) < 0)
        return;
    sn_worker_watch(z->worker, touched);
    pid_t pid = fork();
    if (pid == 0)
        become_worker(z, theirs);
    sn_worker_watch(z->worker, NULL);
    close(SN_STEAL_FD(theirs));
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void warm_up(zygote *z, const sn_interpreter *interpreter) {
    size_t count = sn_worker_pages(z->worker);
    uint8_t *touched = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (touched == MAP_FAILED)
        return; /* slower, no more */
    sn_warmup warmup;
    sn_warmup_own_code(interpreter->native);
    run_scout(z, touched);
    sn_warmup_from(&warmup, touched, count);
    sn_worker_set_warmup(z->worker, &warmup);
    munmap(touched, count);
}

/* ---- starting ---- */

static int watch_children(sn_error *err) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    int fd = -1;
    if (sigprocmask(SIG_SETMASK, &children, NULL) == 0)
        fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot watch workers");
    return fd;
}

/* The filter itself is installed by each worker; here it is decided whether that is asked for. */
static int choose_filter(zygote *z, const sn_interpreter *interpreter, sn_walls *walls,
                         sn_error *err) {
    if (interpreter->worker_filter) {
        z->jail.filter = interpreter->worker_filter;
        return 0;
    }
    walls->errors[SN_WALL_FILTER] = ENOSYS;
    if (z->options->allow_weak)
        return 0;
    sn_fail(err, SN_EUNAVAILABLE, "this system has no system call filters (seccomp)");
    return sn_hint(err, "without them a flaw in the WebAssembly sandbox gives code the kernel to "
                        "attack; if you accept that, say --allow-weak-sandbox");
}

static int build(zygote *z, int control, const sn_interpreter *interpreter, sn_walls *walls,
                 sn_error *err) {
    const sn_image *image = interpreter->image;
    bool jailed = !z->options->profile_path;
    const int keep[] = {control, image ? image->saved.fd : -1,
                        sn_pagemap_open_root() ? SN_PAGEMAP_ROOT_FD : -1};
    if (jailed)
        sn_walls_raise(walls, control, keep, SN_COUNT(keep));
    else
        (void)!send(control, &(pid_t){getpid()}, sizeof(pid_t), MSG_NOSIGNAL);
    prctl(PR_SET_NAME, "shannon-zygote");
    int rc = jailed ? choose_filter(z, interpreter, walls, err) : 0;
    if (rc == 0)
        rc = sn_worker_new(&z->worker, interpreter, err);
    if (rc == 0 && jailed)
        rc = sn_jail_prepare(err);
    if (rc < 0)
        return rc;
    if (image)
        close(image->saved.fd); /* mapped by now */
    int children = watch_children(err);
    if (children < 0)
        return SN_ERESOURCE_EXHAUSTED;
    if (!reserve(z))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a zygote");
    z->jail.zygote = getpid();
    z->jail.cpu_seconds = z->options->cpu_seconds;
    if (image && z->options->ready > 0)
        warm_up(z, interpreter);
    sn_shed_libraries();
    if (z->jail.filter && (rc = sn_filter_install(interpreter->zygote_filter, err)) < 0)
        return rc;
    z->polled[CONTROL] = (struct pollfd){control, POLLIN, 0};
    z->polled[CHILDREN] = (struct pollfd){children, POLLIN, 0};
    return 0;
}

static _Noreturn void serve(zygote *z) {
    for (;;) {
        if (poll(z->polled, FIXED + z->count, -1) < 0)
            continue;
        stop_unwanted(z);
        if (z->polled[CHILDREN].revents)
            reap(z);
        if (!z->polled[CONTROL].revents)
            continue;
        char wish;
        ssize_t n = read(z->polled[CONTROL].fd, &wish, 1);
        if (n == 0 || (n < 0 && errno != EINTR))
            _exit(0); /* the supervisor is gone, and with this process its workers */
        /* one that is not to be had now: said so, and the taker decides */
        if (n == 1 && !fork_worker(z))
            answer(z->polled[CONTROL].fd, 1, NULL);
    }
}

_Noreturn void sn_zygote_main(int control, const sn_interpreter *interpreter,
                              const sn_zygote_options *options) {
    zygote z = {.options = options};
    sn_zygote_hello hello = {.err = SN_ERROR_INIT};
    hello.rc = build(&z, control, interpreter, &hello.walls, &hello.err);
    if (send(control, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello || hello.rc < 0)
        _exit(1);
    serve(&z);
}
