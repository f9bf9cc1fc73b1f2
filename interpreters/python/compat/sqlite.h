/*
 * sqlite.h - forced into SQLite: what its Unix layer needs and WASI does not have. File locks
 * always succeed: one interpreter is the only process that can see its files. Owners and modes do
 * not exist.
 */
#ifndef SHANNON_COMPAT_SQLITE_H
#define SHANNON_COMPAT_SQLITE_H

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 12
#define F_SETLK 13
#define F_SETLKW 14

static inline int sqlite_fcntl(int fd, int command, ...) {
    va_list ap;
    va_start(ap, command);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    if (command == F_GETLK)
        ((struct flock *)argument)->l_type = F_UNLCK;
    if (command == F_GETLK || command == F_SETLK || command == F_SETLKW)
        return 0;
    return fcntl(fd, command, argument);
}
#define fcntl sqlite_fcntl

static inline int fchmod(int fd, mode_t mode) {
    (void)fd, (void)mode;
    return 0;
}

static inline int fchown(int fd, uid_t user, gid_t group) {
    (void)fd, (void)user, (void)group;
    return 0;
}

static inline uid_t geteuid(void) {
    return 0;
}

#endif
