/* tools.c - see tools.h. */
#include "wasm/tools.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

/*
 * A process group of its own, so that a tool and what it starts in turn (the compiler its linker)
 * can be ended together, and so that Ctrl-C reaches them through us only. Signals are as if a shell
 * had started it.
 */
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawnattr_setpgroup(attributes, 0);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    return rc;
}

static int spawn(pid_t *pid, const sn_tool *tool, const char *folder,
                 posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes) {
    /* Nothing else of the environment: CPATH, for one, would change what is compiled. */
    const char *search = getenv("PATH");
    sn_auto_free char *path =
        sn_format("PATH=%s", search ? search : "/usr/local/bin:/usr/bin:/bin");
    sn_auto_free char *temporary = sn_format("TMPDIR=%s", folder);
    char *const environment[] = {path, temporary, "LC_ALL=C", NULL};
    return posix_spawnp(pid, tool->argv[0], actions, attributes, (char *const *)tool->argv,
                        environment);
}

static int start(pid_t *pid, const sn_tool *tool, const char *folder, sn_error *err) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory to start %s", tool->argv[0]);
    int rc = set_attributes(&attributes);
    if (rc == 0)
        rc = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&actions, 1, tool->log, O_WRONLY | O_CREAT | O_TRUNC,
                                              0600);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (rc == 0)
        rc = spawn(pid, tool, folder, &actions, &attributes);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (rc == 0)
        return 0;
    sn_fail_errno(err, SN_EUNAVAILABLE, rc, "cannot run %s", tool->argv[0]);
    return sn_hint(
        err,
        "compiling a module needs wasm2c, clang and lld: apt-get install wabt clang-19 lld-19");
}

/* The end of a failed program's log, on one line. */
static int explain(const sn_tool *tool, const char *folder, int status, sn_error *err) {
    enum { SHOWN = 600 };
    sn_auto_free char *path = sn_format("%s/%s", folder, tool->log);
    sn_auto_free char *text = NULL;
    size_t bytes = 0;
    sn_error ignored;
    if (sn_read_file(&text, &bytes, path, 64 << 20, &ignored) < 0)
        text = NULL;
    const char *shown = text ? text + (bytes > SHOWN ? bytes - SHOWN : 0) : "";
    for (char *at = (char *)shown; *at; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    if (text && (strstr(text, "No space left") || strstr(text, "Disk quota exceeded")))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "%s could not write to %s: the disk is full",
                       tool->argv[0], folder);
    if (WIFSIGNALED(status))
        return sn_fail(err, SN_EUNAVAILABLE, "%s was ended by signal %d (%s): %s", tool->argv[0],
                       WTERMSIG(status), strsignal(WTERMSIG(status)), shown);
    return sn_fail(err, SN_EUNAVAILABLE, "%s failed: %s", tool->argv[0], shown);
}

static void kill_all(const pid_t *pids, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (pids[i] > 0)
            kill(-pids[i], SIGKILL);
    for (size_t i = 0; i < count; i++)
        while (pids[i] > 0 && waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
}

/* Waits for one of them; its index, or -1 when cancelled. Others' children are left alone. */
static ssize_t wait_one(int *status, const pid_t *pids, size_t count,
                        const volatile sig_atomic_t *cancel) {
    for (;;) {
        if (cancel && *cancel)
            return -1;
        for (size_t i = 0; i < count; i++)
            if (pids[i] > 0 && waitpid(pids[i], status, WNOHANG) == pids[i])
                return (ssize_t)i;
        /* compilers take seconds: looking a hundred times a second costs nothing and needs no
         * SIGCHLD */
        usleep(10000);
    }
}

int sn_tools_run(const sn_tool *tools, size_t count, const sn_tools_options *options,
                 sn_error *err) {
    sn_auto_free pid_t *pids = calloc(count + 1, sizeof *pids);
    if (!pids)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory");
    size_t started = 0, done = 0;
    int rc = 0;
    while (rc == 0 && done < count) {
        while (rc == 0 && started < count && started - done < options->jobs) {
            rc = start(&pids[started], &tools[started], options->folder, err);
            started += rc == 0;
        }
        if (rc < 0)
            break;
        int status;
        ssize_t i = wait_one(&status, pids, started, options->cancel);
        if (i < 0) {
            rc = sn_fail(err, SN_EINTERNAL, "interrupted");
            break;
        }
        pids[i] = 0;
        done++;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            rc = explain(&tools[i], options->folder, status, err);
        else if (options->finished)
            options->finished(options->user, (unsigned)done, (unsigned)count);
    }
    kill_all(pids, started);
    return rc;
}

int sn_tool_first_line(char **out, const char *const *argv, sn_error *err) {
    char folder[] = "/tmp/shannon-tool-XXXXXX";
    if (!mkdtemp(folder))
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot make a folder in /tmp");
    sn_tool tool = {argv, "log"};
    sn_tools_options options = {.folder = folder, .jobs = 1};
    sn_auto_free char *path = sn_format("%s/log", folder);
    size_t bytes;
    int rc = sn_tools_run(&tool, 1, &options, err);
    if (rc == 0)
        rc = sn_read_file(out, &bytes, path, 1 << 20, err);
    if (rc == 0)
        (*out)[strcspn(*out, "\n")] = '\0';
    sn_remove_tree(folder);
    return rc;
}
