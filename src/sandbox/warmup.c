/* warmup.c - see warmup.h. */
#include "sandbox/warmup.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096 };
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

void sn_warmup_apply(const sn_warmup *warmup, const sn_native *native, const sn_memory *memory) {
    size_t code_bytes;
    void *code = (void *)sn_native_code(native, &code_bytes);
    (void)!madvise(code, code_bytes, MADV_POPULATE_READ);
    for (size_t i = 0; i < warmup->count; i++) {
        const sn_warm_range *range = &warmup->ranges[i];
        (void)!madvise(memory->base + range->at, range->bytes,
                       range->write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    }
}
