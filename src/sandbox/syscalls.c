/*
 * syscalls.c - see syscalls.h. The tables are the policy; read the first as the list of what an
 * attacker who has taken over a worker could still ask of the kernel.
 */
#include "sandbox/syscalls.h"

#include "sandbox/pagemap.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct sn_filter {
    unsigned short count;
    struct sock_filter program[];
};

/* One argument that is restricted: (argument & mask) must equal `value`. */
typedef struct rule {
    int call;
    bool restricted;
    unsigned argument;
    uint64_t mask;
    uint64_t value;
} rule;

#define ANY(name) {SCMP_SYS(name), false, 0, 0, 0}
#define ONLY(name, argument, mask, value) {SCMP_SYS(name), true, argument, mask, value}

static const rule worker_calls[] = {
    /* the socket to the supervisor */
    ANY(read),
    ANY(sendmsg),
    ANY(recvmsg),
    /* in a session: the outbox for its pages, and what its page table says of them */
    ANY(pwritev),
    ANY(pread64),
    ANY(close),
    /* memory.grow, and the allocator; never executable */
    ONLY(mmap, 2, PROT_EXEC, 0),
    ONLY(mprotect, 2, PROT_EXEC, 0),
    ANY(munmap),
    ANY(mremap),
    ANY(brk),
    ANY(madvise),
    /* a guest's fault: the handler returns or unwinds */
    ANY(rt_sigaction),
    ANY(rt_sigprocmask),
    ANY(rt_sigreturn),
    ANY(sigaltstack),
    /* the base of linear memory (ARCH_SET_GS and its reading); moving it gives nothing that a load
       would not */
    ANY(arch_prctl),
    /* clocks where the vDSO does not answer, sleeping, yielding */
    ANY(clock_gettime),
    ANY(clock_getres),
    ANY(clock_nanosleep),
    ANY(nanosleep),
    ANY(sched_yield),
    ANY(gettimeofday),
    /* the clock that asks the guest to stop */
    ONLY(setitimer, 0, ~0ull, ITIMER_REAL),
    /* WASI's random_get */
    ANY(getrandom),
    /* the allocator's and stdio's locks, within this process */
    ANY(futex),
    /* a fault of our own: the handler restores the default and lets it happen */
    ANY(restart_syscall),
    /* the end */
    ANY(exit),
    ANY(exit_group),
};

/* What a zygote does besides: it forks workers, hands out their sockets, reaps them, and each of
 * them closes its jail. */
static const rule zygote_calls[] = {
    /* forking, as glibc does it; no thread shares memory with another */
    ONLY(clone, 0, CLONE_VM, 0),
    ANY(set_robust_list),
    ANY(rseq),
    ANY(getpid),
    ANY(getppid),
    ANY(gettid),
    /* a worker's sockets, and the supervisor's */
    ONLY(socketpair, 0, ~0ull, AF_UNIX),
    ANY(poll),
    ANY(sendto),
    /* a worker's own page table (pagemap.h), from the one folder that is open */
    ONLY(openat, 0, ~0ull, SN_PAGEMAP_ROOT_FD),
    /* its end: told of by a signalfd, reaped, or asked for; and its demotion */
    ANY(wait4),
    ANY(kill),
    ANY(sched_setattr),
    /* the jail */
    ANY(prctl),
    ANY(prlimit64),
    ANY(setrlimit),
    ANY(close_range),
    ANY(seccomp),
};

static int add_rules(scmp_filter_ctx context, const rule *rules, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const rule *r = &rules[i];
        struct scmp_arg_cmp compare =
            SCMP_CMP64(r->argument, SCMP_CMP_MASKED_EQ, r->mask, r->value);
        int rc = seccomp_rule_add_array(context, SCMP_ACT_ALLOW, r->call, r->restricted ? 1 : 0,
                                        r->restricted ? &compare : NULL);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* libseccomp 2.5 can write its program only to a descriptor. */
static int export_program(sn_filter **out, scmp_filter_ctx context) {
    enum { MOST = BPF_MAXINSNS };
    sn_auto_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = seccomp_export_bpf(context, fd);
    if (rc < 0)
        return rc;
    off_t bytes = lseek(fd, 0, SEEK_END);
    size_t count = (size_t)bytes / sizeof(struct sock_filter);
    if (bytes <= 0 || count > MOST || lseek(fd, 0, SEEK_SET) < 0)
        return -EIO;
    sn_filter *filter = malloc(sizeof *filter + (size_t)bytes);
    if (!filter)
        return -ENOMEM;
    filter->count = (unsigned short)count;
    if (sn_read_full(fd, filter->program, (size_t)bytes) != bytes) {
        free(filter);
        return -EIO;
    }
    *out = filter;
    return 0;
}

int sn_filter_new(sn_filter **out, enum sn_filter_kind whose, sn_error *err) {
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!context)
        return sn_fail(err, SN_EUNAVAILABLE, "cannot make a system call filter");
    int rc = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a chain */
    if (rc == 0)
        rc = add_rules(context, worker_calls, SN_COUNT(worker_calls));
    if (rc == 0 && whose == SN_FILTER_ZYGOTE)
        rc = add_rules(context, zygote_calls, SN_COUNT(zygote_calls));
    if (rc == 0)
        rc = export_program(out, context);
    seccomp_release(context);
    if (rc < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, -rc, "cannot make a system call filter");
    return 0;
}

void sn_filter_free(sn_filter *filter) {
    free(filter);
}

bool sn_filter_available(void) {
    /* A kernel that knows filters looks for the program, and finds none at this address. */
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
}

int sn_filter_install(const sn_filter *filter, sn_error *err) {
    struct sock_fprog program = {filter->count, (struct sock_filter *)filter->program};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
        sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot install the system call filter");
        return sn_hint(err, "a kernel with CONFIG_SECCOMP_FILTER is needed");
    }
    return 0;
}
