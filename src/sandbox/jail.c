/* jail.c - see jail.h. */
#include "sandbox/jail.h"

#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Each line: what a worker may use at most, and why. RLIMIT_AS is not among them: the reservation
 * of linear memory alone is 8 GiB of address space, and memory.grow has its own limit. */
static const struct {
    int resource;
    rlim_t most;
} resource_limits[] = {
    {RLIMIT_CORE, 0},  /* a dump would hold the caller's data */
    {RLIMIT_FSIZE, 0}, /* it writes to no file */
    {RLIMIT_NPROC, 0}, /* it starts nothing; not enforced for root */
    {RLIMIT_MEMLOCK, 0}, {RLIMIT_MSGQUEUE, 0},
};

static int close_all_but(int keep_fd) {
    if (keep_fd > 0 && close_range(0, (unsigned)keep_fd - 1, 0) < 0)
        return -1;
    return close_range((unsigned)keep_fd + 1, UINT_MAX, 0);
}

int sn_jail_enter(const sn_jail *jail, sn_error *err) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return sn_fail_errno(err, SN_EINTERNAL, errno, "cannot restrict the worker");
    if (getppid() != jail->supervisor)
        _exit(0); /* it died before PR_SET_PDEATHSIG took effect */
    if (close_all_but(jail->keep_fd) < 0)
        return sn_fail_errno(err, SN_EINTERNAL, errno, "cannot close the worker's descriptors");
    for (size_t i = 0; i < SN_COUNT(resource_limits); i++) {
        struct rlimit limit = {resource_limits[i].most, resource_limits[i].most};
        if (setrlimit((__rlimit_resource_t)resource_limits[i].resource, &limit) < 0)
            return sn_fail_errno(err, SN_EINTERNAL, errno, "cannot set resource limit %d",
                                 resource_limits[i].resource);
    }
    /* A terminal's Ctrl-C reaches the whole process group; what it means is for the supervisor to
     * say. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    return sn_filter_install(jail->filter, err); /* last: it forbids all of the above */
}
