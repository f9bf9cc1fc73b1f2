/*
 * xz.h - forced into liblzma's files: its thread header asks for signal masks even without threads,
 * and WASI has no signals.
 */
#ifndef SHANNON_COMPAT_XZ_H
#define SHANNON_COMPAT_XZ_H

typedef unsigned char sigset_t;

static inline int sigprocmask(int how, const sigset_t *set, sigset_t *old) {
    (void)how, (void)set, (void)old;
    return 0;
}

#endif
