/* jail.c - see jail.h. */
#include "sandbox/jail.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const rlim_t FILE_MOST_BYTES = 8ull << 30;

static int limit(int resource, rlim_t soft, rlim_t hard, sn_error *err) {
    struct rlimit limits = {soft, hard};
    if (setrlimit((__rlimit_resource_t)resource, &limits) == 0)
        return 0;
    return sn_fail_errno(err, SN_EINTERNAL, errno, "cannot set resource limit %d", resource);
}

int sn_jail_prepare(sn_error *err) {
    /* Each line: what a worker may use at most, and why. RLIMIT_AS is not among them: the
     * reservation of linear memory alone is 8 GiB of address space, and memory.grow has its own
     * limit. */
    static const int zero[] = {
        RLIMIT_CORE, /* a dump would hold the caller's data */
        RLIMIT_MEMLOCK,
        RLIMIT_MSGQUEUE,
    };
    for (size_t i = 0; i < SN_COUNT(zero); i++) {
        int failed = limit(zero[i], 0, 0, err);
        if (failed < 0)
            return failed;
    }
    /* a session's outbox is the one file that it may write to, and has a fixed size */
    int rc = limit(RLIMIT_FSIZE, FILE_MOST_BYTES, FILE_MOST_BYTES, err);
    if (rc < 0)
        return rc;
    /* A terminal's Ctrl-C reaches the whole process group; what it means is for the supervisor to
     * say. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    return 0;
}

int sn_jail_enter(const sn_jail *jail, const int *keep, size_t keep_count, sn_error *err) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return sn_fail_errno(err, SN_EINTERNAL, errno, "cannot restrict the worker");
    if (getppid() != jail->zygote)
        _exit(0); /* it died before PR_SET_PDEATHSIG took effect */
    sn_close_all_but(keep, keep_count);
    int rc = limit(RLIMIT_NPROC, 0, 0, err); /* it starts nothing; not enforced for root */
    if (rc == 0 && jail->cpu_seconds)
        rc = limit(RLIMIT_CPU, jail->cpu_seconds, (rlim_t)jail->cpu_seconds + 1, err);
    if (rc < 0)
        return rc;
    /* last: it forbids all of the above */
    return jail->filter ? sn_filter_install(jail->filter, err) : 0;
}
