/* memory.c - see memory.h. */
#include "wasm/memory.h"

#include "util/error.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

int sn_memory_open(sn_memory *out, uint64_t size_bytes, uint64_t limit_bytes, size_t header_bytes,
                   sn_error *err) {
    assert(size_bytes % SN_WASM_PAGE_BYTES == 0);
    uint8_t *start = mmap(NULL, header_bytes + SN_MEMORY_RESERVED_BYTES, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        sn_fail(err, SN_ERESOURCE_EXHAUSTED,
                "cannot reserve %llu bytes of address space for the guest's memory",
                (unsigned long long)(header_bytes + SN_MEMORY_RESERVED_BYTES));
        return sn_hint(err, "raise or remove the limit of virtual memory (ulimit -v)");
    }
    if (mprotect(start, header_bytes + size_bytes, PROT_READ | PROT_WRITE) < 0) {
        munmap(start, header_bytes + SN_MEMORY_RESERVED_BYTES);
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno,
                             "cannot give the guest %llu bytes of memory",
                             (unsigned long long)size_bytes);
    }
    *out = (sn_memory){
        .base = start + header_bytes,
        .size_bytes = size_bytes,
        .limit_bytes = limit_bytes,
    };
    return 0;
}

void sn_memory_close(sn_memory *memory, size_t header_bytes) {
    if (memory->base)
        munmap(memory->base - header_bytes, header_bytes + SN_MEMORY_RESERVED_BYTES);
    *memory = (sn_memory){0};
}

bool sn_memory_grow(sn_memory *memory, uint64_t bytes) {
    assert(bytes % SN_WASM_PAGE_BYTES == 0);
    if (memory->size_bytes > memory->limit_bytes ||
        bytes > memory->limit_bytes - memory->size_bytes ||
        mprotect(memory->base + memory->size_bytes, bytes, PROT_READ | PROT_WRITE) < 0) {
        memory->grow_refused = true;
        return false;
    }
    memory->size_bytes += bytes;
    if (memory->on_grow)
        memory->on_grow(memory->on_grow_user, memory->size_bytes);
    return true;
}
