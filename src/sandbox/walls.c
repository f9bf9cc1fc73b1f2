/* walls.c - see walls.h. Linux: namespaces(7), user_namespaces(7), pivot_root(2), capabilities(7).
 */
#include "sandbox/walls.h"

#include "util/auto.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static const struct {
    const char *name;
    const char *text;
} descriptions[SN_WALLS] = {
    [SN_WALL_FILTER] = {"system call filter", "seccomp: an allow-list, anything else kills"},
    [SN_WALL_PRIVILEGES] = {"no privileges", "no capabilities, no_new_privs, not dumpable"},
    [SN_WALL_USER] = {"own user", "nobody's, or a user namespace"},
    [SN_WALL_NETWORK] = {"no network", "a network namespace without an interface"},
    [SN_WALL_FILES] = {"no files", "a mount namespace with an empty, read-only root"},
    [SN_WALL_PROCESSES] = {"no other processes", "a pid namespace"},
    [SN_WALL_IPC] = {"no shared names", "namespaces for IPC, host name and cgroups"},
};

const char *sn_wall_name(enum sn_wall wall) {
    return descriptions[wall].name;
}

const char *sn_wall_text(enum sn_wall wall) {
    return descriptions[wall].text;
}

/* ---- environment ---- */

/* Not only forgotten: overwritten, for a worker has this memory. Not by clearenv(), whose lock
 * another thread may have held at the fork. */
static void wipe_environment(void) {
    static char *none[] = {NULL};
    for (char **entry = environ; entry && *entry; entry++)
        explicit_bzero(*entry, strlen(*entry));
    environ = none;
}

/* ---- user ---- */

static int write_text(const char *path, const char *text) {
    sn_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t bytes = strlen(text);
    return fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes ? 0 : -1;
}

static int become_nobody(void) {
    if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return errno;
    return 0;
}

/* Full capabilities, but over the new namespaces only. */
static int enter_user_namespace(void) {
    char uid_map[64], gid_map[64];
    snprintf(uid_map, sizeof uid_map, "%d %u 1", NOBODY, (unsigned)geteuid());
    snprintf(gid_map, sizeof gid_map, "%d %u 1", NOBODY, (unsigned)getegid());
    prctl(PR_SET_DUMPABLE, 1); /* else its files in /proc belong to root */
    if (unshare(CLONE_NEWUSER) < 0)
        return errno;
    /* Without a mapping it has the capabilities all the same. */
    (void)(write_text("/proc/self/setgroups", "deny") ||
           write_text("/proc/self/uid_map", uid_map) || write_text("/proc/self/gid_map", gid_map));
    return 0;
}

/* ---- files ---- */

static int empty_root(void) {
    static const char *const places[] = {"/tmp", "/proc", "/dev", "/"};
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return errno;
    size_t i = 0;
    while (i < SN_COUNT(places) &&
           mount("shannon", places[i], "tmpfs", flags, "size=4k,nr_inodes=1,mode=555") < 0)
        i++;
    if (i == SN_COUNT(places) || chdir(places[i]) < 0)
        return errno;
    /* pivot_root(2), "pivot_root(".", ".")"; it does not work where / is the initial ramfs */
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        (void)!umount2(".", MNT_DETACH);
    else if (chroot(".") < 0)
        return errno;
    if (chdir("/") < 0 || mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | flags, NULL) < 0)
        return errno;
    return 0;
}

/* ---- privileges ---- */

static int drop_privileges(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    int failed = 0;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0)
        failed = errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
        failed = errno;
    return failed;
}

/* ---- the whole ---- */

static int try_unshare(int flags) {
    return unshare(flags) < 0 ? errno : 0;
}

static void tell_pid(int control, pid_t pid) {
    (void)!send(control, &pid, sizeof pid, MSG_NOSIGNAL);
}

/* A child of our parent's, the first process of the pid namespace. fork() cannot do that; there is
 * one thread, so nothing that it takes care of is missing. */
static void enter_pid_namespace(int control) {
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0)
        return;
    tell_pid(control, pid);
    _exit(pid < 0);
}

void sn_walls_raise(sn_walls *out, int control, const int *keep, size_t keep_count) {
    sn_walls walls = {0};
    sn_close_all_but(keep, keep_count);
    wipe_environment();
    bool by_right = unshare(CLONE_NEWNS) == 0;
    if (!by_right) {
        bool is_nobody = geteuid() == 0 && become_nobody() == 0;
        int failed = enter_user_namespace();
        walls.errors[SN_WALL_USER] = is_nobody ? 0 : failed;
        walls.errors[SN_WALL_FILES] = try_unshare(CLONE_NEWNS);
    }
    walls.errors[SN_WALL_NETWORK] = try_unshare(CLONE_NEWNET);
    walls.errors[SN_WALL_IPC] = try_unshare(CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP);
    walls.errors[SN_WALL_PROCESSES] = try_unshare(CLONE_NEWPID);
    if (!walls.errors[SN_WALL_FILES])
        walls.errors[SN_WALL_FILES] = empty_root();
    if (by_right)
        walls.errors[SN_WALL_USER] = become_nobody();
    if (walls.errors[SN_WALL_PROCESSES])
        tell_pid(control, getpid());
    else
        enter_pid_namespace(control);
    walls.errors[SN_WALL_PRIVILEGES] = drop_privileges();
    *out = walls;
}
