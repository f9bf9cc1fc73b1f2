/*
 * memory.h - a guest's linear memory as the host sees it.
 *
 * The memory lies in a reservation of address space that covers every address the generated code
 * can form: a 32-bit address plus a 32-bit offset is less than 8 GiB, and the widest access adds a
 * few bytes, so 8 GiB and a guard. All beyond the current size is PROT_NONE; touching it is a fault
 * inside the reservation, and so a trap of the guest. Generated code therefore makes no bounds
 * checks, while host code, which must never fault on behalf of a guest, asks sn_memory_range()
 * before each access.
 */
#ifndef SN_WASM_MEMORY_H
#define SN_WASM_MEMORY_H

#include "shannon.h"

/* An address inside a guest's linear memory. Never a pointer. */
typedef uint32_t sn_gaddr;

#define SN_WASM_PAGE_BYTES 65536u
#define SN_MEMORY_RESERVED_BYTES ((8ull << 30) + (64ull << 20))

typedef struct sn_memory {
    uint8_t *base;        /* start of the reservation */
    uint64_t size_bytes;  /* what the guest may touch now; a multiple of SN_WASM_PAGE_BYTES */
    uint64_t limit_bytes; /* growing beyond fails */
    void (*on_grow)(void *user,
                    uint64_t size_bytes); /* NULL, or told of each growth, during the call */
    void *on_grow_user;
    bool grow_refused; /* a memory.grow failed because of limit_bytes */
} sn_memory;

/*
 * Reserves the address space of a memory of `size_bytes` bytes, all zero, and `header_bytes` (whole
 * host pages) of ordinary memory below it, for the instance's state. SN_ERESOURCE_EXHAUSTED: the
 * process may not have that much address space.
 */
SN_WARN_UNUSED int sn_memory_open(sn_memory *out, uint64_t size_bytes, uint64_t limit_bytes,
                                  size_t header_bytes, sn_error *err);
void sn_memory_close(sn_memory *memory, size_t header_bytes);

/* Makes the memory larger by `bytes`, whole Wasm pages. False, and grow_refused set: over the
 * limit, or the system has no memory. */
SN_WARN_UNUSED bool sn_memory_grow(sn_memory *memory, uint64_t bytes);

/* Whether an address of the host lies in the reservation, the header not included. */
static inline bool sn_memory_reserves(const sn_memory *memory, uintptr_t address) {
    return address - (uintptr_t)memory->base < SN_MEMORY_RESERVED_BYTES;
}

/* Host pointer to the `bytes` bytes at `at`, or NULL if they are not all inside. A length of 0
 * needs `at` <= size. Valid until the guest runs again. */
static inline void *sn_memory_range(const sn_memory *memory, sn_gaddr at, uint64_t bytes) {
    if (at > memory->size_bytes || bytes > memory->size_bytes - at)
        return NULL;
    return memory->base + at;
}

#endif
