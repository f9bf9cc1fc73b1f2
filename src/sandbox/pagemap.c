/* pagemap.c - see pagemap.h. */
#include "sandbox/pagemap.h"

#include "util/auto.h"

#include <fcntl.h>
#include <sys/prctl.h>

enum { PAGE = 4096, AHEAD = 1024 };

/* proc(5): present, swapped out; and "file-mapped page or shared": not this process's own. */
static const uint64_t PRESENT = 1ull << 63, SWAPPED = 1ull << 62, NOT_OWN = 1ull << 61;

bool sn_pagemap_open_root(void) {
    sn_auto_fd int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && dup3(fd, SN_PAGEMAP_ROOT_FD, O_CLOEXEC) >= 0;
}

/* The file belongs to root while the process is not dumpable. Nobody is there to make use of that
 * moment: other workers can neither see nor trace this one. */
int sn_pagemap_open(void) {
    prctl(PR_SET_DUMPABLE, 1);
    int fd = openat(SN_PAGEMAP_ROOT_FD, "self/pagemap", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_DUMPABLE, 0);
    return fd;
}

static bool is_own(uint64_t entry) {
    return (entry & (PRESENT | SWAPPED)) && !(entry & NOT_OWN);
}

bool sn_pagemap_next(uint64_t *page, uint64_t end, int pagemap, const void *base) {
    static uint64_t entries[AHEAD];
    static uint64_t first, count; /* of what is in `entries` */
    if (pagemap < 0)
        return *page < end;
    for (; *page < end; ++*page) {
        if (*page < first || *page - first >= count) {
            uint64_t want = end - *page < AHEAD ? end - *page : AHEAD;
            off_t at = (off_t)(((uintptr_t)base / PAGE + *page) * sizeof *entries);
            ssize_t n = pread(pagemap, entries, want * sizeof *entries, at);
            if (n < (ssize_t)sizeof *entries)
                return true; /* it may be one */
            first = *page;
            count = (uint64_t)n / sizeof *entries;
        }
        if (is_own(entries[*page - first]))
            return true;
    }
    return false;
}
