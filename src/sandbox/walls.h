/*
 * walls.h - what a zygote gives up before it forks the first worker: the part of the second wall
 * that all its workers inherit. What a worker gives up itself is in jail.h.
 *
 * Namespaces and an empty root need a kernel that grants them: as root by right, as an ordinary
 * user through a user namespace. A wall that cannot be raised is left out and told of; the system
 * call filter is the only one that running depends on.
 */
#ifndef SN_SANDBOX_WALLS_H
#define SN_SANDBOX_WALLS_H

#include "shannon.h"

#include <sys/types.h>

enum sn_wall {
    SN_WALL_FILTER,     /* seccomp: the allow-list of syscalls.c */
    SN_WALL_PRIVILEGES, /* no capabilities, no_new_privs, not dumpable */
    SN_WALL_USER,       /* a user of its own: nobody's, or a user namespace */
    SN_WALL_NETWORK,    /* a network namespace without an interface */
    SN_WALL_FILES,      /* a mount namespace with an empty, read-only root */
    SN_WALL_PROCESSES,  /* a pid namespace: other processes have no number here */
    SN_WALL_IPC,        /* System V IPC and message queues, host name, cgroup tree */
    SN_WALLS,
};

typedef struct sn_walls {
    int errors[SN_WALLS]; /* 0: it stands; else the errno that it failed with */
} sn_walls;

/* "system call filter" and so on. */
const char *sn_wall_name(enum sn_wall wall);

/* What the wall is made of, in a few words. */
const char *sn_wall_text(enum sn_wall wall);

/*
 * Raises all walls but the filter around this process, which has one thread, and forks it into its
 * new pid namespace: returns in the child, which is a child of this process's parent, and exits
 * here after it has sent the child's pid (a pid_t) to `control`. Where that is not possible this
 * process sends its own pid and goes on. Wipes the environment; closes all descriptors but
 * those in `keep`, of which `control` is one.
 */
void sn_walls_raise(sn_walls *out, int control, const int *keep, size_t keep_count);

#endif
