/*
 * pagemap.h - which pages of linear memory a worker has written to, without comparing them: the
 * kernel's own page table (proc(5), /proc/pid/pagemap).
 *
 * A worker has no files, so the zygote keeps the folder /proc open from before it has an empty
 * root, and each worker opens its own page table there before it closes its jail. Where that is not
 * to be had every page counts as written to: slower, no more.
 */
#ifndef SN_SANDBOX_PAGEMAP_H
#define SN_SANDBOX_PAGEMAP_H

#include "shannon.h"

/* The number that the folder /proc has in a zygote; its filter knows it. */
enum { SN_PAGEMAP_ROOT_FD = 200 };

/* In the zygote, before its walls: opens the folder under that number. False: not to be had. */
bool sn_pagemap_open_root(void);

/* In a worker, before its jail: its own page table, or -1. */
int sn_pagemap_open(void);

/*
 * Finds the next page that may differ from what its mapping had, at or after page `*page` and
 * before page `end` of the memory at `base`; false if there is none. `pagemap` may be -1. One
 * caller at a time: what was read ahead is kept for the next call.
 */
bool sn_pagemap_next(uint64_t *page, uint64_t end, int pagemap, const void *base);

#endif
