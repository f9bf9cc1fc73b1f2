/*
 * jail_test.c - the jail from inside: every number a system call may have is tried, in a process
 * that has closed the jail as a worker does. Run as root and as an ordinary user.
 */
#include "test.h"

#include "sandbox/jail.h"
#include "sandbox/walls.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

static sn_filter *worker_filter, *zygote_filter;

/* A worker's calls, once more: who changes the table in syscalls.c has to say it here, too. */
static const long allowed[] = {
    SYS_read,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_pread64,
    SYS_pwritev,
    SYS_close,
    SYS_munmap,
    SYS_mremap,
    SYS_brk,
    SYS_madvise,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_arch_prctl,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_sched_yield,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_futex,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
    /* with some arguments only: these have none that is refused when all are zero */
    SYS_mmap,
    SYS_mprotect,
    SYS_setitimer,
};

/* uretprobe and uprobe: from 6.13 and 6.18 on, Linux lets these past every filter; whoever is not
 * in a probe of the kernel's own making gets an error or a signal from them. */
static bool is_exempt(long number) {
    return number == 335 || number == 336;
}

static bool is_allowed(long number) {
    for (size_t i = 0; i < SN_COUNT(allowed); i++)
        if (allowed[i] == number)
            return true;
    return false;
}

/* Runs `act` in a jailed process; its wait status. */
static int in_jail(void (*act)(const long *), const long *argument) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sn_jail jail = {getppid(), 5, worker_filter};
        if (sn_jail_enter(&jail, (int[]){0}, 1, NULL) < 0)
            _exit(101);
        act(argument);
        syscall(SYS_exit_group, 7);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool killed_by_filter(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void call_with_zeros(const long *number) {
    syscall(*number, 0, 0, 0, 0, 0, 0);
}

static void call_as_i386(const long *number) {
    long result = *number;
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"(0), "c"(0), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
}

/* What a whole run of tests found, in a child that may have become another user: 0, or a message.
 */
static char *found; /* shared */
enum { FOUND_BYTES = 512 };

static bool complain(const char *what, long number, int status) {
    snprintf(found, FOUND_BYTES, "%s %ld: wait status 0x%x", what, number, (unsigned)status);
    return false;
}

static bool every_number(void) {
    enum { NUMBERS = 600, X32 = 0x40000000 };
    static const long odd[] = {-1, INT32_MAX, INT32_MIN, 1000, 4095, 0xffffffffl};
    for (long number = 0; number < NUMBERS; number++) {
        int status = in_jail(call_with_zeros, &number);
        if (!is_allowed(number) && !is_exempt(number) && !killed_by_filter(status))
            return complain("system call", number, status);
        if (is_allowed(number) && killed_by_filter(status))
            return complain("allowed system call", number, status);
        long x32 = number + X32;
        status = in_jail(call_with_zeros, &x32);
        if (!killed_by_filter(status))
            return complain("x32 system call", number, status);
    }
    for (size_t i = 0; i < SN_COUNT(odd); i++) {
        int status = in_jail(call_with_zeros, &odd[i]);
        if (!killed_by_filter(status) && odd[i] != -1) /* -1 is "no call" and answers ENOSYS */
            return complain("odd system call", odd[i], status);
    }
    return true;
}

static bool every_i386_number(void) {
    for (long number = 0; number < 450; number += 1) {
        int status = in_jail(call_as_i386, &number);
        /* a kernel without 32-bit calls faults instead */
        if (!killed_by_filter(status) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV))
            return complain("i386 system call", number, status);
    }
    return true;
}

static void map_executable(const long *unused) {
    (void)unused;
    (void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_executable(const long *unused) {
    (void)unused;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void set_profiling_timer(const long *unused) {
    (void)unused;
    struct itimerval timer = {{0, 1}, {0, 1}};
    setitimer(ITIMER_PROF, &timer, NULL);
}

static void use_memory(const long *unused) {
    (void)unused;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        _exit(1);
    page[0] = 1;
}

static void spin(const long *unused) {
    (void)unused;
    for (;;)
        ;
}

static bool arguments_count(void) {
    int status;
    if (!killed_by_filter(status = in_jail(map_executable, NULL)))
        return complain("executable mmap", 0, status);
    if (!killed_by_filter(status = in_jail(make_executable, NULL)))
        return complain("executable mprotect", 0, status);
    if (!killed_by_filter(status = in_jail(set_profiling_timer, NULL)))
        return complain("profiling timer", 0, status);
    status = in_jail(use_memory, NULL);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
        return complain("ordinary memory", 0, status);
    return true;
}

/* Under the zygote's walls and filter, as a worker is. */
static void inside(int control, bool (*tests)(void)) {
    sn_walls walls;
    sn_error err = SN_ERROR_INIT;
    sn_walls_raise(&walls, control, &control, 1);
    if (sn_jail_prepare(&err) < 0 || sn_filter_install(zygote_filter, &err) < 0) {
        snprintf(found, FOUND_BYTES, "%.400s", err.message);
        _exit(1);
    }
    _exit(tests() ? 0 : 1);
}

static void become_user(void) {
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(1234, 1234, 1234) < 0 ||
                           setresuid(1234, 1234, 1234) < 0))
        _exit(99);
}

static void run_inside(bool (*tests)(void), bool as_user) {
    int pair[2];
    found[0] = '\0';
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (as_user)
            become_user();
        inside(pair[1], tests);
    }
    close(pair[1]);
    pid_t zygote;
    assert_int_equal(recv(pair[0], &zygote, sizeof zygote, 0), sizeof zygote);
    int status;
    if (zygote != pid)
        assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(waitpid(zygote, &status, 0), zygote);
    close(pair[0]);
    if (status != 0)
        fail_msg("%s (wait status 0x%x)", found, (unsigned)status);
}

static void every_other_system_call_kills(void **state) {
    (void)state;
    run_inside(every_number, false);
    run_inside(every_number, true);
}

static void calls_of_the_old_kind_kill(void **state) {
    (void)state;
    run_inside(every_i386_number, false);
}

static void arguments_are_looked_at(void **state) {
    (void)state;
    run_inside(arguments_count, false);
    run_inside(arguments_count, true);
}

/* ---- what there is still to see ---- */

static bool nothing_to_see(void) {
    static const char *const paths[] = {"/etc/passwd", "/proc/self/status",     "/dev/null", "/tmp",
                                        "/bin/sh",     "../../../../etc/passwd"};
    for (size_t i = 0; i < SN_COUNT(paths); i++)
        if (syscall(SYS_openat, AT_FDCWD, paths[i], O_RDONLY) >= 0)
            return complain(paths[i], 0, 0);
    return true;
}

static bool alone(void) {
    if (getpid() != 1 || getppid() != 0)
        return complain("pid", getpid(), 0);
    if (geteuid() == 0 || getuid() == 0)
        return complain("uid", geteuid(), 0);
    for (pid_t pid = 2; pid < 3000; pid++)
        if (kill(pid, 0) == 0)
            return complain("process", pid, 0);
    for (char **entry = environ; entry && *entry; entry++)
        return complain(*entry, 0, 0);
    return true;
}

/* Without the filters: the namespaces alone. */
static void walls_only(int control, bool (*tests)(void)) {
    sn_walls walls;
    sn_walls_raise(&walls, control, &control, 1);
    for (int i = 0; i < SN_WALLS; i++)
        if (walls.errors[i] && i != SN_WALL_FILTER) {
            snprintf(found, FOUND_BYTES, "skip: %s: %s", sn_wall_name((enum sn_wall)i),
                     strerror(walls.errors[i]));
            _exit(0);
        }
    _exit(tests() ? 0 : 1);
}

static void run_behind_walls(bool (*tests)(void), bool as_user) {
    int pair[2];
    found[0] = '\0';
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    pid_t pid = fork(), zygote;
    if (pid == 0) {
        if (as_user)
            become_user();
        walls_only(pair[1], tests);
    }
    close(pair[1]);
    assert_int_equal(recv(pair[0], &zygote, sizeof zygote, 0), sizeof zygote);
    int status;
    if (zygote != pid)
        assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(waitpid(zygote, &status, 0), zygote);
    close(pair[0]);
    if (strncmp(found, "skip: ", 6) == 0) {
        print_message("# not on this machine: %s\n", found + 6);
        skip();
    }
    if (status != 0)
        fail_msg("%s (wait status 0x%x)", found, (unsigned)status);
}

static void there_is_no_file(void **state) {
    (void)state;
    run_behind_walls(nothing_to_see, false);
    run_behind_walls(nothing_to_see, true);
}

static void there_is_nobody_else(void **state) {
    (void)state;
    setenv("SHANNON_TEST_SECRET", "abc", 1);
    run_behind_walls(alone, false);
    run_behind_walls(alone, true);
}

static void cpu_time_ends(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        sn_jail jail = {getppid(), 1, worker_filter};
        if (sn_jail_enter(&jail, (int[]){0}, 1, NULL) < 0)
            _exit(101);
        spin(NULL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

static int compile_filters(void **state) {
    (void)state;
    found = mmap(NULL, FOUND_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return sn_filter_new(&worker_filter, SN_FILTER_WORKER, NULL) < 0 ||
           sn_filter_new(&zygote_filter, SN_FILTER_ZYGOTE, NULL) < 0;
}

static int free_filters(void **state) {
    (void)state;
    sn_filter_free(worker_filter);
    sn_filter_free(zygote_filter);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_other_system_call_kills),
        cmocka_unit_test(calls_of_the_old_kind_kill),
        cmocka_unit_test(arguments_are_looked_at),
        cmocka_unit_test(there_is_no_file),
        cmocka_unit_test(there_is_nobody_else),
        cmocka_unit_test(cpu_time_ends),
    };
    return cmocka_run_group_tests(tests, compile_filters, free_filters);
}
