/* warmup.c - see warmup.h. */
#include "sandbox/warmup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };
enum { READ_GAP_PAGES = 8 }; /* that much more is mapped for one call less */

/* The end of the range of pages that begins with page `first`. */
static size_t end_of(const uint8_t *pages, size_t count, size_t first) {
    size_t end = first + 1;
    if (pages[first] == SN_PAGE_WRITTEN) {
        while (end < count && pages[end] == SN_PAGE_WRITTEN)
            end++;
        return end;
    }
    for (size_t at = end; at < count && at - end < READ_GAP_PAGES && pages[at] != SN_PAGE_WRITTEN;
         at++)
        if (pages[at] == SN_PAGE_READ)
            end = at + 1;
    return end;
}

void sn_warmup_from(sn_warmup *out, const uint8_t *pages, size_t pages_count) {
    *out = (sn_warmup){0};
    for (size_t at = 0; at < pages_count;) {
        if (pages[at] == SN_PAGE_UNTOUCHED) {
            at++;
            continue;
        }
        size_t end = end_of(pages, pages_count, at);
        sn_warm_range *grown = realloc(out->ranges, (out->count + 1) * sizeof *grown);
        if (!grown)
            return;
        grown[out->count++] = (sn_warm_range){(uint64_t)at * PAGE, (uint64_t)(end - at) * PAGE,
                                              pages[at] == SN_PAGE_WRITTEN};
        out->ranges = grown;
        at = end;
    }
}

void sn_warmup_own_code(const sn_native *native) {
    size_t bytes;
    void *code = (void *)sn_native_code(native, &bytes);
    /* laid out as the code is in terms of huge pages, which fork and exit handle at once */
    size_t shift = (uintptr_t)code % HUGE_PAGE;
    size_t all = bytes + 2 * HUGE_PAGE;
    uint8_t *room = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return;
    uint8_t *copy = room + (HUGE_PAGE - (uintptr_t)room % HUGE_PAGE) + shift;
    if (mprotect(copy, bytes, PROT_READ | PROT_WRITE) == 0) {
        (void)!madvise(copy, bytes, MADV_HUGEPAGE);
        memcpy(copy, code, bytes);
        if (mprotect(copy, bytes, PROT_READ | PROT_EXEC) == 0)
            (void)!mremap(copy, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, code);
    }
    munmap(room, all); /* what is left of it */
}

/* A mapping's page table is copied by fork() once the mapping has a page of its own. */
static void own_a_page(const sn_warmup *warmup, const sn_memory *memory, const sn_saved_run *run) {
    for (size_t i = 0; i < warmup->count; i++) {
        const sn_warm_range *range = &warmup->ranges[i];
        if (!range->write || range->at < run->at || range->at >= run->at + run->bytes)
            continue;
        volatile uint8_t *byte = memory->base + range->at;
        *byte = *byte;
        return;
    }
}

void sn_warmup_inherit(const sn_warmup *warmup, const sn_memory *memory, const sn_saved *saved) {
    for (size_t i = 0; i < warmup->count; i++)
        if (!warmup->ranges[i].write)
            (void)!madvise(memory->base + warmup->ranges[i].at, warmup->ranges[i].bytes,
                           MADV_POPULATE_READ);
    for (size_t i = 0; i < saved->runs_count; i++)
        own_a_page(warmup, memory, &saved->runs[i]);
}

void sn_warmup_apply(const sn_warmup *warmup, const sn_memory *memory) {
    for (size_t i = 0; i < warmup->count; i++) {
        const sn_warm_range *range = &warmup->ranges[i];
        if (range->write)
            (void)!madvise(memory->base + range->at, range->bytes, MADV_POPULATE_WRITE);
    }
}
