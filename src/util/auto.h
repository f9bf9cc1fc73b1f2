/*
 * auto.h - resources that release themselves at the end of a scope, and the macro that passes one
 * on.
 *
 *     sn_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
 *     ...
 *     *out = SN_STEAL_FD(fd);
 */
#ifndef SN_UTIL_AUTO_H
#define SN_UTIL_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void sn_auto_free_(void *slot) {
    free(*(void **)slot);
}

static inline void sn_auto_fd_(int *slot) {
    if (*slot >= 0)
        close(*slot);
}

static inline void sn_auto_file_(FILE **slot) {
    if (*slot)
        fclose(*slot);
}

#define sn_auto_free __attribute__((cleanup(sn_auto_free_)))
#define sn_auto_fd __attribute__((cleanup(sn_auto_fd_)))
#define sn_auto_file __attribute__((cleanup(sn_auto_file_)))

#define SN_STEAL_FD(fd)                                                                            \
    ({                                                                                             \
        int stolen_ = (fd);                                                                        \
        (fd) = -1;                                                                                 \
        stolen_;                                                                                   \
    })
#define SN_STEAL(pointer)                                                                          \
    ({                                                                                             \
        __typeof__(pointer) stolen_ = (pointer);                                                   \
        (pointer) = NULL;                                                                          \
        stolen_;                                                                                   \
    })

#define SN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
